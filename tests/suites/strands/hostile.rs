//! Values that break what is careless.

use persql_conformance::{Case, Outcome, World, cases};
use persql_strands::{Bytes, ErrorKind, JsonText, MultiAgentState, Page, Session, SessionAgent, SessionMessage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{manager, number, refused, repository, text, user, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        any_id_without_a_slash_is_an_id,
        an_id_with_a_slash_is_refused_by_every_operation_before_anything_is_sent,
        messages_are_kept_to_the_byte,
        a_message_that_the_type_cannot_hold_is_an_error_and_stays,
        bytes_come_back_as_bytes,
        large_values_are_kept_and_larger_ones_refused_before_anything_is_sent,
        deep_values_are_kept_and_deeper_ones_refused,
        errors_show_no_stored_text,
    ]
}

const IDS: [&str; 12] = [
    "",
    ".",
    "..",
    " ",
    "a b",
    "'; DROP TABLE strands_sessions; --",
    "\"quoted\"",
    "nul\0nul",
    "😀é",
    "a\\b",
    "%_*?",
    "{now}",
];

fn any_id_without_a_slash_is_an_id(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    for id in IDS {
        repository.create_session(&Session::new(id))?;
        assert_eq!(repository.read_session(id)?.unwrap().session_id, id, "{id:?}");
        let restored = manager(&db, id).initialize(&SessionAgent::new(id))?;
        manager(&db, id).append_message(&restored.tracked, &user(id))?;
        let agent = repository.read_agent(id, id)?.unwrap();
        assert_eq!(agent.agent_id, id);
        repository.update_agent(id, &agent)?;
        assert_eq!(manager(&db, id).initialize(&SessionAgent::new(id))?.messages_as::<Value>()?, [user(id)]);
        let state = MultiAgentState::encode(&json!({"id": id}))?;
        repository.create_multi_agent(id, &state)?;
        assert_eq!(repository.read_multi_agent(id, id)?, Some(state));
        assert_eq!(repository.list_agents(id)?.len(), 1);
    }
    assert_eq!(repository.count_sessions()?, IDS.len() as u64);
    repository.delete_session("..")?;
    assert_eq!(number(&db, "SELECT count(*) FROM strands_agents")?, IDS.len() as i64 - 1);
    Ok(())
}

fn an_id_with_a_slash_is_refused_by_every_operation_before_anything_is_sent(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    let session = "session_id=a/b | id cannot contain path separators";
    let agent = "agent_id=a/b | id cannot contain path separators";
    let bad = ErrorKind::InvalidInput;
    let message = SessionMessage::new(0, &user("x"))?;
    let state = MultiAgentState::encode(&json!({"id": "g"}))?;
    let (requests, ()) = db.counting(|| {
        refused(repository.create_session(&Session::new("a/b")), bad, session);
        refused(repository.read_session("a/b"), bad, session);
        refused(repository.delete_session("a/b"), bad, session);
        refused(repository.create_agent("a/b", &SessionAgent::new("a")), bad, session);
        refused(repository.create_agent("s", &SessionAgent::new("a/b")), bad, agent);
        refused(repository.read_agent("a/b", "a"), bad, session);
        refused(repository.read_agent("s", "a/b"), bad, agent);
        refused(repository.update_agent("a/b", &SessionAgent::new("a")), bad, session);
        refused(repository.update_agent("s", &SessionAgent::new("a/b")), bad, agent);
        refused(repository.create_message("a/b", "a", &message), bad, session);
        refused(repository.create_message("s", "a/b", &message), bad, agent);
        refused(repository.read_message("a/b", "a", 0), bad, session);
        refused(repository.read_message("s", "a/b", 0), bad, agent);
        refused(repository.update_message("a/b", "a", &message), bad, session);
        refused(repository.update_message("s", "a/b", &message), bad, agent);
        refused(repository.list_messages("a/b", "a", Page::default()), bad, session);
        refused(repository.list_messages("s", "a/b", Page::default()), bad, agent);
        refused(repository.create_multi_agent("a/b", &state), bad, session);
        refused(repository.read_multi_agent("a/b", "g"), bad, session);
        refused(repository.read_multi_agent("s", "a/b"), bad, agent);
        refused(repository.update_multi_agent("a/b", &state), bad, session);
        refused(repository.list_agents("a/b"), bad, session);
        refused(manager(&db, "a/b").initialize_multi_agent(&state), bad, session);
    });
    assert_eq!(requests, 0);
    Ok(())
}

/// Texts that a parser or SQLite would change.
const ODD: [&str; 8] = [
    r#"{"z":1,"a":2,"z":3}"#,
    r#"{ "role" : "user" , "content" : [ ] }"#,
    r#"{"lone":"\ud800\udfff\udfff","key\ud800":1}"#,
    r#"{"n":[NaN,Infinity,-Infinity,1e400,-0.0,1.50]}"#,
    r#"{"int":[9007199254740991,9007199254740993,-9007199254740993,123456789012345678901234567890]}"#,
    "{\"text\":\"é😀\u{7f}\u{2028}\\u0000\"}",
    r#"{"sql":"'); DROP TABLE strands_messages; --","like":"%_"}"#,
    r#"{"message_id":99,"created_at":"no","null":null,"\"}":"}{"}"#,
];

fn messages_are_kept_to_the_byte(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    for (id, odd) in (0..).zip(ODD) {
        let message = SessionMessage::from_text(id, text(odd));
        repository.create_message("s1", "a", &message)?;
        assert_eq!(repository.read_message("s1", "a", id)?.unwrap().message.as_str(), odd);
        repository.update_message("s1", "a", &message)?;
        let stored = repository.read_message("s1", "a", id)?.unwrap();
        assert_eq!((stored.message.as_str(), stored.message_id), (odd, id));
        let mut agent = SessionAgent::new("a");
        (agent.state, agent.internal_state, agent.conversation_manager_state) = (text(odd), text(odd), text(odd));
        repository.create_agent("s1", &agent)?;
        repository.update_agent("s1", &agent)?;
        let stored = repository.read_agent("s1", "a")?.unwrap();
        assert_eq!((stored.state.as_str(), stored.internal_state.as_str()), (odd, odd));
    }
    repository.create_agent("s1", &SessionAgent::new("a"))?;
    let restored = manager(&db, "s1").initialize(&SessionAgent::new("a"))?;
    let messages: Vec<&str> = restored.messages.iter().map(JsonText::as_str).collect();
    assert_eq!(messages, ODD);
    Ok(())
}

fn a_message_that_the_type_cannot_hold_is_an_error_and_stays(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    repository.create_message("s1", "a", &SessionMessage::from_text(5, text(r#"{"secret": NaN}"#)))?;
    let stored = repository.read_message("s1", "a", 5)?.unwrap();
    let error = stored.to_message::<Value>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("message: 5") && !format!("{error:?}").contains("secret"), "{error:?}");
    assert!(repository.read_message("s1", "a", 5)?.is_some());
    repository.create_agent("s1", &SessionAgent::new("a"))?;
    let restored = manager(&db, "s1").initialize(&SessionAgent::new("a"))?;
    let error = restored.messages_as::<Value>().unwrap_err();
    assert!(error.to_string().contains("position: 0"), "{error}");
    Ok(())
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Image {
    role: String,
    content: Vec<Bytes>,
}

fn bytes_come_back_as_bytes(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let content = vec![Bytes(vec![]), Bytes(vec![0]), Bytes((0..=255).collect())];
    let image = Image { role: "user".to_owned(), content };
    let tracked = manager.initialize(&SessionAgent::new("a"))?.tracked;
    manager.append_message(&tracked, &image)?;
    let restored = manager.initialize(&SessionAgent::new("a"))?;
    assert_eq!(restored.messages_as::<Image>()?, [image]);
    assert!(restored.messages[0].as_str().contains(r#"{"__bytes_encoded__":true,"data":"AA=="}"#));
    Ok(())
}

fn large_values_are_kept_and_larger_ones_refused_before_anything_is_sent(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let large = SessionMessage::new(0, &user(&"\"x".repeat(630_000)))?;
    repository.create_message("s1", "a", &large)?;
    repository.update_message("s1", "a", &large)?;
    assert_eq!(repository.read_message("s1", "a", 0)?.unwrap().message, large.message);
    let state = json!({"text": "x".repeat(1_900_000)});
    repository.create_agent("s1", &SessionAgent::new("a").with_state(&state)?)?;
    repository.update_agent("s1", &SessionAgent::new("a").with_state(&state)?)?;

    let (requests, errors) = db.counting(|| {
        let larger = json!({"id": "g", "text": "x".repeat(2_100_000)});
        let message = SessionMessage::new(0, &larger).unwrap();
        let agent = SessionAgent::new("a").with_state(&larger).unwrap();
        let state = MultiAgentState::encode(&larger).unwrap();
        [
            repository.create_message("s1", "a", &message).unwrap_err(),
            repository.update_message("s1", "a", &message).unwrap_err(),
            repository.create_agent("s1", &agent).unwrap_err(),
            repository.update_agent("s1", &agent).unwrap_err(),
            repository.create_multi_agent("s1", &state).unwrap_err(),
            repository.update_multi_agent("s1", &state).unwrap_err(),
            manager(&db, "s1").initialize(&agent).unwrap_err(),
        ]
    });
    assert_eq!(requests, 0);
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("limit of a row is 2000000 bytes"), "{error}");
    }
    assert_eq!(repository.read_message("s1", "a", 0)?.unwrap().message, large.message);
    Ok(())
}

fn deep_values_are_kept_and_deeper_ones_refused(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let nest = |depth: usize| format!("{{\"d\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    for (id, depth) in [(0, 127), (1, 128), (2, 998), (3, 999), (4, 1_000)] {
        let message = SessionMessage::from_text(id, text(&nest(depth)));
        repository.create_message("s1", "a", &message)?;
        // Too deep for SQLite's JSON functions once it is in its record, so it takes the longer way.
        repository.update_message("s1", "a", &message)?;
        assert_eq!(repository.read_message("s1", "a", id)?.unwrap().message.as_str(), nest(depth), "{depth}");
    }
    assert_eq!(JsonText::new(nest(1_001)).unwrap_err().kind(), ErrorKind::InvalidInput);
    Ok(())
}

fn errors_show_no_stored_text(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let message = SessionMessage::new(0, &user("secret"))?;
    let agent = SessionAgent::new("a").with_state(&json!({"pin": "secret"}))?;
    let manager = manager(&db, "s1");
    let restored = manager.initialize_with_messages(&agent, &[user("secret")])?;
    let shown = format!("{message:?} {agent:?} {restored:?} {repository:?} {manager:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let stale = restored.tracked.clone();
    manager.append_message(&stale, &user("secret"))?;
    let error = manager.append_message(&stale, &user("secret")).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    Ok(())
}
