//! A message of a conversation.

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use persql_core::{
    Error, ErrorKind, Result,
    json::{self, JsonError, Scan},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Content, canonical::is_truthy, content::is_type, slice};

/// The members of a message in the order in which the framework writes them.
const ORDER: [&str; 6] = ["type", "role", "contents", "author_name", "message_id", "additional_properties"];

/// A message of a conversation, as the JSON that the framework's `Message.to_dict()` gives (agent-framework-core 1.23).
///
/// What was read from a row is that row's text, byte for byte, also where no Rust type could hold it: a `NaN`, a lone
/// surrogate, a huge integer, a field that a later version of the framework adds. Two messages are equal if their texts
/// are. Cheap to clone.
///
/// # Examples
/// ```
/// use persql_history::{Content, Message};
///
/// let question = Message::user("What is the weather in Paris?").with_message_id("msg_1");
/// let call = Message::new("assistant", [Content::function_call("call_1", "weather", r#"{"city":"Paris"}"#)]);
/// assert_eq!(question.text(), "What is the weather in Paris?");
/// assert_eq!(call.contents()[0].kind(), "function_call");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message {
    text: Arc<str>,
    role: Cow<'static, str>,
    members: Members,
}

/// What a walk through the text found, so that a save need not walk again.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Members {
    role: Option<Range<usize>>,
    kind: Option<Range<usize>>,
    contents: Option<Range<usize>>,
    message_id: Option<Range<usize>>,
    properties: Option<Range<usize>>,
    /// The text of the first content.
    text: Option<Range<usize>>,
    /// The first of the contents that the framework would not read.
    unreadable: Option<usize>,
    depth: usize,
}

/// What a walk has passed of an array or object in the message.
#[derive(Default)]
struct Passed {
    /// How many elements, and the first that is no content.
    elements: usize,
    unreadable: Option<usize>,
    /// Whether one of them was a content, and the text of the first, or of the one that is being passed.
    has_content: bool,
    text: Option<Range<usize>>,
    /// Whether the element that is being passed has a type.
    is_typed: bool,
}

impl Members {
    fn of(text: &str) -> Result<(Scan, Self), JsonError> {
        let mut found = Self::default();
        let mut passed = Passed::default();
        let scan = json::scan_with(text, |part| {
            let place = || Some(part.at..part.at + part.value.len());
            match part.depth {
                1 => {
                    let passed = std::mem::take(&mut passed);
                    match part.name().as_deref() {
                        Some("role") => found.role = place(),
                        Some("type") => found.kind = place(),
                        Some("message_id") => found.message_id = place(),
                        Some("additional_properties") => found.properties = place(),
                        Some("contents") => {
                            (found.contents, found.unreadable) = (place(), passed.unreadable);
                            found.text = if part.value.starts_with('"') { place() } else { passed.text };
                        }
                        _ => {}
                    }
                }
                2 => {
                    let is_text = part.value.starts_with('"');
                    if is_text && !passed.has_content {
                        passed.text = place();
                    }
                    if !passed.is_typed && !is_text && part.value != "null" {
                        passed.unreadable = passed.unreadable.or(Some(passed.elements));
                    }
                    passed.has_content |= part.value != "null";
                    (passed.elements, passed.is_typed) = (passed.elements + 1, false);
                }
                _ => match part.name().as_deref() {
                    Some("type") => passed.is_typed = is_type(part.value),
                    Some("text") if !passed.has_content => passed.text = place().filter(|_| part.value != "null"),
                    _ => {}
                },
            }
        })?;
        found.depth = scan.depth;
        Ok((scan, found))
    }
}

impl Message {
    /// A message of these contents in this role.
    pub fn new(role: &str, contents: impl IntoIterator<Item = Content>) -> Self {
        let contents: Vec<Content> = contents.into_iter().collect();
        let contents = slice::array(contents.iter().map(Content::as_json));
        let text = format!(
            r#"{{"type":"message","role":{},"contents":{contents},"additional_properties":{{}}}}"#,
            slice::quote(role)
        );
        Self::written(&text, role_of(role))
    }

    /// A message whose text was made here.
    fn written(text: &str, role: Cow<'static, str>) -> Self {
        let members = Members::of(text).map(|(_, members)| members).unwrap_or_default();
        Self { text: text.into(), role, members }
    }

    /// What the user says.
    pub fn user(text: &str) -> Self {
        Self::new("user", [Content::text(text)])
    }

    /// What the agent says.
    pub fn assistant(text: &str) -> Self {
        Self::new("assistant", [Content::text(text)])
    }

    /// What the agent is told about its task.
    pub fn system(text: &str) -> Self {
        Self::new("system", [Content::text(text)])
    }

    /// A message that is JSON text already. The text is kept byte for byte.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the text is not JSON by the rules of Python's `json.loads`, is nested deeper than
    /// 1,000 levels, or is no message: an object with a string `role`, whose `type` is `message` if it has one (or
    /// `chat_message`, as early versions of the framework wrote).
    pub fn from_json(text: &str) -> Result<Self> {
        Self::parse(text).map_err(Error::invalid)
    }

    /// A message from a value that serializes to one: a `serde_json::Value`, or a message type of yours.
    ///
    /// # Errors
    /// As [`from_json`](Message::from_json).
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let text = json::encode(value)
            .map_err(|error| Error::invalid(format!("a message cannot be written as JSON: {error}")))?;
        Self::from_json(&text)
    }

    /// Reads a text, or says why it is no message, in words that hold nothing of it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scan, members) = Members::of(text).map_err(|error| format!("a message is not JSON: {error}"))?;
        if scan.depth > json::MAX_DEPTH {
            let limit = json::MAX_DEPTH;
            return Err(format!("a message is nested {} levels deep, and the limit is {limit}", scan.depth));
        }
        if !scan.is_object {
            return Err("a message is an object, and this is none".to_owned());
        }
        let at = |place: &Option<Range<usize>>| text.get(place.clone()?);
        if !matches!(at(&members.kind), None | Some("null" | "\"\"" | "\"message\"" | "\"chat_message\"")) {
            return Err("a message has the type \"message\", and this has another".to_owned());
        }
        if at(&members.contents).is_some_and(|contents| !contents.starts_with(['[', '"']) && contents != "null") {
            return Err("the contents of a message are an array".to_owned());
        }
        match at(&members.role).and_then(slice::string) {
            Some(role) => Ok(Self { text: text.into(), role: role_of(&role), members }),
            None => Err("a message has a role, and this has none".to_owned()),
        }
    }

    /// The message as the framework's readers want it, or why they would not read it.
    pub(crate) fn checked(&self) -> Result<Cow<'_, Message>> {
        if let Some(position) = self.members.unreadable {
            return Err(Error::invalid("a content of a message is no object with a type").context("content", position));
        }
        // It was not too deep when it was made; a property may have been put in since.
        if self.members.depth > json::MAX_DEPTH {
            return Err(Error::invalid(format!(
                "a message is nested {} levels deep, and the limit is {}",
                self.members.depth,
                json::MAX_DEPTH
            )));
        }
        Ok(match self.at(&self.members.kind) {
            Some("\"chat_message\"") => Cow::Owned(self.with_json("type", "\"message\"")),
            _ => Cow::Borrowed(self),
        })
    }

    /// The same message with this id: what tells a repeated message from an equal one.
    #[must_use]
    pub fn with_message_id(self, id: &str) -> Self {
        self.with_json("message_id", &slice::quote(id))
    }

    /// The same message with its author's name.
    #[must_use]
    pub fn with_author_name(self, name: &str) -> Self {
        self.with_json("author_name", &slice::quote(name))
    }

    /// The same message with this among its `additional_properties`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if JSON has no form for the value.
    pub fn with_property<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Result<Self> {
        let value = json::encode(value)
            .map_err(|error| Error::invalid(format!("a property cannot be written as JSON: {error}")))?;
        // A type that writes raw text of its own may have written anything, and a message is always JSON.
        json::scan(&value).map_err(|error| Error::invalid(format!("a property is not JSON: {error}")))?;
        Ok(self.with_property_json(key, &value))
    }

    /// The same message, marked as left out by compaction: it stays stored, and a provider that skips excluded messages
    /// does not load it.
    #[must_use]
    pub fn excluded(self, reason: &str) -> Self {
        self.with_property_json("_excluded", "true").with_property_json("_exclude_reason", &slice::quote(reason))
    }

    /// The same message, no longer marked as left out.
    #[must_use]
    pub fn included(self) -> Self {
        self.with_property_json("_excluded", "false")
    }

    /// `user`, `assistant`, `system`, `tool` or another.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The message's id, if it has one.
    pub fn message_id(&self) -> Option<String> {
        slice::string(self.id()?).map(Cow::into_owned)
    }

    /// The author's name, if it has one.
    pub fn author_name(&self) -> Option<String> {
        self.string("author_name")
    }

    /// The contents, in their order.
    pub fn contents(&self) -> Vec<Content> {
        match self.contents_as_they_stand() {
            Some(text) if text.starts_with('"') => Content::from_element(text).into_iter().collect(),
            Some(contents) => slice::elements(contents).filter_map(Content::from_element).collect(),
            None => Vec::new(),
        }
    }

    /// The texts among the contents, with spaces between them. One with a lone surrogate in it is left out.
    pub fn text(&self) -> String {
        let texts = self.contents().into_iter().filter(|content| content.kind() == "text");
        texts.filter_map(|content| content.string("text")).collect::<Vec<_>>().join(" ")
    }

    /// One of the `additional_properties`, as the JSON text that it is.
    pub fn property(&self, key: &str) -> Option<&str> {
        slice::member(self.at(&self.members.properties)?, key)
    }

    /// Whether compaction left it out: whether its `_excluded` is what Python takes for true.
    pub fn is_excluded(&self) -> bool {
        self.property("_excluded").is_some_and(is_truthy)
    }

    /// Why compaction left it out, if it says so.
    pub fn exclude_reason(&self) -> Option<String> {
        slice::string(self.property("_exclude_reason")?).map(Cow::into_owned)
    }

    /// The whole message as the JSON text that is stored.
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// The message as a value of a type of yours.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the type cannot hold it.
    pub fn decode<T: DeserializeOwned + Send>(&self) -> Result<T> {
        json::decode(&self.text)
            .map_err(|error| Error::new(ErrorKind::Corrupt, format!("a message cannot be read: {error}")))
    }

    /// The id's JSON, if the message has one.
    pub(crate) fn id(&self) -> Option<&str> {
        self.at(&self.members.message_id).filter(|id| *id != "null")
    }

    /// The text of the first content as it stands, if it has one.
    pub(crate) fn first_text(&self) -> Option<&str> {
        self.at(&self.members.text)
    }

    /// The contents' JSON, if there are any.
    pub(crate) fn contents_as_they_stand(&self) -> Option<&str> {
        self.at(&self.members.contents)
    }

    /// A field of the first content as it stands, if it has one.
    pub(crate) fn in_first_content(&self, field: &str) -> Option<&str> {
        let mut contents = slice::elements(self.contents_as_they_stand().filter(|text| text.starts_with('['))?);
        slice::member(contents.find(|content| *content != "null")?, field).filter(|value| *value != "null")
    }

    fn at(&self, place: &Option<Range<usize>>) -> Option<&str> {
        self.text.get(place.clone()?)
    }

    /// A member as it stands.
    pub(crate) fn member(&self, key: &str) -> Option<&str> {
        slice::member(&self.text, key)
    }

    /// The same message with these of its contents.
    pub(crate) fn with_contents(&self, contents: &[Content]) -> Self {
        self.with_json("contents", &slice::array(contents.iter().map(Content::as_json)))
    }

    pub(crate) fn with_property_json(&self, key: &str, value: &str) -> Self {
        let replaced = self.members.properties.clone().and_then(|place| {
            let (before, after) = (self.text.get(..place.start)?, self.text.get(place.end..)?);
            Some([before, &slice::with_member(self.text.get(place)?, key, value), after].concat())
        });
        match replaced {
            Some(text) => Self::written(&text, self.role.clone()),
            None => self.with_json("additional_properties", &slice::with_member("{}", key, value)),
        }
    }

    fn string(&self, key: &str) -> Option<String> {
        slice::string(self.member(key)?).map(Cow::into_owned)
    }

    fn with_json(&self, key: &str, value: &str) -> Self {
        let rank = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
        let text = if self.member(key).is_some() {
            slice::with_member(&self.text, key, value)
        } else {
            // Where the framework would have written it.
            let quoted = slice::quote(key);
            let mut members: Vec<(&str, &str)> = slice::members(&self.text).collect();
            let later = |raw: &str| slice::string(raw).is_some_and(|found| rank(&found) > rank(key));
            let at = members.iter().position(|(raw, _)| later(raw)).unwrap_or(members.len());
            members.insert(at, (&quoted, value));
            let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        Self::written(&text, self.role.clone())
    }
}

/// Most messages have one of a few roles, which then need no memory of their own.
fn role_of(role: &str) -> Cow<'static, str> {
    match ["user", "assistant", "system", "tool"].into_iter().find(|known| *known == role) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(role.to_owned()),
    }
}

impl fmt::Debug for Message {
    /// Without what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("role", &self.role).field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_where_the_framework_writes_them() {
        let message = Message::user("hi").with_message_id("m\"1").with_author_name("Ada").excluded("why");
        assert_eq!(
            message.as_json(),
            r#"{"type":"message","role":"user","contents":[{"type":"text","text":"hi","additional_properties":{}}],"author_name":"Ada","message_id":"m\"1","additional_properties":{"_excluded":true,"_exclude_reason":"why"}}"#
        );
        assert!(message.is_excluded() && !message.clone().included().is_excluded());
        assert_eq!(message.message_id().as_deref(), Some("m\"1"));
    }

    #[test]
    fn what_is_no_message_is_refused_without_being_quoted() {
        for bad in [
            "",
            "[\"secret\"]",
            "\"secret\"",
            r#"{"role":"user","contents":{"secret":1}}"#,
            r#"{"role":3,"x":"secret"}"#,
            r#"{"role":"\ud800","x":"secret"}"#,
            r#"{"type":"secret","role":"user"}"#,
            r#"{"type":"message","x":"secret"}"#,
        ] {
            let error = Message::from_json(bad).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidInput && !error.to_string().contains("secret"), "{error}");
        }
        assert!(!format!("{:?}", Message::user("secret")).contains("secret"));
    }

    #[test]
    fn an_edit_leaves_everything_else_as_it_stands() {
        let text =
            r#"{ "role" : "user", "new":[NaN, 1.50, "\ud800", 123456789012345678901234567890],"contents":["a"]}"#;
        let edited = Message::from_json(text).unwrap().with_message_id("x").with_property("k", &1.5).unwrap();
        for kept in ["NaN, 1.50, \"\\ud800\", 123456789012345678901234567890", r#""contents":["a"]"#] {
            assert!(edited.as_json().contains(kept), "{}", edited.as_json());
        }
        assert_eq!((edited.property("k"), edited.text().as_str()), (Some("1.5"), "a"));
    }
}
