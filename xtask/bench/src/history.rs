//! The cases of `persql-history`.

use std::{cell::RefCell, rc::Rc};

use persql_history::{Message, PerSqlHistoryProvider, Tail};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    by_hand::called_by_hand,
    case::{Calls, Case, Failed, Ground, Make},
    items::text,
    side::{Side, emptying, lone, lone_restoring, lone_task, threads},
    sql::{self, history as texts},
};

pub(crate) const CASES: &[Case] = &[
    saving::<0, true>("save 4 messages behind a loaded 0", Known::Loaded),
    saving::<1_000, true>("save 4 messages behind a loaded 1,000", Known::Loaded),
    saving::<10_000, true>("save 4 messages behind a loaded 10,000", Known::Loaded),
    saving::<1_000, true>("save 4 messages behind a save after 1,000", Known::Saved),
    saving::<0, true>("save 4 messages behind 0", Known::Nothing),
    saving::<1_000, true>("save 4 messages behind 1,000", Known::Nothing),
    saving::<10_000, true>("save 4 messages behind 10,000", Known::Nothing),
    saving::<1_000, false>("save 4 messages without ids behind a loaded 1,000", Known::Loaded),
    saving::<1_000, false>("save 4 messages without ids behind 1,000", Known::Nothing),
    Case::lone("list 1,000 messages", Calls::Blocking, |g| list(g, LISTED, false), list_by_hand),
    Case::lone("list 1,000 messages", Calls::Async, |g| list(g, LISTED, false), list_by_hand),
    Case::lone("list 1,000 messages as values", Calls::Blocking, |g| list(g, LISTED, true), list_by_hand),
];

/// A save behind so many messages, all with ids or none.
const fn saving<const COUNT: usize, const IDS: bool>(name: &'static str, known: Known) -> Case {
    const fn talk(count: usize, ids: bool) -> Talk {
        Talk { count, message: if ids { message } else { without_id } }
    }
    let (ours, by_hand): (Make, Make) = match known {
        Known::Nothing => {
            (|g| save(g, talk(COUNT, IDS), Known::Nothing), |g| save_by_hand(g, talk(COUNT, IDS), Known::Nothing))
        }
        Known::Loaded => {
            (|g| save(g, talk(COUNT, IDS), Known::Loaded), |g| save_by_hand(g, talk(COUNT, IDS), Known::Loaded))
        }
        Known::Saved => {
            (|g| save(g, talk(COUNT, IDS), Known::Saved), |g| save_by_hand(g, talk(COUNT, IDS), Known::Saved))
        }
    };
    Case::lone(name, Calls::Blocking, ours, by_hand)
}

const SESSION: &str = "session-0";
const LISTED: usize = 1_000;

/// What `Message.to_dict()` gives, about 495 bytes.
pub(crate) fn message(number: usize) -> Value {
    json!({
        "type": "message", "role": if number.is_multiple_of(2) { "user" } else { "assistant" },
        "contents": [{ "type": "text", "text": text(number, 330), "additional_properties": {} }],
        "message_id": format!("msg_{number:024}"), "additional_properties": {},
    })
}

/// The same as a program has it that gives its messages no ids.
fn without_id(number: usize) -> Value {
    let mut message = message(number);
    if let Some(members) = message.as_object_mut() {
        members.remove("message_id");
    }
    message
}

/// A conversation, and how much of it is stored before anything is measured.
#[derive(Clone, Copy)]
pub(crate) struct Talk {
    count: usize,
    message: fn(usize) -> Value,
}

impl Talk {
    pub(crate) const fn of(count: usize) -> Self {
        Self { count, message }
    }

    /// Four messages behind what is stored.
    fn four_from(self, more: usize) -> [Value; 4] {
        [0, 1, 2, 3].map(|number| (self.message)(self.count + more + number))
    }
}

/// What the caller knows of the end of the history.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    /// It was loaded.
    Loaded,
    /// It was loaded, and four messages were saved behind it.
    Saved,
}

/// Saves and, unmeasured, deletes what was saved: each time behind the same history.
pub(crate) fn save(ground: &Ground, talk: Talk, known: Known) -> Result<Side, Failed> {
    let handle = ground.handle()?;
    let provider = PerSqlHistoryProvider::new(handle.clone());
    provider.create_tables()?;
    let last_id = ByHand::open(ground)?.fill(talk)?;
    let loaded = provider.get_messages(SESSION)?.tail().clone();
    let saver = provider.clone();
    let restored = move || -> Result<Tail, Failed> {
        handle.query(texts::RESTORE, (SESSION, last_id))?;
        if known != Known::Saved {
            return Ok(loaded.clone());
        }
        let before: Vec<Message> = talk.four_from(0).iter().map(Message::from_value).collect::<Result<_, _>>()?;
        Ok(saver.save_messages_after(&loaded, &before)?.tail().clone())
    };
    let tail = Rc::new(RefCell::new(restored()?));
    let (new, end) = (talk.four_from(4), Rc::clone(&tail));
    let operation = move || {
        let new: Vec<Message> = new.iter().map(Message::from_value).collect::<Result<_, _>>()?;
        let saved = match known {
            Known::Nothing => provider.save_messages(SESSION, &new)?,
            Known::Loaded | Known::Saved => provider.save_messages_after(&end.borrow(), &new)?,
        };
        if saved.stored() == new.len() { Ok(()) } else { Err("not all were saved".into()) }
    };
    let restore = move || {
        *tail.borrow_mut() = restored()?;
        Ok(())
    };
    Ok(lone_restoring(operation, emptying(ground.connection()?, restore)))
}

/// Each saves to a session of its own, and new messages each time.
pub(crate) fn save_together(ground: &Ground, callers: usize) -> Result<Side, Failed> {
    let provider = PerSqlHistoryProvider::new(ground.handle()?);
    provider.create_tables()?;
    let callers = (0..callers).map(|caller| {
        let (provider, session, mut turn) = (provider.clone(), format!("session-{caller}"), Talk::of(0).four_from(0));
        let mut said = 0;
        move || {
            for message in &mut turn {
                said += 1;
                message["message_id"] = format!("msg_{caller}_{said:024}").into();
            }
            let new: Vec<Message> = turn.iter().map(Message::from_value).collect::<Result<_, _>>()?;
            let stored = provider.save_messages(session.as_str(), &new)?.stored();
            if stored == new.len() { Ok(()) } else { Err("not all were saved".into()) }
        }
    });
    Ok(threads(callers))
}

fn save_by_hand(ground: &Ground, talk: Talk, known: Known) -> Result<Side, Failed> {
    let by_hand = Rc::new(ByHand::open(ground)?);
    let last_id = by_hand.fill(talk)?;
    let saver = Rc::clone(&by_hand);
    let restored = move || -> Result<End, Failed> {
        saver.restore(last_id)?;
        if known != Known::Saved {
            return Ok(End { newest: (talk.count.saturating_sub(4)..talk.count).map(talk.message).collect(), last_id });
        }
        let newest = talk.four_from(0).to_vec();
        let last_id = saver.save(&newest, None)?;
        Ok(End { newest, last_id })
    };
    let end = Rc::new(RefCell::new(restored()?));
    let (new, behind) = (talk.four_from(4), Rc::clone(&end));
    let operation = move || {
        let end = behind.borrow();
        by_hand.save(&new, (known != Known::Nothing).then_some(&*end)).map(drop)
    };
    let restore = move || {
        *end.borrow_mut() = restored()?;
        Ok(())
    };
    Ok(lone_restoring(operation, emptying(ground.connection()?, restore)))
}

/// All messages of a session of so many.
pub(crate) fn list(ground: &Ground, count: usize, as_values: bool) -> Result<Side, Failed> {
    let handle = ground.handle()?;
    PerSqlHistoryProvider::new(handle.clone()).create_tables()?;
    ByHand::open(ground)?.fill(Talk::of(count))?;
    match ground.calls {
        Calls::Blocking => {
            let provider = PerSqlHistoryProvider::new(handle);
            Ok(lone(move || {
                let history = provider.get_messages(SESSION)?;
                if as_values {
                    let values: Vec<Value> = history.iter().map(Message::decode).collect::<Result<_, _>>()?;
                    return all_there(values.len(), count);
                }
                all_there(history.len(), count)
            }))
        }
        Calls::Async => {
            let provider = PerSqlHistoryProvider::new(handle.asynchronous());
            lone_task(move || {
                let history = provider.get_messages(SESSION);
                async move { all_there(history.await?.len(), count) }
            })
        }
    }
}

fn list_by_hand(ground: &Ground) -> Result<Side, Failed> {
    let by_hand = ByHand::open(ground)?;
    by_hand.fill(Talk::of(LISTED))?;
    called_by_hand(ground.calls, by_hand, |by_hand| all_there(by_hand.list()?.len(), LISTED))
}

fn all_there(found: usize, expected: usize) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{found} messages instead of {expected}").into()) }
}

/// The end of a history as it is kept by hand.
struct End {
    newest: Vec<Value>,
    last_id: i64,
}

/// The same table, used as a careful person would.
struct ByHand(Connection);

impl ByHand {
    fn open(ground: &Ground) -> Result<Self, Failed> {
        let sqlite = ground.connection()?;
        sqlite.execute_batch(texts::CREATE)?;
        Ok(Self(sqlite))
    }

    /// Fills the session, and three others in turns with it; gives its newest id.
    fn fill(&self, talk: Talk) -> Result<i64, Failed> {
        self.0.execute_batch(sql::BEGIN)?;
        for number in 0..talk.count {
            for session in ["other-1", "other-2", "other-3", SESSION] {
                self.0.prepare_cached(texts::ADD)?.execute((session, (talk.message)(number).to_string()))?;
            }
        }
        self.0.execute_batch(sql::COMMIT)?;
        self.newest_id()
    }

    fn newest_id(&self) -> Result<i64, Failed> {
        Ok(self.0.prepare_cached(texts::NEWEST_ID)?.query_row([SESSION], |row| row.get(0))?)
    }

    /// Saves what is not among the newest, by ids or else by role and contents: those that are known, if nothing was saved
    /// since, or read. Gives the newest id.
    fn save(&self, new: &[Value], known: Option<&End>) -> Result<i64, Failed> {
        let rows: Vec<String> = new.iter().map(Value::to_string).collect();
        self.0.prepare_cached(sql::BEGIN)?.execute([])?;
        let read;
        let newest = match known {
            Some(end) if self.newest_id()? == end.last_id => &end.newest,
            _ => {
                read = self.newest(new.len())?;
                &read
            }
        };
        let is_stored = |value: &Value| newest.iter().any(|stored| is_same(stored, value));
        let mut insert = self.0.prepare_cached(texts::ADD)?;
        for (_, text) in new.iter().zip(&rows).filter(|(value, _)| !is_stored(value)) {
            insert.execute((SESSION, text))?;
        }
        self.0.prepare_cached(sql::COMMIT)?.execute([])?;
        Ok(self.0.last_insert_rowid())
    }

    fn newest(&self, count: usize) -> Result<Vec<Value>, Failed> {
        let mut statement = self.0.prepare_cached(texts::NEWEST)?;
        let mut rows = statement.query((SESSION, i64::try_from(count)?))?;
        let mut newest = Vec::new();
        while let Some(row) = rows.next()? {
            newest.push(serde_json::from_str(row.get_ref(0)?.as_str()?)?);
        }
        Ok(newest)
    }

    fn list(&self) -> Result<Vec<Value>, Failed> {
        let mut statement = self.0.prepare_cached(texts::ALL)?;
        let mut rows = statement.query([SESSION])?;
        let mut messages = Vec::new();
        while let Some(row) = rows.next()? {
            messages.push(serde_json::from_str(row.get_ref(0)?.as_str()?)?);
        }
        Ok(messages)
    }

    fn restore(&self, last_id: i64) -> Result<(), Failed> {
        self.0.prepare_cached(texts::RESTORE)?.execute((SESSION, last_id))?;
        Ok(())
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    let is_equal = |key: &str| one.get(key) == other.get(key);
    is_equal("message_id") && (other.get("message_id").is_some() || (is_equal("role") && is_equal("contents")))
}
