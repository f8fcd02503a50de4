//! A message of an agent, and which of them to list.

use persql_core::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::{json_text::JsonText, plan::record::Fields};

/// A message, with the fields of the framework's `SessionMessage` (strands-agents 1.62).
///
/// # Examples
/// ```
/// use persql_strands::SessionMessage;
/// use serde_json::{Value, json};
///
/// # fn main() -> persql_strands::Result<()> {
/// let message = SessionMessage::new(0, &json!({"role": "user", "content": [{"text": "My PIN is 1234"}]}))?;
/// let redacted = message.with_redact_message(&json!({"role": "user", "content": [{"text": "[redacted]"}]}))?;
/// assert_eq!(redacted.to_message::<Value>()?["content"][0]["text"], "[redacted]");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionMessage {
    /// The message: a JSON object with `role` and `content`, whatever else it holds.
    pub message: JsonText,
    /// Its place in the conversation.
    pub message_id: i64,
    /// What stands for the message since it was redacted. A row that is written with it holds this text in both
    /// fields, so that nothing of the message itself is left.
    pub redact_message: Option<JsonText>,
    /// When it was made, in ISO format. `None` lets the database say.
    pub created_at: Option<String>,
    /// When it was last changed, likewise.
    pub updated_at: Option<String>,
}

impl SessionMessage {
    /// What a row of ours holds. Everything else in a row is somebody else's, and stays.
    pub(crate) const FIELDS: [&str; 5] = ["message", "message_id", "redact_message", "created_at", "updated_at"];

    /// A message with this id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is not written as a JSON object.
    pub fn new<M: Serialize + ?Sized>(message_id: i64, message: &M) -> Result<Self> {
        Ok(Self::from_text(message_id, JsonText::encode(message)?.expect_object("a message")?))
    }

    /// A message that is JSON text already.
    pub fn from_text(message_id: i64, message: JsonText) -> Self {
        Self { message, message_id, redact_message: None, created_at: None, updated_at: None }
    }

    /// The same message redacted.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is not written as a JSON object.
    pub fn with_redact_message<M: Serialize + ?Sized>(mut self, message: &M) -> Result<Self> {
        self.redact_message = Some(JsonText::encode(message)?.expect_object("a message")?);
        Ok(self)
    }

    /// What the agent gets to see: the redacted message if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the type cannot hold it.
    pub fn to_message<M: DeserializeOwned + Send>(&self) -> Result<M> {
        self.shown().decode().map_err(|error| error.context("message", self.message_id))
    }

    /// The same as text.
    pub fn shown(&self) -> &JsonText {
        self.redact_message.as_ref().unwrap_or(&self.message)
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.message.clone().expect_object("a message")?;
        if let Some(redacted) = self.redact_message.clone() {
            redacted.expect_object("a message")?;
        }
        self.times().check()
    }

    pub(crate) fn times(&self) -> Times<'_> {
        Times { created_at: self.created_at.as_deref(), updated_at: self.updated_at.as_deref() }
    }

    /// The row's JSON up to where its times stand. A redacted message leaves nothing of itself.
    pub(crate) fn head(&self) -> String {
        let redacted = self.redact_message.as_ref().map_or("null", JsonText::as_str);
        let id = self.message_id.to_string();
        let parts = [
            "{\"message\":",
            self.shown().as_str(),
            ",\"message_id\":",
            &id,
            ",\"redact_message\":",
            redacted,
            ",\"created_at\":",
        ];
        parts.concat()
    }

    pub(crate) fn from_fields(fields: &Fields<'_>) -> Result<Self> {
        let redacted = fields.get("redact_message").filter(|text| *text != "null");
        Ok(Self {
            message: JsonText::stored(fields.required("message")?),
            message_id: fields.required_integer("message_id")?,
            redact_message: redacted.map(JsonText::stored),
            created_at: fields.string("created_at")?,
            updated_at: fields.string("updated_at")?,
        })
    }
}

/// The times of a record. What is `None` the database fills in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times<'a> {
    pub(crate) created_at: Option<&'a str>,
    pub(crate) updated_at: Option<&'a str>,
}

/// Bytes of the two times in a row, twice each, with what stands around them.
pub(crate) const TIMES_BYTES: usize = 1_024;

impl Times<'_> {
    /// Times are opaque text, but short, and without what would need an escape of its own.
    pub(crate) fn check(self) -> Result<()> {
        for (name, time) in [("created_at", self.created_at), ("updated_at", self.updated_at)] {
            if time.is_some_and(|time| time.len() > 64 || time.chars().any(|c| c.is_control() || c == '"' || c == '\\'))
            {
                return Err(Error::invalid("a time is up to 64 bytes of plain text").context("field", name));
            }
        }
        Ok(())
    }
}

/// Which messages to list, by their positions: a message id says nothing about how many come before it.
///
/// # Examples
/// ```
/// use persql_strands::Page;
///
/// let everything = Page::default();
/// let second_ten = Page::default().with_offset(10).with_limit(10);
/// assert_eq!((everything.limit, second_ten.limit), (None, Some(10)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// At most so many; `None` is all of them.
    pub limit: Option<usize>,
    /// So many of the oldest are left out.
    pub offset: usize,
}

impl Page {
    /// At most so many.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Leaves out so many of the oldest.
    #[must_use]
    pub fn with_offset(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }
}
