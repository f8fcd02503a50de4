//! The parts of JSON text as they stand there, without making values of them.
//!
//! But for [`Members::scan`] all want text that Python's `json.loads` accepts; of other text they give nothing or
//! nonsense, and never panic.

use std::borrow::Cow;

use persql_core::json::{self, JsonError};

/// The members of an object, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<'a>(Vec<Member<'a>>);

#[derive(Clone, Debug)]
struct Member<'a> {
    /// The key in its quotes.
    quoted: &'a str,
    /// The key as text; empty if no Rust string holds it, which no key of ours is.
    key: Cow<'a, str>,
    value: &'a str,
}

impl<'a> Member<'a> {
    fn new(quoted: &'a str, value: &'a str) -> Self {
        Self { quoted, key: json::string(quoted).unwrap_or_default(), value }
    }
}

impl<'a> Members<'a> {
    /// `None` if the text is not an object.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        is_object(text).then(|| Self(json::members(text).map(|(key, value)| Member::new(key, value)).collect()))
    }

    /// The same for text that may be no JSON, in one walk.
    pub(crate) fn scan(text: &'a str) -> Result<Option<Self>, JsonError> {
        // No record of the framework's has more.
        let mut members = Vec::with_capacity(8);
        let scan = json::scan_with(text, |part| {
            if part.depth == 1 {
                members.push(Member { quoted: part.key, key: part.name().unwrap_or_default(), value: part.value });
            }
        })?;
        Ok(scan.is_object.then_some(Self(members)))
    }

    /// The value of a key. Of several with the same key the last counts, as in Python.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|member| member.key == key).map(|member| member.value)
    }

    /// All members but these, each with a comma before it.
    pub(crate) fn without(&self, known: &[&str]) -> String {
        let mut text = String::new();
        for member in self.0.iter().filter(|member| !known.contains(&&*member.key)) {
            text.push(',');
            text.push_str(member.quoted);
            text.push(':');
            text.push_str(member.value);
        }
        text
    }

    /// The object with another value for this key, every other byte of its members as it was.
    pub(crate) fn with(&self, key: &str, value: &str) -> String {
        let mut text = String::new();
        let last = self.0.iter().rposition(|member| member.key == key);
        for (position, member) in self.0.iter().enumerate() {
            text.push(if position == 0 { '{' } else { ',' });
            text.push_str(member.quoted);
            text.push(':');
            text.push_str(if Some(position) == last { value } else { member.value });
        }
        text.push('}');
        text
    }
}

/// Whether the text is an object.
pub(crate) fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

/// The string that stands in JSON text; `None` if it is no string or none that Rust holds.
pub(crate) fn string(text: &str) -> Option<String> {
    json::string(text).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_as_they_stand() {
        let text = r#" { "a" : NaN , "b\"}" : [1, {"x": "],\\"}], "\u0061" : "\ud800", "a,": {} } "#;
        let members = Members::of(text).unwrap();
        assert_eq!(members.get("a"), Some(r#""\ud800""#));
        assert_eq!(members.get("b\"}"), Some(r#"[1, {"x": "],\\"}]"#));
        assert_eq!(members.get("a,"), Some("{}"));
        assert_eq!(members.get("c"), None);
        assert_eq!(members.without(&["a", "a,"]), r#","b\"}":[1, {"x": "],\\"}]"#);
        assert!(Members::of("{}").unwrap().without(&[]).is_empty());
        assert!(Members::of("[1]").is_none());
    }

    #[test]
    fn a_scan_says_what_the_text_is() {
        assert_eq!(Members::scan(r#"{"a": "x"}"#).unwrap().unwrap().get("a").and_then(string).as_deref(), Some("x"));
        assert!(Members::scan("[{}]").unwrap().is_none() && Members::scan("{").is_err());
    }

    #[test]
    fn a_value_can_be_replaced_in_place() {
        let members = Members::of(r#"{"b": 1, "a": [NaN], "c": 2}"#).unwrap();
        assert_eq!(members.with("a", "[]"), r#"{"b":1,"a":[],"c":2}"#);
    }
}
