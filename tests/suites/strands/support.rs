//! What the topics share.

use persql_conformance::{Any, World};
use persql_strands::{
    Error, ErrorKind, JsonText, PerSqlSessionManager, PerSqlSessionRepository, PerSqlStorage, Result,
};
use serde_json::{Value, json};

pub(crate) fn repository(db: &Any) -> PerSqlSessionRepository<Any> {
    PerSqlSessionRepository::new(db.clone())
}

pub(crate) fn manager(db: &Any, session_id: &str) -> PerSqlSessionManager<Any> {
    PerSqlSessionManager::new(db.clone(), session_id)
}

pub(crate) fn storage(db: &Any) -> PerSqlStorage<Any> {
    PerSqlStorage::new(db.clone())
}

/// A world's handle whose tables are there, so that counts show what an operation itself needs.
pub(crate) fn with_tables(world: &World) -> Result<Any> {
    let db = world.db()?;
    repository(&db).create_tables()?;
    storage(&db).create_tables()?;
    Ok(db)
}

pub(crate) fn say(role: &str, text: &str) -> Value {
    json!({"role": role, "content": [{"text": text}]})
}

pub(crate) fn user(text: &str) -> Value {
    say("user", text)
}

pub(crate) fn tracked(text: &str, tracking_id: &str) -> Value {
    json!({"role": "user", "content": [{"text": text}], "tracking_id": tracking_id})
}

pub(crate) fn text(text: &str) -> JsonText {
    JsonText::new(text).unwrap()
}

/// The error that must come, of this kind and with this text.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind, text: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
    error
}

/// The only cell that this statement gives, as text.
pub(crate) fn cell(db: &Any, sql: &'static str) -> Result<String> {
    db.query(sql, ())?.first().unwrap().get(0)
}

/// A count that this statement gives.
pub(crate) fn number(db: &Any, sql: &'static str) -> Result<i64> {
    db.query(sql, ())?.first().unwrap().get(0)
}

/// A message as others have stored it.
pub(crate) fn plant_message(db: &Any, session_id: &str, agent_id: &str, message_id: i64, data: &str) -> Result<()> {
    db.query(
        "INSERT INTO strands_messages VALUES (?1, ?2, ?3, ?4, '2020-01-01T00:00:00+00:00', '2020-01-01T00:00:00+00:00')",
        (session_id, agent_id, message_id, data),
    )
    .map(|_| ())
}

/// An agent as others have stored it.
pub(crate) fn plant_agent(db: &Any, session_id: &str, agent_id: &str, data: &str) -> Result<()> {
    db.query(
        "INSERT INTO strands_agents VALUES (?1, ?2, ?3, '2020-01-01T00:00:00+00:00', '2020-01-01T00:00:00+00:00')",
        (session_id, agent_id, data),
    )
    .map(|_| ())
}

/// An agent's row with these members more.
pub(crate) fn agent_row(more: &str) -> String {
    format!(
        r#"{{"agent_id": "a", "state": {{"n": 1}}, "conversation_manager_state": {{}}, "_internal_state": {{}}, "created_at": "2020-01-01T00:00:00+00:00", "updated_at": "2020-01-01T00:00:00+00:00"{more}}}"#
    )
}

/// A message's row with this message and these members more.
pub(crate) fn message_row(message_id: i64, message: &str, more: &str) -> String {
    format!(
        r#"{{"message": {message}, "message_id": {message_id}, "redact_message": null, "created_at": "2020-01-01T00:00:00+00:00", "updated_at": "2020-01-01T00:00:00+00:00"{more}}}"#
    )
}

/// Whether a time is written as Python's `isoformat` writes it.
pub(crate) fn is_iso(time: &str) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd.dddddd+00:00";
    time.len() == pattern.len()
        && time.chars().zip(pattern.chars()).all(|(c, p)| if p == 'd' { c.is_ascii_digit() } else { c == p })
}
