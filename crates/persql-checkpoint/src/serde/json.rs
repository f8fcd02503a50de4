//! Reading the `json` rows of JavaScript and of older Python versions.
//!
//! What is JSON is what Python's `json.loads` takes, so NaN and lone surrogates are read too. A lone surrogate becomes
//! `?`, which is what Python makes of it as soon as it writes the value again.

use persql_core::json;

use super::data::{Data, Map};
use super::decode::Failure;

/// The value that a JSON text is.
pub(super) fn decode(bytes: &[u8]) -> Result<Data, Failure> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Failure::new("a JSON text that is not UTF-8", error.valid_up_to()))?;
    let scan = json::scan(text).map_err(|error| Failure::new("a text that is not JSON", error.offset()))?;
    if scan.depth > json::MAX_DEPTH {
        return Err(Failure::new("JSON nested deeper than 1000 levels", 0));
    }
    let mut reader = Reader { text, at: 0 };
    reader.document().ok_or_else(|| Failure::new("a number that is too large", reader.at))
}

/// A place in a text that has been found to be JSON. Where a step gives `None`, a number does not fit.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

enum Open {
    List(Vec<Data>),
    /// Pairs, and the key whose value comes next.
    Map(Vec<(Data, Data)>, Data),
}

impl Reader<'_> {
    fn document(&mut self) -> Option<Data> {
        let mut open = Vec::new();
        loop {
            // A value starts here.
            let mut value = match self.next()? {
                b'[' if self.peek() == Some(b']') => {
                    self.at += 1;
                    Data::List(Vec::new())
                }
                b'[' => {
                    open.push(Open::List(Vec::new()));
                    continue;
                }
                b'{' if self.peek() == Some(b'}') => {
                    self.at += 1;
                    Data::Map(Map::new())
                }
                b'{' => {
                    let key = self.key()?;
                    open.push(Open::Map(Vec::new(), key));
                    continue;
                }
                b'"' => Data::Str(self.string()?),
                _ => {
                    self.at -= 1;
                    self.scalar()?
                }
            };
            // A value ended here. Close all that end with it.
            loop {
                match open.last_mut() {
                    None => return Some(value),
                    Some(Open::List(items)) => items.push(value),
                    Some(Open::Map(pairs, key)) => pairs.push((std::mem::take(key), value)),
                }
                match (self.next()?, open.last_mut()) {
                    (b',', Some(Open::Map(_, key))) => {
                        *key = self.key()?;
                        break;
                    }
                    (b',', _) => break,
                    _ => {}
                }
                value = match open.pop()? {
                    Open::List(items) => Data::List(items),
                    Open::Map(pairs, _) => Data::Map(pairs.into()),
                };
            }
        }
    }

    /// The next byte that is no white space, which is not taken.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))?;
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// A member's key, and the colon after it.
    fn key(&mut self) -> Option<Data> {
        self.next()?;
        let key = self.string()?;
        self.next()?;
        Some(Data::Str(key))
    }

    /// The rest of a string, from after its opening quote.
    fn string(&mut self) -> Option<String> {
        let mut string = String::new();
        loop {
            let rest = self.text.get(self.at..)?;
            let run = rest.find(['"', '\\'])?;
            string.push_str(rest.get(..run)?);
            self.at += run + 1;
            if rest.as_bytes().get(run) == Some(&b'"') {
                return Some(string);
            }
            let escape = *rest.as_bytes().get(run + 1)?;
            self.at += 1;
            string.push(match escape {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.unicode()?,
                other => char::from(other),
            });
        }
    }

    /// The character of an escape, from after its `\u`: two escapes, if they are the halves of one.
    fn unicode(&mut self) -> Option<char> {
        let unit = self.hex()?;
        let rest = self.text.get(self.at..)?;
        if (0xd800..0xdc00).contains(&unit) && rest.starts_with("\\u") {
            let after_unit = self.at;
            self.at += 2;
            let low = self.hex()?;
            if let Some(Ok(both)) = char::decode_utf16([unit, low]).next() {
                return Some(both);
            }
            self.at = after_unit;
        }
        Some(char::from_u32(unit.into()).unwrap_or('?'))
    }

    fn hex(&mut self) -> Option<u16> {
        let unit = u16::from_str_radix(self.text.get(self.at..self.at + 4)?, 16).ok();
        self.at += 4;
        unit
    }

    /// A number or a name.
    fn scalar(&mut self) -> Option<Data> {
        let rest = self.text.get(self.at..)?;
        let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        let data = match word {
            "null" => Data::Nil,
            "true" => Data::Bool(true),
            "false" => Data::Bool(false),
            "NaN" => Data::Float(f64::NAN),
            "Infinity" => Data::Float(f64::INFINITY),
            "-Infinity" => Data::Float(f64::NEG_INFINITY),
            _ if word.contains(['.', 'e', 'E']) => Data::Float(word.parse().ok()?),
            _ => Data::Int(word.parse().ok()?),
        };
        self.at += end;
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Data {
        decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn json_is_read_as_python_reads_it() {
        assert_eq!(read(" null "), Data::Nil);
        assert_eq!(read("[]"), Data::List(vec![]));
        assert_eq!(read("[ [ ] , {\n} ]"), Data::List(vec![Data::List(vec![]), Map::new().into()]));
        assert_eq!(
            read(r#"{"b": [1, -2, 2.0, 1e2, true], "a": {"x": null}, "b": "last"}"#).get("b"),
            Some(&"last".into())
        );
        assert_eq!(read("18446744073709551616"), Data::Int(1 << 64));
        assert!(matches!(read("[NaN]").as_list(), Some([Data::Float(nan)]) if nan.is_nan()));
        assert_eq!(
            read("[Infinity,-Infinity,1e400]"),
            [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY].into_iter().collect()
        );
        assert_eq!(read("-0"), Data::Int(0));
    }

    #[test]
    fn every_escape_is_read() {
        assert_eq!(read(r#""\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00""#), "\"\\/\u{8}\u{c}\n\r\téé😀".into());
        assert_eq!(read(r#""\ud800x\udfff\ud800\u0041\ud800\ud83d\ude00""#), "?x??A?😀".into());
    }

    #[test]
    fn what_is_no_json_or_cannot_be_held_is_an_error() {
        for text in ["", "{", "[1,]", "nul", "1 2", "\"\\x\""] {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
        assert!(decode(b"\"\xff\"").is_err());
        assert!(decode("9".repeat(50).as_bytes()).is_err());
        assert!(decode(format!("{}{}", "[".repeat(1000), "]".repeat(1000)).as_bytes()).is_ok());
        assert!(decode(format!("{}{}", "[".repeat(1001), "]".repeat(1001)).as_bytes()).is_err());
        assert!(decode(b"\xef\xbb\xbf{}").is_ok());
    }
}
