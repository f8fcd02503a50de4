//! One piece of a message's contents.

use std::{fmt, sync::Arc};

use persql_core::{Error, Result, json};
use serde::Serialize;

use crate::slice;

/// One piece of a message: a text, a tool's call, its result, or anything else that the framework knows or will know.
///
/// It is the JSON of the framework's `Content.to_dict()` as it stands (agent-framework-core 1.23). The type is open: the
/// framework's list of kinds grows with every release, and what this crate does not know is kept as it is. Cheap to
/// clone.
///
/// # Examples
/// ```
/// use persql_history::Content;
/// use serde_json::json;
///
/// # fn main() -> persql_history::Result<()> {
/// let call = Content::function_call("call_1", "weather", r#"{"city":"Paris"}"#);
/// assert_eq!((call.kind().as_str(), call.string("name").as_deref()), ("function_call", Some("weather")));
///
/// let file = Content::from_value(&json!({"type": "hosted_file", "file_id": "file_1"}))?;
/// assert_eq!(file.json("file_id"), Some("\"file_1\""));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Content(Arc<str>);

impl Content {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self(format!(r#"{{"type":"text","text":{},"additional_properties":{{}}}}"#, slice::quote(text)).into())
    }

    /// A model's call of a function. The arguments are what the model wrote, mostly JSON.
    pub fn function_call(call_id: &str, name: &str, arguments: &str) -> Self {
        let [call_id, name, arguments] = [call_id, name, arguments].map(slice::quote);
        Self(
            format!(
                r#"{{"type":"function_call","call_id":{call_id},"name":{name},"arguments":{arguments},"hosted":false,"additional_properties":{{}}}}"#
            )
            .into(),
        )
    }

    /// What a called function gave.
    pub fn function_result(call_id: &str, result: &str) -> Self {
        let items = slice::array([Content::text(result).as_json()]);
        let [call_id, result] = [call_id, result].map(slice::quote);
        Self(
            format!(
                r#"{{"type":"function_result","call_id":{call_id},"result":{result},"items":{items},"additional_properties":{{}}}}"#
            )
            .into(),
        )
    }

    /// A content of any kind, as the JSON text that stands for it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the text is not JSON, nested deeper than 1,000
    /// levels, or no object with a `type`.
    pub fn from_json(text: &str) -> Result<Self> {
        let scan = json::scan(text).map_err(|error| Error::invalid(format!("a content is not JSON: {error}")))?;
        if scan.depth > json::MAX_DEPTH {
            return Err(Error::invalid(format!(
                "a content is nested {} levels deep, and the limit is {}",
                scan.depth,
                json::MAX_DEPTH
            )));
        }
        if !has_type(text) {
            return Err(Error::invalid("a content is an object with a type"));
        }
        Ok(Self(text.trim_ascii().into()))
    }

    /// A content of any kind, from a value that serializes to it.
    ///
    /// # Errors
    /// As [`from_json`](Content::from_json).
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let text = json::encode(value)
            .map_err(|error| Error::invalid(format!("a content cannot be written as JSON: {error}")))?;
        Self::from_json(&text)
    }

    /// A content as it stands in a message: an object, or a string that is a text. Others are none.
    pub(crate) fn from_element(element: &str) -> Option<Self> {
        if element.starts_with('{') {
            Some(Self(element.into()))
        } else if element.starts_with('"') {
            Some(Self(format!(r#"{{"type":"text","text":{element},"additional_properties":{{}}}}"#).into()))
        } else {
            None
        }
    }

    /// The kind: `text`, `function_call` and so on. Empty if it has none.
    pub fn kind(&self) -> String {
        self.string("type").unwrap_or_default()
    }

    /// A field that is a string; nothing if there is no such field, or none that Rust's strings can hold.
    pub fn string(&self, field: &str) -> Option<String> {
        slice::string(self.json(field)?).map(std::borrow::Cow::into_owned)
    }

    /// A field as the JSON text that it is.
    pub fn json(&self, field: &str) -> Option<&str> {
        slice::member(&self.0, field)
    }

    /// The whole content as JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// Whether the text is an object with a `type`, without which the framework reads none of it.
fn has_type(text: &str) -> bool {
    slice::member(text, "type").is_some_and(is_type)
}

/// Whether a value can be the `type` of a content.
pub(crate) fn is_type(value: &str) -> bool {
    value.starts_with('"') && value.len() > 2
}

impl fmt::Debug for Content {
    /// Without what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("kind", &self.kind()).field("bytes", &self.0.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_an_object_with_a_type() {
        for bad in ["", "{", "3", "[]", "{}", r#"{"type":""}"#, r#"{"type":3}"#] {
            assert!(Content::from_json(bad).is_err(), "{bad}");
        }
        let deep = format!(r#"{{"type":"x","a":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        assert!(Content::from_json(&deep).unwrap_err().to_string().contains("1001 levels"));
        assert_eq!(Content::from_json(r#" {"type":"new","n":NaN} "#).unwrap().json("n"), Some("NaN"));
    }

    #[test]
    fn debug_shows_nothing_of_what_it_says() {
        assert!(!format!("{:?}", Content::text("secret")).contains("secret"));
    }
}
