//! LangChain's messages.

use persql_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::data::{Class, Data, Map};
use super::misfit::carried;
use super::object::Object;

/// A message of LangChain, as LangGraph stores it: a model with its class and all of its fields.
///
/// Fields that this crate has no word for stay where they are.
///
/// ```
/// use persql_checkpoint::serde::{Message, from_data, to_data};
///
/// let messages = [Message::human("hi").with_id("m1"), Message::ai("hello").with_id("m2")];
/// let channel = to_data(&messages)?; // what Python's `add_messages` would have put there
/// let read: Vec<Message> = from_data(&channel)?;
/// assert_eq!((read[0].kind(), read[1].text().as_str()), ("human", "hello"));
/// # Ok::<_, persql_checkpoint::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// The class, such as `langchain_core.messages.human.HumanMessage`.
    pub class: Class,
    /// The fields, in the order of the class: `content`, `additional_kwargs`, `response_metadata`, `type`, `name`, `id`
    /// and the class's own.
    pub fields: Map,
}

/// A tool that a model wants to be called.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolCall<'a> {
    /// The tool.
    pub name: &'a str,
    /// Its arguments.
    pub args: &'a Map,
    /// The call's id, which the tool's answer names.
    pub id: Option<&'a str>,
}

/// LangChain's own message classes: module, class, and the value of `type`.
const CLASSES: [(&str, &str, &str); 13] = [
    ("human", "HumanMessage", "human"),
    ("ai", "AIMessage", "ai"),
    ("system", "SystemMessage", "system"),
    ("tool", "ToolMessage", "tool"),
    ("function", "FunctionMessage", "function"),
    ("chat", "ChatMessage", "chat"),
    ("modifier", "RemoveMessage", "remove"),
    ("human", "HumanMessageChunk", "HumanMessageChunk"),
    ("ai", "AIMessageChunk", "AIMessageChunk"),
    ("system", "SystemMessageChunk", "SystemMessageChunk"),
    ("tool", "ToolMessageChunk", "ToolMessageChunk"),
    ("function", "FunctionMessageChunk", "FunctionMessageChunk"),
    ("chat", "ChatMessageChunk", "ChatMessageChunk"),
];

impl Message {
    /// What a human says: text, or a list of content blocks.
    pub fn human(content: impl Into<Data>) -> Self {
        Self::new("HumanMessage", content)
    }

    /// What the model says.
    pub fn ai(content: impl Into<Data>) -> Self {
        let empty = || Data::List(Vec::new());
        Self::new("AIMessage", content)
            .with("tool_calls", empty())
            .with("invalid_tool_calls", empty())
            .with("usage_metadata", Data::Nil)
    }

    /// What the application tells the model.
    pub fn system(content: impl Into<Data>) -> Self {
        Self::new("SystemMessage", content)
    }

    /// What a tool answers to a call.
    pub fn tool(content: impl Into<Data>, tool_call_id: impl Into<String>) -> Self {
        Self::new("ToolMessage", content)
            .with("tool_call_id", tool_call_id.into())
            .with("artifact", Data::Nil)
            .with("status", "success")
    }

    /// Takes a message out of a list of messages, when Python's `add_messages` sees it.
    pub fn remove(id: impl Into<String>) -> Self {
        Self::new("RemoveMessage", "").with_id(id)
    }

    fn new(name: &str, content: impl Into<Data>) -> Self {
        let kind = CLASSES.iter().find(|(_, class, _)| *class == name).map_or(name, |(_, _, kind)| kind);
        let fields = Map::from([
            ("content", content.into()),
            ("additional_kwargs", Map::new().into()),
            ("response_metadata", Map::new().into()),
            ("type", kind.into()),
            ("name", Data::Nil),
            ("id", Data::Nil),
        ]);
        Self { class: class_of(name), fields }
    }

    /// This message with an id.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        self.with("id", id.into())
    }

    /// This message with a tool call more.
    #[must_use]
    pub fn with_tool_call(mut self, name: impl Into<String>, args: Map, id: impl Into<String>) -> Self {
        let call = Map::from([
            ("name", Data::from(name.into())),
            ("args", args.into()),
            ("id", id.into().into()),
            ("type", "tool_call".into()),
        ]);
        match self.fields.get_mut("tool_calls") {
            Some(Data::List(calls)) => calls.push(call.into()),
            _ => drop(self.fields.insert("tool_calls", vec![Data::Map(call)])),
        }
        self
    }

    /// This message with a field, in the place of the one it has or at the end.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Data>) -> Self {
        self.fields.insert(field, value);
        self
    }

    /// What kind it is: `human`, `ai`, `system`, `tool`, `function`, `chat`, `remove`, or the name of another class.
    pub fn kind(&self) -> &str {
        let known = || CLASSES.iter().find(|(_, class, _)| *class == self.class.name).map(|(_, _, kind)| *kind);
        self.str("type").or_else(known).unwrap_or(&self.class.name)
    }

    /// The message's id.
    pub fn id(&self) -> Option<&str> {
        self.str("id")
    }

    /// Who speaks, where that was said.
    pub fn name(&self) -> Option<&str> {
        self.str("name")
    }

    /// The call that a tool's message answers.
    pub fn tool_call_id(&self) -> Option<&str> {
        self.str("tool_call_id")
    }

    /// What is said: text, or a list of content blocks.
    pub fn content(&self) -> Option<&Data> {
        self.fields.get("content")
    }

    /// The text of the content: all of it, or that of its text blocks one after the other.
    pub fn text(&self) -> String {
        match self.content() {
            Some(Data::Str(text)) => text.clone(),
            Some(Data::List(blocks)) => blocks.iter().filter_map(block_text).collect(),
            _ => String::new(),
        }
    }

    /// The tools that the model wants to be called.
    pub fn tool_calls(&self) -> Vec<ToolCall<'_>> {
        let calls = self.fields.get("tool_calls").and_then(Data::as_list).unwrap_or_default();
        let call = |call| {
            let get = |key| Data::get(call, key);
            let id = get("id").and_then(Data::as_str);
            Some(ToolCall { name: get("name")?.as_str()?, args: get("args")?.as_map()?, id })
        };
        calls.iter().filter_map(call).collect()
    }

    fn str(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// The value that is stored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a field cannot be written: see [`Data::to_msgpack`].
    pub fn to_data(&self) -> Result<Data> {
        let object = Object::PydanticV2 { class: self.class.clone(), fields: self.fields.clone().into() };
        Ok(object.to_ext()?.into())
    }

    /// Reads a stored message: a model with `content` of any class, or the `{"lc": 1, …}` of JSON rows.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the value is none.
    pub fn from_data(data: &Data) -> Result<Self> {
        let message = match (Object::of(data)?, data) {
            (Some(Object::PydanticV2 { class, fields } | Object::PydanticV1 { class, fields }), _) => match fields {
                Data::Map(fields) => Some(Self { class, fields }),
                _ => None,
            },
            (None, Data::Map(map)) => from_envelope(map),
            _ => None,
        };
        message
            .filter(|message| message.fields.contains_key("content"))
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, "a stored value is not a message"))
    }
}

/// The text of a content block: text itself, or `{"type": "text", "text": …}`.
fn block_text(block: &Data) -> Option<&str> {
    match block {
        Data::Str(text) => Some(text),
        _ if block.get("type")?.as_str()? == "text" => block.get("text")?.as_str(),
        _ => None,
    }
}

/// What LangChain's `dumpd` and JavaScript write: a constructor and its arguments.
fn from_envelope(map: &Map) -> Option<Message> {
    let is = |key: &str, wanted: &str| map.get(key).and_then(Data::as_str) == Some(wanted);
    if map.get("lc")?.as_i64() != Some(1) || !is("type", "constructor") {
        return None;
    }
    // The path is one of serialization, such as `langchain.schema.messages`, and not where the class lives.
    let path = Class::from_path(map.get("id")?)?;
    let known = CLASSES.iter().any(|(_, class, _)| *class == path.name);
    let class = if known { class_of(&path.name) } else { path };
    Some(Message { class, fields: map.get("kwargs")?.as_map()?.clone() })
}

fn class_of(name: &str) -> Class {
    let module = CLASSES.iter().find(|(_, class, _)| *class == name).map_or("base", |(module, _, _)| module);
    Class::new(format!("langchain_core.messages.{module}"), name)
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_data().map_err(|error| ser::Error::custom(carried(error)))?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_data(&Data::deserialize(deserializer)?).map_err(|error| de::Error::custom(carried(error)))
    }
}
