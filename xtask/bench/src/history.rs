//! The cases of `persql-history`.

use std::rc::Rc;

use persql_history::{Message, PerSqlHistoryProvider};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    by_hand::called_by_hand,
    case::{Calls, Case, Failed, Ground},
    items::text,
    side::{Side, lone, lone_restoring, lone_task},
    sql::{self, history as texts},
};

pub(crate) const CASES: &[Case] = &[
    Case::lone(
        "save 4 messages behind a loaded 0",
        Calls::Blocking,
        |g| save(g, 0, true),
        |g| save_by_hand(g, 0, true),
    ),
    Case::lone(
        "save 4 messages behind a loaded 1,000",
        Calls::Blocking,
        |g| save(g, 1_000, true),
        |g| save_by_hand(g, 1_000, true),
    ),
    Case::lone(
        "save 4 messages behind a loaded 10,000",
        Calls::Blocking,
        |g| save(g, 10_000, true),
        |g| save_by_hand(g, 10_000, true),
    ),
    Case::lone("save 4 messages behind 0", Calls::Blocking, |g| save(g, 0, false), |g| save_by_hand(g, 0, false)),
    Case::lone(
        "save 4 messages behind 1,000",
        Calls::Blocking,
        |g| save(g, 1_000, false),
        |g| save_by_hand(g, 1_000, false),
    ),
    Case::lone(
        "save 4 messages behind 10,000",
        Calls::Blocking,
        |g| save(g, 10_000, false),
        |g| save_by_hand(g, 10_000, false),
    ),
    Case::lone("list 1,000 messages", Calls::Blocking, |g| list(g, false), list_by_hand),
    Case::lone("list 1,000 messages", Calls::Async, |g| list(g, false), list_by_hand),
    Case::lone("list 1,000 messages as values", Calls::Blocking, |g| list(g, true), list_by_hand),
];

const SESSION: &str = "session-0";
const LISTED: usize = 1_000;

/// What `Message.to_dict()` gives, about 495 bytes.
fn message(number: usize) -> Value {
    json!({
        "type": "message", "role": if number.is_multiple_of(2) { "user" } else { "assistant" },
        "contents": [{ "type": "text", "text": text(number, 330), "additional_properties": {} }],
        "message_id": format!("msg_{number:024}"), "additional_properties": {},
    })
}

fn four_more(count: usize) -> [Value; 4] {
    [0, 1, 2, 3].map(|more| message(count + more))
}

/// Saves and, unmeasured, deletes what was saved: each time behind the same history.
fn save(ground: &Ground, count: usize, loaded: bool) -> Result<Side, Failed> {
    let (handle, new) = (ground.handle()?, four_more(count));
    let provider = PerSqlHistoryProvider::new(handle.clone());
    provider.create_tables()?;
    let last_id = ByHand::open(ground)?.fill(count)?;
    let tail = provider.get_messages(SESSION)?.tail().clone();
    let operation = move || {
        let new: Vec<Message> = new.iter().map(Message::from_value).collect::<Result<_, _>>()?;
        let saved =
            if loaded { provider.save_messages_after(&tail, &new)? } else { provider.save_messages(SESSION, &new)? };
        if saved.stored() == new.len() { Ok(()) } else { Err("not all were saved".into()) }
    };
    Ok(lone_restoring(operation, move || {
        handle.query(texts::RESTORE, (SESSION, last_id))?;
        Ok(())
    }))
}

fn save_by_hand(ground: &Ground, count: usize, loaded: bool) -> Result<Side, Failed> {
    let (by_hand, new) = (Rc::new(ByHand::open(ground)?), four_more(count));
    let last_id = by_hand.fill(count)?;
    let newest: Vec<String> = (count.saturating_sub(4)..count).map(|number| id_of(&message(number))).collect();
    let saver = Rc::clone(&by_hand);
    let operation = move || saver.save(&new, loaded.then_some((&newest, last_id)));
    Ok(lone_restoring(operation, move || by_hand.restore(last_id)))
}

fn list(ground: &Ground, as_values: bool) -> Result<Side, Failed> {
    let handle = ground.handle()?;
    PerSqlHistoryProvider::new(handle.clone()).create_tables()?;
    ByHand::open(ground)?.fill(LISTED)?;
    match ground.calls {
        Calls::Blocking => {
            let provider = PerSqlHistoryProvider::new(handle);
            Ok(lone(move || {
                let history = provider.get_messages(SESSION)?;
                if as_values {
                    let values: Vec<Value> = history.iter().map(Message::decode).collect::<Result<_, _>>()?;
                    return all_there(values.len());
                }
                all_there(history.len())
            }))
        }
        Calls::Async => {
            let provider = PerSqlHistoryProvider::new(handle.asynchronous());
            lone_task(move || {
                let history = provider.get_messages(SESSION);
                async move { all_there(history.await?.len()) }
            })
        }
    }
}

fn list_by_hand(ground: &Ground) -> Result<Side, Failed> {
    let by_hand = ByHand::open(ground)?;
    by_hand.fill(LISTED)?;
    called_by_hand(ground.calls, by_hand, |by_hand| all_there(by_hand.list()?.len()))
}

fn all_there(found: usize) -> Result<(), Failed> {
    if found == LISTED { Ok(()) } else { Err(format!("{found} messages instead of {LISTED}").into()) }
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
    fn fill(&self, count: usize) -> Result<i64, Failed> {
        self.0.execute_batch(sql::BEGIN)?;
        for number in 0..count {
            for session in ["other-1", "other-2", "other-3", SESSION] {
                self.0.prepare_cached(texts::ADD)?.execute((session, message(number).to_string()))?;
            }
        }
        self.0.execute_batch(sql::COMMIT)?;
        self.newest_id()
    }

    fn newest_id(&self) -> Result<i64, Failed> {
        Ok(self.0.prepare_cached(texts::NEWEST_ID)?.query_row([SESSION], |row| row.get(0))?)
    }

    /// Saves what is not among the newest, by their ids: those that were loaded, if nothing was saved since, or read.
    fn save(&self, new: &[Value], loaded: Option<(&Vec<String>, i64)>) -> Result<(), Failed> {
        let rows: Vec<(String, String)> = new.iter().map(|value| (id_of(value), value.to_string())).collect();
        self.0.prepare_cached(sql::BEGIN)?.execute([])?;
        let read;
        let newest = match loaded {
            Some((newest, last_id)) if self.newest_id()? == last_id => newest,
            _ => {
                read = self.newest_ids(new.len())?;
                &read
            }
        };
        let mut insert = self.0.prepare_cached(texts::ADD)?;
        for (_, text) in rows.iter().filter(|(id, _)| !newest.contains(id)) {
            insert.execute((SESSION, text))?;
        }
        self.0.prepare_cached(sql::COMMIT)?.execute([])?;
        Ok(())
    }

    fn newest_ids(&self, count: usize) -> Result<Vec<String>, Failed> {
        let mut statement = self.0.prepare_cached(texts::NEWEST)?;
        let mut rows = statement.query((SESSION, i64::try_from(count)?))?;
        let mut ids = Vec::new();
        while let Some(row) = rows.next()? {
            ids.push(id_of(&serde_json::from_str(row.get_ref(0)?.as_str()?)?));
        }
        Ok(ids)
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

fn id_of(message: &Value) -> String {
    message.get("message_id").and_then(Value::as_str).unwrap_or_default().to_owned()
}
