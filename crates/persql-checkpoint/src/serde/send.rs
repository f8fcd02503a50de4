//! What a graph tells itself: where to go next, and what to ask a human.

use persql_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::data::{Class, Data, Map};
use super::misfit::carried;
use super::object::Object;

/// A `langgraph.types.Send`: a node to run next, with a state of its own. Lives in the channel `__pregel_tasks`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Send {
    /// The node.
    pub node: String,
    /// What the node gets.
    pub arg: Data,
    /// The task's own `TimeoutPolicy`, if it has one.
    pub timeout: Option<Data>,
}

/// A `langgraph.types.Interrupt`: a question to a human. Lives in the channel `__interrupt__`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Interrupt {
    /// What is asked.
    pub value: Data,
    /// The interrupt's id, by which it is answered. Versions of LangGraph before 0.6 had none.
    pub id: Option<String>,
    /// What else it holds: `response_schema`; in old rows `resumable`, `ns` and `when`.
    pub rest: Map,
}

const MODULE: &str = "langgraph.types";

impl Send {
    /// Sends `arg` to a node.
    pub fn new(node: impl Into<String>, arg: impl Into<Data>) -> Self {
        Self { node: node.into(), arg: arg.into(), timeout: None }
    }

    /// The value that is stored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the argument cannot be written: see [`Data::to_msgpack`].
    pub fn to_data(&self) -> Result<Data> {
        let args = [Some(self.node.as_str().into()), Some(self.arg.clone()), self.timeout.clone()];
        let args = args.into_iter().flatten().collect();
        Ok(Object::Positional { class: Class::new(MODULE, "Send"), args }.to_ext()?.into())
    }

    /// Reads a stored `Send`, also the `{"node": …, "args": …}` of JavaScript.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the value is none.
    pub fn from_data(data: &Data) -> Result<Self> {
        if let (Some(node), Some(arg)) = (data.get("node").and_then(Data::as_str), data.get("args")) {
            return Ok(Self::new(node, arg.clone()));
        }
        match Object::of(data)? {
            Some(Object::Positional { class, args })
                if class.name == "Send" && class.module.starts_with("langgraph.") =>
            {
                let mut args = args.into_iter();
                match (args.next(), args.next(), args.next(), args.next()) {
                    (Some(Data::Str(node)), Some(arg), timeout, None) => Ok(Self { node, arg, timeout }),
                    _ => Err(no("a Send")),
                }
            }
            _ => Err(no("a Send")),
        }
    }
}

impl Interrupt {
    /// Asks for an answer to `value`.
    pub fn new(value: impl Into<Data>, id: impl Into<String>) -> Self {
        Self { value: value.into(), id: Some(id.into()), rest: Map::from([("response_schema", Data::Nil)]) }
    }

    /// The value that is stored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a part cannot be written: see [`Data::to_msgpack`].
    pub fn to_data(&self) -> Result<Data> {
        let mut fields = Map::from([("value", self.value.clone())]);
        if let Some(id) = &self.id {
            fields.push("id", id.as_str());
        }
        for (key, value) in self.rest.iter() {
            fields.push(key.clone(), value.clone());
        }
        Ok(Object::Keyword { class: Class::new(MODULE, "Interrupt"), fields }.to_ext()?.into())
    }

    /// Reads a stored `Interrupt`, also the plain map of JavaScript.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the value is none.
    pub fn from_data(data: &Data) -> Result<Self> {
        let mut fields = match (Object::of(data)?, data) {
            (Some(Object::Keyword { class, fields }), _) if class.is(MODULE, "Interrupt") => fields,
            (None, Data::Map(map)) => map.clone(),
            _ => return Err(no("an Interrupt")),
        };
        let value = fields.remove("value").ok_or_else(|| no("an Interrupt"))?;
        let id = match fields.remove("id") {
            Some(Data::Str(id)) => Some(id),
            None => None,
            Some(_) => return Err(no("an Interrupt")),
        };
        Ok(Self { value, id, rest: fields })
    }
}

fn no(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a stored value is not {what}"))
}

impl Serialize for Send {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_data().map_err(|error| ser::Error::custom(carried(error)))?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Send {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_data(&Data::deserialize(deserializer)?).map_err(|error| de::Error::custom(carried(error)))
    }
}

impl Serialize for Interrupt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_data().map_err(|error| ser::Error::custom(carried(error)))?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Interrupt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_data(&Data::deserialize(deserializer)?).map_err(|error| de::Error::custom(carried(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_keeps_its_timeout_and_takes_javascripts_form() {
        let send = Send { timeout: Some(1.5.into()), ..Send::new("node", 1) };
        assert_eq!(Send::from_data(&send.to_data().unwrap()).unwrap(), send);
        let map = Map::from([("lg_name", Data::from("Send")), ("node", "node".into()), ("args", 1.into())]);
        assert_eq!(Send::from_data(&map.into()).unwrap(), Send::new("node", 1));
    }

    #[test]
    fn an_old_interrupt_keeps_what_it_had() {
        let fields = Map::from([("value", Data::from("?")), ("resumable", true.into()), ("ns", Data::Nil)]);
        let data = Object::Keyword { class: Class::new(MODULE, "Interrupt"), fields }.to_ext().unwrap().into();
        let interrupt = Interrupt::from_data(&data).unwrap();
        assert_eq!((interrupt.id.as_deref(), interrupt.rest.len()), (None, 2));
        assert_eq!(interrupt.to_data().unwrap(), data);
    }

    #[test]
    fn other_values_are_neither() {
        for data in [Data::Nil, 1.into(), Map::from([("node", 1)]).into(), Interrupt::new(1, "a").to_data().unwrap()] {
            assert_eq!(Send::from_data(&data).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        for data in [Data::Nil, Map::new().into(), Send::new("a", 1).to_data().unwrap()] {
            assert_eq!(Interrupt::from_data(&data).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}
