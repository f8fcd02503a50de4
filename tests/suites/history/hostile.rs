//! Ids and texts of the worst kind.

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{Content, ErrorKind, Message, PerSqlHistoryProvider};
use serde_json::json;

use crate::{provider, recorder, refused, talk, value, words};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_session_id_may_be_anything,
        a_session_id_has_at_most_4096_bytes,
        any_text_comes_back,
        any_number_comes_back,
        messages_up_to_the_limit_are_stored,
        many_messages_are_saved_at_once,
        the_deepest_message_is_stored_and_found_again,
        an_error_is_one_line,
    ]
}

const TEXTS: [&str; 14] = [
    "x",
    " ",
    "'; DROP TABLE agent_framework_messages; --",
    "\" OR 1=1 --",
    "a\0b",
    "\0",
    "\n\r\t\u{1b}[31m",
    "😀\u{200d}👩\u{fe0f}",
    "\u{feff}bom",
    "\u{ffff}\u{10ffff}",
    "é",
    "e\u{301}",
    "%_*?[a]",
    "{messages} ?1 :x @y $z",
];

fn a_session_id_may_be_anything(world: &World) -> Outcome {
    let provider = provider(world)?;
    for (n, id) in TEXTS.iter().enumerate() {
        provider.save_messages(*id, &talk(&format!("u{n} a{n}")))?;
        provider.operation("one").save_messages(*id, &talk("u-more"))?;
        provider.operation("one").save_messages(*id, &talk("u-more"))?;
    }
    let other = PerSqlHistoryProvider::new(world.other_db()?);
    for (n, id) in TEXTS.iter().enumerate() {
        let history = other.get_messages(*id)?;
        assert_eq!((history.session_id(), words(&history)), (*id, format!("u{n} a{n} u-more")));
        other.replace(&history, &talk("s1 u2"))?;
        other.trim(*id, 1)?;
        assert_eq!(words(&other.get_messages(*id)?), "u2", "{id:?}");
    }
    assert_eq!(provider.count_sessions()?, TEXTS.len() as u64);
    let mut listed: Vec<_> = provider.list_sessions(persql_history::ListSessions::default())?;
    assert!(TEXTS.iter().all(|id| listed.iter().any(|session| session.session_id == *id)));
    listed.retain(|session| session.messages != 1);
    assert!(listed.is_empty());
    provider.database().query("UPDATE agent_framework_messages SET created_at = '2020-01-01'", ())?;
    assert_eq!(provider.delete_inactive(std::time::Duration::from_secs(60))?, TEXTS.len() as u64);
    let left = "SELECT (SELECT count(*) FROM agent_framework_messages) + (SELECT count(*) FROM persql_operations)";
    assert_eq!(value::<i64>(provider.database(), left)?, 0);
    Ok(())
}

fn a_session_id_has_at_most_4096_bytes(world: &World) -> Outcome {
    let provider = provider(world)?;
    let (longest, too_long) = ("é".repeat(2_048), "x".repeat(4_097));
    provider.operation("one").save_messages(&*longest, &talk("u1"))?;
    assert_eq!(words(&provider.get_messages(&*longest)?), "u1");
    let (requests, results) = provider.database().counting(|| {
        [
            provider.save_messages(&*too_long, &talk("u1")).map(drop),
            provider.get_messages(&*too_long).map(drop),
            provider.clear(&*too_long),
            provider.trim(&*too_long, 1),
            provider.count_messages(&*too_long).map(drop),
            provider.before_run(&*too_long, &[]).map(drop),
            provider.operation("one").save_messages(&*too_long, &talk("u1")).map(drop),
        ]
    });
    assert_eq!(requests, 0);
    for result in results {
        let error = refused(result)?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("at most 4096 bytes, and this has 4097"), "{error}");
    }
    Ok(())
}

fn any_text_comes_back(world: &World) -> Outcome {
    let provider = recorder(world)?;
    let message = |text: &&str| {
        Message::new(
            text,
            [Content::text(text), Content::function_call(text, text, text), Content::function_result(text, text)],
        )
        .with_message_id(text)
        .with_author_name(text)
        .with_property(text, text)
    };
    let messages: Vec<Message> = TEXTS.iter().map(message).collect::<Result<_, _>>()?;
    // One by one they go as they are; together they share a parameter.
    provider.save_messages("ada", &messages)?;
    for message in &messages {
        provider.save_messages("ada", std::slice::from_ref(message))?;
    }
    let history = provider.get_messages("ada")?;
    assert_eq!(history.messages(), [messages.clone(), messages].concat());
    for (message, text) in history.iter().zip(TEXTS.iter().chain(&TEXTS)) {
        let contents = message.contents();
        let fields = ["call_id", "name", "arguments"].map(|field| contents.get(1).and_then(|call| call.string(field)));
        assert!(fields.iter().all(|field| field.as_deref() == Some(text)), "{text:?}");
        let (id, author) = (message.message_id(), message.author_name());
        assert_eq!((message.role(), id.as_deref(), author.as_deref()), (*text, Some(*text), Some(*text)));
        let value = message.decode::<serde_json::Value>()?;
        assert_eq!(value.get("additional_properties"), Some(&json!({ *text: *text })));
    }
    let deduplicating = PerSqlHistoryProvider::new(world.db()?);
    let again = history.messages().get(TEXTS.len()..).unwrap_or_default();
    assert_eq!(deduplicating.save_messages("ada", again)?.stored(), 0);
    Ok(())
}

fn any_number_comes_back(world: &World) -> Outcome {
    let provider = provider(world)?;
    let two_to_53 = 1_i64 << 53;
    let numbers = json!([
        0,
        -1,
        two_to_53 - 1,
        two_to_53,
        two_to_53 + 1,
        i64::MIN,
        u64::MAX,
        0.1,
        -0.0,
        1e16,
        1e-7,
        f64::MAX,
        5e-324
    ]);
    let message = Message::user("x").with_property("numbers", &numbers)?;
    provider.save_messages("ada", std::slice::from_ref(&message))?;
    let history = provider.get_messages("ada")?;
    let stored = history.messages().first().ok_or("nothing")?;
    let value = stored.decode::<serde_json::Value>()?;
    assert_eq!((stored, value.pointer("/additional_properties/numbers")), (&message, Some(&numbers)));
    // Neighbours that a float cannot tell apart are not the same message.
    let with = |n: i64| Content::from_value(&json!({"type": "text", "text": "x", "additional_properties": {"n": n}}));
    let near = |n| Ok::<_, persql_history::Error>(Message::new("assistant", [with(n)?]));
    provider.save_messages("bob", &[near(two_to_53)?])?;
    assert_eq!(provider.save_messages("bob", &[near(two_to_53 + 1)?])?.stored(), 1);
    assert_eq!(provider.save_messages("bob", &[near(two_to_53 + 1)?])?.stored(), 0);
    Ok(())
}

fn messages_up_to_the_limit_are_stored(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let plain = Message::user("").as_json().len() + "ada".len() + 64;
    let fits = Message::user(&"x".repeat(2_000_000 - plain));
    let too_large = Message::user(&"x".repeat(2_000_001 - plain));
    // A text of quotes takes twice the room in a packed parameter, and must not fail for that.
    let quotes = Message::user(&"\"\\".repeat(475_000));
    for large in [&fits, &quotes] {
        let (requests, saved) = provider
            .database()
            .counting(|| provider.save_messages("ada", &[talk("u1"), vec![large.clone()], talk("u2")].concat()));
        assert_eq!((requests, saved?.stored()), (1, 3));
        assert_eq!(provider.get_messages("ada")?.messages().get(1), Some(large));
        // And is known again.
        assert_eq!(provider.save_messages("ada", &[vec![large.clone()], talk("u2 u3")].concat())?.stored(), 1);
        provider.clear("ada")?;
    }
    let (requests, result) = provider.database().counting(|| provider.save_messages("ada", &[too_large]));
    let error = refused(result)?;
    assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
    assert!(error.to_string().contains("this takes 2000001"), "{error}");
    Ok(())
}

fn many_messages_are_saved_at_once(world: &World) -> Outcome {
    let provider = recorder(world)?;
    provider.create_tables()?;
    let messages: Vec<Message> = (0..1_001).map(|n| Message::user(&format!("{n}"))).collect();
    let (requests, saved) = provider.database().counting(|| provider.save_messages("ada", &messages));
    assert_eq!((requests, saved?.stored()), (1, 1_001));
    assert_eq!(provider.get_messages("ada")?.into_messages(), messages);
    let first = messages.get(..101).unwrap_or_default();
    provider.save_messages("bob", first)?;
    assert_eq!(provider.get_messages("bob")?.messages(), first);
    Ok(())
}

fn the_deepest_message_is_stored_and_found_again(world: &World) -> Outcome {
    let provider = provider(world)?;
    let nested = |depth: usize| {
        let text = format!(
            r#"{{"type":"message","role":"assistant","contents":[{{"type":"x","items":{}1{}}}]}}"#,
            "[".repeat(depth - 3),
            "]".repeat(depth - 3)
        );
        Message::from_json(&text)
    };
    let contents =
        (0..300).fold(r#"{"type":"x"}"#.to_owned(), |inner, _| format!(r#"{{"type":"x","items":[{inner}]}}"#));
    let of_contents = Message::new("assistant", [Content::from_json(&contents)?]);
    let messages = [nested(1_000)?, of_contents];
    provider.save_messages("ada", &messages)?;
    assert_eq!(provider.save_messages("ada", &messages)?.stored(), 0);
    assert_eq!(provider.get_messages("ada")?.messages(), messages);
    assert_eq!(refused(nested(1_001))?.kind(), ErrorKind::InvalidInput);
    Ok(())
}

fn an_error_is_one_line(world: &World) -> Outcome {
    let provider = provider(world)?;
    let error = refused(provider.operation("").save_messages("two\nlines", &talk("u1")))?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}
