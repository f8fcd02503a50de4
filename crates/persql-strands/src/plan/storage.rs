//! What the operations of a storage send.

use std::{cmp::Reverse, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use persql_core::{Error, ErrorKind, PageSize, Plan, Result, Rows, Statement, end_of_prefix, limits};

use crate::{SearchResult, SnapshotKeys, key, search::Query, texts::Texts};

/// Bytes of a part, with room for the key and the row's other columns.
const PART_BYTES: usize = limits::ROW_BYTES - 10_000;

/// Parts of one value: what is read is one answer, so it must have a bound.
const MOST_PARTS: usize = 16;

/// Keys of one answer.
const KEYS_AT_ONCE: usize = 4_096;

/// A storage as its plans know it.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) texts: Arc<Texts>,
    /// What stands before every key: empty, or a prefix with a slash at its end.
    pub(crate) prefix: Arc<str>,
}

impl Shelf {
    fn key(&self, key: &str) -> Result<String> {
        key::normalize(&format!("{}{}", self.prefix, key::normalize(key)?))
    }

    fn prefix(&self, prefix: &str) -> Result<String> {
        Ok(format!("{}{}", self.prefix, key::normalize_prefix(prefix)?))
    }
}

/// Writes values: all of them, or none. Bytes do not cross the wire, so what is no UTF-8 goes as base64.
pub(crate) fn write(shelf: &Shelf, values: &[(&str, &[u8])]) -> Result<Plan<()>> {
    let mut batch = Vec::new();
    for (position, (key, bytes)) in values.iter().enumerate() {
        let parts = shelf.key(key).and_then(|key| Ok((parts(bytes)?, key)));
        let (parts, key) = parts.map_err(|error| error.context("value", position))?;
        batch.push(Statement::new(shelf.texts.delete_value.clone(), [key.as_str()]));
        for (part, (encoding, text)) in parts.into_iter().enumerate() {
            let write = shelf.texts.write_part.clone();
            batch.push(Statement::new(write, (key.as_str(), part, encoding, text)));
        }
    }
    if batch.len() > limits::STATEMENTS {
        let (limit, found) = (limits::STATEMENTS, batch.len());
        return Err(Error::invalid(format!(
            "these values are too many for one transaction: they take {found} statements, and the limit is {limit}"
        )));
    }
    Ok(if batch.is_empty() { Plan::ok(()) } else { Plan::write(batch).creating(&shelf.texts.storage_schema) })
}

const UTF8: &str = "utf8";
const BASE64: &str = "base64";

fn parts(bytes: &[u8]) -> Result<Vec<(&'static str, String)>> {
    let parts: Vec<_> = match std::str::from_utf8(bytes) {
        Ok(text) => split_text(text).into_iter().map(|part| (UTF8, part.to_owned())).collect(),
        // Whole groups of three, so that the parts are whole base64 each.
        Err(_) => bytes.chunks(PART_BYTES / 4 * 3).map(|part| (BASE64, STANDARD.encode(part))).collect(),
    };
    if parts.len() > MOST_PARTS {
        let most = MOST_PARTS * PART_BYTES;
        return Err(Error::invalid(format!(
            "a value is too large: the limit is {most} bytes of text, three quarters of that of other bytes, and this has {}",
            bytes.len()
        )));
    }
    Ok(parts)
}

/// Parts of the text that end between characters. Nothing is one part, too.
fn split_text(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while text.len() > PART_BYTES {
        let end = (0..=PART_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (part, rest) = text.split_at(end);
        parts.push(part);
        text = rest;
    }
    parts.push(text);
    parts
}

pub(crate) fn read(shelf: &Shelf, key: &str) -> Result<Plan<Option<Vec<u8>>>> {
    let read = Statement::new(shelf.texts.read_value.clone(), [shelf.key(key)?]);
    Ok(Plan::read(read).or_absent(&shelf.texts.storage_schema).try_map(|rows| join(&rows)))
}

fn join(rows: &Rows) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(rows.payload_bytes());
    for row in rows.iter() {
        bytes.extend(part(row.get(0)?, row.get(1)?)?);
    }
    Ok((!rows.is_empty()).then_some(bytes))
}

fn part(encoding: &str, text: &str) -> Result<Vec<u8>> {
    match encoding {
        UTF8 => Ok(text.as_bytes().to_vec()),
        BASE64 => STANDARD.decode(text).map_err(|_| Error::new(ErrorKind::Corrupt, "a stored value is not base64")),
        _ => Err(Error::new(ErrorKind::Corrupt, "a stored value has an encoding that is not known here")),
    }
}

pub(crate) fn delete(shelf: &Shelf, key: &str) -> Result<Plan<()>> {
    let delete = Statement::new(shelf.texts.delete_value.clone(), [shelf.key(key)?]);
    Ok(Plan::write([delete]).or_nothing(&shelf.texts.storage_schema))
}

/// Deletes all that is under keys which begin with one of these prefixes.
pub(crate) fn delete_all(shelf: &Shelf, prefixes: &[&str]) -> Result<Plan<()>> {
    let delete = |prefix: &&str| {
        let prefix = shelf.prefix(prefix)?;
        let end = end_of_prefix(&prefix);
        Ok(Statement::new(shelf.texts.delete_keys.clone(), (prefix, end)))
    };
    let batch: Result<Vec<Statement>> = prefixes.iter().map(delete).collect();
    Ok(Plan::write(batch?).or_nothing(&shelf.texts.storage_schema))
}

/// The ids of an agent's immutable snapshots behind this one, oldest first.
pub(crate) fn list_snapshot_ids(
    shelf: &Shelf,
    keys: &SnapshotKeys,
    agent_id: &str,
    start_after: Option<&str>,
    limit: Option<usize>,
) -> Result<Plan<Vec<String>>> {
    let prefix = shelf.prefix(&keys.history(agent_id)?)?;
    let after = start_after.map_or(Ok(String::new()), |id| shelf.key(&keys.immutable(agent_id, id)?))?;
    if limit == Some(0) {
        return Ok(Plan::ok(Vec::new()));
    }
    Ok(keys_after(shelf.clone(), prefix, after, Vec::new()).map(move |keys| {
        let ids = keys.iter().filter_map(|key| SnapshotKeys::snapshot_id(key)).map(str::to_owned);
        ids.take(limit.unwrap_or(usize::MAX)).collect()
    }))
}

/// All keys that begin with the prefix, without the shelf's own.
pub(crate) fn list(shelf: &Shelf, prefix: &str) -> Result<Plan<Vec<String>>> {
    Ok(keys_after(shelf.clone(), shelf.prefix(prefix)?, String::new(), Vec::new()))
}

fn keys_after(shelf: Shelf, prefix: String, after: String, mut found: Vec<String>) -> Plan<Vec<String>> {
    let params = (prefix.as_str(), after, end_of_prefix(&prefix), KEYS_AT_ONCE);
    let list = Statement::new(shelf.texts.list_keys.clone(), params);
    Plan::read(list).or_absent(&shelf.texts.storage_schema).and_then(move |rows| {
        let mut last = String::new();
        for row in rows.iter() {
            match row.get::<&str>(0) {
                Ok(key) => {
                    found.push(key.strip_prefix(&*shelf.prefix).unwrap_or(key).to_owned());
                    key.clone_into(&mut last);
                }
                Err(error) => return Plan::err(error),
            }
        }
        if rows.len() < KEYS_AT_ONCE { Plan::ok(found) } else { keys_after(shelf, prefix, last, found) }
    })
}

/// All values in which a word of the question is, best first.
pub(crate) fn search(shelf: &Shelf, question: &str) -> Plan<Vec<SearchResult>> {
    let query = Query::new(question);
    if query.is_empty() {
        return Plan::ok(Vec::new());
    }
    search_after(shelf.clone(), query, PageSize::default(), String::new(), Vec::new()).map(|mut found| {
        // Those that are alike stay in the order of their keys.
        found.sort_by_key(|result| Reverse(result.score));
        found
    })
}

fn search_after(
    shelf: Shelf,
    query: Query,
    size: PageSize,
    after: String,
    mut found: Vec<SearchResult>,
) -> Plan<Vec<SearchResult>> {
    let params = (&*shelf.prefix, after, end_of_prefix(&shelf.prefix), PageSize::ROWS);
    let page = Statement::new(shelf.texts.list_values.clone(), params);
    size.read(usize::MAX, page, &shelf.texts.storage_schema).and_then(move |page| {
        match values(&page.rows) {
            Err(error) => Plan::err(error),
            Ok(values) => {
                // A page goes one row further than asked, if there is one.
                let is_last = page.rows.len() <= page.wanted;
                let last = values.last().map(|value| value.key.to_owned()).unwrap_or_default();
                found.extend(values.into_iter().filter_map(|Found { key, data }| {
                    // One that cannot be read is passed over, as the framework does: it shall not fail every search.
                    query.matched(key.strip_prefix(&*shelf.prefix).unwrap_or(key), data?)
                }));
                if is_last { Plan::ok(found) } else { search_after(shelf, query, page.next, last, found) }
            }
        }
    })
}

/// A value of a page, and its bytes if they can be read.
struct Found<'a> {
    key: &'a str,
    data: Option<Vec<u8>>,
}

fn values(rows: &Rows) -> Result<Vec<Found<'_>>> {
    let mut values: Vec<Found<'_>> = Vec::new();
    for row in rows.iter() {
        let (key, bytes) = (row.get::<&str>(0)?, part(row.get(1)?, row.get(2)?).ok());
        match values.last_mut() {
            Some(value) if value.key == key => match (&mut value.data, bytes) {
                (Some(data), Some(bytes)) => data.extend(bytes),
                (data, _) => *data = None,
            },
            _ => values.push(Found { key, data: bytes }),
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_between_characters_and_come_together_again() {
        for text in [String::new(), "é".repeat(PART_BYTES / 2 + 1), "x".repeat(PART_BYTES), "😀".repeat(1_000_000)] {
            let parts = split_text(&text);
            assert!(parts.iter().all(|part| part.len() <= PART_BYTES));
            assert_eq!(parts.concat(), text);
        }
        assert_eq!(split_text(""), [""]);
    }

    #[test]
    fn what_is_too_large_is_refused_with_the_limit() {
        let error = parts(&vec![b'x'; MOST_PARTS * PART_BYTES + 1]).unwrap_err();
        assert!(error.to_string().contains("the limit is 31840000 bytes"), "{error}");
        assert!(parts(&vec![0xff; MOST_PARTS * PART_BYTES]).is_err());
    }
}
