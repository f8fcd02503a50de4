//! One text for all JSON texts that Python takes for the same value.

use std::collections::BTreeMap;

use persql_core::json::string_end;

/// The canonical text of a JSON text: keys sorted and the last of equal ones kept, no white space, strings unescaped as
/// far as that goes, numbers as Python's `json.dumps` would have them up to their notation.
///
/// So `1` and `1.0` differ, as they do in Python, and `1e2` and `100.0` do not. It does not recurse.
pub(crate) fn canonical(text: &str) -> String {
    let mut open: Vec<Open> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\n', '\r', '\t', ',', ':']);
        let Some(first) = rest.chars().next() else { return String::new() };
        let value = match first {
            '[' | '{' => {
                open.push(if first == '[' { Open::Array(Vec::new()) } else { Open::Object(BTreeMap::new(), None) });
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            ']' | '}' => {
                rest = rest.get(1..).unwrap_or_default();
                open.pop().map(Open::close).unwrap_or_default()
            }
            '"' => {
                let (string, after) = rest.split_at(string_end(rest).unwrap_or(rest.len()));
                rest = after;
                canonical_string(string)
            }
            _ => {
                let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
                let (scalar, after) = rest.split_at(end);
                rest = after;
                canonical_scalar(scalar)
            }
        };
        match open.last_mut() {
            None => return value,
            Some(Open::Array(elements)) => elements.push(value),
            Some(Open::Object(members, key)) => match key.take() {
                Some(key) => {
                    members.insert(key, value);
                }
                None => *key = Some(value),
            },
        }
    }
}

/// A container that has not ended yet.
enum Open {
    Array(Vec<String>),
    /// The members, and the key whose value comes next.
    Object(BTreeMap<String, String>, Option<String>),
}

impl Open {
    fn close(self) -> String {
        match self {
            Open::Array(elements) => format!("[{}]", elements.join(",")),
            Open::Object(members, _) => object(&members),
        }
    }
}

/// An object of canonical keys and values.
pub(crate) fn object(members: &BTreeMap<String, String>) -> String {
    let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Whether Python takes the value for true.
pub(crate) fn is_truthy(value: &str) -> bool {
    let value = canonical(value);
    !matches!(value.as_str(), "false" | "null" | "\"\"" | "[]" | "{}" | "0" | "0.0" | "-0.0")
}

fn canonical_scalar(scalar: &str) -> String {
    match scalar {
        "-0" => "0".to_owned(),
        "true" | "false" | "null" | "NaN" | "Infinity" | "-Infinity" => scalar.to_owned(),
        _ if scalar.contains(['.', 'e', 'E']) => match scalar.parse::<f64>() {
            // As Python reads what no float holds.
            Ok(number) if number.is_infinite() => if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
            Ok(number) => format!("{number:?}"),
            Err(_) => scalar.to_owned(),
        },
        _ => scalar.to_owned(),
    }
}

/// A string with as few escapes as can be: quotes, backslashes, control characters and lone surrogates.
fn canonical_string(string: &str) -> String {
    if !string.contains('\\') {
        return string.to_owned();
    }
    let mut text = String::with_capacity(string.len());
    let mut rest = string;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        let code = match chars.next() {
            Some('u') => {
                let first = hex(escape.get(1..5));
                let second = escape.get(5..7).filter(|next| *next == "\\u").map(|_| hex(escape.get(7..11)));
                match (first, second) {
                    (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
                        rest = escape.get(11..).unwrap_or_default();
                        0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00)
                    }
                    _ => {
                        rest = escape.get(5..).unwrap_or_default();
                        first
                    }
                }
            }
            escaped => {
                rest = chars.as_str();
                match escaped.unwrap_or('\\') {
                    'b' => 0x08,
                    'f' => 0x0c,
                    'n' => 0x0a,
                    'r' => 0x0d,
                    't' => 0x09,
                    other => u32::from(other),
                }
            }
        };
        match char::from_u32(code).filter(|c| *c >= ' ') {
            Some(c @ ('"' | '\\')) => text.extend(['\\', c]),
            Some(c) => text.push(c),
            None => text.push_str(&format!("\\u{code:04x}")),
        }
    }
    text.push_str(rest);
    text
}

fn hex(digits: Option<&str>) -> u32 {
    digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_takes_for_the_same_is_the_same() {
        for (text, wanted) in [
            (r#" { "b" : [ 1 , 2.50 ] , "a" : null } "#, r#"{"a":null,"b":[1,2.5]}"#),
            (r#"{"a":1,"\u0061":2}"#, r#"{"a":2}"#),
            (r#""\u00e9\ud83d\ude00\n\/\"\\""#, "\"é😀\\u000a/\\\"\\\\\""),
            (r#""\ud83d\ud83d\ude00\udc00""#, r#""\ud83d😀\udc00""#),
            ("1e2", "100.0"),
            ("100", "100"),
            ("-0", "0"),
            ("-1e999", "-Infinity"),
            ("[NaN,[],{},\"\"]", "[NaN,[],{},\"\"]"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ] {
            assert_eq!(canonical(text), wanted);
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let text = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(canonical(&text), text);
    }
}
