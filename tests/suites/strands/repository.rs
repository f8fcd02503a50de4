//! The framework's repository contract.

use std::time::Duration;

use persql_conformance::{Case, Outcome, World, cases};
use persql_strands::{ErrorKind, ListSessions, Page, PerSqlSessionRepository, Session, SessionAgent, SessionMessage};
use serde_json::{Value, json};

use crate::support::{is_iso, number, refused, repository, user, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_session_is_created_once_and_read_with_its_times,
        times_that_are_given_are_kept_to_the_letter,
        what_is_not_there_is_none_or_empty_and_creates_nothing,
        the_first_write_creates_the_tables_unless_told_otherwise,
        delete_session_takes_all_that_belongs_to_it_and_nothing_else,
        delete_session_of_what_is_not_there_is_not_found,
        create_agent_needs_no_session_and_overwrites,
        update_agent_keeps_when_it_was_made,
        update_agent_of_what_is_not_there_is_not_found,
        create_message_needs_no_agent_and_overwrites,
        update_message_keeps_when_it_was_made,
        update_message_of_what_is_not_there_is_not_found,
        messages_come_in_the_order_of_their_ids,
        a_long_list_comes_in_pages,
        every_operation_is_one_request,
        sessions_are_listed_by_id_with_prefix_and_page,
        a_long_list_of_sessions_or_agents_comes_in_pages,
        agents_are_listed_with_their_messages,
        delete_inactive_takes_what_nothing_changed_in,
        another_prefix_is_another_repository,
        two_handles_see_each_others_writes,
    ]
}

fn a_session_is_created_once_and_read_with_its_times(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    let created = repository.create_session(&Session::new("s1"))?;
    assert!(is_iso(created.created_at.as_deref().unwrap()) && is_iso(created.updated_at.as_deref().unwrap()));
    assert_eq!(created.session_type, "AGENT");
    assert_eq!(repository.read_session("s1")?, Some(created.clone()));
    refused(repository.create_session(&Session::new("s1")), ErrorKind::Conflict, "Session s1 already exists");
    assert_eq!(repository.read_session("s1")?, Some(created));
    Ok(())
}

fn times_that_are_given_are_kept_to_the_letter(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    let mut session = Session::new("s1");
    session.created_at = Some("2020-01-01T00:00:00+00:00".to_owned());
    session.updated_at = Some("yesterday, about 5 o'clock".to_owned());
    assert_eq!(repository.create_session(&session)?, session);
    assert_eq!(repository.read_session("s1")?, Some(session));
    let mut agent = SessionAgent::new("a");
    agent.created_at = Some("1999".to_owned());
    repository.create_agent("s1", &agent)?;
    let stored = repository.read_agent("s1", "a")?.unwrap();
    assert_eq!(stored.created_at.as_deref(), Some("1999"));
    assert!(is_iso(stored.updated_at.as_deref().unwrap()));
    let columns = db.query("SELECT created_at, updated_at FROM strands_agents", ())?;
    let row = columns.first().unwrap();
    assert_eq!(row.get::<&str>(0)?, "1999");
    assert_eq!(row.get::<Option<String>>(1)?, stored.updated_at);
    let mut bad = SessionAgent::new("b");
    for time in ["a\"b", "a\\b", "a\0b", "\n", &"x".repeat(65)] {
        bad.updated_at = Some(time.to_owned());
        let (requests, result) = db.counting(|| repository.create_agent("s1", &bad));
        assert_eq!((requests, result.unwrap_err().kind()), (0, ErrorKind::InvalidInput), "{time:?}");
    }
    Ok(())
}

fn what_is_not_there_is_none_or_empty_and_creates_nothing(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    for tables in [false, true] {
        assert_eq!(repository.read_session("s1")?, None);
        assert_eq!(repository.read_agent("s1", "a")?, None);
        assert_eq!(repository.read_message("s1", "a", 0)?, None);
        assert_eq!(repository.read_multi_agent("s1", "g")?, None);
        assert_eq!(repository.list_messages("s1", "a", Page::default())?, []);
        assert_eq!(repository.list_sessions(ListSessions::default())?, []);
        assert_eq!(repository.list_agents("s1")?, []);
        assert_eq!(repository.count_sessions()?, 0);
        assert_eq!(repository.delete_inactive(Duration::ZERO)?, 0);
        let agent = SessionAgent::new("a");
        assert_eq!(repository.update_agent("s1", &agent).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(repository.delete_session("s1").unwrap_err().kind(), ErrorKind::NotFound);
        if !tables {
            assert!(db.tables().map_or(true, |tables| tables.is_empty()), "reads and refused writes create no tables");
            repository.create_tables()?;
            repository.create_tables()?;
        }
    }
    Ok(())
}

fn the_first_write_creates_the_tables_unless_told_otherwise(world: &World) -> Outcome {
    let db = world.db()?;
    let without = PerSqlSessionRepository::builder(db.clone()).create_tables(false).build()?;
    let error = without.create_session(&Session::new("s1")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Sql | ErrorKind::NotFound), "{error:?}");
    let (requests, created) = db.counting(|| repository(&db).create_agent("s1", &SessionAgent::new("a")));
    created?;
    assert_eq!(requests, 3, "the write, the tables, the write");
    assert_eq!(without.read_agent("s1", "a")?.unwrap().agent_id, "a");
    let (requests, created) = db.counting(|| without.create_session(&Session::new("s1")));
    created?;
    assert_eq!(requests, 1);
    Ok(())
}

fn delete_session_takes_all_that_belongs_to_it_and_nothing_else(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    for session in ["s1", "s2"] {
        repository.create_session(&Session::new(session))?;
        repository.create_agent(session, &SessionAgent::new("a"))?;
        repository.create_message(session, "a", &SessionMessage::new(0, &user("hi"))?)?;
        let state = persql_strands::MultiAgentState::encode(&json!({"id": "g"}))?;
        repository.create_multi_agent(session, &state)?;
    }
    let (requests, deleted) = db.counting(|| repository.delete_session("s1"));
    deleted?;
    assert_eq!(requests, 1);
    let left = "SELECT (SELECT count(*) FROM strands_sessions) + (SELECT count(*) FROM strands_agents)
        + (SELECT count(*) FROM strands_messages) + (SELECT count(*) FROM strands_multi_agents)";
    assert_eq!(number(&db, left)?, 4);
    assert!(repository.read_session("s2")?.is_some() && repository.read_session("s1")?.is_none());
    Ok(())
}

fn delete_session_of_what_is_not_there_is_not_found(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    repository.create_session(&Session::new("s2"))?;
    refused(repository.delete_session("s1"), ErrorKind::NotFound, "Session s1 does not exist");
    // What the framework's files would have made a directory for counts as a session.
    repository.create_message("s1", "a", &SessionMessage::new(0, &user("hi"))?)?;
    repository.delete_session("s1")?;
    repository.create_agent("s1", &SessionAgent::new("a"))?;
    repository.delete_session("s1")?;
    repository.create_multi_agent("s1", &persql_strands::MultiAgentState::encode(&json!({"id": "g"}))?)?;
    repository.delete_session("s1")?;
    refused(repository.delete_session("s1"), ErrorKind::NotFound, "Session s1 does not exist");
    assert_eq!(number(&db, "SELECT count(*) FROM strands_sessions")?, 1, "the guard leaves no row");
    Ok(())
}

fn create_agent_needs_no_session_and_overwrites(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    let first = SessionAgent::new("a").with_state(&json!({"n": 1}))?;
    repository.create_agent("s1", &first)?;
    let second = SessionAgent::new("a")
        .with_state(&json!({"n": 2}))?
        .with_conversation_manager_state(&json!({"__name__": "X", "removed_message_count": 3}))?
        .with_internal_state(&json!({"model_state": {"id": "r1"}}))?;
    repository.create_agent("s1", &second)?;
    let stored = repository.read_agent("s1", "a")?.unwrap();
    assert_eq!(stored.state, second.state);
    assert_eq!(stored.conversation_manager_state, second.conversation_manager_state);
    assert_eq!(stored.internal_state, second.internal_state);
    assert_eq!(number(&db, "SELECT count(*) FROM strands_agents")?, 1);
    Ok(())
}

fn update_agent_keeps_when_it_was_made(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let mut agent = SessionAgent::new("a");
    agent.created_at = Some("2020-01-01T00:00:00+00:00".to_owned());
    repository.create_agent("s1", &agent)?;
    let mut changed = SessionAgent::new("a").with_state(&json!({"n": 2}))?;
    changed.created_at = Some("2030-01-01T00:00:00+00:00".to_owned());
    changed.updated_at = Some("2031-01-01T00:00:00+00:00".to_owned());
    for _twice in 0..2 {
        let (requests, updated) = db.counting(|| repository.update_agent("s1", &changed));
        updated?;
        assert_eq!(requests, 1);
        let stored = repository.read_agent("s1", "a")?.unwrap();
        assert_eq!(stored.created_at, agent.created_at);
        assert_eq!((stored.updated_at, stored.state), (changed.updated_at.clone(), changed.state.clone()));
    }
    changed.updated_at = None;
    repository.update_agent("s1", &changed)?;
    let stored = repository.read_agent("s1", "a")?.unwrap();
    assert_eq!(stored.created_at, agent.created_at);
    assert!(is_iso(stored.updated_at.as_deref().unwrap()));
    let column: String = crate::support::cell(&db, "SELECT updated_at FROM strands_agents")?;
    assert_eq!(Some(column), stored.updated_at);
    Ok(())
}

fn update_agent_of_what_is_not_there_is_not_found(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    repository.create_agent("s1", &SessionAgent::new("b"))?;
    let agent = SessionAgent::new("a");
    let (requests, result) = db.counting(|| repository.update_agent("s1", &agent));
    refused(result, ErrorKind::NotFound, "Agent a in session s1 does not exist");
    assert_eq!(requests, 2);
    assert_eq!(number(&db, "SELECT count(*) FROM strands_agents")?, 1, "the guard leaves no row");
    Ok(())
}

fn create_message_needs_no_agent_and_overwrites(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    repository.create_message("s1", "a", &SessionMessage::new(3, &user("one"))?)?;
    repository.create_message("s1", "a", &SessionMessage::new(3, &user("two"))?)?;
    let stored = repository.read_message("s1", "a", 3)?.unwrap();
    assert_eq!(stored.to_message::<Value>()?, user("two"));
    assert_eq!((stored.message_id, &stored.redact_message), (3, &None));
    assert!(is_iso(stored.created_at.as_deref().unwrap()));
    assert_eq!(repository.list_messages("s1", "a", Page::default())?, [stored]);
    Ok(())
}

fn update_message_keeps_when_it_was_made(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let mut message = SessionMessage::new(0, &user("one"))?;
    message.created_at = Some("2020-01-01T00:00:00+00:00".to_owned());
    repository.create_message("s1", "a", &message)?;
    let mut changed = SessionMessage::new(0, &user("two"))?;
    changed.updated_at = Some("2021-01-01T00:00:00+00:00".to_owned());
    let (requests, updated) = db.counting(|| repository.update_message("s1", "a", &changed));
    updated?;
    assert_eq!(requests, 1);
    let stored = repository.read_message("s1", "a", 0)?.unwrap();
    assert_eq!((&stored.created_at, &stored.updated_at), (&message.created_at, &changed.updated_at));
    assert_eq!(stored.to_message::<Value>()?, user("two"));
    Ok(())
}

fn update_message_of_what_is_not_there_is_not_found(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    repository.create_message("s1", "a", &SessionMessage::new(0, &user("one"))?)?;
    for (session, agent, id) in [("s1", "a", 1), ("s1", "b", 0), ("s2", "a", 0)] {
        let message = SessionMessage::new(id, &user("two"))?;
        let result = repository.update_message(session, agent, &message);
        refused(result, ErrorKind::NotFound, &format!("Message {id} does not exist"));
    }
    assert_eq!(number(&db, "SELECT count(*) FROM strands_messages")?, 1, "the guard leaves no row");
    Ok(())
}

fn messages_come_in_the_order_of_their_ids(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    for id in [10, 9, -1, 100, 2, i64::MAX, 11] {
        repository.create_message("s1", "a", &SessionMessage::new(id, &user("x"))?)?;
    }
    repository.create_message("s1", "b", &SessionMessage::new(5, &user("x"))?)?;
    repository.create_message("s2", "a", &SessionMessage::new(6, &user("x"))?)?;
    let ids = |page| -> persql_strands::Result<Vec<i64>> {
        Ok(repository.list_messages("s1", "a", page)?.iter().map(|message| message.message_id).collect())
    };
    assert_eq!(ids(Page::default())?, [-1, 2, 9, 10, 11, 100, i64::MAX]);
    assert_eq!(ids(Page::default().with_offset(2).with_limit(2))?, [9, 10]);
    assert!(ids(Page::default().with_offset(usize::MAX))?.is_empty());
    let (requests, nothing) = db.counting(|| ids(Page::default().with_limit(0)));
    assert_eq!((requests, nothing?), (0, vec![]));
    Ok(())
}

fn a_long_list_comes_in_pages(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = crate::support::manager(&db, "s1");
    let messages: Vec<Value> = (0..600).map(|n| user(&format!("message {n}"))).collect();
    manager.initialize_with_messages(&SessionAgent::new("a"), &messages)?;
    let repository = repository(&db);
    for (page, first, count, expected) in [
        (Page::default(), 0, 600, 2),
        (Page::default().with_offset(100), 100, 500, 2),
        (Page::default().with_offset(100).with_limit(256), 100, 256, 1),
        (Page::default().with_offset(500).with_limit(257), 500, 100, 1),
        (Page::default().with_limit(300), 0, 300, 2),
    ] {
        let (requests, listed) = db.counting(|| repository.list_messages("s1", "a", page));
        let listed = listed?;
        assert_eq!((requests, listed.len()), (expected, count), "{page:?}");
        for (message, n) in listed.iter().zip(first..) {
            assert_eq!(message.message_id, n);
            assert_eq!(message.to_message::<Value>()?, user(&format!("message {n}")));
        }
    }
    Ok(())
}

fn every_operation_is_one_request(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let (session, agent) = (Session::new("s1"), SessionAgent::new("a"));
    let message = SessionMessage::new(0, &user("hi"))?;
    let state = persql_strands::MultiAgentState::encode(&json!({"id": "g"}))?;
    let one = |name: &str, requests: usize| assert_eq!(requests, 1, "{name}");
    one("create_session", db.counting(|| repository.create_session(&session).unwrap()).0);
    one("read_session", db.counting(|| repository.read_session("s1").unwrap()).0);
    one("create_agent", db.counting(|| repository.create_agent("s1", &agent).unwrap()).0);
    one("read_agent", db.counting(|| repository.read_agent("s1", "a").unwrap()).0);
    one("update_agent", db.counting(|| repository.update_agent("s1", &agent).unwrap()).0);
    one("create_message", db.counting(|| repository.create_message("s1", "a", &message).unwrap()).0);
    one("read_message", db.counting(|| repository.read_message("s1", "a", 0).unwrap()).0);
    one("update_message", db.counting(|| repository.update_message("s1", "a", &message).unwrap()).0);
    one("list_messages", db.counting(|| repository.list_messages("s1", "a", Page::default()).unwrap()).0);
    one("create_multi_agent", db.counting(|| repository.create_multi_agent("s1", &state).unwrap()).0);
    one("read_multi_agent", db.counting(|| repository.read_multi_agent("s1", "g").unwrap()).0);
    one("update_multi_agent", db.counting(|| repository.update_multi_agent("s1", &state).unwrap()).0);
    one("list_sessions", db.counting(|| repository.list_sessions(ListSessions::default()).unwrap()).0);
    one("count_sessions", db.counting(|| repository.count_sessions().unwrap()).0);
    one("list_agents", db.counting(|| repository.list_agents("s1").unwrap()).0);
    one("delete_session", db.counting(|| repository.delete_session("s1").unwrap()).0);
    Ok(())
}

fn sessions_are_listed_by_id_with_prefix_and_page(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    for id in ["user:ada", "user:bob", "job:7", "", "user", "usés", "user;", "user:\u{10ffff}x", "a%_*"] {
        repository.create_session(&Session::new(id))?;
    }
    let ids = |options| -> persql_strands::Result<Vec<String>> {
        Ok(repository.list_sessions(options)?.into_iter().map(|session| session.session_id).collect())
    };
    let all = ["", "a%_*", "job:7", "user", "user:ada", "user:bob", "user:\u{10ffff}x", "user;", "usés"];
    assert_eq!(ids(ListSessions::default())?, all);
    assert_eq!(ids(ListSessions::default().with_prefix("user:"))?, ["user:ada", "user:bob", "user:\u{10ffff}x"]);
    assert_eq!(ids(ListSessions::default().with_prefix("user:").with_after("user:bob"))?, ["user:\u{10ffff}x"]);
    assert_eq!(ids(ListSessions::default().with_prefix("user:\u{10ffff}"))?, ["user:\u{10ffff}x"]);
    assert_eq!(ids(ListSessions::default().with_prefix("%"))?, [""; 0]);
    assert_eq!(ids(ListSessions::default().with_prefix("job").with_after("user"))?, [""; 0]);
    assert_eq!(ids(ListSessions::default().with_limit(2))?, all[..2]);
    assert_eq!(ids(ListSessions::default().with_after("").with_limit(2))?, all[1..3]);
    assert_eq!(ids(ListSessions::default().with_limit(0))?, [""; 0]);
    assert_eq!(repository.count_sessions()?, 9);
    Ok(())
}

fn a_long_list_of_sessions_or_agents_comes_in_pages(world: &World) -> Outcome {
    let db = with_tables(world)?;
    db.transaction([
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1499)
         INSERT INTO strands_sessions SELECT printf('s%04d', i), '{}', '', '' FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1499)
         INSERT INTO strands_agents SELECT 's', printf('a%04d', i), '{}', '', '' FROM n",
    ])?;
    let repository = repository(&db);
    for (limit, count, expected) in [(usize::MAX, 1_500, 2), (256, 256, 1), (257, 257, 2), (0, 0, 0)] {
        let options = ListSessions::default().with_prefix("s").with_limit(limit);
        let (requests, listed) = db.counting(|| repository.list_sessions(options));
        let listed = listed?;
        assert_eq!((requests, listed.len()), (expected, count), "{limit}");
        assert!(listed.iter().enumerate().all(|(n, session)| session.session_id == format!("s{n:04}")));
    }
    let (requests, listed) = db.counting(|| repository.list_agents("s"));
    let listed = listed?;
    assert_eq!((requests, listed.len()), (2, 1_500));
    assert!(listed.iter().enumerate().all(|(n, agent)| agent.agent_id == format!("a{n:04}")));
    Ok(())
}

fn agents_are_listed_with_their_messages(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    repository.create_session(&Session::new("s1"))?;
    for id in ["b", "", "a"] {
        repository.create_agent("s1", &SessionAgent::new(id))?;
    }
    repository.create_agent("s2", &SessionAgent::new("other"))?;
    repository.create_message("s1", "a", &SessionMessage::new(0, &user("one"))?)?;
    repository.create_message("s1", "a", &SessionMessage::new(1, &user("two"))?)?;
    let agents = repository.list_agents("s1")?;
    let seen: Vec<(&str, u64)> = agents.iter().map(|agent| (agent.agent_id.as_str(), agent.messages)).collect();
    assert_eq!(seen, [("", 0), ("a", 2), ("b", 0)]);
    assert!(agents.iter().all(|agent| agent.created_at.as_deref().is_some_and(is_iso)));
    let sessions = repository.list_sessions(ListSessions::default())?;
    assert_eq!((sessions[0].agents, sessions[0].messages), (3, 2));
    Ok(())
}

fn delete_inactive_takes_what_nothing_changed_in(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let old = Some("2020-01-01T00:00:00.000000+00:00".to_owned());
    for id in ["old", "with a new message", "with a new agent", "with a new graph", "unreadable", "new"] {
        let mut session = Session::new(id);
        session.updated_at = old.clone();
        if id == "new" {
            session.updated_at = None;
        }
        if id == "unreadable" {
            session.updated_at = Some("long ago".to_owned());
        }
        repository.create_session(&session)?;
        let mut message = SessionMessage::new(0, &user("x"))?;
        message.updated_at = old.clone();
        repository.create_message(id, "a", &message)?;
    }
    repository.create_message("with a new message", "a", &SessionMessage::new(1, &user("y"))?)?;
    repository.create_agent("with a new agent", &SessionAgent::new("a"))?;
    let state = persql_strands::MultiAgentState::encode(&json!({"id": "g"}))?;
    repository.create_multi_agent("with a new graph", &state)?;
    let (requests, deleted) = db.counting(|| repository.delete_inactive(Duration::from_secs(3_600)));
    assert_eq!((requests, deleted?), (2, 1));
    assert_eq!(repository.read_session("old")?, None);
    assert_eq!(repository.read_message("old", "a", 0)?, None);
    assert_eq!(repository.count_sessions()?, 5);
    assert_eq!(repository.delete_inactive(Duration::from_secs(u64::MAX))?, 0);
    Ok(())
}

fn another_prefix_is_another_repository(world: &World) -> Outcome {
    let db = world.db()?;
    let plain = repository(&db);
    let other = PerSqlSessionRepository::builder(db.clone()).table_prefix("team \"b\"; --").build()?;
    plain.create_session(&Session::new("s1"))?;
    assert_eq!(other.read_session("s1")?, None);
    other.create_session(&Session::new("s1"))?;
    other.delete_session("s1")?;
    assert!(plain.read_session("s1")?.is_some());
    assert!(PerSqlSessionRepository::builder(db).table_prefix("sqlite_").build().is_err());
    Ok(())
}

fn two_handles_see_each_others_writes(world: &World) -> Outcome {
    let (one, two) = (repository(&world.db()?), repository(&world.other_db()?));
    one.create_session(&Session::new("s1"))?;
    assert!(two.read_session("s1")?.is_some());
    two.create_agent("s1", &SessionAgent::new("a"))?;
    one.update_agent("s1", &SessionAgent::new("a").with_state(&json!({"n": 1}))?)?;
    two.update_agent("s1", &SessionAgent::new("a").with_state(&json!({"n": 2}))?)?;
    assert_eq!(one.read_agent("s1", "a")?.unwrap().state.as_str(), r#"{"n":2}"#);
    two.delete_session("s1")?;
    assert_eq!(one.read_session("s1")?, None);
    Ok(())
}
