//! Putting messages in place of a whole history.

use persql_core::{Error, ErrorKind, Plan, Statement, pack_rows};

use super::{is_guard, save::encode};
use crate::{History, Message};

/// Puts messages in place of a history that was loaded, if it still is what it was.
pub(crate) fn replace(history: &History, messages: &[Message], operation_id: Option<&str>) -> Plan<()> {
    let place = &history.tail.place;
    let prepared = encode(messages, place.id()).and_then(|messages| {
        let texts =
            |messages: &[Message]| messages.iter().map(|message| message.as_json().to_owned()).collect::<Vec<_>>();
        let (old, new) = (texts(&history.stored), texts(&messages));
        let length = old.len().to_string();
        let content = ["replace", &length].into_iter().chain(old.iter().chain(&new).map(String::as_str));
        let operation = operation_id.map(|id| place.operation(id, content)).transpose()?;
        Ok((messages, operation))
    });
    let (messages, operation) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Plan::err(error),
    };
    // What stands before the first change keeps its rows.
    let same = history.stored.iter().zip(&messages).take_while(|(old, new)| old == new).count();
    if operation.is_none() && same == messages.len() && same == history.stored.len() {
        return Plan::ok(());
    }
    let sql = &place.texts;
    let guard = (place.id(), history.ids.len(), history.ids.last().copied());
    let mut batch: Vec<Statement> = operation.iter().map(|operation| operation.record(None)).collect();
    batch.push(Statement::new(sql.guard_whole.clone(), guard));
    let new: Vec<&str> = messages.iter().skip(same).map(Message::as_json).collect();
    batch.extend(pack_rows(new).into_iter().map(|pack| place.insert(pack)));
    // Last, so that the session never is without rows: whoever deletes its last row deletes the record of its operations.
    if let Some((first, last)) = history.ids.get(same).zip(history.ids.last()) {
        batch.push(Statement::new(sql.delete_between.clone(), (place.id(), *first, *last)));
    }
    let written = match operation {
        None => Plan::write(batch).creating(&sql.schema),
        Some(operation) => operation.apply(batch, &sql.schema).map(|_| ()),
    };
    written.or_else(|error| {
        Plan::err(if is_guard(&error) {
            Error::new(ErrorKind::Conflict, "the history is not what it was: load it again").with_source(error)
        } else {
            error
        })
    })
}
