//! Random lives of a session against a plain model in memory.

use std::collections::BTreeMap;

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_strands::{ErrorKind, Page, SessionAgent, SessionMessage};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::support::{manager, repository, user, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![a_repository_behaves_as_maps, a_manager_behaves_as_a_list_that_only_grows]
}

fn runner(world: &World) -> TestRunner {
    let cases = if world.mode().is_cheap() { 64 } else { 16 };
    TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() })
}

#[derive(Clone, Debug)]
enum Change {
    CreateAgent(u8, i64),
    UpdateAgent(u8, i64),
    CreateMessage(u8, i64, String),
    UpdateMessage(u8, i64, String),
    List(u8, Option<usize>, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let text = || any::<String>();
    prop_oneof![
        (0..3u8, any::<i64>()).prop_map(|(agent, n)| Change::CreateAgent(agent, n)),
        (0..3u8, any::<i64>()).prop_map(|(agent, n)| Change::UpdateAgent(agent, n)),
        (0..3u8, -2..6i64, text()).prop_map(|(agent, id, text)| Change::CreateMessage(agent, id, text)),
        (0..3u8, -2..6i64, text()).prop_map(|(agent, id, text)| Change::UpdateMessage(agent, id, text)),
        (0..3u8, prop::option::of(0..5usize), 0..5usize)
            .prop_map(|(agent, limit, offset)| Change::List(agent, limit, offset)),
    ]
}

fn a_repository_behaves_as_maps(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    runner(world).run(&prop::collection::vec(change(), 1..25), |changes| {
        db.transaction(["DELETE FROM strands_agents", "DELETE FROM strands_messages"]).unwrap();
        let mut agents: BTreeMap<u8, Value> = BTreeMap::new();
        let mut messages: BTreeMap<(u8, i64), Value> = BTreeMap::new();
        for change in changes {
            match change {
                Change::CreateAgent(id, n) => {
                    let agent = SessionAgent::new(id.to_string()).with_state(&json!({"n": n})).unwrap();
                    repository.create_agent("s", &agent).unwrap();
                    agents.insert(id, json!({"n": n}));
                }
                Change::UpdateAgent(id, n) => {
                    let agent = SessionAgent::new(id.to_string()).with_state(&json!({"n": n})).unwrap();
                    let updated = repository.update_agent("s", &agent);
                    prop_assert_eq!(updated.is_ok(), agents.contains_key(&id));
                    agents.entry(id).and_modify(|state| *state = json!({"n": n}));
                }
                Change::CreateMessage(agent, id, text) => {
                    let message = SessionMessage::new(id, &user(&text)).unwrap();
                    repository.create_message("s", &agent.to_string(), &message).unwrap();
                    messages.insert((agent, id), user(&text));
                }
                Change::UpdateMessage(agent, id, text) => {
                    let message = SessionMessage::new(id, &user(&text)).unwrap();
                    let updated = repository.update_message("s", &agent.to_string(), &message);
                    prop_assert_eq!(updated.is_ok(), messages.contains_key(&(agent, id)));
                    messages.entry((agent, id)).and_modify(|message| *message = user(&text));
                }
                Change::List(agent, limit, offset) => {
                    let page = Page::default().with_offset(offset);
                    let page = limit.map_or(page, |limit| page.with_limit(limit));
                    let listed = repository.list_messages("s", &agent.to_string(), page).unwrap();
                    let listed: Vec<(i64, Value)> =
                        listed.iter().map(|message| (message.message_id, message.to_message().unwrap())).collect();
                    let all = messages.iter().filter(|((owner, _), _)| *owner == agent);
                    let expected: Vec<(i64, Value)> = all
                        .skip(offset)
                        .take(limit.unwrap_or(usize::MAX))
                        .map(|((_, id), message)| (*id, message.clone()))
                        .collect();
                    prop_assert_eq!(listed, expected);
                }
            }
            for id in 0..3u8 {
                let stored = repository.read_agent("s", &id.to_string()).unwrap();
                let state = stored.map(|agent| agent.state.decode::<Value>().unwrap());
                prop_assert_eq!(state.as_ref(), agents.get(&id));
            }
        }
        Ok(())
    })?;
    Ok(())
}

#[derive(Clone, Debug)]
enum Turn {
    Append(Vec<String>),
    AppendAndSync(Vec<String>, i64),
    Sync(i64),
    Trim(usize),
    Redact(String),
    Restart,
    Stale(String),
}

fn turn() -> impl Strategy<Value = Turn> {
    let texts = || prop::collection::vec("[a-c]{0,2}", 0..4);
    prop_oneof![
        texts().prop_map(Turn::Append),
        (texts(), 0..4i64).prop_map(|(texts, n)| Turn::AppendAndSync(texts, n)),
        (0..4i64).prop_map(Turn::Sync),
        (0..12usize).prop_map(Turn::Trim),
        "[x-z]{1,2}".prop_map(Turn::Redact),
        Just(Turn::Restart),
        "[a-c]{0,2}".prop_map(Turn::Stale),
    ]
}

/// What a session should hold: every message that was ever added, in its order, and the agent.
#[derive(Debug, Default)]
struct Model {
    messages: Vec<Value>,
    state: i64,
    removed: usize,
}

impl Model {
    fn agent(&self) -> SessionAgent {
        SessionAgent::new("a")
            .with_state(&json!({"n": self.state}))
            .unwrap()
            .with_conversation_manager_state(&json!({"removed_message_count": self.removed}))
            .unwrap()
    }
}

fn a_manager_behaves_as_a_list_that_only_grows(world: &World) -> Outcome {
    let (db, other) = (with_tables(world)?, world.other_db()?);
    runner(world).run(&prop::collection::vec(turn(), 1..20), |turns| live(&db, &other, turns))?;
    Ok(())
}

fn live(db: &Any, other: &Any, turns: Vec<Turn>) -> Result<(), TestCaseError> {
    if repository(db).read_session("s").unwrap().is_some() {
        repository(db).delete_session("s").unwrap();
    }
    let mut model = Model::default();
    let mut manager = manager(db, "s");
    let mut tracked = manager.initialize(&model.agent()).unwrap().tracked;
    let mut handles = [db, other].into_iter().cycle();
    for turn in turns {
        let before = tracked.clone();
        let values = |texts: Vec<String>| texts.iter().map(|text| user(text)).collect::<Vec<Value>>();
        match turn {
            Turn::Append(texts) => {
                for message in values(texts) {
                    tracked = manager.append_message(&tracked, &message).unwrap();
                    model.messages.push(message);
                }
            }
            Turn::AppendAndSync(texts, n) => {
                let messages = values(texts);
                model.state = n;
                tracked = manager.append_and_sync(&tracked, &messages, &model.agent()).unwrap();
                model.messages.extend(messages);
            }
            Turn::Sync(n) => {
                model.state = n;
                tracked = manager.sync_agent(&tracked, &model.agent()).unwrap();
            }
            Turn::Trim(removed) => {
                model.removed = removed;
                tracked = manager.sync_agent(&tracked, &model.agent()).unwrap();
            }
            Turn::Redact(text) => match tracked.latest_message_id() {
                Some(id) => {
                    tracked = manager.redact_latest_message(&tracked, &user(&text)).unwrap();
                    model.messages[usize::try_from(id).unwrap()] = user(&text);
                }
                None => {
                    let refused = manager.redact_latest_message(&tracked, &user(&text)).unwrap_err();
                    prop_assert_eq!(refused.kind(), ErrorKind::NotFound);
                }
            },
            Turn::Restart => {
                manager = crate::support::manager(handles.next().unwrap(), "s");
                let restored = manager.initialize(&SessionAgent::new("a")).unwrap();
                tracked = restored.tracked.clone();
                let expected: Vec<Value> = model.messages.iter().skip(model.removed).cloned().collect();
                prop_assert_eq!(tracked.latest_message_id().is_some(), !expected.is_empty());
                prop_assert_eq!(restored.messages_as::<Value>().unwrap(), expected);
                prop_assert_eq!(restored.agent.state, model.agent().state);
                prop_assert!(!restored.is_new);
            }
            Turn::Stale(text) => {
                let fresh = manager.append_message(&tracked, &user(&text)).unwrap();
                model.messages.push(user(&text));
                let stale = manager.append_message(&before, &user(&text)).unwrap_err();
                prop_assert_eq!(stale.kind(), ErrorKind::Conflict);
                tracked = fresh;
            }
        }
        prop_assert_eq!(usize::try_from(tracked.next_message_id()).unwrap(), model.messages.len());
    }
    let all = repository(db).list_messages("s", "a", Page::default()).unwrap();
    let all: Vec<Value> = all.iter().map(|message| message.to_message().unwrap()).collect();
    prop_assert_eq!(all, model.messages);
    Ok(())
}
