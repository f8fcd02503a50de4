//! JSON text taken apart where it stands, so that what is not changed stays byte for byte.
//!
//! Everything here takes text that [`persql_core::json::scan`] accepted.

pub(crate) use persql_core::json::{elements, members, string};

/// The value of an object's member; the last, as Python has it, if there are several of that key.
pub(crate) fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    members(object).filter(|(raw, _)| is_key(raw, key)).last().map(|(_, value)| value)
}

/// Whether a key as it stands is this one, however it is escaped.
pub(crate) fn is_key(raw: &str, key: &str) -> bool {
    if raw.contains('\\') {
        string(raw).is_some_and(|text| text == key)
    } else {
        raw.len() == key.len() + 2 && raw.get(1..=key.len()) == Some(key)
    }
}

/// A text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The object with this value for this key: in the place of the old one, or as the last member.
pub(crate) fn with_member(object: &str, key: &str, value: &str) -> String {
    let mut text = String::with_capacity(object.len() + key.len() + value.len() + 6);
    let mut push = |key: &str, value: &str| {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(key);
        text.push(':');
        text.push_str(value);
    };
    let mut placed = false;
    for (raw, old) in members(object) {
        if !is_key(raw, key) {
            push(raw, old);
        } else if !placed {
            push(raw, value);
            placed = true;
        }
    }
    if !placed {
        push(&quote(key), value);
    }
    text.push('}');
    text
}

/// An array of values as they stand.
pub(crate) fn array<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::from("[");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(value);
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_members_counts() {
        let text = r#"{"a":1,"b":{"a":3},"\u0061":2}"#;
        assert_eq!((member(text, "a"), member(text, "c")), (Some("2"), None));
    }

    #[test]
    fn a_member_is_replaced_where_it_stands() {
        assert_eq!(with_member(r#"{"a": 1.0, "b":NaN, "a":3}"#, "a", "2"), r#"{"a":2,"b":NaN}"#);
        assert_eq!(with_member("{}", "a\"", "2"), r#"{"a\"":2}"#);
        assert_eq!(array(["1", "\"x\""]), r#"[1,"x"]"#);
        assert_eq!(array([]), "[]");
    }
}
