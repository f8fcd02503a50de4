//! What happens between the requests of one operation.

use std::time::Duration;

use persql_conformance::{Case, Interrupted, Outcome, World, cases};
use persql_strands::{
    MultiAgentState, PerSqlSessionManager, PerSqlSessionRepository, Result, Session, SessionAgent, SessionMessage,
    blocking,
};
use serde_json::{Value, json};

use crate::support::{agent_row, cell, message_row, plant_agent, plant_message, repository, user, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_agent_that_changes_between_read_and_write_is_read_again,
        a_message_that_changes_between_read_and_write_is_read_again,
        a_new_agent_that_somebody_else_stores_first_is_restored,
        a_new_graph_that_somebody_else_stores_first_stays,
        a_session_that_comes_to_life_is_not_deleted,
        a_conversation_that_goes_on_elsewhere_is_not_written_over,
    ]
}

type Repository = blocking::PerSqlSessionRepository;

/// A handle that is interrupted before its request of this number.
fn interrupted(
    world: &World,
    request: usize,
    rival: impl Fn(&Repository) -> Result<()> + Send + Sync + 'static,
) -> Result<Interrupted> {
    Interrupted::once(world, request, move |db| rival(&Repository::new(db.clone())))
}

fn an_agent_that_changes_between_read_and_write_is_read_again(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant_agent(&db, "s1", "a", &agent_row(r#", "future": 1"#))?;
    // Refused, read, and here somebody else writes another unknown key.
    let handle = interrupted(world, 3, |rival| {
        let row = agent_row(r#", "future": 2, "more": 3"#);
        rival.database().query("UPDATE strands_agents SET data = ?1", [row]).map(drop)
    })?;
    PerSqlSessionRepository::new(handle).update_agent("s1", &SessionAgent::new("a").with_state(&json!({"n": 9}))?)?;
    let data = cell(&db, "SELECT data FROM strands_agents")?;
    assert!(data.contains(r#""state":{"n":9}"#) && data.ends_with(r#","future":2,"more":3}"#), "{data}");
    Ok(())
}

fn a_message_that_changes_between_read_and_write_is_read_again(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant_message(&db, "s1", "a", 0, &message_row(0, "{}", r#", "future": 1"#))?;
    let handle = interrupted(world, 3, |rival| {
        let row = message_row(0, "{}", r#", "future": 2"#);
        rival.database().query("UPDATE strands_messages SET data = ?1", [row]).map(drop)
    })?;
    PerSqlSessionRepository::new(handle).update_message("s1", "a", &SessionMessage::new(0, &user("new"))?)?;
    let data = cell(&db, "SELECT data FROM strands_messages")?;
    assert!(data.contains("new") && data.ends_with(r#","future":2}"#), "{data}");
    // And one that is deleted meanwhile is not there.
    let handle = interrupted(world, 3, |rival| rival.delete_session("s1"))?;
    let gone = PerSqlSessionRepository::new(handle).update_message("s1", "a", &SessionMessage::new(0, &user("x"))?);
    assert_eq!(gone.unwrap_err().to_string(), "Message 0 does not exist");
    Ok(())
}

fn a_new_agent_that_somebody_else_stores_first_is_restored(world: &World) -> Outcome {
    with_tables(world)?;
    let handle = interrupted(world, 2, |rival| {
        let messages = [user("first")];
        rival.manager("s1").initialize_with_messages(&SessionAgent::new("a"), &messages).map(drop)
    })?;
    let manager = PerSqlSessionManager::new(handle, "s1");
    let restored = manager.initialize_with_messages(&SessionAgent::new("a"), &[user("second")])?;
    assert!(!restored.is_new);
    assert_eq!(restored.messages_as::<Value>()?, [user("first")]);
    Ok(())
}

fn a_new_graph_that_somebody_else_stores_first_stays(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let handle = interrupted(world, 2, |rival| {
        rival.create_multi_agent("s1", &MultiAgentState::encode(&json!({"id": "g", "n": 1}))?)
    })?;
    let state = MultiAgentState::encode(&json!({"id": "g", "n": 2}))?;
    PerSqlSessionManager::new(handle, "s1").initialize_multi_agent(&state)?;
    assert_eq!(repository(&db).read_multi_agent("s1", "g")?.unwrap().text().as_str(), r#"{"id":"g","n":1}"#);
    Ok(())
}

fn a_session_that_comes_to_life_is_not_deleted(world: &World) -> Outcome {
    let db = with_tables(world)?;
    for id in ["asleep", "awake"] {
        let mut session = Session::new(id);
        session.updated_at = Some("2020-01-01T00:00:00+00:00".to_owned());
        repository(&db).create_session(&session)?;
        let mut message = SessionMessage::new(0, &user("old"))?;
        message.updated_at = session.updated_at.clone();
        repository(&db).create_message(id, "a", &message)?;
    }
    let handle = interrupted(world, 2, |rival| rival.create_agent("awake", &SessionAgent::new("a")))?;
    PerSqlSessionRepository::new(handle).delete_inactive(Duration::from_secs(3_600))?;
    assert!(repository(&db).read_session("asleep")?.is_none());
    assert!(repository(&db).read_session("awake")?.is_some());
    assert!(repository(&db).read_message("awake", "a", 0)?.is_some());
    Ok(())
}

fn a_conversation_that_goes_on_elsewhere_is_not_written_over(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let handle = interrupted(world, 3, |rival| {
        let tracked = rival.manager("s1").initialize(&SessionAgent::new("a"))?.tracked;
        rival.manager("s1").append_message(&tracked, &user("theirs")).map(drop)
    })?;
    let manager = PerSqlSessionManager::new(handle, "s1");
    let tracked = manager.initialize(&SessionAgent::new("a"))?.tracked;
    let changed = SessionAgent::new("a").with_state(&json!({"n": 1}))?;
    assert!(manager.append_and_sync(&tracked, &[user("ours")], &changed).is_err());
    let restored = manager.initialize(&SessionAgent::new("a"))?;
    assert_eq!(restored.messages_as::<Value>()?, [user("theirs")]);
    assert_eq!(repository(&db).read_agent("s1", "a")?.unwrap().state.as_str(), "{}");
    Ok(())
}
