//! Saves behind a history that was not loaded.

use std::sync::{Arc, Mutex};

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::{Handle, Plan, Request, Value};
use persql_history::{Content, Dedup, Message, PerSqlHistoryProvider, Result};

use crate::{Provider, held, insert_row, provider, saving::fill, talk, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_save_without_a_load_is_one_request,
        many_messages_are_looked_for_first,
        what_the_newest_row_cannot_tell_is_read,
        any_newest_row_is_told_from_what_is_saved,
    ]
}

/// How many characters of a text a row is told by.
const MARKED: usize = 64;

fn by_id_only(world: &World) -> Result<Provider> {
    PerSqlHistoryProvider::builder(world.db()?).dedup(Dedup::ByIdOnly).build()
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

fn a_save_without_a_load_is_one_request(world: &World) -> Outcome {
    let provider = provider(world)?;
    let db = provider.database();
    provider.create_tables()?;
    for start in ["", "u0", "u0 a0#"] {
        for count in 1..=8 {
            let session = format!("{count} behind {start}");
            provider.save_messages(session.as_str(), &talk(start))?;
            let new = (1..=count).map(|n| format!("u{n}{}", if n % 2 == 0 { "#" } else { "" }));
            let new = new.collect::<Vec<_>>().join(" ");
            let (requests, saved) = db.counting(|| provider.save_messages(session.as_str(), &talk(&new)));
            let saved = saved?;
            assert_eq!((requests, saved.stored()), (1, count), "{session}");
            assert_eq!(held(&provider, &session)?, format!("{start} {new}").trim());
            // What was saved is known.
            let (requests, saved) = db.counting(|| provider.save_messages_after(saved.tail(), &talk("a1")));
            assert_eq!((requests, saved?.stored()), (1, 1), "{session}");
        }
    }
    Ok(())
}

fn many_messages_are_looked_for_first(world: &World) -> Outcome {
    let provider = provider(world)?;
    let spy = Spy { db: provider.database().clone(), sent: Arc::default() };
    let spied = PerSqlHistoryProvider::new(spy.clone());
    let nine = talk("u1 a1 u2 a2 u3 a3 u4 a4 u5");
    let mut stored = 0;
    for length in [0, 1_000, 10_000] {
        fill(&provider, "ada", stored, length)?;
        stored = length;
        let newest = value::<Option<i64>>(&spy.db, "SELECT max(id) FROM agent_framework_messages")?;
        let ninth = newest.map(|newest| newest - 8);
        spy.sent.lock().map_err(|_| "poisoned")?.clear();
        let (requests, saved) = spy.db.counting(|| spied.save_messages("ada", &nine));
        assert_eq!((requests, saved?.stored()), (2, 9), "at {length}");
        // Nine rows back from the end, and the write behind the newest.
        let sent = spy.sent.lock().map_err(|_| "poisoned")?.clone();
        assert_eq!(sent, [Value::Integer(i64::MAX), Value::Integer(9), newest.into(), ninth.into()], "at {length}");
        spy.db.query("DELETE FROM agent_framework_messages WHERE length(message_data) < 300", ())?;
    }
    Ok(())
}

fn what_the_newest_row_cannot_tell_is_read(world: &World) -> Outcome {
    let (provider, by_id) = (provider(world)?, by_id_only(world)?);
    provider.create_tables()?;
    let call = |id: &str| vec![Message::new("assistant", [Content::function_call(id, "weather", "{}")])];
    let long = |end: &str| vec![Message::user(&format!("{}{end}", "é".repeat(MARKED)))];
    for (provider, session) in [(&provider, "all"), (&by_id, "ids")] {
        let stored_again = usize::from(session == "ids");
        for (step, messages, requests, stored) in [
            ("the first", talk("u1 a1#"), 1, 2),
            // A replay: refused, read, and written if anything is new.
            ("a replay", talk("a1#"), 2, 0),
            ("one that goes on", talk("a1# a2"), 3, 1),
            ("one without ids", talk("a2 u3"), 3, 1 + stored_again),
            ("others", talk("u4 a4#"), 1, 2),
            // It is not tried where the next would find nothing to tell it by.
            ("a call", call("1"), 2, 1),
            ("behind a call", talk("u5"), 3, 1),
            ("no text", talk("u6").into_iter().chain(vec![Message::user("")]).collect(), 2, 2),
            ("behind no text", talk("u7"), 1, 1),
            // Nor where SQL may read something else.
            ("an id with an escape", talk("a\\8#"), 2, 1),
            ("behind one", talk("u9"), 1, 1),
            ("a NUL", vec![Message::user("a\0b")], 2, 1),
            ("behind one", talk("u10"), 1, 1),
            // A text is known by its beginning.
            ("a long text", long("1"), 1, 1),
            ("one that begins likewise", long("2"), 3, 1),
            ("one that does not", long("3").into_iter().map(|message| message.with_message_id("3")).collect(), 1, 1),
        ] {
            let (sent, saved) = provider.database().counting(|| provider.save_messages(session, &messages));
            assert_eq!((sent, saved?.stored()), (requests, stored), "{session}: {step}");
        }
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
    let said = |contents: &str| format!(r#"{{"role":"user","contents":{contents}}}"#);
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
        said(r#"[{"type":"text","text":"u1"}]"#),
        said(r#"[{"text":"\u0075\u0031","additional_properties":{},"type":"text"}]"#),
        said(r#"["u1"]"#),
        said(r#""u1""#),
        said(r#"[null,{"type":"text","text":"u1"}]"#),
        said(r#"[null,{"type":"text","text":"a2"},{"type":"text","text":"u1"}]"#),
        said(r#"[{"type":"text","text":"u1"},{"type":"text","text":"a1"}]"#),
        said(r#"[{"type":"text","text":"u1","text":null}]"#),
        said(r#"[{"type":"text"}]"#),
        said(r#"[{"type":"text","text":null}]"#),
        said(r#"[{"type":"text","text":""}]"#),
        said(r#"[{"type":"other","text":"u1"}]"#),
        said(r#"[{"type":"text","text":5}]"#),
        said(r#"[{"type":"text","text":"a\u0000b"}]"#),
        said(r#"[{"type":"text","text":"a"}]"#),
        said(r#"[{"type":"text","text":"\ud800"}]"#),
        said(r#"[{"type":"text","text":"two\nlines"}]"#),
        said(r#"[{"type":"text","text":"\ud83d\ude00"}]"#),
        said("[]"),
    ];
    let mut incoming: Vec<Vec<Message>> = ["a1#", "u1", "u1 a1#", "a1# u1", "a1# a2#", "a2# a1#"].map(talk).into();
    incoming.push(vec![Message::user("x").with_message_id("5")]);
    incoming.extend(["", "a", "a\0b", "two\nlines", "😀"].map(|text| vec![Message::user(text)]));
    for contents in
        [r#"["u1"]"#, r#""u1""#, r#"[null,{"type":"text","text":"u1"}]"#, r#"[{"type":"text","text":"\ud800"}]"#]
    {
        incoming.push(vec![Message::from_json(&said(contents))?]);
    }
    for (number, row) in rows.iter().enumerate() {
        for (at, messages) in incoming.iter().enumerate() {
            let mut found = Vec::new();
            for blob in [false, true] {
                for reads in [false, true] {
                    let session = format!("{number} {at} {blob} {reads}");
                    let stored = row.clone();
                    let stored = if blob { Value::Blob(stored.into_bytes()) } else { Value::Text(stored) };
                    insert_row(provider.database(), &session, stored)?;
                    let saved = if reads {
                        provider.operation("one").save_messages(session.as_str(), messages)?
                    } else {
                        provider.save_messages(session.as_str(), messages)?
                    };
                    found.push(saved.stored());
                }
            }
            let [text, read_text, blob, read_blob] = found[..] else { return Err("not all were tried".into()) };
            assert_eq!((text, blob), (read_text, read_blob), "{at} behind {row:.80}");
        }
    }
    Ok(())
}
