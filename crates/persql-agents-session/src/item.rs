//! What a row of the messages table means.

use std::collections::HashSet;

use persql_core::{
    Error, ErrorKind, Result, Row, ValueRef,
    json::{self, DecodeError},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A row as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) id: i64,
    /// `None` if it is neither text nor UTF-8 bytes: Python's `json.loads` would raise.
    text: Option<&'a str>,
}

impl<'a> Stored<'a> {
    pub(crate) fn from_row(row: &Row<'a>) -> Result<Self> {
        let text = match row.get::<ValueRef<'_>>(1)? {
            ValueRef::Text(text) => Some(text),
            // Python reads JSON from bytes as well.
            ValueRef::Blob(bytes) => {
                std::str::from_utf8(bytes).ok().map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
            }
            _ => None,
        };
        Ok(Self { id: row.get(0)?, text })
    }

    pub(crate) fn new(id: i64, text: &'a str) -> Self {
        Self { id, text: Some(text) }
    }

    /// The text, if it is JSON by Python's rules.
    pub(crate) fn valid_text(&self) -> Option<&'a str> {
        self.text.filter(|text| json::accepts(text))
    }
}

/// How a row is read: as a value, as nothing if it is not JSON, or not at all if it is valid and does not fit, since
/// such a row is never skipped.
pub(crate) type Decode<T> = fn(&Stored<'_>) -> Result<Option<T>>;

/// Reads an item as a `T`.
pub(crate) fn as_type<T: DeserializeOwned + Send>(stored: &Stored<'_>) -> Result<Option<T>> {
    let Some(text) = stored.text else { return Ok(None) };
    match json::decode(text) {
        Ok(value) => Ok(Some(value)),
        Err(DecodeError::Invalid(_)) => Ok(None),
        Err(error) => {
            Err(Error::new(ErrorKind::Corrupt, format!("a stored item cannot be read: {error}"))
                .context("row", stored.id))
        }
    }
}

/// Reads an item as its text.
pub(crate) fn as_text(stored: &Stored<'_>) -> Result<Option<String>> {
    Ok(stored.valid_text().map(str::to_owned))
}

/// Only looks whether the row is an item.
pub(crate) fn as_nothing(stored: &Stored<'_>) -> Result<Option<()>> {
    Ok(stored.valid_text().map(|_| ()))
}

/// Items as the texts that are stored.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] with the position of the item that is no JSON, nested too deep or too large for a row.
pub(crate) fn encode<T: Serialize>(items: &[T], session_id: &str) -> Result<Vec<String>> {
    items
        .iter()
        .enumerate()
        .map(|(position, item)| {
            let text = json::encode(item).map_err(|error| {
                Error::invalid(format!("an item cannot be written as JSON: {error}")).context("item", position)
            })?;
            check_size(&text, session_id, position)?;
            Ok(text)
        })
        .collect()
}

/// Items that are JSON text already.
pub(crate) fn check_texts<T: AsRef<str>>(items: &[T], session_id: &str) -> Result<Vec<String>> {
    items
        .iter()
        .enumerate()
        .map(|(position, text)| {
            let text = text.as_ref();
            let refuse = |reason: String| Error::invalid(reason).context("item", position);
            let scan = json::scan(text).map_err(|error| refuse(format!("an item is not JSON: {error}")))?;
            if scan.depth > json::MAX_DEPTH {
                let limit = json::MAX_DEPTH;
                return Err(refuse(format!("an item is nested {} levels deep, and the limit is {limit}", scan.depth)));
            }
            check_size(text, session_id, position)?;
            Ok(text.to_owned())
        })
        .collect()
}

fn check_size(text: &str, session_id: &str, position: usize) -> Result<()> {
    // The row's other columns and its header.
    let row = text.len() + session_id.len() + 64;
    if row > persql_core::limits::ROW_BYTES {
        let limit = persql_core::limits::ROW_BYTES;
        return Err(Error::invalid(format!(
            "an item is too large: the limit of a row is {limit} bytes, and this takes {row}"
        ))
        .context("item", position));
    }
    Ok(())
}

/// What of an item says how it hangs together with others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    role: Lenient,
    r#type: Lenient,
    call_id: Lenient,
}

/// A string, or something that is none of our concern.
#[derive(Debug, Default)]
struct Lenient(Option<String>);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Lenient(value.as_str().map(str::to_owned)))
    }
}

impl Head {
    /// The head of an item; one that is no object has an empty head.
    pub(crate) fn of(text: &str) -> Self {
        json::decode(text).unwrap_or_default()
    }

    pub(crate) fn is_user(&self) -> bool {
        self.role.0.as_deref() == Some("user")
    }

    pub(crate) fn is_reasoning(&self) -> bool {
        self.r#type.0.as_deref() == Some("reasoning")
    }

    /// The call that this item is, as its output names it.
    fn call(&self) -> Option<(&str, &str)> {
        let (kind, id) = (self.r#type.0.as_deref()?, self.call_id.0.as_deref()?);
        CALLS.iter().find(|(call, _)| *call == kind).map(|(_, output)| (*output, id))
    }

    /// The call that this item is the output of.
    fn output(&self) -> Option<(&str, &str)> {
        let (kind, id) = (self.r#type.0.as_deref()?, self.call_id.0.as_deref()?);
        CALLS.iter().find(|(_, output)| *output == kind).map(|(_, output)| (*output, id))
    }
}

/// The SDK's call types, each with the type of its output; paired by `call_id` (openai-agents 0.24,
/// `run_internal/items.py`).
const CALLS: [(&str, &str); 8] = [
    ("program", "program_output"),
    ("function_call", "function_call_output"),
    ("custom_tool_call", "custom_tool_call_output"),
    ("shell_call", "shell_call_output"),
    ("apply_patch_call", "apply_patch_call_output"),
    ("computer_call", "computer_call_output"),
    ("local_shell_call", "local_shell_call_output"),
    ("tool_search_call", "tool_search_output"),
];

/// Outputs whose calls have not been seen, while items come from newest to oldest.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls(HashSet<(String, String)>);

impl OpenCalls {
    /// Takes note of an item; true if it is a call that was waited for.
    pub(crate) fn see(&mut self, head: &Head) -> bool {
        if let Some((kind, id)) = head.output() {
            self.0.insert((kind.to_owned(), id.to_owned()));
        }
        head.call().is_some_and(|(kind, id)| self.0.remove(&(kind.to_owned(), id.to_owned())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_waits_for_the_call_of_its_kind_and_id() {
        let mut open = OpenCalls::default();
        let mut see = |text: &str| open.see(&Head::of(text));
        assert!(!see(r#"{"type":"function_call_output","call_id":"a","output":"x"}"#));
        assert!(!see(r#"{"type":"shell_call","call_id":"a"}"#));
        assert!(!see(r#"{"type":"function_call","call_id":"b"}"#));
        assert!(see(r#"{"type":"function_call","call_id":"a"}"#));
        assert!(open.is_empty());
    }

    #[test]
    fn what_is_no_object_has_an_empty_head() {
        for text in ["3", "null", "[1]", r#"{"role": 3, "type": null}"#] {
            let head = Head::of(text);
            assert!(!head.is_user() && head.call().is_none() && head.output().is_none(), "{text}");
        }
    }

    #[test]
    fn a_refusal_names_the_item_and_quotes_nothing() {
        let error = check_texts(&["1", "{\"secret\""], "s").unwrap_err();
        assert!(error.to_string().contains("item: 1") && !error.to_string().contains("secret"), "{error}");
        let error = encode(&["x".repeat(2_100_000)], "s").unwrap_err();
        assert!(error.to_string().contains("limit of a row is 2000000 bytes"), "{error}");
    }
}
