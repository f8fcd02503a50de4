//! What LangGraph's extension types mean.

use persql_core::{Error, ErrorKind, Result};

use super::data::{Class, Data, Ext, Map};
use super::{decode, encode};

/// A Python object, as one of LangGraph's eight extension types describes it.
///
/// On load, Python imports the class and calls it. Here it is only looked at: nothing is ever imported or called.
///
/// ```
/// use persql_checkpoint::serde::{Class, Data, Object};
///
/// let set = Object::Single { class: Class::new("builtins", "set"), arg: Data::from_iter([1]) };
/// let ext = set.to_ext()?;
/// assert_eq!(ext.code, 0);
/// assert_eq!(Object::of(&ext.into())?, Some(set));
/// # Ok::<_, persql_checkpoint::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Object {
    /// Code 0, a class and its only argument: UUID, Decimal, set, frozenset, deque, IP addresses, ZoneInfo, enums.
    Single {
        /// The class.
        class: Class,
        /// The argument.
        arg: Data,
    },
    /// Code 1, a class and its arguments: `Send`, dates, time spans, paths, regular expressions.
    Positional {
        /// The class.
        class: Class,
        /// The arguments.
        args: Vec<Data>,
    },
    /// Code 2, a class and its named arguments: dataclasses such as `Interrupt` and `Command`, named tuples, times.
    Keyword {
        /// The class.
        class: Class,
        /// The arguments.
        fields: Map,
    },
    /// Code 3, a class, its method and the argument: a datetime.
    Method {
        /// The class.
        class: Class,
        /// The method.
        method: String,
        /// The argument.
        arg: Data,
    },
    /// Code 4, a model of Pydantic 1.
    PydanticV1 {
        /// The class.
        class: Class,
        /// What the model holds, mostly a map.
        fields: Data,
    },
    /// Code 5, a model of Pydantic 2: all of LangChain's messages and documents.
    PydanticV2 {
        /// The class.
        class: Class,
        /// What the model holds, mostly a map.
        fields: Data,
    },
    /// Code 6, an array of NumPy.
    Array {
        /// The type of an item, as NumPy writes it, such as `<f4`.
        dtype: String,
        /// The length of each dimension.
        shape: Vec<u64>,
        /// The order of the items in memory: `C` (by rows) or `F` (by columns).
        order: String,
        /// The items.
        data: Vec<u8>,
    },
    /// Code 7, the whole value of a delta channel.
    DeltaSnapshot(Data),
}

/// The fourth part of code 5, always.
const MODEL_METHOD: &str = "model_validate_json";

impl Object {
    /// The object that a value is. `None` if it is no object, or of an extension that is not LangGraph's.
    ///
    /// Understands the constructors of JSON rows too: `{"lc": 2, "type": "constructor", …}` as older versions and
    /// JavaScript write them.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the extension is LangGraph's and its content is not what that extension holds.
    pub fn of(data: &Data) -> Result<Option<Self>> {
        match data {
            Data::Ext(ext) => Self::from_ext(ext),
            Data::Map(map) => Ok(Self::from_envelope(map)),
            _ => Ok(None),
        }
    }

    /// The object that an extension value is. `None` if the extension is not LangGraph's.
    ///
    /// # Errors
    /// As [`Object::of`].
    pub fn from_ext(ext: &Ext) -> Result<Option<Self>> {
        if !(0..=7).contains(&ext.code) {
            return Ok(None);
        }
        let payload = decode::decode(&ext.data)
            .map_err(|failure| failure.into_error().context("in an extension of code", ext.code))?;
        match Self::from_payload(ext.code, payload) {
            Some(object) => Ok(Some(object)),
            None => {
                let message = "a stored object cannot be read: it lacks its class or its arguments";
                Err(Error::new(ErrorKind::Corrupt, message).context("in an extension of code", ext.code))
            }
        }
    }

    fn from_payload(code: i8, payload: Data) -> Option<Self> {
        if code == 7 {
            return Some(Object::DeltaSnapshot(payload));
        }
        let Data::List(parts) = payload else { return None };
        let mut parts = parts.into_iter();
        if code == 6 {
            let (dtype, shape, order, data) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            let shape = shape.as_list()?.iter().map(Data::as_u64).collect::<Option<_>>()?;
            let (Data::Str(dtype), Data::Str(order), Data::Bytes(data)) = (dtype, order, data) else { return None };
            return parts.next().is_none().then_some(Object::Array { dtype, shape, order, data });
        }
        let (Data::Str(module), Data::Str(name), third) = (parts.next()?, parts.next()?, parts.next()?) else {
            return None;
        };
        let class = Class { module, name };
        let object = match (code, third) {
            (0, arg) => Object::Single { class, arg },
            (1, Data::List(args)) => Object::Positional { class, args },
            (2, Data::Map(fields)) => Object::Keyword { class, fields },
            (3, arg) => {
                let Data::Str(method) = parts.next()? else { return None };
                Object::Method { class, method, arg }
            }
            (4, fields) => Object::PydanticV1 { class, fields },
            (5, fields) if parts.next()?.as_str() == Some(MODEL_METHOD) => Object::PydanticV2 { class, fields },
            _ => return None,
        };
        parts.next().is_none().then_some(object)
    }

    /// The object that a map of a JSON row stands for.
    fn from_envelope(map: &Map) -> Option<Self> {
        if map.get("lc")?.as_i64() != Some(2) {
            return None;
        }
        match map.get("type")?.as_str()? {
            "delta_snapshot" => return map.get("value").cloned().map(Object::DeltaSnapshot),
            "constructor" => {}
            _ => return None,
        }
        let class = Class::from_path(map.get("id")?)?;
        let filled = |key| map.get(key).filter(|value| !value.is_nil());
        let args = filled("args").map(|args| args.as_list().map(<[Data]>::to_vec));
        match (args, filled("kwargs"), filled("method")) {
            (Some(args), None, None) => Some(Object::Positional { class, args: args? }),
            (None, Some(fields), None) => Some(Object::Keyword { class, fields: fields.as_map()?.clone() }),
            (Some(args), None, Some(method)) => {
                let (Some([arg]), method) = (args.as_deref(), only(method)?.as_str()?) else { return None };
                Some(Object::Method { class, method: method.to_owned(), arg: arg.clone() })
            }
            (None, None, None) => Some(Object::Positional { class, args: Vec::new() }),
            _ => None,
        }
    }

    /// The object as an extension value, as Python writes it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a part cannot be written: see [`Data::to_msgpack`].
    pub fn to_ext(&self) -> Result<Ext> {
        let of = |class: &Class, third: Data| vec![class.module.as_str().into(), class.name.as_str().into(), third];
        let with = |mut parts: Vec<Data>, last: &str| {
            parts.push(last.into());
            parts
        };
        let (code, parts) = match self {
            Object::Single { class, arg } => (0, of(class, arg.clone())),
            Object::Positional { class, args } => (1, of(class, args.clone().into())),
            Object::Keyword { class, fields } => (2, of(class, fields.clone().into())),
            Object::Method { class, method, arg } => (3, with(of(class, arg.clone()), method)),
            Object::PydanticV1 { class, fields } => (4, of(class, fields.clone())),
            Object::PydanticV2 { class, fields } => (5, with(of(class, fields.clone()), MODEL_METHOD)),
            Object::Array { dtype, shape, order, data } => {
                let shape = shape.iter().copied().collect();
                (6, vec![dtype.as_str().into(), shape, order.as_str().into(), data.as_slice().into()])
            }
            Object::DeltaSnapshot(value) => return Ok(Ext::new(7, encode::encode(value)?)),
        };
        Ok(Ext::new(code, encode::encode(&parts.into())?))
    }

    /// The class, if the object names one: arrays and delta snapshots do not.
    pub fn class(&self) -> Option<&Class> {
        match self {
            Object::Single { class, .. }
            | Object::Positional { class, .. }
            | Object::Keyword { class, .. }
            | Object::Method { class, .. }
            | Object::PydanticV1 { class, .. }
            | Object::PydanticV2 { class, .. } => Some(class),
            Object::Array { .. } | Object::DeltaSnapshot(_) => None,
        }
    }
}

impl Class {
    /// The class at the end of a path such as `["langchain_core", "messages", "HumanMessage"]`.
    pub(crate) fn from_path(path: &Data) -> Option<Self> {
        let parts = path.as_list()?.iter().map(Data::as_str).collect::<Option<Vec<_>>>()?;
        let (name, module) = parts.split_last()?;
        Some(Class::new(module.join("."), *name))
    }
}

impl Data {
    /// Whether this is the whole value of a delta channel, at which a walk through the channel's history ends.
    pub fn is_delta_snapshot(&self) -> bool {
        match self {
            Data::Ext(ext) => ext.code == 7,
            Data::Map(map) => matches!(Object::from_envelope(map), Some(Object::DeltaSnapshot(_))),
            _ => false,
        }
    }
}

/// The text, or the only text that is not nil in a list: how `method` is written.
fn only(method: &Data) -> Option<&Data> {
    let Data::List(items) = method else { return Some(method) };
    let mut items = items.iter().filter(|item| !item.is_nil());
    items.next().filter(|_| items.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(parts: &[Data]) -> Vec<u8> {
        encode::encode(&Data::List(parts.to_vec())).unwrap()
    }

    #[test]
    fn what_is_not_langgraphs_is_nobodys_object() {
        for code in [-128, -1, 8, 127] {
            assert_eq!(Object::from_ext(&Ext::new(code, [0xc1])).unwrap(), None);
        }
        assert_eq!(Object::of(&Data::Nil).unwrap(), None);
        assert_eq!(Object::of(&Map::from([("lc", 2)]).into()).unwrap(), None);
    }

    #[test]
    fn an_object_without_its_parts_is_corrupt() {
        let (module, name) = (Data::from("builtins"), Data::from("set"));
        let cases = [
            (0, vec![0xc1]),
            (0, vec![0xc0]),
            (0, list(&[module.clone(), name.clone()])),
            (0, list(&[module.clone(), name.clone(), Data::Nil, Data::Nil])),
            (0, list(&[Data::Nil, name.clone(), Data::Nil])),
            (1, list(&[module.clone(), name.clone(), Data::Nil])),
            (2, list(&[module.clone(), name.clone(), Data::Nil])),
            (3, list(&[module.clone(), name.clone(), Data::Nil])),
            (5, list(&[module, name, Data::Nil, "construct".into()])),
            (6, list(&["<i4".into(), Data::from_iter([-1]), "C".into(), [0u8].as_slice().into()])),
            (7, vec![]),
        ];
        for (code, payload) in cases {
            let error = Object::from_ext(&Ext::new(code, payload)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(!error.to_string().contains("builtins"), "{error}");
        }
    }
}
