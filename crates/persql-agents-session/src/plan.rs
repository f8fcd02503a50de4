//! What each operation sends, and how its answer is read. No I/O.

mod read;
mod sessions;
mod tail;

use std::sync::Arc;

use persql_core::{Error, ErrorKind, Operation, Pack, Plan, Recorded, Result, SqlErrorKind, Statement, pack_rows};

use crate::{
    Limit,
    item::{Decode, Stored, as_nothing, as_text},
    limit::Count,
    sql::Texts,
};

pub(crate) use read::read_items;
use read::read_window;
pub(crate) use sessions::{count, delete_inactive, list};
pub(crate) use tail::{replace_tail, replace_tail_once, tail};

/// A session as its plans know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) texts: Arc<Texts>,
    pub(crate) session_id: Arc<str>,
}

/// Longest session id. An index holds it, and every row repeats it.
const MOST_ID_BYTES: usize = 4_096;

impl Place {
    /// Refuses a session id that no row should carry.
    pub(crate) fn check(&self) -> Result<()> {
        let length = self.session_id.len();
        if length > MOST_ID_BYTES {
            return Err(Error::invalid(format!(
                "a session id has at most {MOST_ID_BYTES} bytes, and this has {length}"
            )));
        }
        Ok(())
    }

    fn id(&self) -> &str {
        &self.session_id
    }

    /// An operation of this session with an id of the caller's.
    pub(crate) fn operation<'a>(&self, id: &str, content: impl IntoIterator<Item = &'a str>) -> Result<Operation> {
        Operation::new(&format!("{}{}", self.texts.scope, self.session_id), id, content)
    }
}

/// Adds texts to the end: all of them, or none.
pub(crate) fn add_items(place: &Place, texts: Vec<String>) -> Plan<()> {
    if texts.is_empty() {
        return Plan::ok(());
    }
    Plan::write(append(place, texts)).creating(&place.texts.schema)
}

/// Adds texts to the end, once for this operation id.
pub(crate) fn add_items_once(place: &Place, id: &str, texts: Vec<String>) -> Plan<()> {
    let operation = match place.operation(id, std::iter::once("add").chain(texts.iter().map(String::as_str))) {
        Ok(operation) => operation,
        Err(error) => return Plan::err(error),
    };
    if texts.is_empty() {
        return Plan::ok(());
    }
    let batch = std::iter::once(operation.record(None)).chain(append(place, texts));
    operation.apply(batch, &place.texts.schema).map(|_| ())
}

fn append(place: &Place, texts: Vec<String>) -> Vec<Statement> {
    let mut batch = vec![Statement::new(place.texts.touch_session.clone(), [place.id()])];
    batch.extend(pack_rows(texts).into_iter().map(|pack| match pack {
        Pack::Many { array, .. } => Statement::new(place.texts.insert_items.clone(), (place.id(), array)),
        Pack::One(text) => Statement::new(place.texts.insert_item.clone(), (place.id(), text)),
    }));
    batch
}

/// Removes the newest item and gives its text. Newer rows that are not JSON are dropped on the way.
pub(crate) fn pop_text(place: &Place) -> Plan<Option<String>> {
    let place = place.clone();
    let pop = Statement::new(place.texts.pop_newest.clone(), [place.id()]);
    Plan::write_returning(pop).or_absent(&place.texts.schema).and_then(move |rows| {
        let Some(row) = rows.first() else { return Plan::ok(None) };
        match Stored::from_row(&row) {
            Ok(stored) => match stored.valid_text() {
                Some(text) => Plan::ok(Some(text.to_owned())),
                None => pop_text(&place),
            },
            Err(error) => Plan::err(error),
        }
    })
}

/// Removes the newest item if it can be read; if not, the item stays and the error is given.
pub(crate) fn pop_as<T: Send + 'static>(place: &Place, decode: Decode<T>) -> Plan<Option<T>> {
    let place = place.clone();
    read_window(&place, Limit::items(1), decode).and_then(move |window| {
        let Some((newest, oldest)) = window.ends else { return Plan::ok(None) };
        let pop = Statement::new(place.texts.pop_from.clone(), (place.id(), oldest, newest));
        Plan::write_returning(pop).or_absent(&place.texts.schema).and_then(move |deleted| {
            let ours = deleted.iter().any(|row| row.get::<i64>(0).is_ok_and(|id| id == oldest));
            // If not, somebody was faster: their pop took our item, or their add put a newer one on top.
            if ours { Plan::ok(window.newest_first.into_iter().next()) } else { pop_as(&place, decode) }
        })
    })
}

/// Removes the newest item once for this operation id, and gives the same item for ever after.
pub(crate) fn pop_once<T: Send + 'static>(place: &Place, id: &str, decode: Decode<T>) -> Plan<Option<T>> {
    let place = place.clone();
    let operation = match place.operation(id, ["pop"]) {
        Ok(operation) => operation,
        Err(error) => return Plan::err(error),
    };
    operation.find(&place.texts.schema).and_then(move |found| match found {
        Some(recorded) => Plan::result(decode_recorded(recorded, decode)),
        None => pop_and_record(place, operation, decode),
    })
}

fn pop_and_record<T: Send + 'static>(place: Place, operation: Operation, decode: Decode<T>) -> Plan<Option<T>> {
    read_window(&place, Limit::items(1), as_text).and_then(move |window| {
        let text = window.newest_first.into_iter().next();
        let mut batch = vec![operation.record(text.as_deref())];
        let mut value = None;
        match window.ends {
            Some((newest, oldest)) => {
                // Before anything is deleted: an item that the type cannot hold stays.
                match text.as_deref().map_or(Ok(None), |text| decode(&Stored::new(oldest, text))) {
                    Ok(decoded) => value = decoded,
                    Err(error) => return Plan::err(error),
                }
                batch.push(Statement::new(place.texts.guard_pop.clone(), (place.id(), oldest, newest)));
                batch.push(Statement::new(place.texts.delete_from.clone(), (place.id(), oldest)));
            }
            // The record goes when its session goes, so there must be one.
            None => batch.push(Statement::new(place.texts.ensure_session.clone(), [place.id()])),
        }
        operation.apply(batch, &place.texts.schema).then(move |outcome| match outcome {
            Ok(Some(recorded)) => Plan::result(decode_recorded(recorded, decode)),
            Ok(None) => Plan::ok(value),
            Err(error) if is_guard(&error) => pop_and_record(place, operation, decode),
            Err(error) => Plan::err(error),
        })
    })
}

fn decode_recorded<T>(recorded: Recorded, decode: Decode<T>) -> Result<Option<T>> {
    let Some(text) = recorded.result else { return Ok(None) };
    decode(&Stored::new(0, &text)).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "the item that this operation removed does not fit the type").with_source(error)
    })
}

/// Whether a guard statement stopped the batch.
fn is_guard(error: &Error) -> bool {
    error.sql_kind() == Some(SqlErrorKind::NotNullViolation)
}

/// Deletes all items of the session, and the session.
pub(crate) fn clear(place: &Place) -> Plan<()> {
    let delete = [&place.texts.delete_items, &place.texts.delete_session];
    Plan::write(delete.map(|sql| Statement::new(sql.clone(), [place.id()]))).or_nothing(&place.texts.schema)
}

/// Deletes all items that are older than the limit.
pub(crate) fn trim(place: &Place, keep: Limit) -> Plan<()> {
    if matches!(keep.count, Count::All | Count::Default) {
        return Plan::ok(());
    }
    let place = place.clone();
    read_window(&place, keep, as_nothing).and_then(move |window| {
        let delete = match window.ends {
            _ if !window.full => return Plan::ok(()),
            Some((_, oldest)) => Statement::new(place.texts.delete_before.clone(), (place.id(), oldest)),
            None => Statement::new(place.texts.delete_items.clone(), [place.id()]),
        };
        Plan::write([delete]).or_nothing(&place.texts.schema)
    })
}
