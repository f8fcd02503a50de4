//! What a row holds: keys, and a value as a tag and bytes.

use std::borrow::Cow;

use base64_simd::STANDARD;
use persql_core::{Error, ErrorKind, Result, Row, Value, ValueRef, limits};

use crate::{Layout, Metadata, serde::shown};

/// A value as it is stored: the serializer's tag, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed<'r> {
    pub(crate) tag: &'r str,
    pub(crate) bytes: Cow<'r, [u8]>,
}

/// A checkpoint's row.
#[derive(Debug)]
pub(crate) struct CheckpointRow<'r> {
    pub(crate) key: KeyRef<'r>,
    pub(crate) parent: Option<&'r str>,
    pub(crate) value: Typed<'r>,
    /// The text, unread.
    pub(crate) metadata: Option<&'r [u8]>,
    /// How many steps from the start of a chain; 0 elsewhere.
    pub(crate) depth: usize,
}

/// A write's row.
#[derive(Debug)]
pub(crate) struct WriteRow<'r> {
    pub(crate) key: KeyRef<'r>,
    pub(crate) task_id: &'r str,
    pub(crate) task_path: &'r str,
    pub(crate) idx: i64,
    pub(crate) channel: &'r str,
    pub(crate) value: Typed<'r>,
}

/// Where a checkpoint is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) thread_id: String,
    pub(crate) ns: String,
    pub(crate) id: String,
}

/// Where a checkpoint is, as a row says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyRef<'r> {
    pub(crate) thread_id: &'r str,
    pub(crate) ns: &'r str,
    pub(crate) id: &'r str,
}

/// A row of the statements that carry both.
pub(crate) enum AnyRow<'r> {
    Checkpoint(CheckpointRow<'r>),
    Write(WriteRow<'r>),
    /// How many there are.
    Count(usize),
}

impl Key {
    /// Says in an error which checkpoint it is about.
    pub(crate) fn explain(&self, error: Error) -> Error {
        self.borrowed().explain(error)
    }

    fn borrowed(&self) -> KeyRef<'_> {
        KeyRef { thread_id: &self.thread_id, ns: &self.ns, id: &self.id }
    }
}

impl KeyRef<'_> {
    /// Says in an error which checkpoint it is about.
    pub(crate) fn explain(self, error: Error) -> Error {
        error
            .context("thread", shown(self.thread_id))
            .context("namespace", shown(self.ns))
            .context("checkpoint", shown(self.id))
    }

    pub(crate) fn to_key(self) -> Key {
        Key { thread_id: self.thread_id.to_owned(), ns: self.ns.to_owned(), id: self.id.to_owned() }
    }
}

/// Where the columns stand in each statement that answers with these rows: kind, thread, namespace and id come first.
/// By position, since names would be compared for each cell.
mod column {
    pub(super) const PARENT: usize = 4;
    pub(super) const TASK_ID: usize = 5;
    pub(super) const PATH: usize = 6;
    /// A write's index, a chain's depth, or how many there are.
    pub(super) const IDX: usize = 7;
    pub(super) const CHANNEL: usize = 8;
    pub(super) const TYPE: usize = 9;
    pub(super) const VALUE: usize = 10;
    pub(super) const METADATA: usize = 11;
}

impl<'r> AnyRow<'r> {
    pub(crate) fn read(row: &Row<'r>, layout: Layout) -> Result<Self> {
        let kind: i64 = row.get(0)?;
        if kind == 2 {
            return Ok(AnyRow::Count(size(row)?.unwrap_or(usize::MAX)));
        }
        let key = KeyRef { thread_id: row.get(1)?, ns: row.get(2)?, id: row.get(3)? };
        if kind == 0 {
            return CheckpointRow::read(key, row, layout).map(AnyRow::Checkpoint).map_err(|error| key.explain(error));
        }
        WriteRow::read(key, row, layout).map(AnyRow::Write)
    }
}

/// The number in the column of that name, if it is one.
fn size(row: &Row<'_>) -> Result<Option<usize>> {
    Ok(row.get::<Option<u64>>(column::IDX)?.and_then(|size| size.try_into().ok()))
}

impl<'r> CheckpointRow<'r> {
    fn read(key: KeyRef<'r>, row: &Row<'r>, layout: Layout) -> Result<Self> {
        let metadata = match row.get(column::METADATA)? {
            ValueRef::Null => None,
            ValueRef::Text(text) => Some(text.as_bytes()),
            ValueRef::Blob(bytes) => Some(bytes),
            _ => return Err(Error::new(ErrorKind::Corrupt, "the stored metadata is a number")),
        };
        Ok(Self {
            key,
            parent: row.get::<Option<&str>>(column::PARENT)?.filter(|parent| !parent.is_empty()),
            value: Typed::read(row, layout)?,
            metadata,
            depth: size(row)?.unwrap_or(0),
        })
    }
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        Metadata::from_text(self.metadata).map_err(|error| self.key.explain(error))
    }
}

impl<'r> WriteRow<'r> {
    fn read(key: KeyRef<'r>, row: &Row<'r>, layout: Layout) -> Result<Self> {
        let of_checkpoint = |error| key.explain(error);
        let mut write = Self {
            key,
            task_id: row.get(column::TASK_ID).map_err(of_checkpoint)?,
            task_path: row.get(column::PATH).map_err(of_checkpoint)?,
            idx: row.get(column::IDX).map_err(of_checkpoint)?,
            channel: row.get(column::CHANNEL).map_err(of_checkpoint)?,
            value: Typed { tag: "", bytes: Cow::Borrowed(&[]) },
        };
        write.value = Typed::read(row, layout).map_err(|error| write.explain(error))?;
        Ok(write)
    }

    /// Says in an error which write it is about.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let error = self.key.explain(error).context("channel", shown(self.channel));
        error.context("task", shown(self.task_id)).context("index", self.idx)
    }
}

impl<'r> Typed<'r> {
    fn read(row: &Row<'r>, layout: Layout) -> Result<Self> {
        let Some(tag) = row.get(column::TYPE)? else {
            return Err(Error::new(ErrorKind::Corrupt, "a stored value has no type"));
        };
        let bytes = match (layout, row.get(column::VALUE)?) {
            (Layout::PerSql, ValueRef::Text(text)) => {
                let bytes = STANDARD.decode_to_vec(text);
                Cow::Owned(bytes.map_err(|_| Error::new(ErrorKind::Corrupt, "a stored value is not base64"))?)
            }
            (Layout::SqliteSaver, ValueRef::Blob(bytes)) => Cow::Borrowed(bytes),
            // JavaScript's values are JSON, and so mean the same as text.
            (Layout::SqliteSaver, ValueRef::Text(text)) if tag == "json" => Cow::Borrowed(text.as_bytes()),
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
            Layout::PerSql => Value::Text(STANDARD.encode_to_string(&self.bytes)),
            Layout::SqliteSaver => Value::Blob(self.bytes.to_vec()),
        }
    }

    /// The text that stands for the bytes in a JSON array.
    pub(crate) fn to_packed(&self, layout: Layout) -> String {
        match layout {
            Layout::PerSql => STANDARD.encode_to_string(&self.bytes),
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
