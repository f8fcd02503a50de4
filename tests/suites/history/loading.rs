//! Loading, and what is left out of what is loaded.

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{Content, ErrorKind, Message, PerSqlHistoryProvider};

use crate::{held, insert_row, provider, recorder, refused, talk, texts, value, words};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_session_that_was_never_saved_to_is_empty,
        no_session_is_the_default_session,
        sessions_are_apart,
        loading_twice_gives_the_same,
        a_history_is_read_in_pages,
        a_page_that_the_server_cannot_answer_is_made_smaller,
        a_row_that_is_no_message_is_an_error_that_names_it,
        text_in_a_blob_is_text,
        what_no_type_can_hold_comes_back_byte_for_byte,
        a_message_becomes_a_type_of_yours,
        excluded_messages_are_skipped_on_request,
        orphans_are_left_out_on_request,
        a_history_is_a_list,
    ]
}

fn a_session_that_was_never_saved_to_is_empty(world: &World) -> Outcome {
    let provider = provider(world)?;
    let (requests, history) = provider.database().counting(|| provider.get_messages("ada"));
    assert_eq!((requests, history?.len()), (1, 0), "there is not even a table");
    provider.create_tables()?;
    assert!(provider.get_messages("ada")?.is_empty());
    Ok(())
}

fn no_session_is_the_default_session(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages(None, &talk("u1"))?;
    provider.save_messages("", &talk("a1"))?;
    provider.save_messages(Some("default"), &talk("u2"))?;
    for session in [None, Some(""), Some("default")] {
        let history = provider.get_messages(session)?;
        assert_eq!((history.session_id(), words(&history).as_str()), ("default", "u1 a1 u2"));
    }
    let run = provider.before_run(None, &[])?;
    assert_eq!((run.session_id(), run.messages().len()), ("default", 3));
    assert_eq!(
        value::<String>(provider.database(), "SELECT DISTINCT session_id FROM agent_framework_messages")?,
        "default"
    );
    Ok(())
}

fn sessions_are_apart(world: &World) -> Outcome {
    let provider = provider(world)?;
    for session in ["Ada", "ada", "ada ", "ad"] {
        provider.save_messages(session, &[Message::user(session)])?;
    }
    for session in ["Ada", "ada", "ada ", "ad"] {
        assert_eq!(held(&provider, session)?, session);
    }
    Ok(())
}

fn loading_twice_gives_the_same(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let (once, twice) = (provider.get_messages("ada")?, provider.get_messages("ada")?);
    assert_eq!(texts(&once), texts(&twice));
    Ok(())
}

fn a_history_is_read_in_pages(world: &World) -> Outcome {
    let provider = recorder(world)?;
    let messages: Vec<Message> = (0..3_000).map(|n| Message::user(&format!("{n}"))).collect();
    for (length, pages) in [(0, 1), (255, 1), (256, 2), (3_000, 2)] {
        let stored = usize::try_from(provider.count_messages("ada")?)?;
        provider.save_messages("ada", messages.get(stored..length).unwrap_or_default())?;
        let (requests, history) = provider.database().counting(|| provider.get_messages("ada"));
        assert_eq!(requests, pages, "at {length}");
        assert_eq!(history?.messages(), messages.get(..length).unwrap_or_default());
    }
    Ok(())
}

fn a_page_that_the_server_cannot_answer_is_made_smaller(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::new(world.terse_db()?);
    provider.save_messages("ada", &talk("u1"))?;
    provider.database().query(
        "INSERT INTO agent_framework_messages(session_id, message_data)
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6)
         SELECT 'ada', replace(message_data, 'u1', hex(zeroblob(600000))) FROM n, agent_framework_messages",
        (),
    )?;
    // 256 rows and 32 are too many, 4 are not, and then there are 3.
    let expected = if world.mode().is_server() { 4 } else { 1 };
    let (requests, history) = provider.database().counting(|| provider.get_messages("ada"));
    let history = history?;
    assert_eq!((requests, history.len()), (expected, 7));
    // Whoever has not loaded tries, and then reads as many as come in: 7 are too many, 1 is not, and then there are 3 a page.
    let (requests, saved) = provider.database().counting(|| provider.save_messages("ada", history.messages()));
    assert_eq!((requests, saved?.stored()), (1 + expected, 0));
    Ok(())
}

fn a_row_that_is_no_message_is_an_error_that_names_it(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let deep = format!(r#"{{"role":"user","secret":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    for (n, bad) in [
        "{secret",
        "",
        "3",
        "\"secret\"",
        "[]",
        "null",
        r#"{"type":"secret","role":"user"}"#,
        r#"{"type":"message","contents":[]}"#,
        r#"{"type":"message","role":null,"contents":[]}"#,
        r#"{"type":"message","role":"user","contents":{"secret":1}}"#,
        &deep,
    ]
    .into_iter()
    .enumerate()
    {
        let session = format!("bad {n}");
        provider.save_messages(session.as_str(), &talk("u1"))?;
        let row = insert_row(provider.database(), &session, bad)?;
        provider.save_messages(session.as_str(), &talk("u2"))?;
        for error in
            [refused(provider.get_messages(session.as_str()))?, refused(provider.before_run(session.as_str(), &[]))?]
        {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            let text = format!("{error} {error:?}");
            assert!(text.contains(&format!("row: {row}")) && !text.contains("secret"), "{text}");
        }
        // Nothing is lost by that.
        assert_eq!(provider.count_messages(session.as_str())?, 3);
    }
    for bad in [persql_core::Value::Integer(3), persql_core::Value::Blob(vec![0xff, 0xfe])] {
        provider.clear("ada")?;
        insert_row(provider.database(), "ada", bad)?;
        assert_eq!(refused(provider.get_messages("ada"))?.kind(), ErrorKind::Corrupt);
    }
    Ok(())
}

fn text_in_a_blob_is_text(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let text = Message::user("é").as_json().to_owned();
    insert_row(provider.database(), "ada", text.clone().into_bytes())?;
    assert_eq!(texts(&provider.get_messages("ada")?), [text]);
    assert_eq!(
        provider.save_messages("ada", &[Message::user("é"), Message::assistant("x")])?.stored(),
        2,
        "a repetition"
    );
    Ok(())
}

fn what_no_type_can_hold_comes_back_byte_for_byte(world: &World) -> Outcome {
    let provider = recorder(world)?;
    let stored = [
        r#"{ "type" : "message", "role":"user" , "contents":[ {"type":"text","text":"\ud800 \u0041\/"} ],"later":[NaN,-Infinity,1.50,1E400]}"#,
        r#"{"role":"user","contents":["a"],"additional_properties":{"n":123456789012345678901234567890,"m":9007199254740993,"n":null}}"#,
        r#"{"role":"x","contents":null}"#,
    ];
    let messages: Vec<Message> = stored.iter().map(|text| Message::from_json(text)).collect::<Result<_, _>>()?;
    provider.save_messages("ada", &messages)?;
    for message in &messages {
        provider.save_messages("bob", std::slice::from_ref(message))?;
    }
    assert_eq!(texts(&provider.get_messages("ada")?), stored);
    assert_eq!(texts(&provider.get_messages("bob")?), stored);
    Ok(())
}

fn a_message_becomes_a_type_of_yours(world: &World) -> Outcome {
    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    struct Mine {
        r#type: String,
        role: String,
        contents: Vec<serde_json::Value>,
    }
    let provider = provider(world)?;
    let mine = Mine {
        r#type: "message".into(),
        role: "user".into(),
        contents: vec![serde_json::json!({"type": "x", "n": 1})],
    };
    provider.save_messages(
        "ada",
        &[Message::from_value(&mine)?, Message::from_json(r#"{"role":"user","contents":[{"type":"t","n":NaN}]}"#)?],
    )?;
    let history = provider.get_messages("ada")?;
    let mut messages = history.iter();
    assert_eq!(messages.next().map(Message::decode::<Mine>).transpose()?, Some(mine));
    let error = refused(messages.next().map(Message::decode::<Mine>).transpose())?;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    Ok(())
}

fn excluded_messages_are_skipped_on_request(world: &World) -> Outcome {
    let provider = provider(world)?;
    let mut messages = talk("u1 a1 u2# a2#");
    for message in messages.iter_mut().take(2) {
        *message = message.clone().excluded("truncation");
    }
    provider.save_messages("ada", &messages)?;
    assert_eq!(provider.get_messages("ada")?.len(), 4);
    let skipping = PerSqlHistoryProvider::builder(world.db()?).skip_excluded(true).build()?;
    let history = skipping.get_messages("ada")?;
    assert_eq!((words(&history), history.len(), history.stored_messages().len()), ("u2# a2#".to_owned(), 2, 4));
    assert_eq!(words(skipping.before_run("ada", &[])?.messages()), "u2# a2#");
    assert_eq!(history.stored_messages().first().and_then(Message::exclude_reason).as_deref(), Some("truncation"));
    // What is left out is known all the same: a replay is found.
    let save = || skipping.save_messages_after(history.tail(), &[messages.clone(), talk("u3")].concat());
    let (requests, saved) = skipping.database().counting(save);
    assert_eq!((requests, saved?.stored()), (1, 1));
    Ok(())
}

fn orphans_are_left_out_on_request(world: &World) -> Outcome {
    let provider = provider(world)?;
    let call = |id: &str| Content::function_call(id, "f", "{}");
    let messages = [
        Message::user("u1"),
        Message::new("assistant", [Content::text("a1"), call("lost")]),
        Message::new("assistant", [call("kept")]),
        Message::new("tool", [Content::function_result("kept", "r")]),
        Message::new("tool", [Content::function_result("from nowhere", "r")]),
        Message::new("assistant", [call("open")]),
    ];
    provider.save_messages("ada", &messages)?;
    assert_eq!(provider.get_messages("ada")?.messages(), messages);
    let repairing = PerSqlHistoryProvider::builder(world.db()?).repair_orphans(true).build()?;
    let kinds = |messages: &[Message]| {
        let kinds =
            messages.iter().map(|message| message.contents().iter().map(Content::kind).collect::<Vec<_>>().join("+"));
        kinds.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kinds(repairing.get_messages("ada")?.messages()), "text text function_call function_result");
    assert_eq!(kinds(repairing.before_run("ada", &[])?.messages()), "text text function_call function_result");
    // The input answers the call.
    let answer = [Message::new("tool", [Content::function_result("open", "r")])];
    assert_eq!(
        kinds(repairing.before_run("ada", &answer)?.messages()),
        "text text function_call function_result function_call"
    );
    assert_eq!(provider.get_messages("ada")?.messages(), messages, "the stored history is as it was");
    Ok(())
}

fn a_history_is_a_list(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    let mut count = 0;
    for message in &history {
        count += 1;
        assert!(!message.text().is_empty());
    }
    assert_eq!((count, history.len(), history.iter().count(), history.is_empty()), (2, 2, 2, false));
    assert_eq!(history.session_id(), "ada");
    assert!(!format!("{history:?} {:?} {:?}", history.tail(), history.messages()).contains("u1"));
    assert_eq!(history.into_messages(), talk("u1 a1"));
    Ok(())
}
