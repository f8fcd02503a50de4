//! What the checks write and read, by the adapters: turns of a session, and checkpoints with what tasks wrote.

use std::{collections::BTreeSet, error::Error};

use persql_agents_session::blocking::PerSqlSession;
use persql_checkpoint::{
    Checkpoint, Config, ListOptions, Metadata, blocking::PerSqlSaver, new_checkpoint_id, timestamp,
};
use persql_core::{Result, SqlErrorKind, blocking::Database};
use serde_json::{Value, json};

/// Items of a turn, and writes of a checkpoint.
const ITEMS: usize = 4;

/// An agent that keeps its conversation and its state in one database.
pub(super) struct Agent {
    session: PerSqlSession,
    saver: PerSqlSaver,
    /// The checkpoint to go on from.
    at: Config,
}

impl Agent {
    /// The agent of this database, which goes on where it was.
    pub(super) fn new(db: &Database) -> Result<Self> {
        let (session, saver) = (PerSqlSession::new(db.clone(), "agent"), PerSqlSaver::new(db.clone()));
        let latest = saver.get_tuple(&Config::new("agent"))?;
        Ok(Self { session, saver, at: latest.map_or_else(|| Config::new("agent"), |tuple| tuple.config) })
    }

    /// Adds a turn.
    pub(super) fn add_turn(&self, turn: &str) -> Result<()> {
        let text = "a message of a hundred bytes or so, which is what a short one has when it is stored as JSON text";
        let item = |position| json!({"role": "user", "content": text, "turn": turn, "position": position});
        self.session.add_items(&(0..ITEMS).map(item).collect::<Vec<_>>())
    }

    /// Puts the next checkpoint, and says its id.
    pub(super) fn put(&mut self) -> Result<String> {
        let id = new_checkpoint_id(0);
        let mut checkpoint = Checkpoint::new(&id, timestamp());
        checkpoint.channel_values.insert("state", "x".repeat(STATE_BYTES));
        self.at = self.saver.put(&self.at, &checkpoint, &Metadata::new("loop", 0))?;
        Ok(id)
    }

    /// Puts what a task wrote for that checkpoint.
    pub(super) fn put_writes(&self) -> Result<()> {
        let write = |number| (format!("channel-{number}"), "done".into());
        self.saver.put_writes(&self.at, &(0..ITEMS).map(write).collect::<Vec<_>>(), "task", "")
    }

    /// The turns, oldest first.
    ///
    /// # Errors
    /// If one is not whole.
    pub(super) fn turns(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let items = self.session.get_items(None)?;
        let turn = |items: &[Value]| {
            let turn = items.first()?.get("turn")?;
            let fits = |(position, item): (usize, &Value)| item["turn"] == *turn && item["position"] == position;
            let is_whole = items.len() == ITEMS && items.iter().enumerate().all(fits);
            is_whole.then(|| turn.as_str().map(str::to_owned))?
        };
        items.chunks(ITEMS).map(|items| turn(items).ok_or_else(|| "a turn is torn".into())).collect()
    }

    /// All that is stored, each by its kind and id.
    ///
    /// # Errors
    /// If anything is there in part, or a checkpoint has lost its parent.
    fn stored(&self) -> Result<BTreeSet<String>, Box<dyn Error>> {
        let mut stored: BTreeSet<String> = self.turns()?.iter().map(|turn| format!("turn {turn}")).collect();
        let checkpoints = self.saver.list(Some(&Config::new("agent")), ListOptions::default())?;
        for (number, tuple) in checkpoints.iter().enumerate() {
            let id = &tuple.checkpoint.id;
            let parent = tuple.parent_config.as_ref().and_then(|parent| parent.checkpoint_id.as_ref());
            if parent != checkpoints.get(number + 1).map(|before| &before.checkpoint.id) {
                return Err(format!("the checkpoint {id} does not follow the one before").into());
            }
            let state = tuple.checkpoint.channel_values.get("state").and_then(|state| state.as_str());
            if state.map(str::len) != Some(STATE_BYTES) {
                return Err(format!("the checkpoint {id} is torn").into());
            }
            match tuple.pending_writes.len() {
                0 => {}
                ITEMS => drop(stored.insert(format!("writes {id}"))),
                _ => return Err(format!("the writes for {id} are torn").into()),
            }
            stored.insert(format!("checkpoint {id}"));
        }
        Ok(stored)
    }
}

const STATE_BYTES: usize = 20_000;

/// All that the agent of this database has stored; nothing if there is no database.
///
/// # Errors
/// If anything is there in part, or the file is damaged.
pub(super) fn stored(db: &Database) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let verdict: String = match db.query("PRAGMA integrity_check", ()) {
        Ok(rows) => rows.row(0).ok_or("no answer")?.get(0)?,
        Err(error) if error.sql_kind() == Some(SqlErrorKind::UnknownDatabase) => return Ok(BTreeSet::new()),
        Err(error) => return Err(error.into()),
    };
    if verdict != "ok" {
        return Err(format!("integrity_check says {verdict}").into());
    }
    Agent::new(db)?.stored()
}
