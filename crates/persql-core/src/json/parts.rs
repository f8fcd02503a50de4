//! Valid JSON text taken apart where it stands.

use std::borrow::Cow;

use super::string_end;

/// The members of an object as they stand, in order: the key in its quotes, and the value. Nothing if it is no object.
///
/// For text that [`scan`](super::scan) has accepted; of other text it gives nothing or nonsense. Of several members
/// with one key the last counts, as in Python.
///
/// # Examples
/// ```
/// let members: Vec<_> = persql_core::json::members(r#"{"a": NaN, "b": {"c": 1}}"#).collect();
/// assert_eq!(members, [("\"a\"", "NaN"), ("\"b\"", r#"{"c": 1}"#)]);
/// ```
pub fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    Parts::behind(object, '{').filter_map(|part| {
        let (key, rest) = part.split_at(string_end(part)?);
        Some((key, rest.trim_ascii_start().strip_prefix(':')?.trim_ascii()))
    })
}

/// The elements of an array as they stand, in order. Nothing if it is no array.
///
/// For text that [`scan`](super::scan) has accepted; of other text it gives nothing or nonsense.
///
/// # Examples
/// ```
/// assert_eq!(persql_core::json::elements(r#"[1, [2, "]"]]"#).collect::<Vec<_>>(), ["1", r#"[2, "]"]"#]);
/// ```
pub fn elements(array: &str) -> impl Iterator<Item = &str> {
    Parts::behind(array, '[')
}

/// The text of a string as it stands; `None` if the value is no string, or one that Rust's strings cannot hold: one with a
/// lone surrogate in it.
///
/// # Examples
/// ```
/// use persql_core::json::string;
///
/// assert_eq!(string(r#""a\u0062""#).as_deref(), Some("ab"));
/// assert_eq!((string("1"), string(r#""\ud800""#)), (None, None));
/// ```
#[must_use]
pub fn string(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(value).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// What stands between the commas of one container.
struct Parts<'a> {
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn behind(text: &'a str, open: char) -> Self {
        Self { rest: text.trim_ascii_start().strip_prefix(open).unwrap_or_default() }
    }
}

impl<'a> Iterator for Parts<'a> {
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
                    let (part, rest) = self.rest.split_at(at);
                    self.rest = if more { rest.strip_prefix(',').unwrap_or_default() } else { "" };
                    return Some(part.trim_ascii()).filter(|part| !part.is_empty());
                }
                _ => {}
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Part, scan_with};
    use super::*;

    #[test]
    fn an_object_falls_into_its_members() {
        let text = " { \"a\" : [1, {\"b\":\"}],{\"}] ,\"\\u0062\":\"x\\\",\" ,\"c\":{ } } ";
        let found: Vec<_> = members(text).collect();
        assert_eq!(found, [("\"a\"", "[1, {\"b\":\"}],{\"}]"), ("\"\\u0062\"", "\"x\\\",\""), ("\"c\"", "{ }")]);
        assert_eq!((members("{ }").count(), members("[1]").count(), members("null").count()), (0, 0, 0));
    }

    #[test]
    fn a_scan_finds_the_same_members() {
        let cases = include_str!("../../tests/data/python_json.json");
        let mut cases: Vec<(String, bool)> = serde_json::from_str(cases).unwrap();
        let own =
            [" {\"a\":{}, \"b\" : [{\"c\":{\"d\":1}} , {}] ,\"a\":\"\\\"}\" } ", "[{\"a\":1}]", "{ }", "{\"a\":[ ]}"];
        cases.extend(own.map(|text| (text.to_owned(), true)));
        for (text, _) in cases.iter().filter(|(_, accepted)| *accepted) {
            let mut found = Vec::new();
            let outermost = |part: &Part<'_>| part.depth == 1 && !part.key.is_empty();
            scan_with(text, |part| found.extend(Some(part).filter(outermost).map(|part| (part.key, part.value))))
                .unwrap();
            assert_eq!(found, members(text).collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn an_array_falls_into_its_elements() {
        let found: Vec<_> = elements(r#"[ "a,]" ,[1,2], {"x":[]},NaN ]"#).collect();
        assert_eq!(found, [r#""a,]""#, "[1,2]", r#"{"x":[]}"#, "NaN"]);
        assert_eq!((elements("[ ]").count(), elements("{}").count(), elements("\"[1]\"").count()), (0, 0, 0));
    }

    #[test]
    fn what_is_no_json_gives_no_panic() {
        for text in ["", "{", "}", "{\"", "{\"a", "{\"a\\", "[\"\\\"]", "{:}", "{,}", "[,]", "{\"é\":\"ü\\"] {
            let _parts = (members(text).count(), elements(text).count());
        }
    }
}
