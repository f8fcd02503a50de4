//! Forms for the fields of a struct: `#[serde(with = "…")]` with the name of a module.
//!
//! Without them a UUID, a datetime or a set of Rust is written as text or as a list, and Python would get text or a list.
//! With them it is written as the object that Python has for it. Reading takes both. `None` stays `None`.
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! use persql_checkpoint::serde::{from_data, to_data};
//!
//! #[derive(serde::Deserialize, serde::Serialize)]
//! struct State {
//!     #[serde(with = "persql_checkpoint::serde::with::set")]
//!     seen: BTreeSet<String>,
//!     #[serde(with = "persql_checkpoint::serde::with::datetime")]
//!     due: Option<String>,
//! }
//!
//! let state = State { seen: BTreeSet::from(["tea".to_owned()]), due: Some("2024-05-04T06:32:42Z".to_owned()) };
//! let data = to_data(&state)?;
//! assert!(data.get("seen").unwrap().as_ext().is_some(), "a Python set, not a list");
//! assert_eq!(from_data::<State>(&data)?.seen, state.seen);
//! # Ok::<_, persql_checkpoint::Error>(())
//! ```

use persql_core::Result;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{self, Serialize, Serializer};

use super::data::Data;
use super::misfit::carried;
use super::object::Object;
use super::{from_data, plain, python, to_data};

fn write<T, S>(value: &T, serializer: S, form: fn(Data) -> Result<Data>) -> std::result::Result<S::Ok, S::Error>
where
    T: Serialize + ?Sized,
    S: Serializer,
{
    let data = to_data(value).map_err(|error| ser::Error::custom(carried(error)))?;
    let data = if data.is_nil() { data } else { form(data).map_err(|error| ser::Error::custom(carried(error)))? };
    data.serialize(serializer)
}

fn read<'de, T, D>(deserializer: D) -> std::result::Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let data = Data::deserialize(deserializer)?;
    let data = Object::of(&data).map_err(|error| de::Error::custom(carried(error)))?.map_or(data, plain::of_object);
    from_data(&data).map_err(|error| de::Error::custom(carried(error)))
}

fn text(data: Data, form: fn(&str) -> Result<Data>) -> Result<Data> {
    match data.as_str() {
        Some(text) => form(text),
        None => Err(persql_core::Error::invalid(format!("{} where text is wanted", data.type_name()))),
    }
}

fn items(data: Data, form: fn(Vec<Data>) -> Result<Data>) -> Result<Data> {
    match data {
        Data::List(items) => form(items),
        other => Err(persql_core::Error::invalid(format!("{} where a list is wanted", other.type_name()))),
    }
}

/// Whatever serializes as a UUID's text, as a `uuid.UUID`.
pub mod uuid {
    use super::{DeserializeOwned, Deserializer, Serialize, Serializer, python, read, text, write};

    /// Writes a UUID.
    ///
    /// # Errors
    /// If the value is not written as a UUID's text.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        write(value, serializer, |data| text(data, python::uuid))
    }

    /// Reads a UUID.
    ///
    /// # Errors
    /// If the type does not take the UUID's text.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        read(deserializer)
    }
}

/// Whatever serializes as text of ISO 8601 or RFC 3339, as a `datetime.datetime`.
pub mod datetime {
    use super::{DeserializeOwned, Deserializer, Serialize, Serializer, python, read, text, write};

    /// Writes a datetime.
    ///
    /// # Errors
    /// If the value is not written as a date with a time of day.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        write(value, serializer, |data| text(data, python::datetime))
    }

    /// Reads a datetime.
    ///
    /// # Errors
    /// If the type does not take the datetime's text.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        read(deserializer)
    }
}

/// Whatever serializes as a number's text, as a `decimal.Decimal`.
pub mod decimal {
    use super::{DeserializeOwned, Deserializer, Serialize, Serializer, python, read, text, write};

    /// Writes a decimal.
    ///
    /// # Errors
    /// If the value is not written as a number's text.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        write(value, serializer, |data| text(data, python::decimal))
    }

    /// Reads a decimal.
    ///
    /// # Errors
    /// If the type does not take the number's text.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        read(deserializer)
    }
}

/// Whatever serializes as a list, as a `set`.
pub mod set {
    use super::{DeserializeOwned, Deserializer, Serialize, Serializer, items, python, read, write};

    /// Writes a set.
    ///
    /// # Errors
    /// If the value is not written as a list.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        write(value, serializer, |data| items(data, python::set))
    }

    /// Reads a set.
    ///
    /// # Errors
    /// If the type does not take the items as a list.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        read(deserializer)
    }
}

/// Whatever serializes as a list of small numbers, such as `Vec<u8>`, as `bytes`.
pub mod bytes {
    use super::{Data, DeserializeOwned, Deserializer, Serialize, Serializer, read, write};
    use persql_core::Error;

    /// Writes bytes.
    ///
    /// # Errors
    /// If the value is not written as bytes or as numbers from 0 to 255.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        write(value, serializer, |data| match data {
            Data::Bytes(_) => Ok(data),
            Data::List(items) => {
                let byte = |item: Data| item.as_u64().and_then(|number| u8::try_from(number).ok());
                let bytes = items.into_iter().map(byte).collect::<Option<_>>();
                bytes.map(Data::Bytes).ok_or_else(|| Error::invalid("a number that is not a byte"))
            }
            other => Err(Error::invalid(format!("{} where bytes are wanted", other.type_name()))),
        })
    }

    /// Reads bytes.
    ///
    /// # Errors
    /// If the type takes neither bytes nor a list of them.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        read(deserializer)
    }
}
