//! Saves behind a history that was not loaded.

use std::sync::{Arc, Mutex};

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::{Handle, Plan, Request, Value};
use persql_history::{Dedup, PerSqlHistoryProvider, Result};

use crate::{held, insert_row, provider, saving::fill, talk, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_save_without_a_load_reads_as_many_rows_as_are_incoming,
        a_save_without_a_load_is_one_request_if_ids_tell,
        what_ids_cannot_tell_is_read,
        any_newest_row_is_told_from_what_is_saved,
    ]
}

/// A handle that notes the parameters of every statement but texts.
#[derive(Clone)]
struct Spy {
    db: Any,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl Handle for Spy {
    type Reply<T: Send + 'static> = Result<T>;

    fn run<T: Send + 'static>(&self, plan: Plan<T>) -> Result<T> {
        let sent = Arc::clone(&self.sent);
        self.db.run(plan.inspect(move |request| {
            if let (Request::Batch(batch), Ok(mut sent)) = (request, sent.lock()) {
                let params = batch.statements().iter().flat_map(|statement| statement.params());
                sent.extend(params.filter(|value| !matches!(value, Value::Text(_))).cloned());
            }
        }))
    }
}

fn a_save_without_a_load_reads_as_many_rows_as_are_incoming(world: &World) -> Outcome {
    let provider = provider(world)?;
    let spy = Spy { db: provider.database().clone(), sent: Arc::default() };
    let spied = PerSqlHistoryProvider::new(spy.clone());
    let mut stored = 0;
    for length in [0, 1_000, 10_000] {
        fill(&provider, "ada", stored, length)?;
        stored = length;
        let newest = value::<Option<i64>>(&spy.db, "SELECT max(id) FROM agent_framework_messages")?;
        let fourth = newest.map(|newest| newest - 3);
        spy.sent.lock().map_err(|_| "poisoned")?.clear();
        let (requests, saved) = spy.db.counting(|| spied.save_messages("ada", &talk("u1 a1 u2 a2")));
        assert_eq!((requests, saved?.stored()), (2, 4), "at {length}");
        // Four rows back from the end, and the write behind the newest.
        let sent = spy.sent.lock().map_err(|_| "poisoned")?.clone();
        assert_eq!(sent, [Value::Integer(i64::MAX), Value::Integer(4), newest.into(), fourth.into()], "at {length}");
        spy.db.query("DELETE FROM agent_framework_messages WHERE length(message_data) < 300", ())?;
    }
    Ok(())
}

fn a_save_without_a_load_is_one_request_if_ids_tell(world: &World) -> Outcome {
    let provider = provider(world)?;
    let db = provider.database();
    provider.create_tables()?;
    // Behind nothing, behind a message without an id, and behind messages with ids, each time for one statement's worth of
    // rows, and for more.
    for count in [1, 2, 8, 9, 20] {
        let mut tail = None;
        for start in ["", "u0", "u0 a0#"] {
            let session = format!("{count} behind {start}");
            provider.save_messages(session.as_str(), &talk(start))?;
            let new = (1..=count).map(|n| format!("a{n}#")).collect::<Vec<_>>().join(" ");
            let (requests, saved) = db.counting(|| provider.save_messages(session.as_str(), &talk(&new)));
            let saved = saved?;
            assert_eq!((requests, saved.stored()), (1, count), "{session}");
            assert_eq!(held(&provider, &session)?, format!("{start} {new}").trim());
            tail = Some(saved.tail().clone());
        }
        // What was saved is known.
        let tail = tail.ok_or("no tail")?;
        let (requests, saved) = db.counting(|| provider.save_messages_after(&tail, &talk("u1")));
        assert_eq!((requests, saved?.stored()), (1, 1));
    }
    // A user's message without an id is no other than one with an id.
    let (requests, saved) = db.counting(|| provider.save_messages("1 behind u0 a0#", &talk("u1 a1#")));
    assert_eq!((requests, saved?.stored()), (3, 2), "behind the u1 from before");
    let (requests, saved) = db.counting(|| provider.save_messages("1 behind u0 a0#", &talk("u1 a2#")));
    assert_eq!((requests, saved?.stored()), (1, 2));
    Ok(())
}

fn what_ids_cannot_tell_is_read(world: &World) -> Outcome {
    for dedup in [Dedup::Upstream, Dedup::ByIdOnly] {
        let provider = PerSqlHistoryProvider::builder(world.db()?).dedup(dedup).build()?;
        let db = provider.database();
        let session = format!("{dedup:?}");
        for (saved, requests, stored) in [
            // The first creates the table.
            ("u1# a1#", if dedup == Dedup::Upstream { 3 } else { 1 }, 2),
            // A replay, and one that goes on.
            ("u1# a1#", 2, 0),
            ("u1# a1# u2# a2#", 3, 2),
            ("a2# a3#", 3, 1),
            // Without an id in the last message.
            ("a3# u4", 2, 1),
            // Behind that: it may be the other without an id, but for a rule that goes by ids only.
            ("u5 a5#", if dedup == Dedup::Upstream { 3 } else { 1 }, 2),
            // An id with an escape.
            ("a\\6#", 2, 1),
            ("a\\6#", 1, 0),
            ("u7 a7#", 1, 2),
        ] {
            let found = db.counting(|| provider.save_messages(session.as_str(), &talk(saved)));
            assert_eq!((found.0, found.1?.stored()), (requests, stored), "{dedup:?}: {saved}");
        }
        assert_eq!(held(&provider, &session)?, "u1# a1# u2# a2# a3# u4 u5 a5# a\\6# u7 a7#");
        provider.clear(session.as_str())?;
    }
    Ok(())
}

/// Rows that a save finds at the end, by any writer: what it stores is what it stores under an operation id, where it always
/// reads the end first.
fn any_newest_row_is_told_from_what_is_saved(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let deep = format!(r#"{{"role":"user","message_id":"a1#","x":{}{}}}"#, "[".repeat(1_100), "]".repeat(1_100));
    let message = |id: &str| format!(r#"{{"role":"user","contents":[],"message_id":{id}}}"#);
    let rows = [
        message(r#""a1#""#),
        message(r#""\u0061\u0031#""#),
        message(r#""a1#,a2#""#),
        message(r#""a1#\",\"a2#""#),
        message(r#""a1#\u0000""#),
        message(r#""\ud800a1#""#),
        message(r#""""#),
        message("null"),
        message("5"),
        message("5.0e0"),
        message("NaN"),
        message(r#"["a1#"]"#),
        message(r#"{"message_id":"a1#"}"#),
        r#"{"role":"user","x":NaN,"message_id":"a1#"}"#.to_owned(),
        r#"{"role":"user","x":-Infinity}"#.to_owned(),
        r#"{"role":"user","additional_properties":{"message_id":"a1#"}}"#.to_owned(),
        r#"{"role":"user","message\u005fid":"a1#"}"#.to_owned(),
        r#"["a1#"]"#.to_owned(),
        r#""a1#""#.to_owned(),
        r#"{message_id:'a1#'}"#.to_owned(),
        "no JSON a1#".to_owned(),
        "{\"message_id\":\"a1#".to_owned(),
        String::new(),
        deep,
    ];
    for (number, row) in rows.iter().enumerate() {
        for incoming in ["a1#", "u1 a1#", "a1# a2#", "a2# a1#", "5#"] {
            let mut messages = talk(incoming);
            if incoming == "5#" {
                messages = messages.into_iter().map(|message| message.with_message_id("5")).collect();
            }
            let mut found = Vec::new();
            for blob in [false, true] {
                for reads in [false, true] {
                    let session = format!("{number} {incoming} {blob} {reads}");
                    let stored = row.clone();
                    let stored = if blob { Value::Blob(stored.into_bytes()) } else { Value::Text(stored) };
                    insert_row(provider.database(), &session, stored)?;
                    let saved = if reads {
                        provider.operation("one").save_messages(session.as_str(), &messages)?
                    } else {
                        provider.save_messages(session.as_str(), &messages)?
                    };
                    found.push(saved.stored());
                }
            }
            let [text, read_text, blob, read_blob] = found[..] else { return Err("not all were tried".into()) };
            assert_eq!((text, blob), (read_text, read_blob), "{incoming} behind {row:.80}");
        }
    }
    Ok(())
}
