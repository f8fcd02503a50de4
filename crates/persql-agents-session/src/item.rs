//! What a row of the messages table means.

use persql_core::{
    Error, ErrorKind, Result, Row, ValueRef,
    json::{self, DecodeError},
};
use serde::{Serialize, de::DeserializeOwned};

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

    /// The text, JSON or not.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_item_and_quotes_nothing() {
        let error = check_texts(&["1", "{\"secret\""], "s").unwrap_err();
        assert!(error.to_string().contains("item: 1") && !error.to_string().contains("secret"), "{error}");
        let error = encode(&["x".repeat(2_100_000)], "s").unwrap_err();
        assert!(error.to_string().contains("limit of a row is 2000000 bytes"), "{error}");
    }
}
