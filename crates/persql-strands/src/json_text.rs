//! JSON as it stands in a row.

use std::{fmt, sync::Arc};

use persql_core::{Error, ErrorKind, Result, json};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, ser::Error as _};
use serde_json::value::RawValue;

use crate::members::is_object;

/// JSON text, kept byte for byte: key order, big integers, `NaN` and lone surrogates included.
///
/// What counts as JSON is what Python's `json.loads` accepts, since Python wrote most of it. Cheap to clone.
///
/// # Examples
/// ```
/// use persql_strands::JsonText;
///
/// # fn main() -> persql_strands::Result<()> {
/// let state = JsonText::new(r#"{"score": NaN, "b": 1, "a": 2}"#)?;
/// assert_eq!(state.as_str(), r#"{"score": NaN, "b": 1, "a": 2}"#);
/// let user = JsonText::encode(&serde_json::json!({"name": "Ada"}))?;
/// assert_eq!(user.decode::<serde_json::Value>()?["name"], "Ada");
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JsonText(Arc<str>);

impl JsonText {
    /// Takes text that is JSON already.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if it is not JSON by Python's rules, or nested deeper than 1,000 levels.
    pub fn new(text: impl AsRef<str>) -> Result<Self> {
        let text = text.as_ref();
        let scan = json::scan(text).map_err(|error| Error::invalid(format!("this is not JSON: {error}")))?;
        if scan.depth > json::MAX_DEPTH {
            let (depth, limit) = (scan.depth, json::MAX_DEPTH);
            return Err(Error::invalid(format!("JSON is nested {depth} levels deep, and the limit is {limit}")));
        }
        Ok(Self(text.trim_ascii().into()))
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if JSON has no form for it, or it is nested deeper than 1,000 levels.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        match json::encode(value) {
            Ok(text) => Ok(Self(text.into())),
            Err(error) => Err(Error::invalid(format!("this cannot be written as JSON: {error}"))),
        }
    }

    /// Reads it as a value of a type of yours.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the type cannot hold it: other data than the type wants, a `NaN`, a lone surrogate.
    pub fn decode<T: DeserializeOwned + Send>(&self) -> Result<T> {
        json::decode(&self.0).map_err(|error| Error::new(ErrorKind::Corrupt, error.to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Text that stood in a row and was found to be JSON.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn empty_object() -> Self {
        Self("{}".into())
    }

    /// Refuses what is not an object.
    pub(crate) fn expect_object(self, what: &str) -> Result<Self> {
        if is_object(&self.0) {
            Ok(self)
        } else {
            Err(Error::invalid(format!("{what} must be a JSON object, as the framework keeps it")))
        }
    }
}

impl Default for JsonText {
    /// The empty object.
    fn default() -> Self {
        Self::empty_object()
    }
}

impl AsRef<str> for JsonText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for JsonText {
    /// The size only: what is stored does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonText").field("bytes", &self.0.len()).finish_non_exhaustive()
    }
}

impl Serialize for JsonText {
    /// As the value that it is; fails for a `NaN`, which strict JSON does not have.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match RawValue::from_string(self.0.as_ref().to_owned()) {
            Ok(raw) => raw.serialize(serializer),
            Err(_) => Err(S::Error::custom("the text is not strict JSON")),
        }
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self::stored(raw.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_errors_quote_nothing() {
        let text = JsonText::new(r#"{"a":"secret"}"#).unwrap();
        assert!(!format!("{text:?}").contains("secret"));
        assert!(!text.decode::<Vec<u8>>().unwrap_err().to_string().contains("secret"));
        assert!(!JsonText::new("{secret").unwrap_err().to_string().contains("secret"));
    }

    #[test]
    fn depth_has_a_limit() {
        let nest = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(JsonText::new(nest(1_000)).is_ok());
        assert!(JsonText::new(nest(1_001)).is_err());
    }

    #[test]
    fn only_objects_are_states() {
        assert!(JsonText::new(" {} ").unwrap().expect_object("state").is_ok());
        let error = JsonText::new("[]").unwrap().expect_object("state").unwrap_err();
        assert!(error.to_string().starts_with("state must be a JSON object"), "{error}");
    }
}
