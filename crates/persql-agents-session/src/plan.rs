//! What each operation sends, and how its answer is read. No I/O.

use std::sync::Arc;

use persql_core::{
    Error, ErrorKind, Operation, Pack, PageSize, Plan, Recorded, Result, Rows, Statement, pack, pack_rows,
};

use crate::{
    Limit,
    item::{Decode, Head, OpenCalls, Stored, as_nothing, as_text},
    limit::Count,
    sessions::{ListSessions, SessionInfo},
    sql::Texts,
    tail::Tail,
};

/// A session as its plans know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) texts: Arc<Texts>,
    pub(crate) session_id: Arc<str>,
}

/// Longest session id. An index holds it, and every row repeats it.
const MOST_ID_BYTES: usize = 4_096;

/// How far before a limit the call of an output is looked for.
const FURTHEST_CALL: usize = 1_000;

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

/// The newest items within the limit, oldest first.
pub(crate) fn read_items<T: Send + 'static>(place: &Place, limit: Limit, decode: Decode<T>) -> Plan<Vec<T>> {
    match limit.count {
        Count::All | Count::Default => all_after(place.clone(), 0, PageSize::default(), Vec::new(), decode),
        _ => read_window(place, limit, decode).map(|window| {
            let mut items = window.newest_first;
            items.reverse();
            items
        }),
    }
}

/// Reads pages from the oldest row on.
fn all_after<T: Send + 'static>(
    place: Place,
    after: i64,
    mut size: PageSize,
    mut items: Vec<T>,
    decode: Decode<T>,
) -> Plan<Vec<T>> {
    let wanted = size.rows(usize::MAX);
    let page = Statement::new(place.texts.items_after.clone(), (place.id(), after, to_i64(wanted)));
    Plan::read(page).or_absent(&place.texts.schema).and_then(move |rows| {
        let last = match each(&rows, |stored| {
            items.extend(decode(stored)?);
            Ok(())
        }) {
            Ok(last) => last,
            Err(error) => return Plan::err(error),
        };
        match last {
            Some(last) if rows.len() >= wanted => {
                size.learn(&rows);
                all_after(place, last, size, items, decode)
            }
            _ => Plan::ok(items),
        }
    })
}

/// Shows every row to `look`; the id of the last.
fn each(rows: &Rows, mut look: impl FnMut(&Stored<'_>) -> Result<()>) -> Result<Option<i64>> {
    let mut last = None;
    for row in rows.iter() {
        let stored = Stored::from_row(&row)?;
        look(&stored)?;
        last = Some(stored.id);
    }
    Ok(last)
}

/// The newest part of a history, read backwards.
#[derive(Debug)]
struct Window<T> {
    limit: Limit,
    newest_first: Vec<T>,
    /// Valid items, or turns, found so far.
    found: usize,
    /// Whether the limit was reached. If not, the history is no longer than this.
    full: bool,
    /// The ids of the newest and the oldest row of the window, items or not.
    ends: Option<(i64, i64)>,
    open: OpenCalls,
}

fn read_window<T: Send + 'static>(place: &Place, limit: Limit, decode: Decode<T>) -> Plan<Window<T>> {
    let full = matches!(limit.count, Count::Items(0) | Count::Turns(0));
    let window = Window { limit, newest_first: Vec::new(), found: 0, full, ends: None, open: OpenCalls::default() };
    if full {
        return Plan::ok(window);
    }
    let place = place.clone();
    newest_before(place.clone(), i64::MAX, PageSize::default(), window, decode).and_then(move |window| {
        match window.ends {
            Some((_, oldest)) if window.full && limit.whole_calls && !window.open.is_empty() => {
                find_calls(place, oldest, PageSize::default(), window, Vec::new(), decode)
            }
            _ => Plan::ok(window),
        }
    })
}

/// Reads pages from the newest row back, until the window is full.
fn newest_before<T: Send + 'static>(
    place: Place,
    before: i64,
    mut size: PageSize,
    mut window: Window<T>,
    decode: Decode<T>,
) -> Plan<Window<T>> {
    let wanted = size.rows(match window.limit.count {
        // For the rows that turned out not to be JSON, as many again as were read: the SDK doubles its window likewise.
        Count::Items(n) => n.saturating_sub(window.found).max(if before == i64::MAX { 0 } else { size.rows(n) }),
        _ => usize::MAX,
    });
    let page = Statement::new(place.texts.items_before.clone(), (place.id(), before, to_i64(wanted)));
    Plan::read(page).or_absent(&place.texts.schema).and_then(move |rows| {
        let last = match each(&rows, |stored| window.take(stored, decode)) {
            Ok(last) => last,
            Err(error) => return Plan::err(error),
        };
        match last {
            Some(last) if !window.full && rows.len() >= wanted => {
                size.learn(&rows);
                newest_before(place, last, size, window, decode)
            }
            _ => Plan::ok(window),
        }
    })
}

impl<T> Window<T> {
    fn take(&mut self, stored: &Stored<'_>, decode: Decode<T>) -> Result<()> {
        if self.full {
            return Ok(());
        }
        let newest = self.ends.map_or(stored.id, |(newest, _)| newest);
        self.ends = Some((newest, stored.id));
        let Some(item) = decode(stored)? else { return Ok(()) };
        self.newest_first.push(item);
        let head = if self.limit.whole_calls || matches!(self.limit.count, Count::Turns(_)) {
            stored.valid_text().map(Head::of).unwrap_or_default()
        } else {
            Head::default()
        };
        self.open.see(&head);
        self.found += usize::from(match self.limit.count {
            Count::Turns(_) => head.is_user(),
            _ => true,
        });
        self.full = matches!(self.limit.count, Count::Items(n) | Count::Turns(n) if self.found >= n);
        Ok(())
    }
}

/// Reads on behind a full window, for the calls of outputs that stand in it.
fn find_calls<T: Send + 'static>(
    place: Place,
    before: i64,
    mut size: PageSize,
    mut window: Window<T>,
    mut passed: Vec<(i64, String)>,
    decode: Decode<T>,
) -> Plan<Window<T>> {
    let wanted = size.rows(FURTHEST_CALL.saturating_sub(passed.len()));
    let page = Statement::new(place.texts.items_before.clone(), (place.id(), before, to_i64(wanted)));
    Plan::read(page).or_absent(&place.texts.schema).and_then(move |rows| {
        let mut over = false;
        let read = each(&rows, |stored| {
            let Some(text) = stored.valid_text().filter(|_| !over) else { return Ok(()) };
            let head = Head::of(text);
            let belongs =
                window.open.see(&head) || (passed.is_empty() && head.is_reasoning() && window.open.is_empty());
            if belongs {
                // All that stands between the window and this comes with it, so that the history has no gap.
                passed.push((stored.id, text.to_owned()));
                for (id, text) in passed.drain(..) {
                    window.ends = window.ends.map(|(newest, _)| (newest, id));
                    window.newest_first.extend(decode(&Stored::new(id, &text))?);
                }
            } else {
                over = window.open.is_empty();
                passed.push((stored.id, text.to_owned()));
            }
            Ok(())
        });
        match read {
            Err(error) => Plan::err(error),
            Ok(Some(last)) if !over && rows.len() >= wanted && passed.len() < FURTHEST_CALL => {
                size.learn(&rows);
                find_calls(place, last, size, window, passed, decode)
            }
            Ok(_) => Plan::ok(window),
        }
    })
}

/// Adds texts to the end: all of them, or none.
pub(crate) fn add_items(place: &Place, texts: Vec<String>) -> Plan<()> {
    if texts.is_empty() {
        return Plan::ok(());
    }
    Plan::write(append(place, &texts)).creating(&place.texts.schema)
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
    let batch = std::iter::once(operation.record(None)).chain(append(place, &texts));
    operation.apply(batch, &place.texts.operations).map(|_| ())
}

fn append(place: &Place, texts: &[String]) -> Vec<Statement> {
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
    operation.find(&place.texts.operations).and_then(move |found| match found {
        Some(recorded) => Plan::result(decode_recorded(recorded, decode)),
        None => pop_and_record(place, operation, decode),
    })
}

fn pop_and_record<T: Send + 'static>(place: Place, operation: Operation, decode: Decode<T>) -> Plan<Option<T>> {
    read_window(&place, Limit::items(1), as_text).and_then(move |window| {
        let text = window.newest_first.into_iter().next();
        let mut batch = vec![operation.record(text.as_deref())];
        let mut value = None;
        if let Some((newest, oldest)) = window.ends {
            // Before anything is deleted: an item that the type cannot hold stays.
            match text.as_deref().map_or(Ok(None), |text| decode(&Stored::new(oldest, text))) {
                Ok(decoded) => value = decoded,
                Err(error) => return Plan::err(error),
            }
            batch.push(Statement::new(place.texts.guard_pop.clone(), (place.id(), oldest, newest)));
            batch.push(Statement::new(place.texts.delete_from.clone(), (place.id(), oldest)));
        }
        operation.apply(batch, &place.texts.operations).then(move |outcome| match outcome {
            Ok(Some(recorded)) => Plan::result(decode_recorded(recorded, decode)),
            Ok(None) => Plan::ok(value),
            Err(error) if is_guard(&error) => pop_and_record(place, operation, decode),
            Err(error) => Plan::err(error),
        })
    })
}

fn decode_recorded<T>(recorded: Recorded, decode: Decode<T>) -> Result<Option<T>> {
    recorded.result.map_or(Ok(None), |text| decode(&Stored::new(0, &text)))
}

/// Whether a guard statement stopped the batch.
fn is_guard(error: &Error) -> bool {
    error.sql_kind() == Some(persql_core::SqlErrorKind::NotNullViolation)
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

/// Reads the newest `n` rows, to be replaced later.
pub(crate) fn tail(place: &Place, n: usize) -> Plan<Tail> {
    // One more, to know whether anything is older.
    newest_rows(place.clone(), i64::MAX, n.saturating_add(1), PageSize::default(), Vec::new()).map(move |mut rows| {
        let complete = rows.len() <= n;
        rows.truncate(n);
        rows.reverse();
        Tail { rows, complete }
    })
}

fn newest_rows(
    place: Place,
    before: i64,
    n: usize,
    mut size: PageSize,
    mut rows: Vec<(i64, String)>,
) -> Plan<Vec<(i64, String)>> {
    let wanted = size.rows(n.saturating_sub(rows.len()));
    let page = Statement::new(place.texts.items_before.clone(), (place.id(), before, to_i64(wanted)));
    Plan::read(page).or_absent(&place.texts.schema).and_then(move |page| {
        let read = each(&page, |stored| match stored.valid_text() {
            Some(text) => {
                rows.push((stored.id, text.to_owned()));
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Corrupt, "a row of the tail is not JSON").context("row", stored.id)),
        });
        match read {
            Err(error) => Plan::err(error),
            Ok(Some(last)) if rows.len() < n && page.len() >= wanted => {
                size.learn(&page);
                newest_rows(place, last, n, size, rows)
            }
            Ok(_) => Plan::ok(rows),
        }
    })
}

/// Puts texts in place of the tail's items from a position on, if these are still the newest and unchanged.
pub(crate) fn replace_tail(place: &Place, tail: &Tail, from: usize, texts: &[String], id: Option<&str>) -> Plan<()> {
    let batch = match replacement(place, tail, from, texts) {
        Ok(batch) => batch,
        Err(error) => return Plan::err(error),
    };
    let written = match id {
        None => Plan::write(batch).creating(&place.texts.schema),
        Some(id) => {
            let from = from.to_string();
            let content = ["replace", &from].into_iter().chain(tail.texts()).chain(texts.iter().map(String::as_str));
            match place.operation(id, content) {
                Ok(operation) => {
                    let batch = std::iter::once(operation.record(None)).chain(batch);
                    operation.apply(batch, &place.texts.operations).map(|_| ())
                }
                Err(error) => Plan::err(error),
            }
        }
    };
    written.or_else(|error| {
        Plan::err(if is_guard(&error) {
            Error::new(ErrorKind::Conflict, "the newest items are not what they were: read the tail again")
                .with_source(error)
        } else {
            error
        })
    })
}

fn replacement(place: &Place, tail: &Tail, from: usize, texts: &[String]) -> Result<Vec<Statement>> {
    let replaced = tail.from(from).ok_or_else(|| {
        Error::invalid(format!("the tail has {} items, and was to be replaced from item {from}", tail.len()))
    })?;
    // Behind the last item when nothing is replaced: then the guard says that nothing was added since.
    let first = replaced.first().map_or_else(|| tail.last_id().saturating_add(1), |item| item.0);
    let sql = &place.texts;
    let mut batch = vec![Statement::new(sql.guard_tail_length.clone(), (place.id(), first, to_i64(replaced.len())))];
    let mut ids = replaced.iter().map(|(id, _)| *id);
    for pack in pack(replaced.iter().map(|(_, text)| text)) {
        batch.push(match pack {
            Pack::One(text) => {
                Statement::new(sql.guard_tail_item.clone(), (place.id(), ids.next().unwrap_or_default(), text))
            }
            Pack::Many { array, count } => {
                let ids = ids.by_ref().take(count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
                Statement::new(sql.guard_tail_items.clone(), (place.id(), format!("[{ids}]"), array))
            }
        });
    }
    batch.push(Statement::new(sql.delete_from.clone(), (place.id(), first)));
    batch.extend(append(place, texts));
    Ok(batch)
}

fn to_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The sessions, by id.
pub(crate) fn list(texts: &Texts, options: &ListSessions) -> Plan<Vec<SessionInfo>> {
    let after = options.after.as_deref().unwrap_or("");
    let prefix = options.prefix.as_deref().unwrap_or("");
    let list = Statement::new(texts.list_sessions.clone(), (after, prefix, to_i64(options.limit)));
    Plan::read(list)
        .or_absent(&texts.schema)
        .try_map(|rows| rows.iter().map(|row| SessionInfo::from_row(&row)).collect())
}

pub(crate) fn count(texts: &Texts) -> Plan<u64> {
    let count = Statement::from(texts.count_sessions.clone());
    Plan::read(count).or_absent(&texts.schema).try_map(|rows| rows.first().map_or(Ok(0), |row| row.get(0)))
}

/// Sessions that one pass deletes.
const INACTIVE_AT_ONCE: i64 = 1_000;

/// Deletes what nothing was added to for so many seconds, pass by pass, and counts the sessions.
pub(crate) fn delete_inactive(texts: Arc<Texts>, seconds: i64, deleted: u64) -> Plan<u64> {
    let find = Statement::new(texts.inactive_sessions.clone(), (seconds, INACTIVE_AT_ONCE));
    Plan::read(find).or_absent(&texts.schema).and_then(move |rows| {
        let ids: Result<Vec<String>> = rows.iter().map(|row| row.get(0)).collect();
        let ids = match ids {
            Ok(ids) if ids.is_empty() => return Plan::ok(deleted),
            Ok(ids) => ids,
            Err(error) => return Plan::err(error),
        };
        let deleted = deleted + ids.len() as u64;
        // Checked again as they are deleted: one may have come to life since. Ids are at most 4 kB, but those of
        // others may be longer, so they are packed like everything else.
        let batch = pack(ids).into_iter().flat_map(|pack| {
            let array = match pack {
                Pack::Many { array, .. } => array,
                Pack::One(id) => serde_json::Value::from(vec![id]).to_string(),
            };
            [&texts.delete_inactive_items, &texts.delete_inactive_sessions]
                .map(|sql| Statement::new(sql.clone(), (array.as_str(), seconds)))
        });
        let batch: Vec<Statement> = batch.collect();
        Plan::write(batch).and_then(move |()| delete_inactive(texts, seconds, deleted))
    })
}
