//! What each operation sends, and how its answer is read. No I/O.

use std::sync::Arc;

use persql_core::{
    Error, ErrorKind, Operation, Pack, PageSize, Plan, Result, Row, SqlErrorKind, Statement, ValueRef, pack,
};

use crate::{
    History, ListSessions, Message, Run, Saved, SessionInfo, Tail,
    dedup::Identity,
    options::Options,
    repair,
    save::{encode, save},
    sql::Texts,
    tail::{Known, Older},
};

/// A session's history as its plans know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) texts: Arc<Texts>,
    pub(crate) session_id: Arc<str>,
}

/// Longest session id. An index holds it, and every row repeats it.
const MOST_ID_BYTES: usize = 4_096;

/// The session of callers that name none, as in the framework's own providers.
const NO_SESSION: &str = "default";

impl Place {
    pub(crate) fn new(texts: &Arc<Texts>, session_id: Option<&str>) -> Self {
        let session_id = session_id.filter(|id| !id.is_empty()).unwrap_or(NO_SESSION);
        Self { texts: Arc::clone(texts), session_id: session_id.into() }
    }

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

    pub(crate) fn id(&self) -> &str {
        &self.session_id
    }

    /// An operation of this session with an id of the caller's.
    pub(crate) fn operation<'a>(&self, id: &str, content: impl IntoIterator<Item = &'a str>) -> Result<Operation> {
        Operation::new(&format!("{}{}", self.texts.scope, self.session_id), id, content)
    }

    pub(crate) fn insert(&self, pack: Pack) -> Statement {
        match pack {
            Pack::One(text) => Statement::new(self.texts.insert_message.clone(), (self.id(), text)),
            Pack::Many { array, .. } => Statement::new(self.texts.insert_messages.clone(), (self.id(), array)),
        }
    }

    /// Deletes all but the newest `most` messages; `most` is not 0.
    pub(crate) fn trim(&self, most: usize) -> Statement {
        Statement::new(self.texts.trim.clone(), (self.id(), to_i64(most - 1)))
    }
}

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
fn load(place: &Place, options: &Options) -> Plan<History> {
    let (place, options) = (place.clone(), options.clone());
    rows_after(place.clone(), 0, PageSize::default(), Vec::new(), Vec::new()).map(move |(ids, messages)| {
        let stored: Arc<[Message]> = messages.into();
        let visible = options.visible(&stored);
        let older = Older::Messages(Arc::clone(&stored));
        let known = Known { last_id: ids.last().copied(), older, added: Vec::new(), complete: true };
        History { visible, stored, ids: ids.into(), tail: Tail { place, known: Some(known) } }
    })
}

/// Reads pages from the oldest row on.
fn rows_after(
    place: Place,
    after: i64,
    mut size: PageSize,
    mut ids: Vec<i64>,
    mut messages: Vec<Message>,
) -> Plan<(Vec<i64>, Vec<Message>)> {
    let wanted = size.rows(usize::MAX);
    let page = Statement::new(place.texts.messages_after.clone(), (place.id(), after, to_i64(wanted)));
    Plan::read(page).or_absent(&place.texts.schema).and_then(move |rows| {
        for row in rows.iter() {
            match stored(&row) {
                Ok((id, message)) => {
                    ids.push(id);
                    messages.push(message);
                }
                Err(error) => return Plan::err(error),
            }
        }
        match ids.last().copied() {
            Some(last) if rows.len() >= wanted => {
                size.learn(&rows);
                rows_after(place, last, size, ids, messages)
            }
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
pub(crate) fn read_tail(place: &Place, n: usize) -> Plan<Tail> {
    newest_before(place.clone(), i64::MAX, n, PageSize::default(), None, Vec::new())
}

/// Reads pages from the newest row back.
fn newest_before(
    place: Place,
    before: i64,
    n: usize,
    mut size: PageSize,
    mut last_id: Option<i64>,
    mut newest_first: Vec<Identity>,
) -> Plan<Tail> {
    let wanted = size.rows(n.saturating_sub(newest_first.len()));
    let page = Statement::new(place.texts.messages_before.clone(), (place.id(), before, to_i64(wanted)));
    Plan::read(page).or_absent(&place.texts.schema).and_then(move |rows| {
        let mut oldest = None;
        for row in rows.iter() {
            let (id, text) = match row.get::<i64>(0).and_then(|id| Ok((id, text_of(&row)?))) {
                Ok(found) => found,
                Err(error) => return Plan::err(error),
            };
            last_id = last_id.or(Some(id));
            oldest = Some(id);
            // What cannot be read is no reason not to save: it is like no other message.
            let message = text.and_then(|text| Message::parse(text).ok());
            newest_first.push(message.map_or_else(Identity::unreadable, |message| Identity::of(&message)));
        }
        match oldest {
            Some(oldest) if rows.len() >= wanted && newest_first.len() < n => {
                size.learn(&rows);
                newest_before(place, oldest, n, size, last_id, newest_first)
            }
            _ => {
                let complete = newest_first.len() < n;
                let older = Older::Identities(newest_first.into_iter().rev().collect());
                Plan::ok(Tail { place, known: Some(Known { last_id, older, added: Vec::new(), complete }) })
            }
        }
    })
}

/// What comes before a run: loading, and storing the input if it is to be stored first.
pub(crate) fn before_run(place: &Place, inputs: &[Message], options: &Arc<Options>) -> Plan<Run> {
    let inputs = match encode(inputs, &place.session_id) {
        Ok(inputs) => inputs,
        Err(error) => return Plan::err(error),
    };
    let options = Arc::clone(options);
    let run = if options.load_messages {
        let loaded = Arc::clone(&options);
        load(place, &options).map(move |history| Run::with_history(history, inputs, &loaded))
    } else {
        Plan::ok(Run::new(Tail::unknown(place.clone()), inputs))
    };
    run.and_then(move |run| {
        if options.store_inputs && options.store_inputs_first && !run.inputs().is_empty() {
            save(&run.tail, run.inputs(), &options, None).map(|saved| run.with_stored_inputs(saved.tail))
        } else {
            Plan::ok(run)
        }
    })
}

/// What comes after a run: storing what the flags say.
pub(crate) fn after_run(run: &Run, outputs: &[Message], options: &Options, operation_id: Option<&str>) -> Plan<Saved> {
    save(&run.tail, &run.to_store(outputs, options), options, operation_id)
}

/// Deletes all messages of the session.
pub(crate) fn clear(place: &Place) -> Plan<()> {
    let delete = Statement::new(place.texts.delete_session.clone(), [place.id()]);
    Plan::write([delete]).or_nothing(&place.texts.schema)
}

/// Deletes all but the newest messages of the session.
pub(crate) fn trim(place: &Place, keep: usize) -> Plan<()> {
    match keep {
        0 => clear(place),
        _ => Plan::write([place.trim(keep)]).or_nothing(&place.texts.schema),
    }
}

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
    let guard = (place.id(), to_i64(history.ids.len()), history.ids.last().copied());
    let mut batch: Vec<Statement> = operation.iter().map(|operation| operation.record(None)).collect();
    batch.push(Statement::new(sql.guard_whole.clone(), guard));
    let new = messages.get(same..).unwrap_or_default();
    batch.extend(pack(new.iter().map(Message::as_json)).into_iter().map(|pack| place.insert(pack)));
    // Last, so that the session never is without rows: whoever deletes its last row deletes the record of its operations.
    if let Some((first, last)) = history.ids.get(same).zip(history.ids.last()) {
        batch.push(Statement::new(sql.delete_between.clone(), (place.id(), *first, *last)));
    }
    let written = match operation {
        None => Plan::write(batch).creating(&sql.schema),
        Some(operation) => operation.apply(batch, &sql.operations).map(|_| ()),
    };
    written.or_else(|error| {
        Plan::err(if is_guard(&error) {
            Error::new(ErrorKind::Conflict, "the history is not what it was: load it again").with_source(error)
        } else {
            error
        })
    })
}

/// Whether a guard statement stopped the batch.
pub(crate) fn is_guard(error: &Error) -> bool {
    error.sql_kind() == Some(SqlErrorKind::NotNullViolation)
}

/// How many messages the session has, those that cannot be read included.
pub(crate) fn count_messages(place: &Place) -> Plan<u64> {
    count(Statement::new(place.texts.count_messages.clone(), [place.id()]), &place.texts)
}

pub(crate) fn count_sessions(texts: &Texts) -> Plan<u64> {
    count(Statement::from(texts.count_sessions.clone()), texts)
}

fn count(statement: Statement, texts: &Texts) -> Plan<u64> {
    Plan::read(statement).or_absent(&texts.schema).try_map(|rows| rows.first().map_or(Ok(0), |row| row.get(0)))
}

/// The sessions, by id.
pub(crate) fn list_sessions(texts: &Texts, options: &ListSessions) -> Plan<Vec<SessionInfo>> {
    let after = options.after.as_deref().unwrap_or("");
    let prefix = options.prefix.as_deref().unwrap_or("");
    let list = Statement::new(texts.list_sessions.clone(), (after, prefix, to_i64(options.limit)));
    Plan::read(list)
        .or_absent(&texts.schema)
        .try_map(|rows| rows.iter().map(|row| SessionInfo::from_row(&row)).collect())
}

/// Sessions that one pass deletes.
const INACTIVE_AT_ONCE: i64 = 1_000;

/// Deletes the sessions that nothing was saved to for so many seconds, pass by pass, and counts them.
pub(crate) fn delete_inactive(texts: Arc<Texts>, seconds: i64, deleted: u64) -> Plan<u64> {
    let find = Statement::new(texts.inactive_sessions.clone(), (seconds, INACTIVE_AT_ONCE));
    Plan::read(find).or_absent(&texts.schema).and_then(move |rows| {
        let ids: Vec<String> = match rows.iter().map(|row| row.get(0)).collect() {
            Ok(ids) => ids,
            Err(error) => return Plan::err(error),
        };
        let found = ids.len();
        if ids.is_empty() {
            return Plan::ok(deleted);
        }
        // Looked at again as they are deleted: one may have come to life since.
        let batch: Vec<Statement> = pack(ids)
            .into_iter()
            .map(|pack| {
                let array = match pack {
                    Pack::Many { array, .. } => array,
                    Pack::One(id) => serde_json::Value::from(vec![id]).to_string(),
                };
                Statement::new(texts.delete_inactive.clone(), (array, seconds))
            })
            .collect();
        Plan::write(batch).and_then(move |()| {
            let deleted = deleted + found as u64;
            if to_i64(found) < INACTIVE_AT_ONCE { Plan::ok(deleted) } else { delete_inactive(texts, seconds, deleted) }
        })
    })
}

fn to_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use persql_core::{Request, Step};

    fn first_request<T>(plan: Plan<T>) -> Option<Request>
    where
        T: Send + 'static,
    {
        match plan.into_step() {
            Step::Send(request, _) => Some(request),
            Step::Done(_) => None,
        }
    }

    #[test]
    fn nothing_to_save_sends_nothing() {
        let tail = Tail::unknown(Place::new(&Texts::default_names(), None));
        assert!(first_request(save(&tail, &[], &Options::default(), None)).is_none());
        let nothing = Options { max_messages: Some(0), ..Options::default() };
        assert!(first_request(save(&tail, &[Message::user("x")], &nothing, None)).is_none());
    }

    #[test]
    fn no_session_is_the_default_one() {
        let texts = Texts::default_names();
        for session in [None, Some(""), Some("default")] {
            assert_eq!(Place::new(&texts, session).id(), "default");
        }
        assert!(Place::new(&texts, Some(&"x".repeat(4_097))).check().is_err());
    }
}
