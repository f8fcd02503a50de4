//! The work as a careful person writes it on rusqlite: prepared statements, one transaction a turn, no more.

use std::{path::Path, sync::mpsc, thread, time::Duration};

use persql_core::Durability;
use rusqlite::{Connection, config::DbConfig};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    case::{Calls, Failed, durability_name},
    items::turn,
    side::{Side, lone, lone_task},
    sql,
};

/// A connection set up as core sets up its own.
pub(crate) fn connect(path: &Path, durability: Durability) -> Result<Connection, Failed> {
    let sqlite = Connection::open(path)?;
    sqlite.busy_timeout(Duration::from_secs(30))?;
    sqlite.execute_batch(sql::SET_UP)?;
    sqlite.pragma_update(None, "synchronous", durability_name(durability))?;
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    sqlite.set_prepared_statement_cache_capacity(32);
    Ok(sqlite)
}

/// A connection to the tables of the Agents SDK's `SQLiteSession`.
pub(crate) struct ByHand(Connection);

impl ByHand {
    /// Opens the file, with the tables in it.
    pub(crate) fn open(path: &Path, durability: Durability) -> Result<Self, Failed> {
        let sqlite = connect(path, durability)?;
        sqlite.execute_batch(sql::CREATE)?;
        Ok(Self(sqlite))
    }

    /// What the SDK's `add_items` does, in one transaction.
    pub(crate) fn append<'a>(
        &self,
        session_id: &str,
        items: impl IntoIterator<Item = &'a Value>,
    ) -> Result<(), Failed> {
        let texts: Result<Vec<String>, _> = items.into_iter().map(serde_json::to_string).collect();
        self.append_texts(session_id, &texts?)
    }

    /// The same with items that are texts already.
    pub(crate) fn append_texts(&self, session_id: &str, texts: &[String]) -> Result<(), Failed> {
        self.0.prepare_cached(sql::BEGIN)?.execute([])?;
        self.add(session_id, texts)?;
        self.0.prepare_cached(sql::COMMIT)?.execute([])?;
        Ok(())
    }

    fn add(&self, session_id: &str, texts: &[String]) -> Result<(), Failed> {
        self.0.prepare_cached(sql::ADD_SESSION)?.execute([session_id])?;
        let mut insert = self.0.prepare_cached(sql::ADD_ITEM)?;
        for text in texts {
            insert.execute([session_id, text])?;
        }
        self.0.prepare_cached(sql::TOUCH_SESSION)?.execute([session_id])?;
        Ok(())
    }

    /// Fills a session with so many items, and three others likewise, turn by turn.
    pub(crate) fn fill(&self, session_id: &str, count: usize) -> Result<(), Failed> {
        self.0.execute_batch(sql::BEGIN)?;
        for number in 0..count.div_ceil(4) {
            let texts = turn(number).map(|item| item.to_string());
            let wanted = texts.len().min(count - number * 4);
            for session in ["other-1", "other-2", "other-3", session_id] {
                self.add(session, texts.get(..wanted).unwrap_or_default())?;
            }
        }
        Ok(self.0.execute_batch(sql::COMMIT)?)
    }

    /// All items, oldest first.
    pub(crate) fn items(&self, session_id: &str) -> Result<Vec<Value>, Failed> {
        let mut read = self.0.prepare_cached(sql::ALL_ITEMS)?;
        decode(read.query([session_id])?)
    }

    /// The newest items, oldest first.
    pub(crate) fn newest_items(&self, session_id: &str, count: usize) -> Result<Vec<Value>, Failed> {
        let mut read = self.0.prepare_cached(sql::NEWEST_ITEMS)?;
        let mut items = decode(read.query((session_id, i64::try_from(count)?))?)?;
        items.reverse();
        Ok(items)
    }

    /// The least that a statement can do.
    pub(crate) fn one(&self) -> Result<i64, Failed> {
        Ok(self.0.prepare_cached(sql::TRIVIAL)?.query_row([], |row| row.get(0))?)
    }
}

fn decode(mut rows: rusqlite::Rows<'_>) -> Result<Vec<Value>, Failed> {
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(serde_json::from_str(row.get_ref(0)?.as_str()?)?);
    }
    Ok(items)
}

type Job<T> = Box<dyn FnOnce(&T) + Send>;

/// A connection on a thread of its own: the bare hop out of an executor and back.
pub(crate) struct Hop<T = ByHand>(mpsc::Sender<Job<T>>);

impl<T> Clone for Hop<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + 'static> Hop<T> {
    /// The thread ends with the last clone.
    pub(crate) fn start(by_hand: T) -> Self {
        let (sender, jobs) = mpsc::channel::<Job<T>>();
        thread::spawn(move || jobs.into_iter().for_each(|job| job(&by_hand)));
        Self(sender)
    }

    /// Does the work there and waits for its value here.
    pub(crate) async fn call<V: Send + 'static>(
        &self,
        work: impl FnOnce(&T) -> Result<V, Failed> + Send + 'static,
    ) -> Result<V, Failed> {
        let (reply, value) = oneshot::channel();
        let job: Job<T> = Box::new(move |by_hand| drop(reply.send(work(by_hand))));
        self.0.send(job).map_err(|_| "the thread has ended")?;
        value.await?
    }
}

/// Work by hand for a lone caller: on this thread, or over the hop.
pub(crate) fn called_by_hand<T: Send + 'static>(
    calls: Calls,
    by_hand: T,
    work: impl Fn(&T) -> Result<(), Failed> + Clone + Send + Sync + 'static,
) -> Result<Side, Failed> {
    match calls {
        Calls::Blocking => Ok(lone(move || work(&by_hand))),
        Calls::Async => {
            let hop = Hop::start(by_hand);
            lone_task(move || {
                let (hop, work) = (hop.clone(), work.clone());
                async move { hop.call(work).await }
            })
        }
    }
}
