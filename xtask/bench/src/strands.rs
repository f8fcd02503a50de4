//! The cases of `persql-strands`.

use std::rc::Rc;

use persql_strands::{Page, PerSqlSessionManager, PerSqlSessionRepository, SessionAgent, SessionMessage};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    by_hand::called_by_hand,
    case::{Calls, Case, Failed, Ground},
    items::text,
    side::{Side, emptying, lone, lone_restoring, lone_task, threads},
    sql::{self, strands as texts},
};

pub(crate) const CASES: &[Case] = &[
    Case::lone("append 4 strands messages behind 0", Calls::Blocking, |g| append(g, 0), |g| append_by_hand(g, 0)),
    Case::lone(
        "append 4 strands messages behind 10,000",
        Calls::Blocking,
        |g| append(g, 10_000),
        |g| append_by_hand(g, 10_000),
    ),
    Case::lone("list 1,000 strands messages", Calls::Blocking, |g| list(g, LISTED, None), list_by_hand),
    Case::lone("list 1,000 strands messages", Calls::Async, |g| list(g, LISTED, None), list_by_hand),
];

const SESSION: &str = "session-0";
const AGENT: &str = "helper";
const LISTED: usize = 1_000;

/// About 495 bytes.
pub(crate) fn message(number: usize) -> Value {
    let role = if number.is_multiple_of(2) { "user" } else { "assistant" };
    json!({ "role": role, "content": [{ "text": text(number, 430) }] })
}

/// Appends with the manager, whose agent has not changed, and deletes, unmeasured, what was appended.
pub(crate) fn append(ground: &Ground, count: usize) -> Result<Side, Failed> {
    let handle = ground.handle()?;
    let (manager, agent) = (PerSqlSessionManager::new(handle.clone(), SESSION), SessionAgent::new(AGENT));
    manager.initialize(&agent)?;
    ByHand::open(ground)?.fill(count)?;
    let restored = manager.initialize(&agent)?;
    let (tracked, agent) = (restored.tracked, restored.agent);
    let first_id = tracked.next_message_id();
    let new = [0, 1, 2, 3].map(|more| message(count + more));
    let operation = move || {
        let after = manager.append_and_sync(&tracked, &new, &agent)?;
        if after.next_message_id() == first_id + 4 { Ok(()) } else { Err("not all were appended".into()) }
    };
    let restore = move || {
        handle.query(texts::RESTORE, (SESSION, AGENT, first_id))?;
        Ok(())
    };
    Ok(lone_restoring(operation, emptying(ground.connection()?, restore)))
}

/// Each appends to a session of its own, whose agent has not changed.
pub(crate) fn append_together(ground: &Ground, callers: usize) -> Result<Side, Failed> {
    let (handle, agent, new) = (ground.handle()?, SessionAgent::new(AGENT), [0, 1, 2, 3].map(message));
    let callers = (0..callers).map(|caller| {
        let manager = PerSqlSessionManager::new(handle.clone(), format!("session-{caller}"));
        let mut tracked = manager.initialize(&agent)?.tracked;
        let (agent, new) = (agent.clone(), new.clone());
        Ok(move || {
            tracked = manager.append_and_sync(&tracked, &new, &agent)?;
            Ok(())
        })
    });
    Ok(threads(callers.collect::<Result<Vec<_>, Failed>>()?))
}

fn append_by_hand(ground: &Ground, count: usize) -> Result<Side, Failed> {
    let by_hand = Rc::new(ByHand::open(ground)?);
    by_hand.fill(count)?;
    let first_id = i64::try_from(count)?;
    let new = [0, 1, 2, 3].map(|more| message(count + more));
    let writer = Rc::clone(&by_hand);
    let restore = move || {
        by_hand.0.prepare_cached(texts::RESTORE)?.execute((SESSION, AGENT, first_id))?;
        Ok(())
    };
    Ok(lone_restoring(move || writer.append(first_id, &new), emptying(ground.connection()?, restore)))
}

/// All messages of a session of so many, or the newest.
pub(crate) fn list(ground: &Ground, count: usize, limit: Option<usize>) -> Result<Side, Failed> {
    let handle = ground.handle()?;
    PerSqlSessionRepository::new(handle.clone()).create_tables()?;
    ByHand::open(ground)?.fill(count)?;
    let expected = limit.unwrap_or(count);
    let page = Page::default().with_offset(count - expected);
    match ground.calls {
        Calls::Blocking => {
            let repository = PerSqlSessionRepository::new(handle);
            Ok(lone(move || decode(&repository.list_messages(SESSION, AGENT, page)?, expected)))
        }
        Calls::Async => {
            let repository = PerSqlSessionRepository::new(handle.asynchronous());
            lone_task(move || {
                let messages = repository.list_messages(SESSION, AGENT, page);
                async move { decode(&messages.await?, expected) }
            })
        }
    }
}

/// The messages as values, as the work by hand has them.
fn decode(messages: &[SessionMessage], expected: usize) -> Result<(), Failed> {
    let values: Vec<Value> = messages.iter().map(SessionMessage::to_message).collect::<Result<_, _>>()?;
    all_there(values.len(), expected)
}

fn list_by_hand(ground: &Ground) -> Result<Side, Failed> {
    let by_hand = ByHand::open(ground)?;
    by_hand.fill(LISTED)?;
    called_by_hand(ground.calls, by_hand, |by_hand| all_there(by_hand.list()?.len(), LISTED))
}

fn all_there(found: usize, expected: usize) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{found} messages instead of {expected}").into()) }
}

/// The same table, used as a careful person would.
struct ByHand(Connection);

impl ByHand {
    fn open(ground: &Ground) -> Result<Self, Failed> {
        let sqlite = ground.connection()?;
        sqlite.execute_batch(texts::CREATE)?;
        Ok(Self(sqlite))
    }

    fn fill(&self, count: usize) -> Result<(), Failed> {
        self.0.execute_batch(sql::BEGIN)?;
        for number in 0..count {
            for session in ["other-1", "other-2", "other-3", SESSION] {
                self.add(session, i64::try_from(number)?, &message(number), "2026-01-02T03:04:05.678000+00:00")?;
            }
        }
        Ok(self.0.execute_batch(sql::COMMIT)?)
    }

    /// One transaction, with one time for all.
    fn append(&self, first_id: i64, messages: &[Value]) -> Result<(), Failed> {
        self.0.prepare_cached(sql::BEGIN)?.execute([])?;
        let now: String = self.0.prepare_cached(texts::NOW)?.query_row([], |row| row.get(0))?;
        for (message, id) in messages.iter().zip(first_id..) {
            self.add(SESSION, id, message, &now)?;
        }
        self.0.prepare_cached(sql::COMMIT)?.execute([])?;
        Ok(())
    }

    fn add(&self, session: &str, id: i64, message: &Value, now: &str) -> Result<(), Failed> {
        let data = format!(
            r#"{{"message":{message},"message_id":{id},"redact_message":null,"created_at":"{now}","updated_at":"{now}"}}"#
        );
        self.0.prepare_cached(texts::ADD)?.execute((session, AGENT, id, data, now))?;
        Ok(())
    }

    /// Whole records as values, with the message in them.
    fn list(&self) -> Result<Vec<Value>, Failed> {
        let mut statement = self.0.prepare_cached(texts::ALL)?;
        let mut rows = statement.query([SESSION, AGENT])?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            records.push(serde_json::from_str(row.get_ref(0)?.as_str()?)?);
        }
        Ok(records)
    }
}
