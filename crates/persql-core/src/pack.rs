//! Many texts in few parameters.

use crate::limits;

/// Bytes of a packed parameter, with room to the limit of a value.
const PACK_BYTES: usize = limits::ROW_BYTES - 100_000;

/// So many rows are written faster each by a statement of its own than out of one array, and fit in any batch.
const FEW: usize = 32;

/// Texts that go into one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a statement takes one text or many")]
pub enum Pack {
    /// One text, as it is: alone, or too long to share a parameter.
    One(String),
    /// Many texts, for `json_each(?)`.
    Many {
        /// The texts as a JSON array of strings.
        array: String,
        /// How many they are.
        count: usize,
    },
}

/// Packs texts, in their order, into as few parameters as the engine's limits allow.
///
/// A hundred parameters and a hundred statements are all that a batch may have, so many rows go as JSON arrays *of
/// strings* through `json_each(?)`. As strings, since SQLite's JSON functions would rewrite JSON that they understand.
///
/// # Examples
/// ```
/// use persql_core::{Pack, pack};
///
/// assert_eq!(pack(["a"]), [Pack::One("a".to_owned())]);
/// let array = r#"["a","{\"b\":1}"]"#.to_owned();
/// assert_eq!(pack(["a", "{\"b\":1}"]), [Pack::Many { array, count: 2 }]);
/// ```
pub fn pack<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<Pack> {
    let mut packs = Vec::new();
    let mut open: Vec<T> = Vec::new();
    let mut bytes = 0;
    for text in texts {
        let size = escaped_len(text.as_ref()) + 3;
        if bytes + size > PACK_BYTES {
            close(&mut open, &mut packs);
            bytes = 0;
        }
        bytes += size;
        open.push(text);
    }
    close(&mut open, &mut packs);
    packs
}

/// Packs texts that each become a row: as [`pack`], but a few go each by itself, which SQLite writes faster.
///
/// # Examples
/// ```
/// use persql_core::{Pack, pack_rows};
///
/// assert_eq!(pack_rows(vec!["a", "b"]), [Pack::One("a".to_owned()), Pack::One("b".to_owned())]);
/// assert!(matches!(pack_rows(vec!["a"; 99]).as_slice(), [Pack::Many { count: 99, .. }]));
/// ```
pub fn pack_rows<T: AsRef<str> + Into<String>>(texts: Vec<T>) -> Vec<Pack> {
    if texts.len() > FEW { pack(texts) } else { texts.into_iter().map(|text| Pack::One(text.into())).collect() }
}

fn close<T: AsRef<str>>(open: &mut Vec<T>, packs: &mut Vec<Pack>) {
    match open.as_slice() {
        [] => {}
        [one] => packs.push(Pack::One(one.as_ref().to_owned())),
        many => {
            let mut array =
                String::with_capacity(many.iter().map(|text| escaped_len(text.as_ref()) + 3).sum::<usize>() + 2);
            for text in many {
                array.push(if array.is_empty() { '[' } else { ',' });
                push_json_string(&mut array, text.as_ref());
            }
            array.push(']');
            packs.push(Pack::Many { array, count: many.len() });
        }
    }
    open.clear();
}

fn escaped_len(text: &str) -> usize {
    text.bytes().map(|byte| escape_of(byte).map_or(1, str::len)).sum()
}

/// Appends `text` as a JSON string.
fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(escape) = escape_of(byte) {
            // All escaped bytes are ASCII, so both ends are character boundaries.
            out.push_str(text.get(plain..at).unwrap_or_default());
            out.push_str(escape);
            plain = at + 1;
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

fn escape_of(byte: u8) -> Option<&'static str> {
    #[rustfmt::skip]
    const CONTROL: [&str; 32] = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
        "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f",
        "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
        "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
    ];
    match byte {
        b'"' => Some("\\\""),
        b'\\' => Some("\\\\"),
        _ => CONTROL.get(usize::from(byte)).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_every_pack_fits() {
        let texts: Vec<String> = (0..40u32)
            .map(|n| {
                let unit = ["a\"b\\", "\u{0}\n\u{1f}", "é😀", "x"][n as usize % 4];
                unit.repeat(if n % 7 == 0 { 300_000 } else { n as usize })
            })
            .collect();
        let packs = pack(&texts);
        let mut back = Vec::new();
        for pack in packs {
            match pack {
                Pack::One(text) => back.push(text),
                Pack::Many { array, count } => {
                    assert!(array.len() <= PACK_BYTES);
                    let texts = serde_json::from_str::<Vec<String>>(&array).unwrap();
                    assert_eq!(texts.len(), count);
                    back.extend(texts);
                }
            }
        }
        assert_eq!(back, texts);
    }

    #[test]
    fn nothing_needs_no_statement() {
        assert_eq!(pack([""; 0]), []);
    }
}
