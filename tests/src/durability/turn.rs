//! What the checks write: turns of a conversation and checkpoints, each in one request, and how they are counted.

use std::error::Error;

use persql_core::{Handle, Plan, Result, Statement, blocking::Database};

/// Rows of a turn, and writes of a checkpoint.
pub(super) const ROWS: i64 = 4;

pub(super) fn create(db: &Database) -> Result<()> {
    db.transaction([
        "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY AUTOINCREMENT, turn TEXT NOT NULL, text TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS message_turn ON message (turn)",
        "CREATE TABLE IF NOT EXISTS checkpoint (id TEXT PRIMARY KEY, state TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS checkpoint_write (id TEXT, position INTEGER, PRIMARY KEY (id, position))",
    ])
    .map(drop)
}

/// Appends a turn.
pub(super) fn append(db: &Database, turn: &str) -> Result<()> {
    let text = "a message of a hundred bytes or so, which is what a short one has when it is stored as JSON text";
    let row = |_| Statement::new("INSERT INTO message (turn, text) VALUES (?1, ?2)", (turn, text));
    db.run(Plan::write((0..ROWS).map(row)))
}

/// Puts a checkpoint with its writes.
pub(super) fn put(db: &Database, id: &str) -> Result<()> {
    let state = "x".repeat(20_000);
    let checkpoint = Statement::new("INSERT INTO checkpoint (id, state) VALUES (?1, ?2)", (id, state));
    let write =
        |position| Statement::new("INSERT INTO checkpoint_write (id, position) VALUES (?1, ?2)", (id, position));
    db.run(Plan::write(std::iter::once(checkpoint).chain((0..ROWS).map(write))))
}

/// Whether a turn is there, or a checkpoint.
pub(super) fn holds(db: &Database, id: &str) -> Result<bool> {
    let rows = db.query(
        "SELECT (SELECT count(*) FROM message WHERE turn = ?1) + (SELECT count(*) FROM checkpoint_write WHERE id = ?1) AS n",
        [id],
    )?;
    Ok(rows.row(0).map(|row| row.get::<i64>("n")).transpose()? == Some(ROWS))
}

/// Fails if anything is there in part, or the file is damaged. Gives how many turns and checkpoints there are.
pub(super) fn check_whole(db: &Database) -> Result<i64, Box<dyn Error>> {
    let rows = db.query(
        "SELECT (SELECT count(*) FROM (SELECT turn FROM message GROUP BY turn HAVING count(*) <> 4)) AS torn_turns,
                (SELECT count(*) FROM checkpoint WHERE 4 <>
                    (SELECT count(*) FROM checkpoint_write w WHERE w.id = checkpoint.id)) AS torn_checkpoints,
                (SELECT count(*) FROM checkpoint_write WHERE id NOT IN (SELECT id FROM checkpoint)) AS orphans,
                (SELECT count(DISTINCT turn) FROM message) + (SELECT count(*) FROM checkpoint) AS whole",
        (),
    )?;
    let row = rows.row(0).ok_or("no answer")?;
    for column in ["torn_turns", "torn_checkpoints", "orphans"] {
        let count: i64 = row.get(column)?;
        if count != 0 {
            return Err(format!("{count} {column}").into());
        }
    }
    let verdict: String = db.query("PRAGMA integrity_check", ())?.row(0).ok_or("no answer")?.get(0)?;
    if verdict != "ok" {
        return Err(format!("integrity_check says {verdict}").into());
    }
    Ok(row.get("whole")?)
}
