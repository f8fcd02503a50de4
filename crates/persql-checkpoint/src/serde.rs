//! Values as LangGraph's serializer stores them, in bytes that Python reads and writes too.
//!
//! - [`Serializer`]: a row's tag and bytes, and the value that they are.
//! - [`Data`]: a value. An object of Python in it is an [`Ext`]; [`Object`] says what one means.
//! - [`to_data`] and [`from_data`]: your own types. [`with`] has forms for fields that are a set or a datetime in Python.
//! - [`Message`], [`Send`], [`Interrupt`]: what graphs store most. [`python`] makes values of Python's own types.
//!
//! Nothing that is read is ever called: a stored object is data, whoever wrote it. What is not understood is kept.
//!
//! Source of the format: langgraph-checkpoint 4.3.2 with ormsgpack 1.13.1, langgraph 1.2.22 and langchain-core 1.7.2;
//! `@langchain/langgraph-checkpoint` 1.1.5 for JSON rows.
//!
//! # What holds
//!
//! - What Python wrote and this crate reads, it writes again byte for byte, and what it writes Python reads.
//! - Reading takes memory of at most 33 times the bytes, whatever they are, and no recursion: up to [`MAX_DECODE_DEPTH`]
//!   levels, as Python. Writing takes up to [`MAX_ENCODE_DEPTH`], since Python could not write more again.
//! - An error says what is wrong and at which byte. It holds nothing of the bytes but a channel's name.
//! - Python also reads a value that has more bytes behind it. Here that is an error.
//!
//! # Your own state, without losing what others put there
//!
//! A struct reads the fields that it names. To write them back and leave everything else as it is, put its fields over
//! the value that was read:
//!
//! ```
//! use persql_checkpoint::serde::{Data, Map, Message, from_data, to_data};
//!
//! #[derive(serde::Deserialize, serde::Serialize)]
//! struct State {
//!     messages: Vec<Message>,
//! }
//!
//! let mut values = Map::from([("messages", to_data(&[Message::human("hi")])?), ("other", Data::from(7))]);
//! let mut state: State = from_data(&values.clone().into())?;
//! state.messages.push(Message::ai("hello"));
//! values.extend(to_data(&state)?.into_map()?);
//! assert_eq!(values.get("other"), Some(&Data::from(7)));
//! # Ok::<_, persql_checkpoint::Error>(())
//! ```

#[cfg(feature = "aes")]
mod aes;
mod data;
mod de;
mod decode;
mod encode;
mod json;
mod message;
mod misfit;
mod object;
mod plain;
pub mod python;
mod send;
mod ser;
mod serializer;
mod token;
pub mod with;

pub use data::{Class, Data, Ext, Map};
pub use de::{MAX_TYPED_DEPTH, from_data};
pub use decode::MAX_DECODE_DEPTH;
pub use encode::MAX_ENCODE_DEPTH;
pub use message::{Message, ToolCall};
pub use object::Object;
pub use send::{Interrupt, Send};
pub use ser::to_data;
pub use serializer::Serializer;

pub(crate) use decode::shown;
