//! What a program does with `persql-strands`.

use persql_conformance::{Any, faults::Random};
use persql_strands::{
    Page, PerSqlSessionManager, PerSqlSessionRepository, PerSqlStorage, Result, Session, SessionAgent, SessionMessage,
};
use serde_json::{Value, json};

/// An agent that is managed, records that are written by hand, and values of the storage. Gives what each call gave.
pub(crate) fn work(db: &Any, random: &mut Random, operations: u64) -> Result<Vec<String>> {
    let repository = PerSqlSessionRepository::new(db.clone());
    let manager = PerSqlSessionManager::new(db.clone(), "managed");
    let storage = PerSqlStorage::new(db.clone());
    let mut tracked = manager.initialize(&SessionAgent::new("agent"))?.tracked;
    repository.create_session(&Session::new("by-hand"))?;
    repository.create_agent("by-hand", &agent(0)?)?;
    let mut told = Vec::new();
    for number in 0..operations {
        let key = random.one_of(&["a", "b/c", "b/d"]);
        told.push(match random.below(20) {
            0..6 => {
                tracked = manager.append_message(&tracked, &message(number))?;
                format!("{:?}", tracked.latest_message_id())
            }
            6..9 => {
                tracked = manager.append_and_sync(&tracked, &[message(number), message(number)], &agent(number)?)?;
                format!("{:?}", tracked.latest_message_id())
            }
            9 => {
                tracked = manager.sync_agent(&tracked, &agent(number)?)?;
                format!("{:?}", tracked.next_message_id())
            }
            10 => {
                if tracked.latest_message_id().is_some() {
                    tracked = manager.redact_latest_message(&tracked, &message(number))?;
                }
                format!("{:?}", tracked.latest_message_id())
            }
            11..14 => {
                let id = i64::try_from(number).unwrap_or(i64::MAX);
                repository.create_message("by-hand", "agent", &SessionMessage::new(id, &message(number))?)?;
                format!("{:?}", repository.update_message("by-hand", "agent", &SessionMessage::new(id, &message(id))?)?)
            }
            14 => format!("{:?}", repository.update_agent("by-hand", &agent(number)?)?),
            15 => {
                let page = repository.list_messages("by-hand", "agent", Page::default().with_limit(5))?;
                format!("{:?}", page.iter().map(|message| message.message_id).collect::<Vec<_>>())
            }
            16..18 => format!("{:?}", storage.write(key, message(number).to_string())?),
            18 => format!("{:?}", storage.read(key)?),
            _ => format!("{:?}", storage.delete(key)?),
        });
    }
    Ok(told)
}

fn agent(number: u64) -> Result<SessionAgent> {
    SessionAgent::new("agent").with_state(&json!({"number": number}))
}

pub(crate) fn message(number: impl std::fmt::Display) -> Value {
    json!({"role": "user", "content": [{"text": format!("message {number}")}]})
}
