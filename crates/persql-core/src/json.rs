//! Reading and writing the JSON text that rows hold.
//!
//! Most rows are written by others, and most of those by Python's `json.dumps`, which writes `NaN`,
//! `Infinity` and lone surrogates (`"\ud800"`) that no strict parser reads. So what counts as JSON
//! here is what CPython's `json.loads` accepts, and a text it refuses is a corrupt row.
//!
//! There are two exceptions, where Python refuses a text for its size and [`scan`] does not:
//! integers of more than 4300 digits, and nesting beyond Python's recursion limit. The first is
//! left to whoever converts the digits, the second to the caller, who has [`Scan::depth`].

use std::{fmt, thread};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

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

/// What [`scan`] found in a valid text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scan {
    /// The deepest nesting of arrays and objects: 0 for a scalar, 1 for `[]`.
    pub depth: usize,
    /// Whether the top level is an object.
    pub is_object: bool,
    /// Whether a strict parser reads it too: no `NaN` or `Infinity`, and no lone surrogate. Numbers
    /// may still be larger than a parser's types hold.
    pub plain: bool,
}

/// Why a text is not JSON. It holds none of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct JsonError {
    reason: &'static str,
    offset: usize,
}

impl JsonError {
    /// Where reading stopped, in bytes from the start of the text.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// Why [`decode`] could not make a value. It holds none of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON. Python would refuse it too, so the row is corrupt.
    #[error("not valid JSON: {0}")]
    Invalid(JsonError),
    /// Valid JSON, nested deeper than [`MAX_DEPTH`].
    #[error("JSON is nested {depth} levels deep, and {MAX_DEPTH} can be decoded")]
    #[non_exhaustive]
    TooDeep {
        /// How deep it is nested.
        depth: usize,
    },
    /// Valid JSON, which the requested type cannot hold.
    #[error("JSON does not fit the requested type: {0}")]
    Type(Misfit),
}

/// Why valid JSON does not fit a type: all of a [`serde_json::Error`] that cannot quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    category: Category,
    line: usize,
    column: usize,
}

impl Misfit {
    /// [`Category::Data`] if the type wants other data; [`Category::Syntax`] if no Rust type holds
    /// it, such as `NaN`, a lone surrogate in a string, or a number beyond [`f64`].
    #[must_use]
    pub fn category(&self) -> Category {
        self.category
    }

    /// The line, from 1, or 0 if unknown.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in bytes, from 1, or 0 if unknown.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }
}

impl From<&serde_json::Error> for Misfit {
    fn from(error: &serde_json::Error) -> Self {
        Self { category: error.classify(), line: error.line(), column: error.column() }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.category {
            Category::Data => "other data was expected",
            _ => "unsupported number or string",
        })?;
        if self.line > 0 {
            write!(f, " at line {} column {}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// Why [`encode`] could not write a value. It holds nothing of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the value is nested {depth} levels deep, and {MAX_DEPTH} can be stored")]
    #[non_exhaustive]
    TooDeep {
        /// How deep it is nested.
        depth: usize,
    },
    /// JSON has no form for it, such as a map whose keys are not strings, or its
    /// [`Serialize`] implementation failed.
    #[error("the value cannot be written as JSON")]
    Unsupported,
}

/// Whether Python's `json.loads` accepts `text`.
#[must_use]
pub fn accepts(text: &str) -> bool {
    scan(text).is_ok()
}

/// Reads `text` without building anything from it.
///
/// It does not recurse, so it reads any depth, in one byte of memory per level.
///
/// # Errors
///
/// If `text` is not JSON.
pub fn scan(text: &str) -> Result<Scan, JsonError> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, plain: true };
    let (depth, is_object) = scanner.document()?;
    Ok(Scan { depth, is_object, plain: scanner.plain })
}

/// Where the string ends that `text` begins with, behind its closing quote; `None` if it does not end.
///
/// For taking valid JSON apart where it stands: strings are most of it, and this passes over them quickly.
#[must_use]
pub fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        at += plain_run(bytes.get(at..)?);
        at += match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => 2,
            _ => 1,
        };
    }
}

/// Whether `text` has too few brackets to be nested deeper than [`MAX_DEPTH`]. If it has not, [`scan`] knows.
///
/// Every level takes an opening byte, and counting those is far cheaper than a scan.
#[must_use]
pub fn is_shallow(text: &str) -> bool {
    text.len() <= MAX_DEPTH || text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() <= MAX_DEPTH
}

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

/// A place in a text. All of JSON's syntax is ASCII, so it can go by bytes.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    plain: bool,
}

impl Scanner<'_> {
    /// The whole text: its depth, and whether it is an object.
    fn document(&mut self) -> Result<(usize, bool), JsonError> {
        self.space();
        let is_object = self.peek() == Some(b'{');
        // For each level that is open, whether it is an object.
        let mut open: Vec<bool> = Vec::new();
        let mut depth = 0;
        loop {
            // A value starts here.
            self.space();
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    open.push(true);
                    depth = depth.max(open.len());
                    self.space();
                    if self.peek() != Some(b'}') {
                        self.key("expected a string or '}'")?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    open.push(false);
                    depth = depth.max(open.len());
                    self.space();
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                }
                _ => self.scalar()?,
            }
            // A value ended here, or an empty one is about to. Close all that end with it.
            loop {
                self.space();
                match (open.last(), self.peek()) {
                    (None, None) => return Ok((depth, is_object)),
                    (None, Some(_)) => return Err(self.error("expected the end")),
                    (Some(true), Some(b'}')) | (Some(false), Some(b']')) => {
                        self.at += 1;
                        open.pop();
                    }
                    (Some(true), Some(b',')) => {
                        self.at += 1;
                        self.space();
                        self.key("expected a string")?;
                        break;
                    }
                    (Some(false), Some(b',')) => {
                        self.at += 1;
                        break;
                    }
                    (Some(true), _) => return Err(self.error("expected ',' or '}'")),
                    (Some(false), _) => return Err(self.error("expected ',' or ']'")),
                }
            }
        }
    }

    /// A member's key, and the colon after it.
    fn key(&mut self, expected: &'static str) -> Result<(), JsonError> {
        if !self.eat(b'"') {
            return Err(self.error(expected));
        }
        self.string()?;
        self.space();
        if !self.eat(b':') {
            return Err(self.error("expected ':'"));
        }
        Ok(())
    }

    /// The rest of a string, from after its opening quote.
    fn string(&mut self) -> Result<(), JsonError> {
        // Whether a high surrogate has just been read, which wants a low one at once.
        let mut high = false;
        loop {
            let run = plain_run(self.rest());
            self.at += run;
            if run > 0 && high {
                high = false;
                self.plain = false;
            }
            if self.eat(b'"') {
                self.plain &= !high;
                return Ok(());
            }
            if !self.eat(b'\\') {
                return Err(self.error(match self.peek() {
                    Some(_) => "control character in a string",
                    None => "expected '\"'",
                }));
            }
            let code = match self.peek() {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                    self.at += 1;
                    self.plain &= !high;
                    high = false;
                    continue;
                }
                Some(b'u') => {
                    self.at += 1;
                    self.hex()?
                }
                _ => return Err(self.error("invalid escape")),
            };
            let low = (0xdc00..0xe000).contains(&code);
            self.plain &= high == low;
            high = (0xd800..0xdc00).contains(&code);
        }
    }

    /// The four digits of a `\u` escape.
    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.error("expected a hexadecimal digit"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// A number or one of the names.
    fn scalar(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b't') => self.name("true"),
            Some(b'f') => self.name("false"),
            Some(b'n') => self.name("null"),
            Some(b'N') => self.not_plain("NaN"),
            Some(b'I') => self.not_plain("Infinity"),
            Some(b'-') => {
                self.at += 1;
                match self.peek() {
                    Some(b'I') => self.not_plain("Infinity"),
                    _ => self.number("expected a digit"),
                }
            }
            _ => self.number("expected a value"),
        }
    }

    fn not_plain(&mut self, name: &'static str) -> Result<(), JsonError> {
        self.plain = false;
        self.name(name)
    }

    fn name(&mut self, name: &'static str) -> Result<(), JsonError> {
        if !self.rest().starts_with(name.as_bytes()) {
            return Err(self.error("expected a value"));
        }
        self.at += name.len();
        Ok(())
    }

    /// A number without its sign.
    fn number(&mut self, expected: &'static str) -> Result<(), JsonError> {
        if !self.eat(b'0') {
            self.digits(expected)?;
        }
        if self.eat(b'.') {
            self.digits("expected a digit")?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            self.digits("expected a digit")?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self, expected: &'static str) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error(expected));
        }
        Ok(())
    }

    /// Skips what JSON calls whitespace, which is less than Unicode does.
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Whether the next byte is `byte`, which is then read.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn error(&self, reason: &'static str) -> JsonError {
        JsonError { reason, offset: self.at }
    }
}

/// How many bytes a string goes on without a quote, a backslash or a control character. Strings are most of what is
/// stored, so it looks at eight bytes at once.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Of bytes below 0x80, those below `bound` have their high bit set: the lowest always, others perhaps wrongly.
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, _) = bytes.as_chunks();
    let mut plain = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let ends = (equal(word, b'"') | equal(word, b'\\') | below(word, 0x20)) & HIGH;
        if ends != 0 {
            break;
        }
        plain += size_of_val(&word);
    }
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::thread;

    use serde::de::IgnoredAny;
    use serde_json::Value;
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
    fn errors_say_where() {
        for (text, message) in [
            ("", "expected a value at byte 0"),
            ("[1 2]", "expected ',' or ']' at byte 3"),
            (r#"{"é" 1}"#, "expected ':' at byte 6"),
            (r#"{"a": 1,}"#, "expected a string at byte 8"),
            ("{1: 1}", "expected a string or '}' at byte 1"),
            ("{} x", "expected the end at byte 3"),
            ("-", "expected a digit at byte 1"),
            (r#""a"#, "expected '\"' at byte 2"),
            ("\"\n\"", "control character in a string at byte 1"),
            (r#""\x41""#, "invalid escape at byte 2"),
            (r#""\u00g0""#, "expected a hexadecimal digit at byte 5"),
        ] {
            assert_eq!(scan(text).unwrap_err().to_string(), message, "{text}");
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
    fn a_string_ends_wherever_it_does() {
        for length in 0..70 {
            for end in ["\"", "\\", "\u{1f}", "\0"] {
                let text = format!("{}{end}{}", "é ~".repeat(length), "x".repeat(40));
                assert_eq!(plain_run(text.as_bytes()), 4 * length, "{text:?}");
            }
            let plain = "x".repeat(length);
            assert_eq!(plain_run(plain.as_bytes()), length);
            assert_eq!(string_end(&format!("\"{plain}\\\"\u{1f}{plain}\\\\\",\"")), Some(2 * length + 7));
            for open in ["\"", "\"\\", "\"\\\""] {
                assert_eq!(string_end(&format!("{open}{plain}")), None);
            }
        }
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
