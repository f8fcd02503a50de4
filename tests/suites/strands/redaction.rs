//! Redaction leaves nothing.

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_strands::{ErrorKind, SessionAgent, SessionMessage};
use serde_json::{Value, json};

use crate::support::{manager, message_row, plant_message, refused, repository, tracked, user, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        redaction_leaves_no_plain_text_in_the_row,
        a_prompt_that_was_tried_again_is_redacted_in_all_its_records,
        only_the_latest_message_is_redacted,
        redaction_after_a_restart_takes_the_latest_stored_message,
        redaction_without_a_message_is_refused,
        redaction_of_what_was_deleted_is_not_found,
        redaction_twice_keeps_the_second_text,
        redaction_keeps_unknown_keys_and_times,
        an_update_with_a_redaction_leaves_no_plain_text_either,
    ]
}

const SECRET: &str = "my PIN is 1234";

fn agent() -> SessionAgent {
    SessionAgent::new("a")
}

/// All that is stored of messages, as one text.
fn rows(db: &Any) -> persql_strands::Result<String> {
    let rows = db.query("SELECT * FROM strands_messages", ())?;
    let cells = rows
        .iter()
        .flat_map(|row| (0..6).map(move |column| format!("{:?}", row.get::<persql_core::Value>(column).unwrap())));
    Ok(cells.collect())
}

fn redaction_leaves_no_plain_text_in_the_row(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let now = manager.initialize(&agent())?.tracked;
    let now = manager.append_message(&now, &user(SECRET))?;
    assert!(rows(&db)?.contains(SECRET));
    let now = manager.redact_latest_message(&now, &user("[redacted]"))?;
    assert!(!rows(&db)?.contains("1234"));
    assert_eq!((now.latest_message_id(), now.next_message_id()), (Some(0), 1));
    let stored = repository(&db).read_message("s1", "a", 0)?.unwrap();
    assert_eq!(stored.message.decode::<Value>()?, user("[redacted]"));
    assert_eq!(stored.redact_message.unwrap().decode::<Value>()?, user("[redacted]"));
    assert_eq!(manager.initialize(&agent())?.messages_as::<Value>()?, [user("[redacted]")]);
    manager.append_message(&now, &user("next"))?;
    Ok(())
}

fn a_prompt_that_was_tried_again_is_redacted_in_all_its_records(world: &World) -> Outcome {
    let db = with_tables(world)?;
    for restart in [false, true] {
        let session = format!("s{restart}");
        let manager = manager(&db, &session);
        let mut now = manager.initialize(&agent())?.tracked;
        for message in [tracked(SECRET, "other"), tracked(SECRET, "x"), tracked(SECRET, "x"), tracked(SECRET, "x")] {
            now = manager.append_message(&now, &message)?;
        }
        if restart {
            now = manager.initialize(&agent())?.tracked;
        }
        let (requests, redacted) = db.counting(|| manager.redact_latest_message(&now, &tracked("-", "x")));
        redacted?;
        assert_eq!(requests, 1);
        let shown = manager.initialize(&agent())?.messages_as::<Value>()?;
        assert_eq!(shown[0], tracked(SECRET, "other"));
        assert_eq!(shown[1..], [tracked("-", "x"), tracked("-", "x"), tracked("-", "x")]);
    }
    assert_eq!(rows(&db)?.matches(SECRET).count(), 2, "only the other message, in two sessions");
    Ok(())
}

fn only_the_latest_message_is_redacted(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let now = manager.initialize(&agent())?.tracked;
    let now = manager.append_and_sync(&now, &[user("yes"), user("yes")], &agent())?;
    let other = manager.initialize(&SessionAgent::new("b"))?.tracked;
    manager.append_message(&other, &user("yes"))?;
    manager.redact_latest_message(&now, &user("no"))?;
    assert_eq!(manager.initialize(&agent())?.messages_as::<Value>()?, [user("yes"), user("no")]);
    assert_eq!(manager.initialize(&SessionAgent::new("b"))?.messages_as::<Value>()?, [user("yes")]);
    Ok(())
}

fn redaction_after_a_restart_takes_the_latest_stored_message(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let first = manager(&db, "s1");
    let now = first.initialize(&agent())?.tracked;
    let now = first.append_message(&now, &user("one"))?;
    first.append_message(&now, &user(SECRET))?;
    let second = manager(&world.other_db()?, "s1");
    let restored = second.initialize(&agent())?;
    second.redact_latest_message(&restored.tracked, &user("-"))?;
    assert!(!rows(&db)?.contains(SECRET));
    assert_eq!(first.initialize(&agent())?.messages_as::<Value>()?, [user("one"), user("-")]);
    Ok(())
}

fn redaction_without_a_message_is_refused(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let now = manager.initialize(&agent())?.tracked;
    let (requests, result) = db.counting(|| manager.redact_latest_message(&now, &user("-")));
    refused(result, ErrorKind::NotFound, "No message to redact.");
    assert_eq!(requests, 0);
    let now = manager.append_message(&now, &user("x"))?;
    let (requests, result) = db.counting(|| manager.redact_latest_message(&now, "not an object"));
    assert_eq!((requests, result.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    Ok(())
}

fn redaction_of_what_was_deleted_is_not_found(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let now = manager.initialize(&agent())?.tracked;
    let now = manager.append_message(&now, &user("x"))?;
    repository(&db).delete_session("s1")?;
    refused(manager.redact_latest_message(&now, &user("-")), ErrorKind::NotFound, "Message 0 does not exist");
    Ok(())
}

fn redaction_twice_keeps_the_second_text(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    let now = manager.initialize(&agent())?.tracked;
    let now = manager.append_message(&now, &user(SECRET))?;
    let now = manager.redact_latest_message(&now, &user("first"))?;
    manager.redact_latest_message(&now, &user("second"))?;
    assert_eq!(manager.initialize(&agent())?.messages_as::<Value>()?, [user("second")]);
    assert!(!rows(&db)?.contains("first"));
    Ok(())
}

fn redaction_keeps_unknown_keys_and_times(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let manager = manager(&db, "s1");
    manager.initialize(&agent())?;
    plant_message(&db, "s1", "a", 0, &message_row(0, &user(SECRET).to_string(), r#", "future": [NaN]"#))?;
    let restored = manager.initialize(&agent())?;
    manager.redact_latest_message(&restored.tracked, &user("-"))?;
    let stored = rows(&db)?;
    assert!(!stored.contains(SECRET) && stored.contains("NaN"), "{stored}");
    let stored = repository(&db).read_message("s1", "a", 0)?.unwrap();
    assert_eq!(stored.created_at.as_deref(), Some("2020-01-01T00:00:00+00:00"));
    Ok(())
}

fn an_update_with_a_redaction_leaves_no_plain_text_either(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let repository = repository(&db);
    let message = SessionMessage::new(0, &user(SECRET))?;
    repository.create_message("s1", "a", &message)?;
    let redacted = message.with_redact_message(&json!({"role": "user", "content": []}))?;
    repository.update_message("s1", "a", &redacted)?;
    assert!(!rows(&db)?.contains(SECRET));
    repository.create_message("s1", "a", &redacted)?;
    assert!(!rows(&db)?.contains(SECRET));
    Ok(())
}
