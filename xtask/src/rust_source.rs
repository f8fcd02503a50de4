//! Just enough of Rust's grammar to tell code from comments, text and tests.

use std::ops::Range;

/// A Rust file, divided. All ranges are byte ranges of the original text.
#[derive(Debug)]
pub(crate) struct RustSource {
    /// The text with comments and the insides of literals blanked out; same length, same lines.
    pub(crate) code: String,
    pub(crate) comments: Vec<Range<usize>>,
    /// What is between the quotes of each string literal, as it is written.
    pub(crate) literals: Vec<Range<usize>>,
    /// The items under `#[cfg(test)]`.
    pub(crate) tests: Vec<Range<usize>>,
}

impl RustSource {
    /// Divides a text.
    pub(crate) fn new(text: &str) -> Self {
        let (comments, literals) = scan(text.as_bytes());
        let mut blanked = text.as_bytes().to_vec();
        for range in comments.iter().chain(&literals) {
            for byte in blanked.get_mut(range.clone()).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        let code = String::from_utf8_lossy(&blanked).into_owned();
        let tests = test_items(&code);
        Self { code, comments, literals, tests }
    }

    /// Whether the place is in an item under `#[cfg(test)]`.
    pub(crate) fn is_test(&self, offset: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&offset))
    }

    /// Where `wanted` stands in the code as words of its own, outside comments and literals.
    pub(crate) fn find<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(&self.code, wanted)
    }
}

/// Where `wanted` stands in `text` without being a part of a longer word.
pub(crate) fn words<'a>(text: &'a str, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(wanted).map(|(at, _)| at).filter(move |&at| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + wanted.len()..).and_then(|after| after.chars().next());
        let glued = |ends: Option<char>, next: Option<char>| ends.is_some_and(in_word) && next.is_some_and(in_word);
        !glued(before, wanted.chars().next()) && !glued(wanted.chars().next_back(), after)
    })
}

/// Whether the character may be inside a name.
pub(crate) fn in_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The number of the line an offset is on, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// The offset behind the bracket that closes the one at `open`; the end of the text when there is none.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

type Ranges = Vec<Range<usize>>;

/// The comments and the insides of the string literals.
fn scan(text: &[u8]) -> (Ranges, Ranges) {
    let (mut comments, mut literals) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let previous = at.checked_sub(1).and_then(|before| text.get(before)).copied();
        if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            comments.push(at..end);
            at = end;
        } else if rest.starts_with(b"/*") {
            let end = at + block_comment(rest);
            comments.push(at..end);
            at = end;
        } else if let Some(hashes) = raw_opening(rest, previous) {
            let inside = at + hashes + 2;
            let closing: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let body = text.get(inside..).unwrap_or_default();
            let end = inside + body.windows(closing.len()).position(|window| window == closing).unwrap_or(body.len());
            literals.push(inside..end);
            at = end + closing.len();
        } else if rest.starts_with(b"\"") {
            let end = at + 1 + quoted(rest.get(1..).unwrap_or_default(), b'"');
            literals.push(at + 1..end);
            at = end + 1;
        } else if rest.starts_with(b"'") {
            at += character(rest);
        } else {
            at += 1;
        }
    }
    (comments, literals)
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// How many hashes a raw string that starts here has, if one starts here.
fn raw_opening(text: &[u8], previous: Option<u8>) -> Option<usize> {
    let opens = text.first() == Some(&b'r');
    // The `r` of `for"` or of a name is no prefix; that of `br"` and `cr"` is.
    let joined = previous.is_some_and(|byte| in_word(char::from(byte)) && !matches!(byte, b'b' | b'c'));
    if !opens || joined {
        return None;
    }
    let hashes = text.iter().skip(1).take_while(|&&byte| byte == b'#').count();
    (text.get(1 + hashes) == Some(&b'"')).then_some(hashes)
}

/// Where the quote that ends a literal with escapes stands.
fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            _ if byte == quote => return at,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of the character literal, or of the quote of a lifetime, that starts here.
fn character(text: &[u8]) -> usize {
    if text.get(1) == Some(&b'\\') {
        // What is escaped may be a quote itself.
        let behind = text.get(3..).unwrap_or_default();
        return 4 + behind.iter().position(|&byte| byte == b'\'').unwrap_or(behind.len());
    }
    // One character is up to four bytes long.
    let closes = (2..=5).find(|&at| text.get(at) == Some(&b'\''));
    let one = |end: usize| {
        text.get(1..end)
            .and_then(|inside| str::from_utf8(inside).ok())
            .is_some_and(|inside| inside.chars().count() == 1)
    };
    closes.filter(|&end| one(end)).map_or(1, |end| end + 1)
}

/// The items under an attribute `cfg` that asks for `test`.
fn test_items(code: &str) -> Ranges {
    if words(code, "#![cfg(test)]").next().is_some() {
        return std::iter::once(0..code.len()).collect();
    }
    let mut items: Ranges = Vec::new();
    for (start, opening) in code.match_indices("#[cfg(") {
        let end = closing(code, start + 1);
        let condition = code.get(start + opening.len()..end).unwrap_or_default();
        let asked = words(condition, "test").next().is_some() && !condition.contains("not(test");
        if asked && !items.iter().any(|item| item.contains(&start)) {
            items.push(start..item_end(code, end));
        }
    }
    items
}

/// The end of the item that follows: its closing brace, or its semicolon.
fn item_end(code: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = code.as_bytes().get(at) {
        match byte {
            b'{' => return closing(code, at),
            b';' => return at + 1,
            b'(' | b'[' => at = closing(code, at),
            _ => at += 1,
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(text: &str) -> Vec<&str> {
        RustSource::new(text).literals.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn literals_of_all_kinds_are_found() {
        let text = r####"a("x\"y", r"\", r#"q"u"#, b"z", br##"w"#"##, '"', b'\'', '\\', '\u{1F600}', 'é'); let r#type: &'a str = "end";"####;
        assert_eq!(literals(text), [r#"x\"y"#, r"\", r#"q"u"#, "z", r##"w"#"##, "end"]);
    }

    #[test]
    fn comments_are_no_code_and_text_is_no_comment() {
        let source = RustSource::new("a /* b /* c */ \" */ d // \"e\n\"// f\" g");
        assert_eq!(source.code.split_whitespace().collect::<Vec<_>>().join(" "), "a d \" \" g");
        assert_eq!(source.comments.len(), 2);
    }

    #[test]
    fn items_for_tests_are_found() {
        let text = "fn a() {}\n#[cfg(test)]\nfn b(x: [u8; 2]) { c() }\nfn d() {}\n#[cfg(not(test))]\nfn e() {}\n#[cfg(all(test, feature = \"x\"))]\nuse f;\nfn g() {}";
        let source = RustSource::new(text);
        let named = |name: &str| source.is_test(text.find(name).unwrap());
        assert_eq!(
            ["fn a", "c()", "fn d", "fn e", "use f", "fn g"].map(named),
            [false, true, false, false, true, false]
        );
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("Mutex MyMutex Mutexes (Mutex)", "Mutex").collect::<Vec<_>>(), [0, 23]);
        assert_eq!(words("a.await b.awaits", ".await").count(), 1);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
