//! What an agent loop calls.

use persql_conformance::{Case, Outcome, World, cases};
use persql_strands::{ErrorKind, Page, PerSqlSessionManager, Restored, SessionAgent};
use serde_json::{Value, json};

use crate::support::{
    agent_row, manager, message_row, number, plant_agent, plant_message, refused, repository, say, text, tracked, user,
    with_tables,
};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_new_agent_is_stored_and_a_restart_restores_it,
        each_group_of_calls_is_one_request,
        a_new_agent_can_start_with_messages,
        what_is_unchanged_is_not_written,
        a_message_and_the_state_are_written_together_or_not_at_all,
        an_id_is_never_used_again_after_trimming,
        the_offset_counts_messages_and_not_ids,
        the_offset_is_read_where_sqlite_cannot_read_the_record,
        the_summary_stands_before_the_rest,
        another_conversation_manager_is_refused,
        broken_tool_use_is_repaired_in_what_is_given_and_not_in_what_is_stored,
        a_second_writer_gets_a_conflict_and_writes_nothing,
        a_lost_answer_can_be_tried_again_without_a_second_message,
        a_message_without_a_tracking_id_is_not_taken_for_another,
        many_messages_are_one_request_and_come_back_in_pages,
        a_page_that_the_server_cannot_answer_is_made_smaller,
        agents_of_one_session_are_apart,
        an_agent_beside_others_has_an_id_of_its_own,
        every_number_of_messages_is_stored_in_order,
        an_agent_without_a_session_gets_one,
        messages_without_an_agent_keep_their_ids,
        two_programs_that_start_at_once_share_the_agent,
        an_agent_that_was_deleted_cannot_be_synced,
        nothing_added_is_no_request,
        a_wrong_agent_or_message_is_refused_before_anything_is_sent,
        a_row_that_cannot_be_read_is_named,
    ]
}

fn an_agent_beside_others_has_an_id_of_its_own(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let first = manager.initialize_beside([], &agent())?.tracked;
    let second = manager.initialize_beside([&first], &SessionAgent::new("b"))?.tracked;
    for taken in ["a", "b"] {
        let agent = SessionAgent::new(taken);
        let (requests, result) = db.counting(|| manager.initialize_beside([&first, &second], &agent));
        let error = result.unwrap_err();
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
        assert_eq!(error.to_string(), "The `agent_id` of an agent must be unique in a session.");
    }
    Ok(())
}

fn every_number_of_messages_is_stored_in_order(world: &World) -> Outcome {
    let db = with_tables(world)?;
    for count in [1, 2, 7, 8, 9, 17] {
        let manager = manager(&db, &format!("s{count}"));
        let mut tracked = manager.initialize(&agent())?.tracked;
        let mut all = Vec::new();
        for turn in 0..2 {
            let messages: Vec<Value> = (0..count).map(|n| user(&format!("{turn} {n}"))).collect();
            let (requests, next) = db.counting(|| manager.append_and_sync(&tracked, &messages, &agent()));
            tracked = next?;
            assert_eq!(requests, 1);
            all.extend(messages);
        }
        assert_eq!(tracked.next_message_id(), i64::from(2 * count));
        assert_eq!(values(&manager.initialize(&agent())?)?, all);
    }
    Ok(())
}

fn agent() -> SessionAgent {
    SessionAgent::new("a")
}

fn values(restored: &Restored) -> persql_strands::Result<Vec<Value>> {
    restored.messages_as()
}

fn a_new_agent_is_stored_and_a_restart_restores_it(world: &World) -> Outcome {
    let db = world.db()?;
    let first = manager(&db, "s1");
    let given = agent()
        .with_state(&json!({"name": "Ada"}))?
        .with_conversation_manager_state(&json!({"__name__": "Null", "removed_message_count": 0}))?
        .with_internal_state(&json!({"model_state": {"id": 7}}))?;
    let restored = first.initialize(&given)?;
    assert!(restored.is_new && restored.messages.is_empty());
    let tracked = first.append_message(&restored.tracked, &user("one"))?;
    let tracked = first.append_message(&tracked, &say("assistant", "two"))?;
    assert_eq!((tracked.agent_id(), tracked.latest_message_id(), tracked.next_message_id()), ("a", Some(1), 2));

    let second = manager(&world.other_db()?, "s1");
    for _twice in 0..2 {
        let restored = second.initialize(&agent())?;
        assert!(!restored.is_new);
        assert_eq!(values(&restored)?, [user("one"), say("assistant", "two")]);
        assert_eq!(restored.agent.state, given.state);
        assert_eq!(restored.agent.conversation_manager_state, given.conversation_manager_state);
        assert_eq!(restored.agent.internal_state, given.internal_state);
        assert_eq!(restored.tracked.next_message_id(), 2);
    }
    assert!(second.repository().read_session("s1")?.is_some());
    Ok(())
}

fn each_group_of_calls_is_one_request(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let (requests, restored) = db.counting(|| manager.initialize(&agent()));
    assert_eq!(requests, 2, "a new agent: read_session, read_agent, list_messages; then create_session, create_agent");
    let tracked = restored?.tracked;
    let (requests, tracked) = db.counting(|| manager.append_message(&tracked, &user("one")));
    assert_eq!(requests, 1, "create_message");
    let changed = agent().with_state(&json!({"n": 1}))?;
    let (requests, tracked) =
        db.counting(|| manager.append_and_sync(&tracked?, &[user("two"), user("three")], &changed));
    assert_eq!(requests, 1, "create_message, create_message, update_agent");
    let (requests, tracked) = db.counting(|| manager.sync_agent(&tracked?, &agent()));
    assert_eq!(requests, 1, "update_agent");
    let (requests, tracked) = db.counting(|| manager.redact_latest_message(&tracked?, &user("-")));
    assert_eq!(requests, 1, "update_message");
    tracked?;
    let (requests, restored) = db.counting(|| manager.initialize(&agent()));
    assert_eq!((requests, restored?.messages.len()), (1, 3), "read_session, read_agent, list_messages");
    let fresh = world.db_named("acme/fresh")?;
    let (requests, restored) = fresh.counting(|| crate::support::manager(&fresh, "s1").initialize(&agent()));
    restored?;
    assert_eq!(requests, 4, "and once for each database: the refused write and the tables");
    Ok(())
}

fn a_new_agent_can_start_with_messages(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let messages = [user("one"), say("assistant", "two")];
    let (requests, restored) = db.counting(|| manager.initialize_with_messages(&agent(), &messages));
    let restored = restored?;
    assert_eq!((requests, restored.is_new, restored.tracked.latest_message_id()), (2, true, Some(1)));
    assert_eq!(values(&restored)?, messages);
    // For an agent that is there they mean nothing.
    let again = manager.initialize_with_messages(&agent(), &[user("other")])?;
    assert_eq!(values(&again)?, messages);
    assert_eq!(number(&db, "SELECT count(*) FROM strands_messages")?, 2);
    Ok(())
}

fn what_is_unchanged_is_not_written(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let given = agent().with_state(&json!({"n": 1}))?;
    let changes = [
        given.clone().with_state(&json!({"n": 2}))?,
        given.clone().with_conversation_manager_state(&json!({"removed_message_count": 1}))?,
        given.clone().with_internal_state(&json!({"model_state": {"n": 3}}))?,
    ];
    for (number, changed) in changes.iter().enumerate() {
        let session = format!("s{number}");
        let manager = manager(&db, &session);
        let tracked = manager.initialize(&given)?.tracked;
        let (requests, tracked) = db.counting(|| manager.sync_agent(&tracked, &given));
        assert_eq!(requests, 0, "nothing changed since it was stored");
        let tracked = tracked?;
        let (requests, tracked) = db.counting(|| manager.sync_agent(&tracked, changed));
        assert_eq!(requests, 1);
        let stored = manager.repository().read_agent(&session, "a")?.unwrap();
        assert_eq!(stored.state, changed.state);
        assert_eq!(stored.conversation_manager_state, changed.conversation_manager_state);
        assert_eq!(stored.internal_state, changed.internal_state);
        let tracked = tracked?;
        let (requests, tracked) = db.counting(|| manager.append_and_sync(&tracked, &[user("x")], changed));
        assert_eq!(requests, 1);
        let (requests, same) = db.counting(|| manager.sync_agent(&tracked.unwrap(), changed));
        assert_eq!((requests, same?.next_message_id()), (0, 1));
        assert_eq!(manager.repository().read_agent(&session, "a")?, Some(stored), "the second write left it alone");
    }
    Ok(())
}

fn a_message_and_the_state_are_written_together_or_not_at_all(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let stale = manager.initialize(&agent())?.tracked;
    manager.append_message(&stale, &user("one"))?;
    let changed = agent().with_state(&json!({"n": 1}))?;
    let result = manager.append_and_sync(&stale, &[user("two"), user("three")], &changed);
    refused(result, ErrorKind::Conflict, "Message 0 already exists in agent a in session s1");
    let stored = repository(&db).read_agent("s1", "a")?.unwrap();
    assert_eq!(stored.state.as_str(), "{}");
    assert_eq!(number(&db, "SELECT count(*) FROM strands_messages")?, 1);
    Ok(())
}

fn an_id_is_never_used_again_after_trimming(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    for removed in [3, 4, 1_000_000] {
        let session = format!("s{removed}");
        let manager = crate::support::manager(&db, &session);
        let mut tracked = manager.initialize(&agent())?.tracked;
        for n in 0..3 {
            tracked = manager.append_message(&tracked, &user(&n.to_string()))?;
        }
        let trimmed = agent().with_conversation_manager_state(&json!({"removed_message_count": removed}))?;
        manager.sync_agent(&tracked, &trimmed)?;
        let restored = manager.initialize(&agent())?;
        assert!(restored.messages.is_empty());
        assert_eq!((restored.tracked.latest_message_id(), restored.tracked.next_message_id()), (None, 3));
        refused(
            manager.redact_latest_message(&restored.tracked, &user("-")),
            ErrorKind::NotFound,
            "No message to redact.",
        );
        let tracked = manager.append_message(&restored.tracked, &user("new"))?;
        assert_eq!(tracked.latest_message_id(), Some(3));
        let all = manager.repository().list_messages(&session, "a", Page::default())?;
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].to_message::<Value>()?, user("0"));
    }
    drop(manager);
    Ok(())
}

fn the_offset_counts_messages_and_not_ids(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant_agent(
        &db,
        "s1",
        "a",
        &agent_row("").replace("manager_state\": {}", "manager_state\": {\"removed_message_count\": 2}"),
    )?;
    for id in [1, 5, 7, 8] {
        plant_message(&db, "s1", "a", id, &message_row(id, &user(&id.to_string()).to_string(), ""))?;
    }
    let restored = manager(&db, "s1").initialize(&agent())?;
    assert_eq!(values(&restored)?, [user("7"), user("8")]);
    assert_eq!(restored.tracked.next_message_id(), 9);
    Ok(())
}

fn the_offset_is_read_where_sqlite_cannot_read_the_record(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let mut given = agent().with_conversation_manager_state(&json!({"removed_message_count": 1}))?;
    given.state = text(r#"{"score": NaN}"#);
    let tracked = manager.initialize(&given)?.tracked;
    let tracked = manager.append_message(&tracked, &user("one"))?;
    manager.append_message(&tracked, &user("two"))?;
    let (requests, restored) = db.counting(|| manager.initialize(&agent()));
    let restored = restored?;
    assert_eq!((requests, values(&restored)?), (2, vec![user("two")]));
    assert_eq!(restored.agent.state.as_str(), r#"{"score": NaN}"#);
    Ok(())
}

fn the_summary_stands_before_the_rest(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let mut tracked = manager.initialize(&agent())?.tracked;
    for n in 0..4 {
        tracked = manager.append_message(&tracked, &user(&n.to_string()))?;
    }
    let state = json!({"__name__": "SummarizingConversationManager", "removed_message_count": 3,
        "summary_message": user("the summary")});
    manager.sync_agent(&tracked, &agent().with_conversation_manager_state(&state)?)?;
    let restored = manager.initialize(&agent())?;
    assert_eq!(values(&restored)?, [user("the summary"), user("3")]);
    assert_eq!(restored.tracked.latest_message_id(), Some(3));
    Ok(())
}

fn another_conversation_manager_is_refused(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    manager.initialize(&agent().with_conversation_manager_state(&json!({"__name__": "A"}))?)?;
    let other = agent().with_conversation_manager_state(&json!({"__name__": "B"}))?;
    refused(manager.initialize(&other), ErrorKind::Conflict, "Invalid conversation manager state.");
    manager.initialize(&agent().with_conversation_manager_state(&json!({"__name__": "A"}))?)?;
    manager.initialize(&agent())?;
    Ok(())
}

fn broken_tool_use_is_repaired_in_what_is_given_and_not_in_what_is_stored(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let used = json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "ls", "input": {}}}]});
    let restored = manager.initialize(&agent())?;
    manager.append_and_sync(&restored.tracked, &[used.clone(), user("and?")], &agent())?;
    let restored = manager.initialize(&agent())?;
    let messages = values(&restored)?;
    assert_eq!((&messages[0], &messages[2]), (&used, &user("and?")));
    assert_eq!(
        messages[1],
        json!({"role": "user", "content": [{"toolResult": {"toolUseId": "t", "status": "error",
            "content": [{"text": "Tool was interrupted."}]}}]})
    );
    assert_eq!(restored.tracked.next_message_id(), 2);
    assert_eq!(manager.repository().list_messages("s1", "a", Page::default())?.len(), 2);
    // A use at the very end waits for its result.
    manager.append_message(&restored.tracked, &used)?;
    assert_eq!(values(&manager.initialize(&agent())?)?[3], used);
    Ok(())
}

fn a_second_writer_gets_a_conflict_and_writes_nothing(world: &World) -> Outcome {
    let one = manager(&with_tables(world)?, "s1");
    let two = manager(&world.other_db()?, "s1");
    let of_one = one.initialize(&agent())?.tracked;
    let of_two = two.initialize(&agent())?.tracked;
    one.append_message(&of_one, &tracked("from one", "1"))?;
    for _twice in 0..2 {
        let result = two.append_message(&of_two, &tracked("from two", "2"));
        refused(result, ErrorKind::Conflict, "Message 0 already exists in agent a in session s1");
    }
    let again = two.initialize(&agent())?;
    assert_eq!(values(&again)?, [tracked("from one", "1")]);
    two.append_message(&again.tracked, &tracked("from two", "2"))?;
    assert_eq!(values(&one.initialize(&agent())?)?, [tracked("from one", "1"), tracked("from two", "2")]);
    Ok(())
}

fn a_lost_answer_can_be_tried_again_without_a_second_message(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let before = manager.initialize(&agent())?.tracked;
    let messages = [tracked("one", "1"), tracked("two", "2")];
    let changed = agent().with_state(&json!({"n": 1}))?;
    manager.append_and_sync(&before, &messages, &changed)?;
    let newer = agent().with_state(&json!({"n": 2}))?;
    let after = manager.append_and_sync(&before, &messages, &newer)?;
    assert_eq!((after.latest_message_id(), after.next_message_id()), (Some(1), 2));
    assert_eq!(number(&db, "SELECT count(*) FROM strands_messages")?, 2);
    assert_eq!(repository(&db).read_agent("s1", "a")?.unwrap().state, newer.state);
    // Half of them, or others, are not those messages.
    let more = [tracked("one", "1"), tracked("two", "2"), tracked("three", "3")];
    assert_eq!(manager.append_and_sync(&before, &more, &newer).unwrap_err().kind(), ErrorKind::Conflict);
    Ok(())
}

fn a_message_without_a_tracking_id_is_not_taken_for_another(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let before = manager.initialize(&agent())?.tracked;
    manager.append_message(&before, &user("yes"))?;
    let error = manager.append_message(&before, &user("yes")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    Ok(())
}

fn many_messages_are_one_request_and_come_back_in_pages(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let messages: Vec<Value> = (0..301).map(|n| user(&n.to_string())).collect();
    let tracked = manager.initialize(&agent())?.tracked;
    let (requests, tracked) = db.counting(|| manager.append_and_sync(&tracked, &messages, &agent()));
    assert_eq!((requests, tracked?.latest_message_id()), (1, Some(300)));
    let (requests, restored) = db.counting(|| manager.initialize(&agent()));
    assert_eq!((requests, values(&restored?)?), (2, messages));
    // More than one parameter holds, in one transaction.
    let large: Vec<Value> = (0..5).map(|n| user(&n.to_string().repeat(900_000))).collect();
    let tracked = crate::support::manager(&db, "s2").initialize(&agent())?.tracked;
    let (requests, added) =
        db.counting(|| crate::support::manager(&db, "s2").append_and_sync(&tracked, &large, &agent()));
    assert_eq!((requests, added?.next_message_id()), (1, 5));
    assert_eq!(values(&crate::support::manager(&db, "s2").initialize(&agent())?)?, large);
    Ok(())
}

fn a_page_that_the_server_cannot_answer_is_made_smaller(world: &World) -> Outcome {
    let db = world.terse_db()?;
    let manager = manager(&db, "s1");
    manager.initialize(&agent())?;
    for id in 0..6 {
        let message = user(&id.to_string().repeat(1_200_000)).to_string();
        plant_message(&db, "s1", "a", id, &message_row(id, &message, ""))?;
    }
    // 256 rows and 32 are too many, 4 are not, and then there are 2.
    let expected = if world.mode().is_server() { 4 } else { 1 };
    let (requests, restored) = db.counting(|| manager.initialize(&agent()));
    assert_eq!((requests, restored?.messages.len()), (expected, 6));
    let (requests, listed) = db.counting(|| repository(&db).list_messages("s1", "a", Page::default()));
    assert_eq!((requests, listed?.len()), (expected, 6));
    Ok(())
}

fn agents_of_one_session_are_apart(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let a = manager.initialize(&SessionAgent::new("a"))?.tracked;
    let b = manager.initialize(&SessionAgent::new("b"))?.tracked;
    manager.append_message(&a, &user("to a"))?;
    let b = manager.append_message(&b, &user("to b"))?;
    manager.append_message(&b, &user("to b again"))?;
    assert_eq!(values(&manager.initialize(&SessionAgent::new("a"))?)?, [user("to a")]);
    assert_eq!(values(&manager.initialize(&SessionAgent::new("b"))?)?, [user("to b"), user("to b again")]);
    for (id, next) in [("a", 1), ("b", 2), ("c", 0)] {
        assert_eq!(manager.initialize(&SessionAgent::new(id))?.tracked.next_message_id(), next);
        let elsewhere = crate::support::manager(&db, "s2").initialize(&SessionAgent::new(id))?;
        assert_eq!((elsewhere.is_new, elsewhere.tracked.next_message_id()), (true, 0));
    }
    let error = manager.sync_agent(&a, &SessionAgent::new("b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

fn an_agent_without_a_session_gets_one(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant_agent(&db, "s1", "a", &agent_row(""))?;
    let manager = manager(&db, "s1");
    let (requests, restored) = db.counting(|| manager.initialize(&agent()));
    assert!(!restored?.is_new);
    assert_eq!(requests, 2);
    assert!(repository(&db).read_session("s1")?.is_some());
    let (requests, _) = db.counting(|| manager.initialize(&agent()));
    assert_eq!(requests, 1);
    Ok(())
}

fn messages_without_an_agent_keep_their_ids(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant_message(&db, "s1", "a", 6, &message_row(6, &user("left over").to_string(), ""))?;
    let restored = manager(&db, "s1").initialize_with_messages(&agent(), &[user("new")])?;
    assert!(restored.is_new);
    assert_eq!(restored.tracked.latest_message_id(), Some(7));
    assert_eq!(number(&db, "SELECT count(*) FROM strands_messages")?, 2);
    Ok(())
}

fn two_programs_that_start_at_once_share_the_agent(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let other = world.other_db()?;
    let new: Vec<bool> = std::thread::scope(|scope| {
        let starts: Vec<_> = [&db, &other, &db, &other]
            .into_iter()
            .map(|db| scope.spawn(move || manager(db, "s1").initialize_with_messages(&agent(), &[user("hi")])))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap().unwrap().is_new).collect()
    });
    assert_eq!(new.into_iter().filter(|is_new| *is_new).count(), 1);
    assert_eq!(number(&db, "SELECT count(*) FROM strands_messages")?, 1);
    assert_eq!(number(&db, "SELECT count(*) FROM strands_sessions")?, 1);
    Ok(())
}

fn an_agent_that_was_deleted_cannot_be_synced(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let tracked = manager.initialize(&agent())?.tracked;
    repository(&db).delete_session("s1")?;
    let changed = agent().with_state(&json!({"n": 1}))?;
    for messages in [vec![], vec![user("hi")]] {
        let result = manager.append_and_sync(&tracked, &messages, &changed);
        refused(result, ErrorKind::NotFound, "Agent a in session s1 does not exist");
    }
    assert_eq!(number(&db, "SELECT count(*) FROM strands_messages")?, 0);
    Ok(())
}

fn nothing_added_is_no_request(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let tracked = manager.initialize(&agent())?.tracked;
    let (requests, same) = db.counting(|| manager.append_and_sync::<Value>(&tracked, &[], &agent()));
    assert_eq!((requests, same?.next_message_id()), (0, 0));
    Ok(())
}

fn a_wrong_agent_or_message_is_refused_before_anything_is_sent(world: &World) -> Outcome {
    let db = world.db()?;
    let (requests, ()) = db.counting(|| {
        let wrong = manager(&db, "a/b").initialize(&agent());
        refused(wrong, ErrorKind::InvalidInput, "session_id=a/b | id cannot contain path separators");
        let wrong = manager(&db, "s1").initialize(&SessionAgent::new("a/b"));
        refused(wrong, ErrorKind::InvalidInput, "agent_id=a/b | id cannot contain path separators");
        let wrong = manager(&db, "s1").initialize_with_messages(&agent(), &[user("fine"), json!("not an object")]);
        let error = wrong.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("item: 1"), "{error}");
        let long = "x".repeat(1_025);
        assert_eq!(manager(&db, &long).initialize(&agent()).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
    assert_eq!(requests, 0);
    let manager = PerSqlSessionManager::builder(db.clone()).build_manager("s1")?;
    let tracked = manager.initialize(&agent())?.tracked;
    let (requests, result) = db.counting(|| manager.append_message(&tracked, &[1, 2]));
    assert_eq!((requests, result.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    let (requests, result) = db.counting(|| manager.append_message(&tracked, &user(&"x".repeat(2_100_000))));
    assert_eq!((requests, result.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    Ok(())
}

fn a_row_that_cannot_be_read_is_named(world: &World) -> Outcome {
    let db = with_tables(world)?;
    plant_agent(&db, "s1", "a", &agent_row(""))?;
    plant_message(&db, "s1", "a", 0, &message_row(0, "{}", ""))?;
    plant_message(&db, "s1", "a", 1, "{secret")?;
    let error = manager(&db, "s1").initialize(&agent()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().starts_with("Invalid JSON in message 1 of agent a in session s1"), "{error}");
    assert!(!format!("{error:?}").contains("secret"));
    Ok(())
}
