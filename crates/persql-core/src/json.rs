//! Reading and writing the JSON text that rows hold.
//!
//! Most rows are written by others, and most of those by Python's `json.dumps`, which writes `NaN`,
//! `Infinity` and lone surrogates (`"\ud800"`) that no strict parser reads. So what counts as JSON
//! here is what CPython's `json.loads` accepts, and a text it refuses is a corrupt row.
//!
//! There are two exceptions, where Python refuses a text for its size and [`scan`] does not:
//! integers of more than 4300 digits, and nesting beyond Python's recursion limit. The first is
//! left to whoever converts the digits, the second to the caller, who has [`Scan::depth`].

mod error;
mod parts;
mod scan;

use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{DecodeError, EncodeError, JsonError, Misfit};
pub use parts::{elements, members, string};
pub use scan::{Part, Scan, accepts, is_shallow, scan, scan_with, string_end};

/// The deepest nesting that other readers can be trusted with.
///
/// SQLite's JSON functions read 1000 levels. Python's default recursion limit is 1000 too, of which
/// the frames that `json.loads` is called from take their part.
pub const MAX_DEPTH: usize = 1000;

/// The nesting that [`decode`] builds values for on the caller's own stack.
///
/// Decoding recurses, and running out of stack ends the process. In a debug build a level takes 2 to 3 KiB, both in a
/// [`serde_json::Value`] and in an untagged enum, and a thread has 2 MiB in all.
const STACK_DEPTH: usize = 400;

/// A stack for [`MAX_DEPTH`] levels with room to spare. Memory is taken as it is used.
const DEEP_STACK: usize = 32 << 20;

/// The nesting that serde_json reads before it stops at its own recursion limit.
const SERDE_JSON_DEPTH: usize = 127;

/// Makes a value of JSON text.
///
/// # Errors
///
/// If `text` is not JSON, is nested deeper than [`MAX_DEPTH`], or does not fit `T`.
pub fn decode<T: DeserializeOwned + Send>(text: &str) -> Result<T, DecodeError> {
    // What serde_json reads is a subset of what `scan` does, so most texts are read only once.
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let depth = scan(text).map_err(DecodeError::Invalid)?.depth;
    match () {
        () if depth <= SERDE_JSON_DEPTH => Err(DecodeError::Type(Misfit::from(&error))),
        () if depth <= STACK_DEPTH => decode_deep(text),
        () if depth <= MAX_DEPTH => thread::scope(|scope| {
            let deep = thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, || decode_deep(text));
            // Without a thread, or with a `Deserialize` that panics, the text counts as too deep to be decoded.
            let result = deep.ok().and_then(|deep| deep.join().ok());
            result.unwrap_or(Err(DecodeError::TooDeep { depth }))
        }),
        () => Err(DecodeError::TooDeep { depth }),
    }
}

fn decode_deep<T: DeserializeOwned>(text: &str) -> Result<T, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    T::deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| DecodeError::Type(Misfit::from(&error)))
}

/// Writes a value as JSON text.
///
/// # Errors
///
/// If JSON has no form for the value, or it is nested deeper than [`MAX_DEPTH`].
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<String, EncodeError> {
    // The error may quote the value.
    let text = serde_json::to_string(value).map_err(|_| EncodeError::Unsupported)?;
    if !is_shallow(&text) {
        // Only an implementation that writes raw text of its own gets here with invalid JSON.
        let depth = scan(&text).map_err(|_| EncodeError::Unsupported)?.depth;
        if depth > MAX_DEPTH {
            return Err(EncodeError::TooDeep { depth });
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::thread;

    use serde::de::IgnoredAny;
    use serde_json::Value;
    use serde_json::error::Category;
    use serde_json::value::RawValue;

    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    fn nested_objects(depth: usize) -> String {
        r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth)
    }

    #[test]
    fn agrees_with_python() {
        let cases = include_str!("../tests/data/python_json.json");
        let cases: Vec<(String, bool)> = serde_json::from_str(cases).unwrap();
        assert!(cases.len() > 500);
        for (text, accepted) in cases {
            assert_eq!(accepts(&text), accepted, "{text:?}: {:?}", scan(&text));
            // The fast path of `decode` relies on this.
            if serde_json::from_str::<IgnoredAny>(&text).is_ok() {
                assert!(accepted, "{text:?}");
            }
            let refused = matches!(decode::<Value>(&text), Err(DecodeError::Invalid(_)));
            assert_eq!(refused, !accepted, "{text:?}");
        }
    }

    #[test]
    fn reports_depth_and_kind() {
        for (text, depth, is_object) in [
            ("1", 0, false),
            (r#""[{""#, 0, false),
            (" []", 1, false),
            ("\n{}", 1, true),
            (r#"[{"a": [1]}, [], 2]"#, 3, false),
            (r#"{"a": [[]], "b": 1}"#, 3, true),
        ] {
            let found = scan(text).unwrap();
            assert_eq!((found.depth, found.is_object), (depth, is_object), "{text}");
            assert!(is_shallow(text));
        }
        assert_eq!(scan(&nested(1_000_000)).unwrap().depth, 1_000_000);
        assert!(is_shallow(&nested_objects(MAX_DEPTH)) && !is_shallow(&nested(MAX_DEPTH + 1)));
        assert_eq!(scan(&"[".repeat(1_000_000)).unwrap_err().offset(), 1_000_000);
    }

    #[test]
    fn reports_what_strict_parsers_refuse() {
        for (text, plain) in [
            ("1e400", true),
            (r#""\ud83d\ude00 \uD83D\uDE00 \u00e9 \ud7ff\ue000""#, true),
            ("NaN", false),
            ("[-Infinity]", false),
            (r#"{"a": Infinity}"#, false),
            (r#""\ud83d""#, false),
            (r#""\ude00""#, false),
            (r#""\ude00\ud83d""#, false),
            (r#""\ud83d \ude00""#, false),
            (r#""\ud83d\n\ude00""#, false),
            (r#""\ud83d\ud83d\ude00""#, false),
            (r#""\ud83d\ude00\ude00""#, false),
            (r#"{"\ud83d": 1}"#, false),
            (r#"["\ud83d", "\ude00"]"#, false),
        ] {
            assert_eq!(scan(text).unwrap().plain, plain, "{text}");
            if !plain {
                let error = decode::<Value>(text).unwrap_err();
                assert!(matches!(error, DecodeError::Type(_)), "{text}: {error}");
            }
        }
    }

    #[test]
    fn decodes_within_the_stack_of_a_thread() {
        let decode_all = || {
            for nest in [nested, nested_objects] {
                for depth in [127, 128, STACK_DEPTH, STACK_DEPTH + 1, MAX_DEPTH] {
                    let value: Value = decode(&nest(depth)).unwrap();
                    assert_eq!(encode(&value).unwrap(), nest(depth));
                }
                for depth in [MAX_DEPTH + 1, 100_000] {
                    let error = decode::<Value>(&nest(depth)).unwrap_err();
                    assert_eq!(error, DecodeError::TooDeep { depth });
                    // Neither of these recurses.
                    decode::<IgnoredAny>(&nest(depth)).unwrap();
                    decode::<Box<RawValue>>(&nest(depth)).unwrap();
                }
            }
        };
        let thread = thread::Builder::new().stack_size(2 << 20);
        thread.spawn(decode_all).unwrap().join().unwrap();
    }

    #[test]
    fn decoding_deep_text_reads_all_of_it() {
        let trailing = nested(300) + " x";
        let error = decode::<Value>(&trailing).unwrap_err();
        assert_eq!(error.to_string(), "not valid JSON: expected the end at byte 601");
        let lone = nested(300).replace("[]", r#"["\ud800"]"#);
        let error = decode::<Value>(&lone).unwrap_err();
        assert!(matches!(error, DecodeError::Type(_)), "{error}");
    }

    #[test]
    fn errors_do_not_quote_the_text() {
        let error = decode::<Vec<u8>>("[1,\n\"secret\"]").unwrap_err();
        assert_eq!(
            error.to_string(),
            "JSON does not fit the requested type: other data was expected at line 2 column 8"
        );
        assert!(!format!("{error:?}").contains("secret"));
        let DecodeError::Type(misfit) = error else {
            panic!("{error}");
        };
        assert_eq!(misfit.category(), Category::Data);
        assert_eq!((misfit.line(), misfit.column()), (2, 8));

        let error = decode::<Value>("[\"secret\" x]").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn encodes_what_others_can_read() {
        assert_eq!(encode("é\u{0}").unwrap(), r#""é\u0000""#);
        assert_eq!(encode(&[f64::NAN]).unwrap(), "[null]");
        let error = encode(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
        assert_eq!(error, EncodeError::Unsupported);

        // Raw values nest without recursion.
        let raw = |text: String| RawValue::from_string(text).unwrap();
        assert!(encode(&raw(nested(MAX_DEPTH))).is_ok());
        let depth = MAX_DEPTH + 1;
        let error = encode(&raw(nested(depth))).unwrap_err();
        assert_eq!(error, EncodeError::TooDeep { depth });
        let brackets = "[{".repeat(MAX_DEPTH);
        assert!(encode(&brackets).is_ok());
        assert!(encode(&vec![Vec::<u8>::new(); MAX_DEPTH + 1]).is_ok());
    }
}
