//! Cases of `persql-agents-session`.

#[path = "agents_session/calls.rs"]
mod calls;
#[path = "agents_session/concurrency.rs"]
mod concurrency;
#[path = "agents_session/configuration.rs"]
mod configuration;
#[path = "agents_session/hostile.rs"]
mod hostile;
#[path = "agents_session/interference.rs"]
mod interference;
#[path = "agents_session/listing.rs"]
mod listing;
#[path = "agents_session/model.rs"]
mod model;
#[path = "agents_session/once.rs"]
mod once;
#[path = "agents_session/python.rs"]
mod python;
#[path = "agents_session/reading.rs"]
mod reading;
#[path = "agents_session/removing.rs"]
mod removing;
#[path = "agents_session/replacing.rs"]
mod replacing;
#[path = "agents_session/tables.rs"]
mod tables;
#[path = "agents_session/writing.rs"]
mod writing;

use persql_agents_session::{Error, ErrorKind, PerSqlSession, Result};
use persql_conformance::{Any, World, foreign, run};
use serde_json::{Value, json};

type Session = PerSqlSession<Any>;

fn main() {
    run([
        writing::cases(),
        reading::cases(),
        removing::cases(),
        calls::cases(),
        replacing::cases(),
        once::cases(),
        listing::cases(),
        tables::cases(),
        configuration::cases(),
        hostile::cases(),
        python::cases(),
        concurrency::cases(),
        interference::cases(),
        model::cases(),
    ]
    .concat())
}

/// The session that most cases are about.
fn ada(world: &World) -> Result<Session> {
    Ok(PerSqlSession::new(world.db()?, "ada"))
}

/// A message of the user's.
fn message(n: usize) -> Value {
    json!({"role": "user", "content": format!("message {n}")})
}

/// Messages of the user's with these numbers.
fn messages(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(message).collect()
}

/// Stores a row as another program would, in a session that is made if need be, and gives its id.
fn insert_row(db: &Any, session_id: &str, stored: impl Into<persql_core::Value>) -> Result<i64> {
    db.query("INSERT OR IGNORE INTO agent_sessions(session_id) VALUES (?1)", [session_id])?;
    let (place, stored) = foreign(2, stored.into());
    let insert = format!("INSERT INTO agent_messages(session_id, message_data) VALUES (?1, {place}) RETURNING id");
    let rows = db.query(insert, (session_id, stored))?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}

/// One value that a query gives.
fn value<T: for<'a> persql_core::FromValue<'a>>(db: &Any, sql: &'static str) -> Result<T> {
    let rows = db.query(sql, ())?;
    rows.first().ok_or_else(|| Error::new(ErrorKind::NotFound, "no row"))?.get(0)
}

/// The error of something that must fail.
fn refused<T: std::fmt::Debug>(result: Result<T>) -> Result<Error, String> {
    result.map_or_else(Ok, |value| Err(format!("this should have been refused, and gave {value:?}")))
}
