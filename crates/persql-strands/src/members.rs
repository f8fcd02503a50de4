//! The parts of JSON text as they stand there, without making values of them.
//!
//! All functions want text that Python's `json.loads` accepts (`persql_core::json::scan`); of other text they give
//! nothing or nonsense, and never panic.

use std::borrow::Cow;

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

impl<'a> Members<'a> {
    /// `None` if the text is not an object.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let members = split(text, b'{', b'}')?.into_iter().map(|part| {
            let quoted = part.get(..string_end(part.as_bytes(), 0)).unwrap_or_default();
            let value = part.get(quoted.len()..).unwrap_or_default().trim_ascii_start();
            let value = value.strip_prefix(':').unwrap_or(value).trim_ascii();
            Member { quoted, key: unquote(quoted), value }
        });
        Some(Self(members.collect()))
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

/// The elements of an array; `None` if the text is not one.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    split(text, b'[', b']')
}

/// Whether the text is an object.
pub(crate) fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

/// The string that stands in JSON text; `None` if it is no string or none that Rust holds.
pub(crate) fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn unquote(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if inner.contains('\\') { Cow::Owned(string(quoted).unwrap_or_default()) } else { Cow::Borrowed(inner) }
}

/// What stands between the commas of the outermost level.
fn split(text: &str, open: u8, close: u8) -> Option<Vec<&str>> {
    let text = text.trim_ascii();
    let bytes = text.as_bytes();
    if bytes.first() != Some(&open) || bytes.last() != Some(&close) {
        return None;
    }
    let mut parts = Vec::new();
    let (mut at, mut start, mut depth) = (1, 1, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' | b'}' | b']' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default().trim_ascii());
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    // `{}` and `[]` have one part, which is empty.
    if parts == [""] {
        parts.clear();
    }
    Some(parts)
}

/// Where the string ends that starts at `at`, behind its closing quote.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    bytes.len()
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
        assert_eq!(elements(r#"[1, [2, 3], "]"]"#).unwrap(), ["1", "[2, 3]", "\"]\""]);
        assert_eq!(elements("[ ]").unwrap(), [""; 0]);
        assert!(Members::of("{}").unwrap().without(&[]).is_empty());
        assert!(Members::of("[1]").is_none() && elements("{}").is_none() && elements("3").is_none());
    }

    #[test]
    fn a_value_can_be_replaced_in_place() {
        let members = Members::of(r#"{"b": 1, "a": [NaN], "c": 2}"#).unwrap();
        assert_eq!(members.with("a", "[]"), r#"{"b":1,"a":[],"c":2}"#);
    }

    #[test]
    fn what_is_no_json_gives_no_panic() {
        for text in ["", "{", "}", "{\"", "{\"a", "{\"a\\", "[\"\\\"]", "{:}", "{,}", "[,]", "{\"é\":\"ü\\"] {
            let _parts = (Members::of(text), elements(text));
        }
    }
}
