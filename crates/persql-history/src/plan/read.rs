//! Reading a history, or the end of one.

use std::sync::Arc;

use persql_core::{Error, ErrorKind, PageSize, Plan, Result, Row, Statement, ValueRef};

use super::Place;
use crate::{
    History, Message, Tail,
    options::Options,
    repair,
    tail::{Known, Older},
};

/// The whole history.
pub(crate) fn get_messages(place: &Place, options: &Options) -> Plan<History> {
    let repair_orphans = options.repair_orphans;
    load(place, options).map(move |mut history| {
        if repair_orphans {
            history.visible = repair::without_orphans(history.visible.to_vec(), &[]).into();
        }
        history
    })
}

/// The whole history as it is stored, but for what compaction left out if the provider skips that.
pub(super) fn load(place: &Place, options: &Options) -> Plan<History> {
    let (place, options) = (place.clone(), options.clone());
    rows_after(place.clone(), 0, PageSize::default(), Vec::new(), Vec::new()).map(move |(ids, messages)| {
        let stored: Arc<[Message]> = messages.into();
        let visible = options.visible(&stored);
        let older = Older::Messages(Arc::clone(&stored));
        let known = Known {
            last_id: ids.last().copied(),
            first_id: ids.first().copied(),
            older,
            added: Vec::new(),
            complete: true,
        };
        History { visible, stored, ids: ids.into(), tail: Tail { place, known: Some(known) } }
    })
}

/// Reads pages from the oldest row on.
fn rows_after(
    place: Place,
    after: i64,
    size: PageSize,
    mut ids: Vec<i64>,
    mut messages: Vec<Message>,
) -> Plan<(Vec<i64>, Vec<Message>)> {
    let page = Statement::new(place.texts.messages_after.clone(), (place.id(), after, PageSize::ROWS));
    size.read(usize::MAX, page, &place.texts.schema).and_then(move |page| {
        for row in page.rows.iter() {
            match stored(&row) {
                Ok((id, message)) => {
                    ids.push(id);
                    messages.push(message);
                }
                Err(error) => return Plan::err(error),
            }
        }
        match ids.last().copied() {
            Some(last) if page.is_full() => rows_after(place, last, page.next, ids, messages),
            _ => Plan::ok((ids, messages)),
        }
    })
}

/// A row as a message.
fn stored(row: &Row<'_>) -> Result<(i64, Message)> {
    let id = row.get(0)?;
    let text = text_of(row)?.ok_or_else(|| "a stored message is no text".to_owned());
    let message = text.and_then(Message::parse).map_err(|reason| {
        Error::new(ErrorKind::Corrupt, format!("a stored message cannot be read: {reason}")).context("row", id)
    })?;
    Ok((id, message))
}

/// The text of a row; nothing if it is neither text nor UTF-8 bytes.
fn text_of<'a>(row: &Row<'a>) -> Result<Option<&'a str>> {
    Ok(match row.get::<ValueRef<'_>>(1)? {
        ValueRef::Text(text) => Some(text),
        ValueRef::Blob(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    })
}

/// Reads the end of the history: the newest `n` messages, or all if they are fewer.
pub(super) fn read_tail(place: &Place, n: usize) -> Plan<Tail> {
    newest_before(place.clone(), None, n, PageSize::default(), None, Vec::new())
}

/// Reads pages from the newest row back.
fn newest_before(
    place: Place,
    first_id: Option<i64>,
    n: usize,
    size: PageSize,
    mut last_id: Option<i64>,
    mut newest_first: Vec<Option<Message>>,
) -> Plan<Tail> {
    let missing = n.saturating_sub(newest_first.len());
    let before = first_id.unwrap_or(i64::MAX);
    let page = Statement::new(place.texts.messages_before.clone(), (place.id(), before, PageSize::ROWS));
    size.read(missing, page, &place.texts.schema).and_then(move |page| {
        let mut oldest = None;
        for row in page.rows.iter() {
            let (id, text) = match row.get::<i64>(0).and_then(|id| Ok((id, text_of(&row)?))) {
                Ok(found) => found,
                Err(error) => return Plan::err(error),
            };
            last_id = last_id.or(Some(id));
            oldest = Some(id);
            // What cannot be read is no reason not to save: it is like no other message.
            newest_first.push(text.and_then(|text| Message::parse(text).ok()));
        }
        match oldest {
            Some(oldest) if page.is_full() && newest_first.len() < n => {
                newest_before(place, Some(oldest), n, page.next, last_id, newest_first)
            }
            _ => {
                let complete = newest_first.len() < n;
                let older = Older::Rows(newest_first.into_iter().rev().collect());
                Plan::ok(Tail {
                    place,
                    known: Some(Known { last_id, first_id: oldest.or(first_id), older, added: Vec::new(), complete }),
                })
            }
        }
    })
}
