//! Runs: before and after, with each flag.

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{Content, ErrorKind, Message, PerSqlHistoryProvider};

use crate::{held, provider, refused, talk, words};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_run_is_shown_the_history_and_adds_to_it,
        a_run_is_two_requests,
        a_failed_run_stores_nothing,
        an_audit_provider_stores_and_loads_nothing,
        the_input_may_be_stored_first,
        the_input_stored_first_survives_a_failed_run,
        input_stored_first_without_loading,
        context_is_stored_on_request,
        context_of_one_source_stays_together,
        settled_approvals_are_not_shown,
        what_is_shown_is_attributed_and_what_is_stored_is_not,
        a_replayed_transcript_does_not_double_the_history,
        a_bad_output_is_refused,
        a_provider_says_what_it_is,
    ]
}

fn a_run_is_shown_the_history_and_adds_to_it(world: &World) -> Outcome {
    let provider = provider(world)?;
    for turn in 1..4 {
        let inputs = talk(&format!("u{turn}"));
        let run = provider.before_run("ada", &inputs)?;
        assert_eq!((run.messages().len(), run.inputs(), run.session_id()), (2 * (turn - 1), &*inputs, "ada"));
        assert_eq!(provider.after_run(&run, &talk(&format!("a{turn}")))?.stored(), 2);
    }
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2 a2 u3 a3");
    Ok(())
}

fn a_run_is_two_requests(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let (loading, run) = provider.database().counting(|| provider.before_run("ada", &talk("u2")));
    let run = run?;
    let (storing, saved) = provider.database().counting(|| provider.after_run(&run, &talk("a2")));
    assert_eq!((loading, storing, saved?.stored()), (1, 1, 2));
    // Stored by somebody in between.
    let run = provider.before_run("ada", &talk("u4"))?;
    PerSqlHistoryProvider::new(world.other_db()?).save_messages("ada", &talk("u3 a3"))?;
    let (storing, saved) = provider.database().counting(|| provider.after_run(&run, &talk("a4")));
    assert_eq!((storing, saved?.stored()), (3, 2));
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2 a2 u3 a3 u4 a4");
    Ok(())
}

fn a_failed_run_stores_nothing(world: &World) -> Outcome {
    let provider = provider(world)?;
    drop(provider.before_run("ada", &talk("u1"))?);
    assert_eq!(provider.count_messages("ada")?, 0);
    // A run without an answer, on the other hand, is one.
    let run = provider.before_run("ada", &talk("u1"))?;
    assert_eq!(provider.after_run(&run, &[])?.stored(), 1);
    let run = provider.before_run("ada", &[])?;
    let (requests, saved) = provider.database().counting(|| provider.after_run(&run, &[]));
    assert_eq!((requests, saved?.stored()), (0, 0));
    Ok(())
}

fn an_audit_provider_stores_and_loads_nothing(world: &World) -> Outcome {
    let audit = PerSqlHistoryProvider::builder(world.db()?)
        .source_id("audit")
        .messages_table("audit")
        .load_messages(false)
        .build()?;
    assert!(!audit.load_messages());
    for turn in 1..3 {
        let inputs = talk(&format!("u{turn}"));
        let (requests, run) = audit.database().counting(|| audit.before_run("ada", &inputs));
        let run = run?;
        assert_eq!((requests, run.messages().len()), (0, 0));
        let (requests, saved) = audit.database().counting(|| audit.after_run(&run, &talk(&format!("a{turn}"))));
        assert_eq!((requests, saved?.stored()), (if turn == 1 { 3 } else { 1 }, 2), "the first makes the table");
    }
    assert_eq!(held(&audit, "ada")?, "u1 a1 u2 a2");
    assert!(provider(world)?.get_messages("ada")?.is_empty(), "another table");
    Ok(())
}

fn the_input_may_be_stored_first(world: &World) -> Outcome {
    let provider =
        PerSqlHistoryProvider::builder(world.db()?).store_inputs_first(true).store_context_messages(true).build()?;
    provider.create_tables()?;
    for turn in 1..4 {
        let inputs = talk(&format!("u{turn}"));
        let (requests, run) = provider.database().counting(|| provider.before_run("ada", &inputs));
        let mut run = run?;
        assert_eq!(requests, 2);
        assert_eq!(run.messages().len(), 3 * (turn - 1), "the input is not history yet");
        assert!(held(&provider, "ada")?.ends_with(&format!("u{turn}")));
        run.add_context("memory", &talk(&format!("s{turn}")));
        let (requests, saved) = provider.database().counting(|| provider.after_run(&run, &talk(&format!("a{turn}"))));
        assert_eq!((requests, saved?.stored()), (1, 2));
    }
    assert_eq!(held(&provider, "ada")?, "u1 s1 a1 u2 s2 a2 u3 s3 a3");
    Ok(())
}

fn the_input_stored_first_survives_a_failed_run(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).store_inputs_first(true).build()?;
    drop(provider.before_run("ada", &talk("u1#"))?);
    assert_eq!(held(&provider, "ada")?, "u1#");
    // Tried again with the same id, it is there once.
    let run = provider.before_run("ada", &talk("u1#"))?;
    provider.after_run(&run, &talk("a1"))?;
    assert_eq!(held(&provider, "ada")?, "u1# a1");
    let not_at_all =
        PerSqlHistoryProvider::builder(world.db()?).store_inputs_first(true).store_inputs(false).build()?;
    let run = not_at_all.before_run("bob", &talk("u1"))?;
    not_at_all.after_run(&run, &talk("a1"))?;
    assert_eq!(held(&provider, "bob")?, "a1");
    Ok(())
}

fn input_stored_first_without_loading(world: &World) -> Outcome {
    let audit = PerSqlHistoryProvider::builder(world.db()?).store_inputs_first(true).load_messages(false).build()?;
    audit.create_tables()?;
    let (requests, run) = audit.database().counting(|| audit.before_run("ada", &talk("u1")));
    let run = run?;
    assert_eq!((requests, run.messages().len()), (1, 0));
    let (requests, _) = audit.database().counting(|| audit.after_run(&run, &talk("a1")));
    assert_eq!((requests, held(&audit, "ada")?.as_str()), (1, "u1 a1"));
    Ok(())
}

fn context_is_stored_on_request(world: &World) -> Outcome {
    let build = |only: Option<&[&str]>| {
        let builder = PerSqlHistoryProvider::builder(world.db()?).store_context_messages(true).source_id("own");
        match only {
            Some(only) => builder.store_context_from(only.iter().copied()).build(),
            None => builder.build(),
        }
    };
    let cases: [(Option<&[&str]>, &str); 4] = [
        (None, "u0 s1 s2 u1 a1"),
        (Some(&["rag"]), "u0 s1 u1 a1"),
        (Some(&["nobody"]), "u0 u1 a1"),
        (Some(&[]), "u0 u1 a1"),
    ];
    for (n, (only, expected)) in cases.into_iter().enumerate() {
        let provider = build(only)?;
        let session = format!("{n}");
        provider.save_messages(session.as_str(), &talk("u0"))?;
        let mut run = provider.before_run(session.as_str(), &talk("u1"))?;
        run.add_context("rag", &talk("s1"));
        run.add_context("memory", &talk("s2"));
        provider.after_run(&run, &talk("a1"))?;
        assert_eq!(held(&provider, &session)?, expected);
    }
    Ok(())
}

fn context_of_one_source_stays_together(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).store_context_messages(true).build()?;
    let mut run = provider.before_run("ada", &talk("u1"))?;
    run.add_context("rag", &talk("s1"));
    run.add_context("memory", &talk("s2"));
    run.add_context("rag", &talk("s3"));
    provider.after_run(&run, &talk("a1"))?;
    assert_eq!(held(&provider, "ada")?, "s1 s3 s2 u1 a1");
    Ok(())
}

fn settled_approvals_are_not_shown(world: &World) -> Outcome {
    let provider = provider(world)?;
    let content = |text: &str| Content::from_json(text);
    let call = |n: u8| format!(r#"{{"type":"function_call","call_id":"call_{n}","name":"f","arguments":"{{}}"}}"#);
    let request = |n: u8| {
        content(&format!(r#"{{"type":"function_approval_request","id":"ap_{n}","function_call":{}}}"#, call(n)))
    };
    let response = |n: u8| {
        content(&format!(
            r#"{{"type":"function_approval_response","id":"ap_{n}","approved":true,"function_call":{}}}"#,
            call(n)
        ))
    };
    let messages = [
        Message::new("assistant", [Content::text("may I?"), request(1)?, request(2)?]),
        Message::new("user", [response(1)?]),
        Message::new("tool", [Content::function_result("call_1", "r")]),
    ];
    provider.save_messages("ada", &messages)?;
    let run = provider.before_run("ada", &[])?;
    let shown: Vec<Vec<String>> =
        run.messages().iter().map(|message| message.contents().iter().map(Content::kind).collect()).collect();
    assert_eq!(shown, [vec!["text", "function_approval_request"], vec!["function_result"]]);
    assert_eq!(provider.get_messages("ada")?.messages(), messages, "only what a run is shown is filtered");
    Ok(())
}

fn what_is_shown_is_attributed_and_what_is_stored_is_not(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).source_id("a \"source\"").build()?;
    provider.save_messages("ada", &talk("u1"))?;
    let run = provider.before_run("ada", &talk("u2"))?;
    let mark = run.messages().first().and_then(|message| message.property("_attribution"));
    assert_eq!(mark, Some(r#"{"source_id":"a \"source\"","source_type":"PerSqlHistoryProvider"}"#));
    provider.after_run(&run, &talk("a2"))?;
    assert_eq!(provider.get_messages("ada")?.messages(), talk("u1 u2 a2"));
    Ok(())
}

fn a_replayed_transcript_does_not_double_the_history(world: &World) -> Outcome {
    let provider = provider(world)?;
    let mut transcript = Vec::new();
    for turn in 1..5 {
        transcript.extend(talk(&format!("u{turn}")));
        // A client that sends everything each time.
        let run = provider.before_run("ada", &transcript)?;
        let answer = talk(&format!("a{turn}"));
        provider.after_run(&run, &answer)?;
        transcript.extend(answer);
        assert_eq!(held(&provider, "ada")?, words(&transcript));
    }
    Ok(())
}

fn a_bad_output_is_refused(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let run = provider.before_run("ada", &talk("u1"))?;
    let error = refused(provider.after_run(&run, &[Message::user(&"x".repeat(2_000_000))]))?;
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("message: 1"), "{error}");
    let error = refused(provider.before_run("ada", &[Message::user(&"x".repeat(2_000_000))]))?;
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("message: 0"), "{error}");
    assert_eq!(provider.count_messages("ada")?, 0);
    assert!(!format!("{run:?}").contains("u1"));
    Ok(())
}

fn a_provider_says_what_it_is(world: &World) -> Outcome {
    let provider = provider(world)?;
    assert_eq!((provider.source_id(), provider.load_messages()), ("persql_history", true));
    let text = format!("{provider:?}");
    for flag in ["load_messages: true", "store_inputs: true", "store_outputs: true", "store_context_messages: false"] {
        assert!(text.contains(flag), "{text}");
    }
    for flag in
        ["store_context_from: None", "store_inputs_first: false", "skip_excluded: false", "repair_orphans: false"]
    {
        assert!(text.contains(flag), "{text}");
    }
    Ok(())
}
