//! Bytes inside JSON, in the framework's form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Bytes in a message or a state: an image, a document, redacted reasoning.
///
/// JSON has no bytes, so the framework writes `{"__bytes_encoded__": true, "data": "<base64>"}`
/// (`encode_bytes_values` of strands-agents 1.62). This type reads and writes that object.
///
/// # Examples
/// ```
/// use persql_strands::Bytes;
///
/// let json = serde_json::to_string(&Bytes(b"hi".to_vec())).unwrap();
/// assert_eq!(json, r#"{"__bytes_encoded__":true,"data":"aGk="}"#);
/// assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap().0, b"hi");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "bytes and nothing else")]
pub struct Bytes(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Encoded {
    #[serde(rename = "__bytes_encoded__")]
    marker: bool,
    data: String,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Encoded { marker: true, data: STANDARD.encode(&self.0) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Encoded { marker, data } = Encoded::deserialize(deserializer)?;
        if !marker {
            return Err(D::Error::custom("bytes are marked with true"));
        }
        STANDARD.decode(data).map(Bytes).map_err(|_| D::Error::custom("the bytes are not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_form_is_bytes() {
        for bad in [
            r#"{"__bytes_encoded__":false,"data":"aGk="}"#,
            r#"{"__bytes_encoded__":true,"data":"?"}"#,
            r#"{"__bytes_encoded__":true}"#,
            r#""aGk=""#,
        ] {
            assert!(serde_json::from_str::<Bytes>(bad).is_err(), "{bad}");
        }
    }
}
