//! What an update leaves as it was: unknown keys, texts that are not strict JSON, times.

use persql_conformance::{Case, Outcome, World, cases};
use persql_strands::{ErrorKind, SessionAgent, SessionMessage};
use serde_json::{Value, json};

use crate::support::{
    agent_row, cell, manager, message_row, plant_agent, plant_message, repository, text, user, with_tables,
};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        unknown_keys_of_an_agent_stay,
        unknown_keys_of_a_message_stay,
        unknown_keys_stay_whatever_they_hold,
        a_row_that_is_not_strict_json_is_written_anew_as_a_whole,
        the_time_in_the_record_counts_and_not_the_columns,
        a_row_of_bytes_is_read_and_written_anew,
        a_row_that_is_no_json_is_refused_and_stays,
        a_sync_keeps_unknown_keys_together_with_its_message,
        writers_that_race_lose_no_unknown_key,
        unknown_keys_that_fill_the_row_are_refused,
    ]
}

fn unknown_keys_of_an_agent_stay(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    plant_agent(&db, "s1", "a", &agent_row(r#", "future" : {"z": 1, "a": [1.50]}, "n": null"#))?;
    let agent = SessionAgent::new("a").with_state(&json!({"n": 2}))?;
    let (requests, updated) = db.counting(|| repository.update_agent("s1", &agent));
    updated?;
    assert_eq!(requests, 3, "refused, read, written");
    let data = cell(&db, "SELECT data FROM strands_agents")?;
    assert!(data.ends_with(r#","future":{"z": 1, "a": [1.50]},"n":null}"#), "{data}");
    let stored = repository.read_agent("s1", "a")?.unwrap();
    assert_eq!(stored.state, agent.state);
    assert_eq!(stored.created_at.as_deref(), Some("2020-01-01T00:00:00+00:00"));
    repository.update_agent("s1", &agent)?;
    assert_eq!(cell(&db, "SELECT data FROM strands_agents")?.matches("\"future\"").count(), 1);
    Ok(())
}

fn unknown_keys_of_a_message_stay(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    plant_message(&db, "s1", "a", 4, &message_row(4, r#"{"role":"user","content":[]}"#, r#", "future": "x""#))?;
    repository.update_message("s1", "a", &SessionMessage::new(4, &user("two"))?)?;
    let data = cell(&db, "SELECT data FROM strands_messages")?;
    assert!(data.ends_with(r#","future":"x"}"#), "{data}");
    assert_eq!(repository.read_message("s1", "a", 4)?.unwrap().to_message::<Value>()?, user("two"));
    Ok(())
}

fn unknown_keys_stay_whatever_they_hold(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let more = r#", "nan": [NaN, -Infinity], "big": 123456789012345678901234567890, "lone": "\ud800", "\"q\"": 1, "\ud800": 2, "deep": [[[[1e400]]]]"#;
    plant_agent(&db, "s1", "a", &agent_row(more))?;
    repository.update_agent("s1", &SessionAgent::new("a"))?;
    let data = cell(&db, "SELECT data FROM strands_agents")?;
    let compact = more.replace(": ", ":").replace(", \"", ",\"");
    assert!(data.ends_with(&format!("{compact}}}")), "{data}");
    assert_eq!(repository.read_agent("s1", "a")?.unwrap().state.as_str(), "{}");
    Ok(())
}

fn a_row_that_is_not_strict_json_is_written_anew_as_a_whole(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let mut agent = SessionAgent::new("a");
    agent.state = text(r#"{"score": NaN}"#);
    repository.create_agent("s1", &agent)?;
    let created = repository.read_agent("s1", "a")?.unwrap().created_at;
    agent.state = text(r#"{"score": -Infinity, "lone": "\udfff"}"#);
    repository.update_agent("s1", &agent)?;
    let stored = repository.read_agent("s1", "a")?.unwrap();
    assert_eq!((stored.state, stored.created_at), (agent.state, created));
    Ok(())
}

fn the_time_in_the_record_counts_and_not_the_columns(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    plant_agent(&db, "s1", "a", &agent_row(""))?;
    db.query("UPDATE strands_agents SET created_at = '1999-01-01 00:00:00'", ())?;
    repository.update_agent("s1", &SessionAgent::new("a"))?;
    let stored = repository.read_agent("s1", "a")?.unwrap();
    assert_eq!(stored.created_at.as_deref(), Some("2020-01-01T00:00:00+00:00"));
    // Of two keys with one name the last counts, as in Python.
    plant_agent(&db, "s1", "b", &agent_row(r#", "created_at": "2021""#).replace("\"a\"", "\"b\""))?;
    repository.update_agent("s1", &SessionAgent::new("b"))?;
    assert_eq!(repository.read_agent("s1", "b")?.unwrap().created_at.as_deref(), Some("2021"));
    Ok(())
}

fn a_row_of_bytes_is_read_and_written_anew(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let manager_state = r#""conversation_manager_state": {"removed_message_count": 1}"#;
    let row = agent_row(r#", "future": 1"#).replace(r#""conversation_manager_state": {}"#, manager_state);
    plant_agent(&db, "s1", "a", &row)?;
    plant_message(&db, "s1", "a", 0, &message_row(0, "{}", ""))?;
    db.transaction([
        "UPDATE strands_agents SET data = CAST(data AS BLOB)",
        "UPDATE strands_messages SET data = CAST(data AS BLOB)",
    ])?;
    assert!(manager(&db, "s1").initialize(&SessionAgent::new("a"))?.messages.is_empty());
    repository.update_agent("s1", &SessionAgent::new("a").with_state(&json!({"n": 2}))?)?;
    repository.update_message("s1", "a", &SessionMessage::new(0, &user("two"))?)?;
    let data = cell(&db, "SELECT data FROM strands_agents")?;
    assert!(data.contains(r#""state":{"n":2}"#) && data.ends_with(r#","future":1}"#), "{data}");
    assert_eq!(repository.read_message("s1", "a", 0)?.unwrap().to_message::<Value>()?, user("two"));
    Ok(())
}

fn a_row_that_is_no_json_is_refused_and_stays(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    for (id, data) in [("a", "{secret"), ("b", ""), ("c", "[1]"), ("d", r#"{"agent_id": "d", "state": {}}"#)] {
        plant_agent(&db, "s1", id, data)?;
        let error = repository.read_agent("s1", id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let told = error.to_string();
        assert!(told.contains(&format!("agent {id} in session s1")) && !told.contains("secret"), "{told}");
    }
    for id in ["a", "b", "c"] {
        let error = repository.update_agent("s1", &SessionAgent::new(id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{id}");
    }
    assert_eq!(cell(&db, "SELECT data FROM strands_agents WHERE agent_id = 'a'")?, "{secret");
    plant_message(&db, "s1", "a", 0, r#"{"message": {}, "message_id": "0"}"#)?;
    let error = repository.list_messages("s1", "a", persql_strands::Page::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "message 0 of agent a in session s1 cannot be read: its `message_id` is not an integer of 64 bits"
    );
    assert_eq!(repository.read_message("s1", "a", 0).unwrap_err().kind(), ErrorKind::Corrupt);
    Ok(())
}

fn a_sync_keeps_unknown_keys_together_with_its_message(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    repository(&db).create_session(&persql_strands::Session::new("s1"))?;
    plant_agent(&db, "s1", "a", &agent_row(r#", "future": 1"#))?;
    let restored = manager.initialize(&SessionAgent::new("a"))?;
    let agent = SessionAgent::new("a").with_state(&json!({"n": 7}))?;
    let (requests, tracked) = db.counting(|| manager.append_and_sync(&restored.tracked, &[user("hi")], &agent));
    assert_eq!((requests, tracked?.latest_message_id()), (3, Some(0)));
    let data = cell(&db, "SELECT data FROM strands_agents")?;
    assert!(data.contains(r#""state":{"n":7}"#) && data.ends_with(r#","future":1}"#), "{data}");
    assert_eq!(manager.initialize(&SessionAgent::new("a"))?.messages_as::<Value>()?, [user("hi")]);
    Ok(())
}

fn writers_that_race_lose_no_unknown_key(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant_agent(&db, "s1", "a", &agent_row(r#", "future": [1, 2]"#))?;
    let other = world.other_db()?;
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = [&db, &other, &db]
            .into_iter()
            .enumerate()
            .map(|(writer, db)| {
                scope.spawn(move || {
                    let repository = repository(db);
                    (0..5)
                        .map(|n| {
                            let state = json!({"writer": writer, "n": n});
                            repository.update_agent("s1", &SessionAgent::new("a").with_state(&state)?)
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    for outcome in outcomes {
        // Whoever was overtaken eight times in a row is told so, and has written nothing.
        assert!(outcome.is_ok() || outcome.unwrap_err().kind() == ErrorKind::Conflict);
    }
    let data = cell(&db, "SELECT data FROM strands_agents")?;
    assert!(data.contains(r#""created_at":"2020-01-01T00:00:00+00:00""#), "{data}");
    assert!(data.ends_with(r#","future":[1, 2]}"#), "{data}");
    Ok(())
}

fn unknown_keys_that_fill_the_row_are_refused(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    plant_agent(&db, "s1", "a", &agent_row(&format!(r#", "future": "{}""#, "x".repeat(1_500_000))))?;
    let agent = SessionAgent::new("a").with_state(&json!({"text": "y".repeat(600_000)}))?;
    let error = repository.update_agent("s1", &agent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("limit of a row is 2000000 bytes"), "{error}");
    assert_eq!(repository.read_agent("s1", "a")?.unwrap().state.as_str(), r#"{"n": 1}"#);
    Ok(())
}
