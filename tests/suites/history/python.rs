//! What the real framework makes of messages, replays, flags and approvals: `tests/vectors/agent_framework_history.json`.

#![allow(clippy::indexing_slicing, reason = "a JSON value gives null where it has nothing")]

use std::collections::HashMap;

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{Content, Dedup, Message, PerSqlHistoryProvider, Result};
use serde_json::Value;

use crate::{Provider, insert_row, provider, recorder, refused, talk, texts};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_kind_of_message_comes_back_as_it_was_written,
        our_messages_are_the_frameworks,
        excluded_is_what_python_takes_for_true,
        the_same_messages_are_the_same,
        replays_are_found_as_the_framework_finds_them,
        settled_approvals_are_what_the_framework_takes_for_settled,
        each_combination_of_flags_stores_what_the_framework_stores,
        attribution_is_the_frameworks,
        what_is_no_message_is_none_here,
    ]
}

/// The golden file's part of this name.
fn golden(part: &str) -> Result<Value, serde_json::Error> {
    let mut golden: Value = serde_json::from_str(include_str!("../../vectors/agent_framework_history.json"))?;
    Ok(golden[part].take())
}

fn list(part: &str) -> Result<Vec<Value>, serde_json::Error> {
    Ok(golden(part)?.as_array().cloned().unwrap_or_default())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> usize {
    value.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

fn messages(values: &Value) -> Result<Vec<Message>> {
    values.as_array().into_iter().flatten().map(|value| Message::from_json(text(value))).collect()
}

fn every_kind_of_message_comes_back_as_it_was_written(world: &World) -> Outcome {
    let (provider, recorder) = (provider(world)?, recorder(world)?);
    let golden = list("messages")?;
    assert!(golden.len() > 30);
    for (n, case) in golden.iter().enumerate() {
        let (session, stored, name) = (format!("{n}"), text(&case["stored"]), text(&case["name"]));
        recorder.save_messages(&*session, &[Message::from_json(stored)?])?;
        // As another program would have written it.
        insert_row(recorder.database(), &session, text(&case["spaced"]))?;
        let history = provider.get_messages(&*session)?;
        assert_eq!(texts(&history), [stored, text(&case["spaced"])], "{name}");
        for message in &history {
            assert_eq!(message.role(), text(&case["role"]), "{name}");
            assert_eq!(message.author_name().as_deref(), case["author_name"].as_str(), "{name}");
            assert_eq!(message.message_id().as_deref(), case["message_id"].as_str(), "{name}");
            assert_eq!(Value::from(message.is_excluded()), case["excluded"], "{name}");
            let kinds: Vec<String> = message.contents().iter().map(Content::kind).collect();
            assert_eq!(Value::from(kinds), case["kinds"], "{name}");
            if let Some(text) = case["text"].as_str() {
                assert_eq!(message.text(), text, "{name}");
            }
        }
        // However it is spaced and escaped, it is the same message.
        let whole = history.messages();
        let replay = [whole, &talk("s-new")].concat();
        assert_eq!(provider.save_messages(&*session, &replay)?.stored(), 1, "{name}");
        let swapped: Vec<Message> = whole.iter().rev().cloned().chain(talk("s-new s-newer")).collect();
        assert_eq!(provider.save_messages(&*session, &swapped)?.stored(), 1, "{name}");
    }
    Ok(())
}

fn our_messages_are_the_frameworks(_: &World) -> Outcome {
    let golden: HashMap<String, String> = list("messages")?
        .iter()
        .map(|case| (text(&case["name"]).to_owned(), text(&case["stored"]).to_owned()))
        .collect();
    let call = Content::function_call("call_1", "weather", r#"{"city": "Paris"}"#);
    let ours = [
        ("function_call", Message::new("user", [call.clone()])),
        ("function_result", Message::new("tool", [Content::function_result("call_1", "sunny")])),
        ("empty", Message::new("assistant", [])),
        (
            "several",
            Message::new("assistant", [Content::text("one"), call, Content::text("two")])
                .with_message_id("msg_1")
                .with_author_name("Ada"),
        ),
    ];
    for (name, message) in ours {
        assert_eq!(Some(message.as_json()), golden.get(name).map(String::as_str), "{name}");
    }
    Ok(())
}

fn excluded_is_what_python_takes_for_true(world: &World) -> Outcome {
    let recorder = recorder(world)?;
    let skipping = PerSqlHistoryProvider::builder(world.db()?).skip_excluded(true).build()?;
    for (n, case) in list("excluded")?.iter().enumerate() {
        let session = format!("{n}");
        recorder.save_messages(&*session, &[Message::from_json(text(&case[0]))?])?;
        assert_eq!(Value::from(skipping.get_messages(&*session)?.is_empty()), case[1], "{case}");
    }
    Ok(())
}

/// Whether a provider takes the second message for the first.
fn is_same(world: &World, session: &str, one: &Message, other: &Message) -> Result<bool> {
    let end = talk("s-end");
    recorder(world)?.save_messages(session, &[std::slice::from_ref(one), &end].concat())?;
    Ok(provider(world)?.save_messages(session, &[std::slice::from_ref(other), &end].concat())?.stored() == 0)
}

fn the_same_messages_are_the_same(world: &World) -> Outcome {
    let mut groups: Vec<(usize, Message)> = Vec::new();
    let golden = list("identities")?;
    assert!(golden.len() > 80);
    for (n, case) in golden.iter().enumerate() {
        let (message, identity) = (Message::from_json(text(&case[0]))?, number(&case[1]));
        match groups.iter().find(|(known, _)| *known == identity) {
            Some((_, first)) => assert!(is_same(world, &format!("{n}"), first, &message)?, "{case}"),
            None => groups.push((identity, message)),
        }
    }
    // In a file each pair costs two commits, so only neighbours are compared there.
    let far = if world.mode().is_cheap() { groups.len() } else { 1 };
    for (n, (_, one)) in groups.iter().enumerate() {
        for (m, (_, other)) in groups.iter().enumerate().skip(n + 1).take(far) {
            assert!(!is_same(world, &format!("{n} {m}"), one, other)?, "{} {}", one.as_json(), other.as_json());
        }
    }
    Ok(())
}

fn replays_are_found_as_the_framework_finds_them(world: &World) -> Outcome {
    let golden = golden("dedup")?;
    let pool = messages(&golden["messages"])?;
    let pick = |numbers: &Value| -> Vec<Message> {
        numbers.as_array().into_iter().flatten().filter_map(|n| pool.get(number(n)).cloned()).collect()
    };
    let recorder = recorder(world)?;
    let by = |dedup| PerSqlHistoryProvider::builder(world.db()?).dedup(dedup).build();
    let providers = [(by(Dedup::Upstream)?, 2), (by(Dedup::ByIdOnly)?, 3)];
    let off = by(Dedup::Off)?;
    let cases = golden["cases"].as_array().cloned().unwrap_or_default();
    assert!(cases.len() > 2_000);
    let each = if world.mode().is_cheap() { 1 } else { 16 };
    for (n, case) in cases.iter().enumerate().filter(|(n, case)| n % each == 0 || case[4].is_string()) {
        let (stored, incoming) = (pick(&case[0]), pick(&case[1]));
        let check = |provider: &Provider, loaded: bool, dropped: usize| -> Outcome {
            let session = format!("{n}");
            recorder.save_messages(&*session, &stored)?;
            let saved = if loaded {
                let history = provider.get_messages(&*session)?;
                provider.save_messages_after(history.tail(), &incoming)?
            } else {
                provider.save_messages(&*session, &incoming)?
            };
            assert_eq!(saved.stored(), incoming.len() - dropped, "{case}");
            let new = incoming.get(dropped..).unwrap_or_default();
            assert_eq!(provider.get_messages(&*session)?.into_messages(), [&*stored, new].concat(), "{case}");
            Ok(provider.clear(&*session)?)
        };
        for (provider, column) in &providers {
            check(provider, false, number(&case[*column]))?;
            check(provider, true, number(&case[*column]))?;
        }
        if case[4].is_string() {
            check(&off, false, 0)?;
        }
    }
    Ok(())
}

fn settled_approvals_are_what_the_framework_takes_for_settled(world: &World) -> Outcome {
    let (provider, recorder) = (provider(world)?, recorder(world)?);
    let golden = list("approvals")?;
    assert!(golden.len() > 300);
    for case in &golden {
        let stored = messages(&case[0])?;
        recorder.save_messages("ada", &stored)?;
        let run = provider.before_run("ada", &[])?;
        let shown: Vec<Vec<Content>> = run.messages().iter().map(Message::contents).collect();
        let positions = case[1].as_array().into_iter().flatten();
        let expected: Vec<Vec<Content>> = stored
            .iter()
            .zip(positions)
            .map(|(message, shown)| {
                let contents = message.contents();
                shown.as_array().into_iter().flatten().filter_map(|n| contents.get(number(n)).cloned()).collect()
            })
            .filter(|contents: &Vec<Content>| !contents.is_empty())
            .collect();
        let texts = |shown: &[Vec<Content>]| {
            shown.iter().flatten().map(|content| content.as_json().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts(&shown), texts(&expected), "{case}");
        assert_eq!(shown, expected);
        provider.clear("ada")?;
    }
    Ok(())
}

fn each_combination_of_flags_stores_what_the_framework_stores(world: &World) -> Outcome {
    let golden = list("runs")?;
    assert_eq!(golden.len(), 2 * 2 * 2 * 2 * 7);
    for (n, case) in golden.iter().enumerate() {
        let is = |flag: &str| case[flag] == true;
        let mut builder = PerSqlHistoryProvider::builder(world.db()?)
            .source_id("own")
            .dedup(Dedup::Off)
            .load_messages(is("load_messages"))
            .store_inputs(is("store_inputs"))
            .store_outputs(is("store_outputs"))
            .store_context_messages(is("store_context_messages"));
        if let Some(only) = case["store_context_from"].as_array() {
            builder = builder.store_context_from(only.iter().map(text));
        }
        let provider = builder.build()?;
        let session = format!("{n}");
        provider.save_messages(&*session, &talk("u0 a0"))?;
        let mut run = provider.before_run(&*session, &talk("u1"))?;
        assert_eq!(run.messages().len(), number(&case["shown"]), "{case}");
        run.add_context("rag", &[Message::system("r1"), Message::system("r2")]);
        run.add_context("memory", &[Message::user("m1")]);
        let saved = provider.after_run(&run, &talk("a1 a2"))?;
        let history = provider.get_messages(&*session)?;
        let stored: Vec<String> = history.iter().skip(2).map(Message::text).collect();
        assert_eq!((saved.stored(), Value::from(stored.clone())), (stored.len(), case["saved"].clone()), "{case}");
    }
    Ok(())
}

fn attribution_is_the_frameworks(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).source_id("own").build()?;
    for case in list("attributions")? {
        provider.save_messages("ada", &[Message::from_json(text(&case[0]))?])?;
        let run = provider.before_run("ada", &[])?;
        assert_eq!(run.messages().first().map(Message::as_json), case[1].as_str());
        provider.clear("ada")?;
    }
    Ok(())
}

fn what_is_no_message_is_none_here(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    for (n, case) in list("loads")?.iter().enumerate() {
        let (stored, session) = (text(&case[0]), format!("{n}"));
        insert_row(provider.database(), &session, stored)?;
        let loaded = provider.get_messages(&*session);
        // Early versions of the framework wrote that type. Contents are open: what this crate cannot name it keeps.
        let ours = stored.contains("chat_message") || stored.contains("no type") || stored.contains("[3]");
        if case[1] == true || ours {
            assert_eq!(texts(&loaded?), [stored]);
        } else {
            refused(loaded)?;
        }
        // But it stores nothing that the framework could not read.
        let message = Message::from_json(stored);
        let saved = message.and_then(|message| provider.save_messages("other", &[message]));
        assert_eq!(saved.is_ok(), case[1] == true || stored.contains("chat_message"), "{stored}");
    }
    Ok(())
}
