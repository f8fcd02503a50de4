//! JSON text taken apart where it stands, so that what is not changed stays byte for byte.
//!
//! Everything here takes text that [`persql_core::json::scan`] accepted.

use std::borrow::Cow;

use persql_core::json::string_end;

/// The members of an object as they stand: the key with its quotes, and the value. Nothing if it is no object.
pub(crate) fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    Pieces::behind(object, '{').filter_map(|piece| {
        let (key, rest) = piece.split_at(string_end(piece)?);
        Some((key, rest.trim_ascii_start().strip_prefix(':')?.trim_ascii()))
    })
}

/// The elements of an array as they stand. Nothing if it is no array.
pub(crate) fn elements(array: &str) -> impl Iterator<Item = &str> {
    Pieces::behind(array, '[')
}

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

/// A string's text; nothing if the value is no string, or one with a lone surrogate in it.
pub(crate) fn string(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(value).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
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

/// What stands between the commas of one container.
struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    fn behind(text: &'a str, open: char) -> Self {
        Self { rest: text.trim_ascii_start().strip_prefix(open).unwrap_or_default() }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (mut depth, mut at) = (0_usize, 0);
        loop {
            match self.rest.as_bytes().get(at)? {
                b'"' => {
                    at += string_end(self.rest.get(at..)?)?;
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' if depth > 0 => depth -= 1,
                byte @ (b',' | b']' | b'}') if depth == 0 => {
                    let more = *byte == b',';
                    let (piece, rest) = self.rest.split_at(at);
                    self.rest = if more { rest.strip_prefix(',').unwrap_or_default() } else { "" };
                    return Some(piece.trim_ascii()).filter(|piece| !piece.is_empty());
                }
                _ => {}
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_falls_into_its_members() {
        let text = " { \"a\" : [1, {\"b\":\"}],{\"}] ,\"\\u0062\":\"x\\\",\" ,\"c\":{ } } ";
        let found: Vec<_> = members(text).collect();
        assert_eq!(found, [("\"a\"", "[1, {\"b\":\"}],{\"}]"), ("\"\\u0062\"", "\"x\\\",\""), ("\"c\"", "{ }")]);
        assert_eq!(member(text, "b"), Some("\"x\\\",\""));
        assert_eq!(member(r#"{"a":1,"a":2}"#, "a"), Some("2"));
        assert_eq!((members("{ }").count(), members("[1]").count(), members("null").count()), (0, 0, 0));
    }

    #[test]
    fn an_array_falls_into_its_elements() {
        let found: Vec<_> = elements(r#"[ "a,]" ,[1,2], {"x":[]},NaN ]"#).collect();
        assert_eq!(found, [r#""a,]""#, "[1,2]", r#"{"x":[]}"#, "NaN"]);
        assert_eq!((elements("[ ]").count(), elements("{}").count(), elements("\"[1]\"").count()), (0, 0, 0));
    }

    #[test]
    fn a_member_is_replaced_where_it_stands() {
        assert_eq!(with_member(r#"{"a": 1.0, "b":NaN, "a":3}"#, "a", "2"), r#"{"a":2,"b":NaN}"#);
        assert_eq!(with_member("{}", "a\"", "2"), r#"{"a\"":2}"#);
        assert_eq!(array(["1", "\"x\""]), r#"[1,"x"]"#);
        assert_eq!(array([]), "[]");
    }
}
