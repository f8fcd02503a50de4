//! States of graphs and swarms.

use persql_conformance::{Case, Outcome, World, cases};
use persql_strands::{ErrorKind, MultiAgentState};
use serde_json::json;

use crate::support::{cell, manager, refused, repository, text, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_state_is_kept_to_the_byte,
        create_overwrites_and_update_is_strict,
        the_manager_gives_what_is_stored_or_stores_what_is_given,
        a_finished_run_is_told_from_one_that_goes_on,
        what_is_no_state_is_refused,
        a_stored_state_that_is_none_is_named,
    ]
}

fn state(text: &str) -> MultiAgentState {
    MultiAgentState::new(crate::support::text(text)).unwrap()
}

fn a_state_is_kept_to_the_byte(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let odd = r#"{"id":"g", "z": NaN, "a": "\ud800", "id2": 9007199254740993, "nested": {"b": 1.50, "a": null}}"#;
    repository.create_multi_agent("s1", &state(odd))?;
    assert_eq!(repository.read_multi_agent("s1", "g")?.unwrap().text().as_str(), odd);
    repository.update_multi_agent("s1", &state(odd))?;
    assert_eq!(cell(&db, "SELECT data FROM strands_multi_agents")?, odd);
    Ok(())
}

fn create_overwrites_and_update_is_strict(world: &World) -> Outcome {
    let db = world.db()?;
    let repository = repository(&db);
    let one = state(r#"{"id":"g","n":1,"old":true}"#);
    let absent = "MultiAgent state g in session s1 does not exist";
    refused(repository.update_multi_agent("s1", &one), ErrorKind::NotFound, absent);
    repository.create_tables()?;
    refused(repository.update_multi_agent("s1", &one), ErrorKind::NotFound, absent);
    repository.create_multi_agent("s1", &one)?;
    repository.create_multi_agent("s1", &state(r#"{"id":"g","n":2}"#))?;
    assert_eq!(repository.read_multi_agent("s1", "g")?.unwrap().text().as_str(), r#"{"id":"g","n":2}"#);
    repository.update_multi_agent("s1", &one)?;
    assert_eq!(repository.read_multi_agent("s1", "g")?, Some(one));
    assert_eq!(repository.read_multi_agent("s2", "g")?, None);
    refused(
        repository.update_multi_agent("s2", &state(r#"{"id":"g"}"#)),
        ErrorKind::NotFound,
        "MultiAgent state g in session s2 does not exist",
    );
    refused(
        repository.update_multi_agent("s1", &state(r#"{"id":"h"}"#)),
        ErrorKind::NotFound,
        "MultiAgent state h in session s1 does not exist",
    );
    Ok(())
}

fn the_manager_gives_what_is_stored_or_stores_what_is_given(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let (one, two) = (state(r#"{"id":"g","n":1}"#), state(r#"{"id":"g","n":2}"#));
    let (requests, found) = db.counting(|| manager.initialize_multi_agent(&one));
    assert_eq!((requests, found?), (2, None));
    assert!(repository(&db).read_session("s1")?.is_some());
    let (requests, found) = db.counting(|| manager.initialize_multi_agent(&two));
    assert_eq!((requests, found?), (1, Some(one)));
    let (requests, synced) = db.counting(|| manager.sync_multi_agent(&two));
    synced?;
    assert_eq!(requests, 1);
    assert_eq!(crate::support::manager(&world.other_db()?, "s1").initialize_multi_agent(&two)?, Some(two));
    Ok(())
}

fn a_finished_run_is_told_from_one_that_goes_on(_: &World) -> Outcome {
    let going = state(r#"{"type":"swarm","id":"w","status":"executing","next_nodes_to_execute":["a","b"]}"#);
    assert_eq!((going.kind(), going.status(), going.is_finished()), (Some("swarm"), Some("executing"), false));
    assert_eq!(going.next_nodes_to_execute(), ["a", "b"]);
    for text in
        [r#"{"id":"w","next_nodes_to_execute":[]}"#, r#"{"id":"w","next_nodes_to_execute":null}"#, r#"{"id":"w"}"#]
    {
        assert!(state(text).is_finished(), "{text}");
    }
    Ok(())
}

fn what_is_no_state_is_refused(_: &World) -> Outcome {
    for bad in ["[]", "{}", r#"{"id":3}"#, r#"{"id":null}"#, r#"{"id":"a/b"}"#] {
        assert_eq!(MultiAgentState::new(text(bad)).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
    }
    assert!(MultiAgentState::encode(&json!({"id": "x".repeat(1_025)})).is_err());
    Ok(())
}

fn a_stored_state_that_is_none_is_named(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    for data in ["{secret", "[]", "{}"] {
        repository.create_multi_agent("s1", &state(r#"{"id":"g"}"#))?;
        db.query("UPDATE strands_multi_agents SET data = ?1", [data])?;
        let error = repository.read_multi_agent("s1", "g").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let told = error.to_string();
        assert!(told.contains("multi-agent state g in session s1") && !told.contains("secret"), "{told}");
    }
    Ok(())
}
