//! What strands-agents 1.62.0 writes, calls, raises and restores: `vectors/strands.json`, made by the script beside it.

use std::{collections::BTreeMap, sync::LazyLock};

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_strands::{
    ErrorKind, JsonText, MultiAgentState, Page, Restored, Result, Scope, Session, SessionAgent, SessionMessage,
    Snapshot, SnapshotKeys, repair_tool_use, repair_tool_use_text,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{manager, plant_agent, plant_message, repository, storage, user, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        rows_of_the_framework_are_read_and_restored_as_it_restores_them,
        rows_of_ours_have_the_fields_of_the_framework_in_its_order,
        rows_of_the_framework_keep_their_time_and_can_be_written_anew,
        every_group_of_the_frameworks_calls_is_one_request,
        errors_have_the_texts_of_the_framework,
        pages_hold_what_the_framework_lists,
        a_conversation_is_restored_as_the_framework_restores_it,
        broken_tool_use_is_repaired_as_the_framework_repairs_it,
        graphs_and_swarms_of_the_framework_come_back,
        snapshots_have_the_keys_and_bytes_of_the_framework,
        keys_are_normalized_as_the_framework_does,
        namespaces_show_what_the_framework_shows,
    ]
}

#[derive(Deserialize)]
struct Vectors {
    life: Life,
    errors: BTreeMap<String, Option<(String, String)>>,
    lists: Lists,
    restores: Vec<Restores>,
    repairs: Vec<Repair>,
    snapshots: Snapshots,
    keys: Vec<Key>,
    namespaces: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Life {
    trace: BTreeMap<String, Vec<String>>,
    files: BTreeMap<String, String>,
    restored: Vec<Value>,
}

#[derive(Deserialize)]
struct Lists {
    ids: Vec<i64>,
    pages: Vec<ListedPage>,
}

#[derive(Deserialize)]
struct ListedPage {
    limit: Option<usize>,
    offset: usize,
    ids: Vec<i64>,
}

#[derive(Deserialize)]
struct Restores {
    conversation_manager_state: Value,
    stored: Vec<Value>,
    messages: Vec<Value>,
}

#[derive(Deserialize)]
struct Repair {
    before: Vec<Value>,
    after: Vec<Value>,
}

#[derive(Deserialize)]
struct Snapshots {
    snapshot_id: String,
    listed: Vec<String>,
    values: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Key {
    raw: String,
    key: Option<String>,
    key_error: Option<String>,
    prefix: Option<String>,
    prefix_error: Option<String>,
}

static VECTORS: LazyLock<Vectors> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../vectors/strands.json")).unwrap());

/// Puts the files of the framework's session into rows, as they are.
fn plant(db: &Any) -> Result<()> {
    let time = "2026-01-01T00:00:00+00:00";
    for (path, data) in &VECTORS.life.files {
        let parts: Vec<&str> = path.split('/').collect();
        let id = |part: usize, prefix: &str| parts[part].strip_prefix(prefix).unwrap().trim_end_matches(".json");
        let session = id(0, "session_");
        match parts.len() {
            2 => {
                db.query("INSERT INTO strands_sessions VALUES (?1, ?2, ?3, ?3)", (session, data.as_str(), time))?;
            }
            4 if parts[1] == "agents" => plant_agent(db, session, id(2, "agent_"), data)?,
            4 => {
                let id = id(2, "multi_agent_");
                db.query(
                    "INSERT INTO strands_multi_agents VALUES (?1, ?2, ?3, ?4, ?4)",
                    (session, id, data.as_str(), time),
                )?;
            }
            _ => plant_message(db, session, id(2, "agent_"), id(4, "message_").parse().unwrap(), data)?,
        }
    }
    Ok(())
}

fn file(path: &str) -> Value {
    serde_json::from_str(&VECTORS.life.files[path]).unwrap()
}

fn rows_of_the_framework_are_read_and_restored_as_it_restores_them(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant(&db)?;
    let restored = manager(&db, "s1").initialize(&SessionAgent::new("helper"))?;
    assert!(!restored.is_new);
    assert_eq!(restored.messages_as::<Value>()?, VECTORS.life.restored);
    let agent = file("session_s1/agents/agent_helper/agent.json");
    assert_eq!(restored.agent.state.decode::<Value>()?, agent["state"]);
    assert_eq!(restored.agent.internal_state.decode::<Value>()?, agent["_internal_state"]);
    assert_eq!(restored.agent.conversation_manager_state.decode::<Value>()?, agent["conversation_manager_state"]);
    assert_eq!(restored.agent.created_at.as_deref(), agent["created_at"].as_str());
    let session = repository(&db).read_session("s1")?.unwrap();
    assert_eq!(session.session_type, "AGENT");
    assert_eq!(session.created_at.as_deref(), file("session_s1/session.json")["created_at"].as_str());
    let image = restored.messages[0].decode::<Value>()?["content"][1]["image"]["source"]["bytes"].clone();
    let bytes: persql_strands::Bytes = serde_json::from_value(image)?;
    assert_eq!(bytes.0, b"\x89PNG\x00\xff");
    Ok(())
}

fn keys_of(text: &str) -> Vec<String> {
    // The keys of the outermost object, in the order in which they stand.
    struct Keys(Vec<String>);
    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Keys>(text).unwrap().0
}

fn rows_of_ours_have_the_fields_of_the_framework_in_its_order(world: &World) -> Outcome {
    let db = with_tables(world)?;
    manager(&db, "s1").initialize_with_messages(&SessionAgent::new("helper"), &[user("hi")])?;
    let files = &VECTORS.life.files;
    for (sql, path) in [
        ("SELECT data FROM strands_sessions", "session_s1/session.json"),
        ("SELECT data FROM strands_agents", "session_s1/agents/agent_helper/agent.json"),
        ("SELECT data FROM strands_messages", "session_s1/agents/agent_helper/messages/message_0.json"),
    ] {
        let data = crate::support::cell(&db, sql)?;
        assert_eq!(keys_of(&data), keys_of(&files[path]), "{path}");
        let (ours, theirs): (Value, Value) = (serde_json::from_str(&data)?, file(path));
        for time in ["created_at", "updated_at"] {
            assert!(crate::support::is_iso(ours[time].as_str().unwrap()), "{ours}");
            assert!(crate::support::is_iso(theirs[time].as_str().unwrap()), "{theirs}");
        }
    }
    Ok(())
}

fn rows_of_the_framework_keep_their_time_and_can_be_written_anew(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant(&db)?;
    let repository = repository(&db);
    let path = "session_s1/agents/agent_helper";
    for message in repository.list_messages("s1", "helper", Page::default())? {
        repository.update_message("s1", "helper", &message)?;
        let again = repository.read_message("s1", "helper", message.message_id)?.unwrap();
        assert_eq!(again.message.decode::<Value>()?, message.message.decode::<Value>()?);
        let theirs = file(&format!("{path}/messages/message_{}.json", message.message_id));
        assert_eq!(
            (again.created_at.as_deref(), again.updated_at.as_deref()),
            (theirs["created_at"].as_str(), theirs["updated_at"].as_str())
        );
    }
    let restored = manager(&db, "s1").initialize(&SessionAgent::new("helper"))?;
    assert_eq!(restored.messages_as::<Value>()?, VECTORS.life.restored);
    let changed = SessionAgent::new("helper").with_state(&json!({"name": "Eve"}))?;
    manager(&db, "s1").sync_agent(&restored.tracked, &changed)?;
    let stored = repository.read_agent("s1", "helper")?.unwrap();
    assert_eq!(stored.created_at.as_deref(), file(&format!("{path}/agent.json"))["created_at"].as_str());
    assert_eq!(stored.state, changed.state);
    Ok(())
}

fn every_group_of_the_frameworks_calls_is_one_request(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let trace = |step: &str| VECTORS.life.trace[step].as_slice();
    let agent = SessionAgent::new("helper").with_state(&json!({"name": "Ada"}))?;

    assert_eq!(trace("new manager"), ["read_session", "create_session"]);
    assert_eq!(trace("new agent"), ["create_agent"]);
    assert_eq!(trace("new agent with two messages"), ["create_agent", "create_message", "create_message"]);
    let (requests, restored) = db.counting(|| manager.initialize_with_messages(&agent, &[user("one"), user("two")]));
    assert_eq!(requests, 2, "all that is read, and all that is written");
    let mut now = restored?.tracked;

    assert_eq!(trace("second turn, nothing changed"), ["create_message", "create_message"]);
    for _call in trace("second turn, nothing changed") {
        let (requests, next) = db.counting(|| manager.append_and_sync(&now, &[user("x")], &agent));
        assert_eq!(requests, 1);
        now = next?;
    }

    let changed = ["create_message", "update_agent", "read_agent", "create_message"];
    assert_eq!(trace("third turn, state changed before"), changed);
    let agent = agent.with_state(&json!({"name": "Bob"}))?;
    for _group in [&changed[..3], &changed[3..]] {
        let (requests, next) = db.counting(|| manager.append_and_sync(&now, &[user("x")], &agent));
        assert_eq!(requests, 1);
        now = next?;
    }

    let redaction = ["create_message", "update_message", "read_message", "create_message"];
    assert_eq!(trace("turn with a redaction"), redaction);
    now = manager.append_message(&now, &user("My PIN is 1234."))?;
    let (requests, next) = db.counting(|| manager.redact_latest_message(&now, &user("[User input redacted.]")));
    assert_eq!(requests, 1);
    next?;

    assert_eq!(trace("restore"), ["read_session", "read_agent", "list_messages(offset=0)"]);
    let (requests, restored) = db.counting(|| manager.initialize(&agent));
    assert_eq!((requests, restored?.messages.len()), (1, 7));

    assert_eq!(trace("new graph"), ["create_multi_agent"]);
    assert_eq!(trace("new swarm"), ["read_multi_agent", "create_multi_agent"]);
    let state = MultiAgentState::encode(&json!({"id": "g1"}))?;
    let (requests, found) = db.counting(|| manager.initialize_multi_agent(&state));
    assert_eq!((requests, found?), (2, None));
    assert_eq!(trace("graph of two nodes").len(), 6, "update and read, three times");
    let (requests, synced) = db.counting(|| manager.sync_multi_agent(&state));
    synced?;
    assert_eq!(requests, 1);
    Ok(())
}

fn errors_have_the_texts_of_the_framework(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    repository.create_session(&Session::new("e1"))?;
    let agent = SessionAgent::new("a");
    let message = SessionMessage::new(7, &user("x"))?;
    let state = MultiAgentState::encode(&json!({"id": "m"}))?;
    let live = SessionAgent::new("helper")
        .with_conversation_manager_state(&json!({"__name__": "SlidingWindowConversationManager"}))?;
    let other =
        SessionAgent::new("helper").with_conversation_manager_state(&json!({"__name__": "NullConversationManager"}))?;
    let manager = manager(&db, "e1");
    let mut seen = 0;
    let mut check = |name: &str, outcome: Result<()>| {
        seen += 1;
        match (&VECTORS.errors[name], outcome) {
            (None, outcome) => outcome.unwrap(),
            (Some((class, text)), outcome) => {
                let error = outcome.unwrap_err();
                assert_eq!(&error.to_string(), text, "{name}");
                let ours = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict);
                // Of the two that the framework raises as ValueError, one is about what is stored.
                let theirs = class == "SessionException" || name == "another conversation manager";
                assert_eq!(ours, theirs, "{name}: {error:?}");
            }
        }
    };
    check("create_session twice", repository.create_session(&Session::new("e1")).map(drop));
    check("create_agent without a session", repository.create_agent("none", &agent));
    check("create_agent twice", repository.create_agent("none", &agent));
    check("create_message without an agent", repository.create_message("none", "other", &message));
    check("create_message twice", repository.create_message("none", "other", &message));
    check("update_agent", repository.update_agent("e1", &agent));
    check("update_message", repository.update_message("e1", "a", &message));
    check("update_multi_agent", repository.update_multi_agent("e1", &state));
    check("delete_session", repository.delete_session("gone"));
    check("delete_session without a session record", repository.delete_session("none"));
    check("session id", repository.read_session("a/b").map(drop));
    check("agent id", repository.read_agent("e1", "a/b").map(drop));
    check("multi-agent id", repository.read_multi_agent("e1", "a/b").map(drop));
    let now = manager.initialize(&live)?.tracked;
    check("redact nothing", manager.redact_latest_message(&now, &user("-")).map(drop));
    check("another conversation manager", manager.initialize(&other).map(drop));
    // The check within a process is the framework's; here the database tells two writers apart.
    assert!(VECTORS.errors.contains_key("the same agent twice"));
    assert_eq!(seen + 1, VECTORS.errors.len());
    Ok(())
}

fn pages_hold_what_the_framework_lists(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    for id in &VECTORS.lists.ids {
        repository.create_message("l1", "a", &SessionMessage::new(*id, &user("x"))?)?;
    }
    for case in &VECTORS.lists.pages {
        let page = Page::default().with_offset(case.offset);
        let page = case.limit.map_or(page, |limit| page.with_limit(limit));
        let listed = repository.list_messages("l1", "a", page)?;
        let ids: Vec<i64> = listed.iter().map(|message| message.message_id).collect();
        assert_eq!(ids, case.ids, "{page:?}");
    }
    assert!(VECTORS.lists.pages.len() > 20);
    Ok(())
}

fn a_conversation_is_restored_as_the_framework_restores_it(world: &World) -> Outcome {
    let db = with_tables(world)?;
    for (number, case) in VECTORS.restores.iter().enumerate() {
        let manager = manager(&db, &format!("r{number}"));
        let agent = SessionAgent::new("helper").with_conversation_manager_state(&case.conversation_manager_state)?;
        manager.initialize_with_messages(&agent, &case.stored)?;
        let restored: Restored = manager.initialize(&SessionAgent::new("helper"))?;
        let mut expected = case.messages.clone();
        for message in &mut expected {
            // The framework gives restored messages that have none an id of their own.
            message.as_object_mut().unwrap().remove("tracking_id");
        }
        assert_eq!(restored.messages_as::<Value>()?, expected, "{}", case.conversation_manager_state);
        assert_eq!(restored.tracked.next_message_id(), 5);
    }
    assert_eq!(VECTORS.restores.len(), 6);
    Ok(())
}

fn broken_tool_use_is_repaired_as_the_framework_repairs_it(_: &World) -> Outcome {
    for case in &VECTORS.repairs {
        assert_eq!(repair_tool_use(case.before.clone())?, case.after, "{:?}", case.before);
        // What was repaired needs no repair, but where the framework itself leaves something to do.
        let texts: Result<Vec<JsonText>> = case.before.iter().map(JsonText::encode).collect();
        let repaired = repair_tool_use_text(texts?);
        let values: Result<Vec<Value>> = repaired.iter().map(JsonText::decode).collect();
        assert_eq!(values?, case.after);
    }
    assert!(VECTORS.repairs.len() > 15);
    Ok(())
}

fn graphs_and_swarms_of_the_framework_come_back(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant(&db)?;
    let repository = repository(&db);
    for (id, kind) in [("g1", "graph"), ("w1", "swarm")] {
        let text = &VECTORS.life.files[&format!("session_s3/multi_agents/multi_agent_{id}/multi_agent.json")];
        let state = repository.read_multi_agent("s3", id)?.unwrap();
        assert_eq!(state.text().as_str(), text);
        assert_eq!((state.id(), state.kind(), state.status()), (id, Some(kind), Some("completed")));
        assert!(state.is_finished());
        repository.update_multi_agent("s3", &state)?;
        assert_eq!(repository.read_multi_agent("s3", id)?, Some(state));
    }
    Ok(())
}

fn snapshots_have_the_keys_and_bytes_of_the_framework(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    let vectors = &VECTORS.snapshots;
    for (key, value) in &vectors.values {
        storage.write(key, value)?;
        assert_eq!(storage.read(key)?.as_deref(), Some(value.as_bytes()));
        let snapshot = Snapshot::from_bytes(value.as_bytes())?;
        let (ours, theirs): (Value, Value) =
            (serde_json::from_slice(&snapshot.to_bytes()?)?, serde_json::from_str(value)?);
        assert_eq!(ours, theirs);
        assert_eq!(keys_of(std::str::from_utf8(&snapshot.to_bytes()?)?), keys_of(value));
        assert_eq!(snapshot.scope == Scope::MultiAgent, key.contains("/multiAgent/"));
    }
    let keys = SnapshotKeys::new("s1")?;
    let id = vectors.snapshot_id.as_str();
    let mut ours = [keys.immutable("helper", id)?, keys.latest("helper")?, keys.multi_agent_latest("w1")?];
    ours.sort();
    assert!(vectors.values.keys().eq(&ours), "{ours:?}");
    assert_eq!(storage.list(keys.session())?, ours);
    let history = storage.list(&keys.history("helper")?)?;
    let listed: Vec<&str> = history.iter().filter_map(|key| SnapshotKeys::snapshot_id(key)).collect();
    assert_eq!(listed, vectors.listed);
    Ok(())
}

fn keys_are_normalized_as_the_framework_does(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    for case in &VECTORS.keys {
        let raw = case.raw.as_str();
        storage.delete_all("")?;
        match (&case.key, &case.key_error) {
            (Some(key), _) => {
                storage.write(raw, "x")?;
                assert_eq!(storage.list("")?, [key.as_str()], "{raw:?}");
                assert!(storage.read(raw)?.is_some());
            }
            (None, error) => assert_eq!(Some(storage.read(raw).unwrap_err().to_string()), *error, "{raw:?}"),
        }
        match (&case.prefix, &case.prefix_error) {
            (Some(prefix), _) => assert_eq!(storage.list(raw)?, storage.list(prefix)?, "{raw:?}"),
            (None, error) => assert_eq!(Some(storage.list(raw).unwrap_err().to_string()), *error, "{raw:?}"),
        }
    }
    Ok(())
}

fn namespaces_show_what_the_framework_shows(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    let view = storage.namespace("session/")?;
    let inner = view.namespace("/a//")?;
    inner.write("x", "1")?;
    view.write("y", "2")?;
    storage.write("sessions", "3")?;
    let found = [
        ("storage", storage.list("")?),
        ("view", view.list("")?),
        ("inner", inner.list("")?),
        ("view of a", view.list("a")?),
        ("storage of session", storage.list("session")?),
    ];
    for (name, keys) in &found {
        assert_eq!(keys, &VECTORS.namespaces[*name], "{name}");
    }
    assert_eq!(found.len(), VECTORS.namespaces.len());
    Ok(())
}
