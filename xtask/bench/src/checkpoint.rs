//! The cases of `persql-checkpoint`.

use std::rc::Rc;

use base64::{Engine, engine::general_purpose::STANDARD};
use persql_checkpoint::{
    Checkpoint, Config, Data, ListOptions, Metadata, Serializer,
    blocking::PerSqlSaver,
    serde::{Map, Message},
};
use persql_core::Durability;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    case::{Bar, Calls, Case, Failed, Ground, Make},
    items::text,
    side::{Side, lone, lone_restoring, threads},
    sql::{self, checkpoint as texts},
};

pub(crate) const CASES: &[Case] = &[
    case("put a checkpoint of 2 KB", |g| put(g, SMALL), |g| put_by_hand(g, SMALL)),
    case("put a checkpoint of 20 KB", |g| put(g, LARGE), |g| put_by_hand(g, LARGE)),
    case("get a checkpoint of 2 KB", |g| get(g, SMALL, 0), |g| get_by_hand(g, SMALL, 0)),
    case("get a checkpoint of 2 KB with 3 writes", |g| get(g, SMALL, 3), |g| get_by_hand(g, SMALL, 3)),
    case("get a checkpoint of 20 KB", |g| get(g, LARGE, 0), |g| get_by_hand(g, LARGE, 0)),
    case("get a checkpoint of 20 KB with 3 writes", |g| get(g, LARGE, 3), |g| get_by_hand(g, LARGE, 3)),
    case("list 10 of 1,000 checkpoints of 2 KB", |g| list(g, 0), |g| list_by_hand(g, 0)),
    case("list 10 of 1,000 checkpoints of 2 KB with 3 writes", |g| list(g, 3), |g| list_by_hand(g, 3)),
];

const THREAD: &str = "thread-0";

/// Messages in a state of about 2 KB, and of about 20 KB.
pub(crate) const SMALL: usize = 4;
pub(crate) const LARGE: usize = 44;

/// How many checkpoints there are before one is put or got.
const BEFORE: usize = 100;
/// How many there are to list from, and how many are listed.
const STORED: usize = 1_000;
const LISTED: usize = 10;

const fn case(name: &'static str, ours: Make, by_hand: Make) -> Case {
    Case { name, calls: Calls::Blocking, durability: Durability::Normal, bar: Bar::Cpu(1.3), ours, by_hand }
}

/// A UUID of version 6; its place is that of its number.
fn id(number: usize) -> String {
    format!("1f0c6a00-{number:04x}-6000-8000-0242ac120002")
}

/// What a chat graph stores after a step.
fn checkpoint(number: usize, messages: usize) -> Result<Checkpoint, Failed> {
    let said: Vec<Data> = (0..messages).map(message).collect::<Result<_, _>>()?;
    let version = |of: usize| format!("{of:032}.0.4857319028374651");
    let mut checkpoint = Checkpoint::new(id(number), "2026-11-21T06:00:00.123456+00:00");
    checkpoint.channel_values = Map::from([("messages", said.into()), ("branch:to:agent", Data::Nil)]);
    checkpoint.channel_versions = Map::from([("__start__", version(2)), ("messages", version(number + 2))]);
    checkpoint.versions_seen = Map::from([
        ("__input__", Data::from(Map::new())),
        ("agent", Map::from([("messages", version(number + 1))]).into()),
    ]);
    checkpoint.updated_channels = Some(vec!["messages".to_owned()]);
    Ok(checkpoint)
}

/// What a message says.
pub(crate) fn content(number: usize) -> String {
    text(number, 250)
}

fn message(number: usize) -> Result<Data, Failed> {
    let content = content(number);
    let message = if number.is_multiple_of(2) { Message::human(content) } else { Message::ai(content) };
    Ok(message.with_id(format!("msg_{number:024}")).to_data()?)
}

fn metadata(step: usize) -> Result<Metadata, Failed> {
    Ok(Metadata::new("loop", i64::try_from(step)?))
}

/// Puts and, unmeasured, deletes what was put: each time behind the same checkpoints.
pub(crate) fn put(ground: &Ground, messages: usize) -> Result<Side, Failed> {
    let handle = ground.handle()?;
    let saver = PerSqlSaver::new(handle.clone());
    saver.create_tables()?;
    ByHand::open(ground)?.fill(BEFORE, messages, 0)?;
    let parent = Config::new(THREAD).checkpoint(id(BEFORE - 1));
    let (checkpoint, metadata) = (checkpoint(BEFORE, messages)?, metadata(BEFORE)?);
    let operation = move || {
        saver.put(&parent, &checkpoint, &metadata)?;
        Ok(())
    };
    Ok(lone_restoring(operation, move || {
        handle.query(texts::RESTORE, (THREAD, id(BEFORE)))?;
        Ok(())
    }))
}

/// Each puts its checkpoint again and again, as the first of its own thread.
pub(crate) fn put_together(ground: &Ground, callers: usize) -> Result<Side, Failed> {
    let saver = PerSqlSaver::new(ground.handle()?);
    saver.create_tables()?;
    let callers = (0..callers).map(|caller| {
        let (saver, thread) = (saver.clone(), Config::new(format!("caller-{caller}")).namespace(""));
        let (checkpoint, metadata) = (checkpoint(0, SMALL)?, metadata(0)?);
        Ok(move || {
            saver.put(&thread, &checkpoint, &metadata)?;
            Ok(())
        })
    });
    Ok(threads(callers.collect::<Result<Vec<_>, Failed>>()?))
}

fn put_by_hand(ground: &Ground, messages: usize) -> Result<Side, Failed> {
    let by_hand = Rc::new(ByHand::open(ground)?);
    by_hand.fill(BEFORE, messages, 0)?;
    let (new, parent) = (id(BEFORE), id(BEFORE - 1));
    let (data, metadata) = (checkpoint(BEFORE, messages)?.into_data(), metadata_by_hand(BEFORE));
    let writer = Rc::clone(&by_hand);
    Ok(lone_restoring(
        move || writer.put(&new, Some(&parent), &data, &metadata),
        move || {
            by_hand.sqlite.prepare_cached(texts::RESTORE)?.execute((THREAD, id(BEFORE)))?;
            Ok(())
        },
    ))
}

pub(crate) fn get(ground: &Ground, messages: usize, writes: usize) -> Result<Side, Failed> {
    let saver = PerSqlSaver::new(ground.handle()?);
    saver.create_tables()?;
    ByHand::open(ground)?.fill(BEFORE, messages, writes)?;
    let thread = Config::new(THREAD);
    Ok(lone(move || {
        let tuple = saver.get_tuple(&thread)?.ok_or("there is no checkpoint")?;
        all_there(tuple.pending_writes.len(), writes)
    }))
}

fn get_by_hand(ground: &Ground, messages: usize, writes: usize) -> Result<Side, Failed> {
    let by_hand = ByHand::open(ground)?;
    by_hand.fill(BEFORE, messages, writes)?;
    Ok(lone(move || {
        let tuples = by_hand.newest(1)?;
        let tuple = tuples.first().ok_or("there is no checkpoint")?;
        all_there(tuple.3.len(), writes)
    }))
}

pub(crate) fn list(ground: &Ground, writes: usize) -> Result<Side, Failed> {
    let saver = PerSqlSaver::new(ground.handle()?);
    saver.create_tables()?;
    ByHand::open(ground)?.fill(STORED, SMALL, writes)?;
    let thread = Config::new(THREAD).namespace("");
    Ok(lone(move || {
        let tuples = saver.list(Some(&thread), ListOptions::default().limit(LISTED))?;
        all_there(tuples.len(), LISTED)?;
        all_there(tuples.iter().map(|tuple| tuple.pending_writes.len()).sum(), LISTED * writes)
    }))
}

fn list_by_hand(ground: &Ground, writes: usize) -> Result<Side, Failed> {
    let by_hand = ByHand::open(ground)?;
    by_hand.fill(STORED, SMALL, writes)?;
    Ok(lone(move || {
        let tuples = by_hand.newest(LISTED)?;
        all_there(tuples.len(), LISTED)?;
        all_there(tuples.iter().map(|tuple| tuple.3.len()).sum(), LISTED * writes)
    }))
}

/// A side that reads less than the other would win.
fn all_there(found: usize, expected: usize) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{found} instead of {expected}").into()) }
}

/// The same tables, used as a careful person would who has the serializer.
struct ByHand {
    sqlite: Connection,
    serializer: Serializer,
}

/// A checkpoint, its metadata, its parent, and its writes: task, channel and value.
type Tuple = (Checkpoint, Metadata, Option<String>, Vec<(String, String, Data)>);

impl ByHand {
    fn open(ground: &Ground) -> Result<Self, Failed> {
        let sqlite = ground.connection()?;
        sqlite.execute_batch(texts::CREATE)?;
        Ok(Self { sqlite, serializer: Serializer::new() })
    }

    /// Fills the thread, and three others likewise, in turns.
    fn fill(&self, count: usize, messages: usize, writes: usize) -> Result<(), Failed> {
        self.sqlite.execute_batch(sql::BEGIN)?;
        for number in 0..count {
            let (new, parent) = (id(number), number.checked_sub(1).map(id));
            let (data, metadata) = (checkpoint(number, messages)?.into_data(), metadata_by_hand(number));
            for thread in ["other-1", "other-2", "other-3", THREAD] {
                self.add(thread, &new, parent.as_deref(), &data, &metadata)?;
                for idx in 0..writes {
                    self.add_write(thread, &new, idx)?;
                }
            }
        }
        Ok(self.sqlite.execute_batch(sql::COMMIT)?)
    }

    fn put(&self, id: &str, parent: Option<&str>, data: &Data, metadata: &Value) -> Result<(), Failed> {
        self.sqlite.prepare_cached(sql::BEGIN)?.execute([])?;
        self.add(THREAD, id, parent, data, metadata)?;
        self.sqlite.prepare_cached(sql::COMMIT)?.execute([])?;
        Ok(())
    }

    fn add(&self, thread: &str, id: &str, parent: Option<&str>, data: &Data, metadata: &Value) -> Result<(), Failed> {
        let (tag, bytes) = self.serializer.dumps_typed(data)?;
        let (value, metadata) = (STANDARD.encode(bytes), metadata.to_string());
        self.sqlite.prepare_cached(texts::PUT)?.execute((thread, id, parent, tag, value, metadata))?;
        Ok(())
    }

    fn add_write(&self, thread: &str, id: &str, idx: usize) -> Result<(), Failed> {
        let (tag, bytes) = self.serializer.dumps_typed(&message(idx)?)?;
        let (idx, value) = (i64::try_from(idx)?, STANDARD.encode(bytes));
        let task = "b7c3f3a4-52b1-6a70-2c43-0242ac120002";
        self.sqlite.prepare_cached(texts::PUT_WRITE)?.execute((thread, id, task, idx, "messages", tag, value))?;
        Ok(())
    }

    /// The newest checkpoints with their writes; the open rows keep both in one read transaction.
    fn newest(&self, count: usize) -> Result<Vec<Tuple>, Failed> {
        let mut statement = self.sqlite.prepare_cached(texts::NEWEST)?;
        let mut rows = statement.query((THREAD, i64::try_from(count)?))?;
        let mut tuples = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes = STANDARD.decode(row.get_ref(3)?.as_str()?)?;
            let checkpoint = self.serializer.loads_checkpoint(row.get_ref(2)?.as_str()?, &bytes)?;
            let metadata = self.serializer.loads_typed("json", row.get_ref(4)?.as_bytes()?)?.into_map()?;
            let writes = self.writes(row.get_ref(0)?.as_str()?)?;
            tuples.push((checkpoint, metadata.into(), row.get(1)?, writes));
        }
        Ok(tuples)
    }

    fn writes(&self, id: &str) -> Result<Vec<(String, String, Data)>, Failed> {
        let mut statement = self.sqlite.prepare_cached(texts::WRITES)?;
        let mut rows = statement.query([THREAD, id])?;
        let mut writes = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes = STANDARD.decode(row.get_ref(3)?.as_str()?)?;
            let value = self.serializer.loads_typed(row.get_ref(2)?.as_str()?, &bytes)?;
            writes.push((row.get(0)?, row.get(1)?, value));
        }
        Ok(writes)
    }
}

fn metadata_by_hand(step: usize) -> Value {
    json!({ "source": "loop", "step": step, "parents": {} })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_as_large_as_it_is_said_to_be() {
        for (messages, expected) in [(SMALL, 2_000), (LARGE, 20_000)] {
            let (_, bytes) = Serializer::new().dumps_typed(&checkpoint(7, messages).unwrap().into_data()).unwrap();
            assert!((expected * 9 / 10..expected * 11 / 10).contains(&bytes.len()), "{}", bytes.len());
        }
    }

    /// A tenth of the thousand that docs/benchmarks.md gives the size of.
    #[test]
    fn a_file_of_checkpoints_that_grow_is_no_larger_than_by_hand() {
        let directory = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
        let ground = |file: &str| Ground::new(Calls::Blocking, Durability::Normal, directory.path().join(file));
        let size = |by_hand: &ByHand| -> i64 {
            let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
            by_hand.sqlite.query_row(size, [], |row| row.get(0)).unwrap()
        };
        let (ours, hand) = (ground("ours.db"), ByHand::open(&ground("by_hand.db")).unwrap());
        let saver = PerSqlSaver::new(ours.handle().unwrap());
        let mut config = Config::new(THREAD);
        for number in 0..STORED / 10 {
            let checkpoint = checkpoint(number, number / 5 + 1).unwrap();
            config = saver.put(&config, &checkpoint, &metadata(number).unwrap()).unwrap();
            let parent = number.checked_sub(1).map(id);
            hand.put(&id(number), parent.as_deref(), &checkpoint.into_data(), &metadata_by_hand(number)).unwrap();
        }
        let (ours, by_hand) = (size(&ByHand::open(&ours).unwrap()), size(&hand));
        assert!(ours * 100 <= by_hand * 101, "{ours} ours, {by_hand} by hand");
    }
}
