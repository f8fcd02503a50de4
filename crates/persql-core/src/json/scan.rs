//! Reading JSON text by Python's rules, without building anything from it.

use std::borrow::Cow;

use super::{JsonError, MAX_DEPTH, string};

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
    Scanner::new(text).document::<0>(|_| ())
}

/// A value that [`scan_with`] passed, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part<'a> {
    /// How many arrays and objects are around it: 1 for a member or an element of the whole.
    pub depth: usize,
    /// The key of a member, with its quotes; empty for an element.
    pub key: &'a str,
    /// Whether the key has escapes in it.
    is_escaped: bool,
    /// The value, without the blanks around it.
    pub value: &'a str,
    /// Where in the text the value starts.
    pub at: usize,
}

/// Reads `text` as [`scan`] does, and shows `see` each value with one to three arrays and objects around it, once it has
/// ended: an element before the array that it is in.
///
/// One walk both checks a text and finds what the caller wants to know of it.
///
/// # Errors
///
/// If `text` is not JSON; `see` has been shown what stands before the error by then.
pub fn scan_with<'a>(text: &'a str, see: impl FnMut(Part<'a>)) -> Result<Scan, JsonError> {
    Scanner::new(text).document::<{ Part::DEEPEST }>(see)
}

impl<'a> Part<'a> {
    /// How deep [`scan_with`] looks.
    const DEEPEST: usize = 3;

    /// The text of a member's key; `None` for an element, and for a key that Rust's strings cannot hold.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'a, str>> {
        if self.is_escaped {
            return string(self.key);
        }
        Some(Cow::Borrowed(self.key.strip_prefix('"')?.strip_suffix('"')?))
    }
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

/// A place in a text. All of JSON's syntax is ASCII, so it can go by bytes.
struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    plain: bool,
    /// Whether the last key had escapes in it.
    is_escaped: bool,
    /// What is being read at each depth that somebody looks at, and one for all that is deeper.
    marks: [Mark; Part::DEEPEST + 2],
}

/// Where a member's key is, and where a value starts.
#[derive(Clone, Copy, Default)]
struct Mark {
    key: (usize, usize),
    is_escaped: bool,
    value: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, plain: true, is_escaped: false, marks: Default::default() }
    }

    /// The whole text. What is deeper than `SEEN` is not shown to `see`.
    fn document<const SEEN: usize>(mut self, mut see: impl FnMut(Part<'a>)) -> Result<Scan, JsonError> {
        self.space();
        let is_object = self.peek() == Some(b'{');
        // For each level that is open, whether it is an object.
        let mut open: Vec<bool> = Vec::new();
        let mut depth = 0;
        loop {
            // A value starts here.
            self.space();
            if open.len() <= SEEN {
                self.mark(open.len()).value = self.at;
            }
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    open.push(true);
                    depth = depth.max(open.len());
                    self.space();
                    if self.peek() != Some(b'}') {
                        self.key(open.len(), "expected a string or '}'")?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    open.push(false);
                    depth = depth.max(open.len());
                    *self.mark(open.len()) = Mark::default();
                    self.space();
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                    self.show::<SEEN>(open.len(), &mut see);
                }
                _ => {
                    self.scalar()?;
                    self.show::<SEEN>(open.len(), &mut see);
                }
            }
            // A value ended here, or an empty one is about to. Close all that end with it.
            loop {
                self.space();
                match (open.last(), self.peek()) {
                    (None, None) => return Ok(Scan { depth, is_object, plain: self.plain }),
                    (None, Some(_)) => return Err(self.error("expected the end")),
                    (Some(true), Some(b'}')) | (Some(false), Some(b']')) => {
                        self.at += 1;
                        open.pop();
                        self.show::<SEEN>(open.len(), &mut see);
                    }
                    (Some(true), Some(b',')) => {
                        self.at += 1;
                        self.space();
                        self.key(open.len(), "expected a string")?;
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

    /// The mark of this depth.
    fn mark(&mut self, depth: usize) -> &mut Mark {
        let [seen @ .., deeper] = &mut self.marks;
        seen.get_mut(depth).unwrap_or(deeper)
    }

    /// Shows the value that has just ended.
    fn show<const SEEN: usize>(&mut self, depth: usize, see: &mut impl FnMut(Part<'a>)) {
        if (1..=SEEN).contains(&depth) {
            let Mark { key, is_escaped, value } = *self.mark(depth);
            let part = |from, to| self.text.get(from..to).unwrap_or_default();
            see(Part { depth, key: part(key.0, key.1), is_escaped, value: part(value, self.at), at: value });
        }
    }

    /// A member's key, and the colon after it.
    fn key(&mut self, depth: usize, expected: &'static str) -> Result<(), JsonError> {
        let start = self.at;
        if !self.eat(b'"') {
            return Err(self.error(expected));
        }
        self.is_escaped = false;
        self.string()?;
        let (key, is_escaped) = ((start, self.at), self.is_escaped);
        let mark = self.mark(depth);
        (mark.key, mark.is_escaped) = (key, is_escaped);
        self.space();
        if !self.eat(b':') {
            return Err(self.error("expected ':'"));
        }
        Ok(())
    }

    /// The rest of a string, from after its opening quote. Most have no escapes in them.
    fn string(&mut self) -> Result<(), JsonError> {
        self.at += plain_run(self.rest());
        if self.eat(b'"') { Ok(()) } else { self.escaped_string() }
    }

    /// The rest of a string, from an escape on.
    fn escaped_string(&mut self) -> Result<(), JsonError> {
        self.is_escaped = true;
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
            return plain + ends.trailing_zeros() as usize / 8;
        }
        plain += size_of_val(&word);
    }
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn parts_are_shown_as_they_stand() {
        let text = r#" {"a" : [1, {"b": [ [[2]], "x" ]} , []], "\u0061":{} , "\ud800": [3], "c": -1.5 } "#;
        let mut seen = Vec::new();
        let scanned = scan_with(text, |part| {
            assert_eq!(text.get(part.at..part.at + part.value.len()), Some(part.value));
            assert_eq!(part.name(), serde_json::from_str::<String>(part.key).ok().map(Cow::Owned));
            seen.push((part.depth, part.key, part.value));
        });
        assert_eq!(scanned, scan(text));
        assert_eq!(
            seen,
            [
                (2, "", "1"),
                (3, "\"b\"", r#"[ [[2]], "x" ]"#),
                (2, "", r#"{"b": [ [[2]], "x" ]}"#),
                (2, "", "[]"),
                (1, "\"a\"", r#"[1, {"b": [ [[2]], "x" ]} , []]"#),
                (1, r#""\u0061""#, "{}"),
                (2, "", "3"),
                (1, r#""\ud800""#, "[3]"),
                (1, "\"c\"", "-1.5"),
            ]
        );
        assert_eq!(scan_with("[1 2]", |_| ()), scan("[1 2]"));
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
}
