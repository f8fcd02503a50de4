//! How many requests each operation sends, counted at the handle: in every mode it is the same number.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use persql_agents_session::{PerSqlSession, PerSqlSessions};
use persql_checkpoint::{Checkpoint, Config, ListOptions, ListThreads, Metadata, PerSqlSaver, PruneStrategy};
use persql_core::{Handle, ListSessions, Plan, Result, blocking};
use persql_history::{Message, PerSqlHistoryProvider};
use persql_strands::{MultiAgentState, Page, PerSqlSessionManager, Session, SessionAgent, SessionMessage};
use serde_json::json;

use crate::{case::Failed, items::turn};

/// The head of the table.
const HEAD: &str = "| crate | operation | requests |\n| --- | --- | ---: |";

const LONG: Duration = Duration::from_secs(86_400);

/// A handle in memory that counts. Clones count together.
#[derive(Clone, Debug)]
struct Counting {
    db: blocking::Database,
    requests: Arc<AtomicUsize>,
}

impl Handle for Counting {
    type Reply<T: Send + 'static> = Result<T>;

    fn run<T: Send + 'static>(&self, plan: Plan<T>) -> Result<T> {
        let requests = Arc::clone(&self.requests);
        self.db.run(plan.inspect(move |_| {
            requests.fetch_add(1, Ordering::Relaxed);
        }))
    }
}

/// The rows of one crate.
struct Rows {
    name: &'static str,
    handle: Counting,
}

impl Rows {
    fn new(name: &'static str) -> Result<Self, Failed> {
        let db = blocking::PerSql::local(":memory:")?.database("bench/bench")?;
        Ok(Self { name, handle: Counting { db, requests: Arc::default() } })
    }

    /// Does it, and prints what it sent.
    fn count<T>(&self, operation: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.handle.requests.load(Ordering::Relaxed);
        let done = work()?;
        let sent = self.handle.requests.load(Ordering::Relaxed) - before;
        println!("| `{}` | {operation} | {sent} |", self.name);
        Ok(done)
    }
}

/// Prints the table.
pub(crate) fn print() -> Result<(), Failed> {
    println!("{HEAD}");
    sessions(&Rows::new("persql-agents-session")?)?;
    history(&Rows::new("persql-history")?)?;
    strands(&Rows::new("persql-strands")?)?;
    checkpoints(&Rows::new("persql-checkpoint")?)?;
    Ok(())
}

fn sessions(rows: &Rows) -> Result<(), Failed> {
    let session = PerSqlSession::new(rows.handle.clone(), "session-0");
    let all = PerSqlSessions::new(rows.handle.clone());
    rows.count("`add_items`, the first: creates the tables", || session.add_items(&turn(0)))?;
    rows.count("`add_items` of 4", || session.add_items(&turn(1)))?;
    rows.count("`operation(…).add_items`, the first: creates a table", || {
        session.operation("a").add_items(&turn(2))
    })?;
    rows.count("`operation(…).add_items`", || session.operation("b").add_items(&turn(2)))?;
    rows.count("`get_items` of all", || session.get_items(None))?;
    rows.count("`get_items` of 2", || session.get_items(2))?;
    rows.count("`pop_item`", || session.pop_item())?;
    let tail = rows.count("`tail`", || session.tail(2))?;
    rows.count("`replace_tail`", || session.replace_tail(&tail, 0, &turn(3)))?;
    rows.count("`trim`", || session.trim(2))?;
    rows.count("`list`", || all.list(ListSessions::default()))?;
    rows.count("`count`", || all.count())?;
    rows.count("`delete_inactive` that finds none", || all.delete_inactive(LONG))?;
    rows.count("`clear_session`", || session.clear_session())?;
    Ok(())
}

fn history(rows: &Rows) -> Result<(), Failed> {
    let provider = PerSqlHistoryProvider::new(rows.handle.clone());
    let messages =
        |from: usize| [Message::user(&format!("question {from}")), Message::assistant(&format!("answer {from}"))];
    rows.count("`create_tables`", || provider.create_tables())?;
    rows.count("`save_messages`", || provider.save_messages("s", &messages(0)))?;
    rows.count("`save_messages` of what is stored", || provider.save_messages("s", &messages(0)))?;
    let transcript: Vec<Message> = (0..5).flat_map(messages).collect();
    rows.count("`save_messages` of more than 8", || provider.save_messages("t", &transcript))?;
    let loaded = rows.count("`get_messages`", || provider.get_messages("s"))?;
    let saved =
        rows.count("`save_messages_after` a load", || provider.save_messages_after(loaded.tail(), &messages(1)))?;
    rows.count("`save_messages_after` a save", || provider.save_messages_after(saved.tail(), &messages(2)))?;
    let run = rows.count("`before_run`", || provider.before_run("s", &messages(3)))?;
    rows.count("`after_run`", || provider.after_run(&run, &messages(4)))?;
    let loaded = provider.get_messages("s")?;
    rows.count("`replace`", || provider.replace(&loaded, &messages(5)))?;
    rows.count("`trim`", || provider.trim("s", 1))?;
    rows.count("`count_messages`", || provider.count_messages("s"))?;
    rows.count("`list_sessions`", || provider.list_sessions(ListSessions::default()))?;
    rows.count("`count_sessions`", || provider.count_sessions())?;
    rows.count("`delete_inactive` that finds none", || provider.delete_inactive(LONG))?;
    rows.count("`clear`", || provider.clear("s"))?;
    Ok(())
}

fn strands(rows: &Rows) -> Result<(), Failed> {
    let manager = PerSqlSessionManager::new(rows.handle.clone(), "s");
    let (repository, agent) = (manager.repository(), SessionAgent::new("helper"));
    let message = json!({ "role": "user", "content": [{ "text": "hello" }] });
    let state = MultiAgentState::encode(&json!({ "type": "graph", "id": "g", "status": "executing" }))?;
    rows.count("`create_tables`", || repository.create_tables())?;
    rows.count("`initialize`, a new session", || manager.initialize(&agent))?;
    let restored = rows.count("`initialize`, a known one", || manager.initialize(&agent))?;
    rows.count("`append_and_sync` of 1", || {
        manager.append_and_sync(&restored.tracked, std::slice::from_ref(&message), &restored.agent)
    })?;
    rows.count("`create_session`", || repository.create_session(&Session::new("other")))?;
    rows.count("`read_session`", || repository.read_session("other"))?;
    rows.count("`create_agent`", || repository.create_agent("other", &agent))?;
    rows.count("`read_agent`", || repository.read_agent("other", "helper"))?;
    rows.count("`update_agent`", || repository.update_agent("other", &agent))?;
    let first = SessionMessage::new(0, &message)?;
    rows.count("`create_message`", || repository.create_message("other", "helper", &first))?;
    rows.count("`read_message`", || repository.read_message("other", "helper", 0))?;
    rows.count("`update_message`", || repository.update_message("other", "helper", &first))?;
    rows.count("`list_messages`", || repository.list_messages("other", "helper", Page::default()))?;
    rows.count("`create_multi_agent`", || repository.create_multi_agent("other", &state))?;
    rows.count("`read_multi_agent`", || repository.read_multi_agent("other", "g"))?;
    rows.count("`update_multi_agent`", || repository.update_multi_agent("other", &state))?;
    rows.count("`list_agents`", || repository.list_agents("other"))?;
    rows.count("`count_sessions`", || repository.count_sessions())?;
    rows.count("`delete_inactive` that finds none", || repository.delete_inactive(LONG))?;
    rows.count("`delete_session`", || repository.delete_session("other"))?;
    Ok(())
}

fn checkpoints(rows: &Rows) -> Result<(), Failed> {
    let saver = PerSqlSaver::new(rows.handle.clone());
    let thread = Config::new("thread");
    let checkpoint = Checkpoint::new("1f0c0000-0000-6000-8000-000000000001", "2026-01-02T03:04:05.678000+00:00");
    let metadata = Metadata::new("loop", 1);
    rows.count("`create_tables`", || saver.create_tables())?;
    let stored = rows.count("`put`", || saver.put(&thread, &checkpoint, &metadata))?;
    rows.count("`put_writes`", || saver.put_writes(&stored, &[("messages".to_owned(), "hello".into())], "task", ""))?;
    rows.count("`get_tuple`", || saver.get_tuple(&thread))?;
    rows.count("`get`", || saver.get(&thread))?;
    rows.count("`list`, one page", || saver.list(Some(&thread), ListOptions::default()))?;
    rows.count("`get_delta_channel_history`", || saver.get_delta_channel_history(&stored, &["messages"]))?;
    rows.count("`list_threads`", || saver.list_threads(ListThreads::default()))?;
    rows.count("`copy_thread`", || saver.copy_thread("thread", "copy"))?;
    rows.count("`prune`, keep the latest", || saver.prune(&["thread"], PruneStrategy::KeepLatest))?;
    rows.count("`delete_for_runs` that finds none", || saver.delete_for_runs(&["run"]))?;
    rows.count("`delete_inactive_threads` that finds none", || saver.delete_inactive_threads(LONG))?;
    rows.count("`delete_thread`", || saver.delete_thread("thread"))?;
    Ok(())
}
