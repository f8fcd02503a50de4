//! What a row holds: keys, and a value as a tag and bytes.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use persql_core::{Error, ErrorKind, Result, Row, Value, ValueRef, limits};

use crate::{Layout, Metadata, sql::Texts};

/// A value as it is stored: the serializer's tag, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) tag: String,
    pub(crate) bytes: Vec<u8>,
}

/// A checkpoint's row.
#[derive(Clone, Debug)]
pub(crate) struct CheckpointRow {
    pub(crate) key: Key,
    pub(crate) parent: Option<String>,
    pub(crate) value: Typed,
    /// The text, unread.
    pub(crate) metadata: Option<Vec<u8>>,
    /// How many steps from the start of a chain; 0 elsewhere.
    pub(crate) depth: usize,
}

/// A write's row.
#[derive(Clone, Debug)]
pub(crate) struct WriteRow {
    pub(crate) key: Key,
    pub(crate) task_id: String,
    pub(crate) task_path: String,
    pub(crate) idx: i64,
    pub(crate) channel: String,
    pub(crate) value: Typed,
}

/// Where a checkpoint is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) thread_id: String,
    pub(crate) ns: String,
    pub(crate) id: String,
}

/// A row of the statements that carry both.
pub(crate) enum AnyRow {
    Checkpoint(CheckpointRow),
    Write(WriteRow),
    /// How many there are.
    Count(usize),
}

impl Key {
    /// Says in an error which checkpoint it is about.
    pub(crate) fn explain(&self, error: Error) -> Error {
        error
            .context("thread", shown(&self.thread_id))
            .context("namespace", shown(&self.ns))
            .context("checkpoint", shown(&self.id))
    }
}

/// A name of somebody else's, short enough for an error's text.
fn shown(name: &str) -> String {
    let short: String = name.chars().take(60).collect();
    format!("{short:?}")
}

impl AnyRow {
    pub(crate) fn read(row: &Row<'_>, texts: &Texts) -> Result<Self> {
        let kind: i64 = row.get(0)?;
        if kind == 2 {
            let count: u64 = row.get("idx")?;
            return Ok(AnyRow::Count(usize::try_from(count).unwrap_or(usize::MAX)));
        }
        let key = Key { thread_id: row.get(1)?, ns: row.get(2)?, id: row.get(3)? };
        Self::read_rest(kind, key.clone(), row, texts).map_err(|error| key.explain(error))
    }

    fn read_rest(kind: i64, key: Key, row: &Row<'_>, texts: &Texts) -> Result<Self> {
        let value = Typed::read(row, texts.layout)?;
        if kind == 0 {
            let depth = row.get::<Option<u64>>("idx")?.and_then(|depth| depth.try_into().ok()).unwrap_or(0);
            let parent = row.get::<Option<String>>("parent")?.filter(|parent| !parent.is_empty());
            let metadata = match row.get::<ValueRef<'_>>("metadata")? {
                ValueRef::Null => None,
                ValueRef::Text(text) => Some(text.as_bytes().to_owned()),
                ValueRef::Blob(bytes) => Some(bytes.to_owned()),
                _ => return Err(Error::new(ErrorKind::Corrupt, "the stored metadata is a number")),
            };
            return Ok(AnyRow::Checkpoint(CheckpointRow { key, parent, value, metadata, depth }));
        }
        Ok(AnyRow::Write(WriteRow {
            key,
            task_id: row.get("task_id")?,
            task_path: row.get("path")?,
            idx: row.get("idx")?,
            channel: row.get("channel")?,
            value,
        }))
    }
}

impl CheckpointRow {
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        Metadata::from_text(self.metadata.as_deref()).map_err(|error| self.key.explain(error))
    }
}

impl Typed {
    fn read(row: &Row<'_>, layout: Layout) -> Result<Self> {
        let Some(tag) = row.get::<Option<String>>("type")? else {
            return Err(Error::new(ErrorKind::Corrupt, "a stored value has no type"));
        };
        let bytes = match (layout, row.get::<ValueRef<'_>>("value")?) {
            (Layout::PerSql, ValueRef::Text(text)) => {
                STANDARD.decode(text).map_err(|_| Error::new(ErrorKind::Corrupt, "a stored value is not base64"))?
            }
            (Layout::SqliteSaver, ValueRef::Blob(bytes)) => bytes.to_owned(),
            // JavaScript's values are JSON, and so mean the same as text.
            (Layout::SqliteSaver, ValueRef::Text(text)) if tag == "json" => text.as_bytes().to_owned(),
            (Layout::PerSql, ValueRef::Blob(_)) | (Layout::SqliteSaver, ValueRef::Text(_)) => {
                return Err(layout.refused(layout.other()));
            }
            (_, other) => {
                let found = other.type_name();
                return Err(Error::new(ErrorKind::Corrupt, format!("a stored value is {found}")));
            }
        };
        Ok(Self { tag, bytes })
    }

    /// The parameter that stores the bytes.
    pub(crate) fn to_param(&self, layout: Layout) -> Value {
        match layout {
            Layout::PerSql => Value::Text(STANDARD.encode(&self.bytes)),
            Layout::SqliteSaver => Value::Blob(self.bytes.clone()),
        }
    }

    /// The text that stands for the bytes in a JSON array.
    pub(crate) fn to_packed(&self, layout: Layout) -> String {
        match layout {
            Layout::PerSql => STANDARD.encode(&self.bytes),
            Layout::SqliteSaver => self.bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect(),
        }
    }

    /// Bytes that the value takes in a row.
    pub(crate) fn size(&self, layout: Layout) -> usize {
        self.tag.len()
            + match layout {
                Layout::PerSql => self.bytes.len().div_ceil(3) * 4,
                Layout::SqliteSaver => self.bytes.len(),
            }
    }
}

fn hex_digit(nibble: u8) -> char {
    char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 })
}

/// The metadata's text, as the layout stores it.
pub(crate) fn metadata_param(text: Cow<'_, [u8]>, layout: Layout) -> Result<Value> {
    match layout {
        Layout::SqliteSaver => Ok(Value::Blob(text.into_owned())),
        Layout::PerSql => String::from_utf8(text.into_owned())
            .map(Value::Text)
            .map_err(|_| Error::new(ErrorKind::Corrupt, "the stored metadata is not UTF-8")),
    }
}

/// Refuses a row that the engine would refuse.
pub(crate) fn check_row(what: &str, keys: &[&str], payload: usize) -> Result<()> {
    // The header, and the index that repeats the keys.
    let size = keys.iter().map(|key| key.len()).sum::<usize>() + payload + 100;
    if size > limits::ROW_BYTES {
        let limit = limits::ROW_BYTES;
        return Err(Error::invalid(format!(
            "{what} is too large: the limit of a row is {limit} bytes, and this takes {size}"
        )));
    }
    Ok(())
}

/// The longest id of a thread, a checkpoint or a task, a namespace or a path. An index repeats most of them.
const MOST_ID_BYTES: usize = 4_096;

/// Refuses an id that no row should carry.
pub(crate) fn check_ids(ids: &[(&str, &str)]) -> Result<()> {
    match ids.iter().find(|(_, id)| id.len() > MOST_ID_BYTES) {
        None => Ok(()),
        Some((what, id)) => {
            let length = id.len();
            Err(Error::invalid(format!("{what} has at most {MOST_ID_BYTES} bytes, and this has {length}")))
        }
    }
}
