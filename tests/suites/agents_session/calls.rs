//! Limits that keep a tool call and its output together.

use persql_agents_session::Limit;
use persql_conformance::{Case, Outcome, World, cases};
use serde_json::{Value, json};

use crate::{Session, ada, insert_row, message};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_output_brings_its_call,
        every_type_of_call_is_known,
        reasoning_before_a_call_comes_with_it,
        a_call_that_stands_at_the_edge_needs_nothing_more,
        several_open_calls_are_all_found,
        an_output_without_a_call_brings_nothing,
        an_output_of_another_kind_or_id_is_not_the_calls,
        bad_rows_between_do_not_matter,
        turns_keep_calls_whole,
        a_far_call_is_found_and_a_farther_one_is_lost,
        a_limit_with_whole_calls_is_mostly_one_request,
        items_that_only_python_reads_hang_together_too,
    ]
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "call_id": id, "name": "add", "arguments": "{}"})
}

fn output(id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": "2"})
}

fn reasoning() -> Value {
    json!({"type": "reasoning", "id": "rs_1", "summary": []})
}

/// The position of the first item that is read with this limit.
fn first_read(session: &Session, items: &[Value], limit: usize) -> Result<usize, Box<dyn std::error::Error>> {
    let read = session.get_items(Limit::items(limit).with_whole_calls())?;
    let from = items.len() - read.len();
    assert_eq!(Some(&*read), items.get(from..), "always the newest, without a gap");
    let plain = session.get_items(limit)?;
    assert_eq!(Some(&*plain), items.get(items.len().saturating_sub(limit)..));
    Ok(from)
}

fn check(session: &Session, items: &[Value], expected: &[(usize, usize)]) -> Outcome {
    session.clear_session()?;
    session.add_items(items)?;
    for (limit, from) in expected {
        assert_eq!(first_read(session, items, *limit)?, *from, "limit {limit}");
    }
    Ok(())
}

fn an_output_brings_its_call(world: &World) -> Outcome {
    let items = [message(0), call("a"), output("a"), message(1)];
    check(&ada(world)?, &items, &[(1, 3), (2, 1), (3, 1), (4, 0), (9, 0)])
}

fn every_type_of_call_is_known(world: &World) -> Outcome {
    let session = ada(world)?;
    for (call, output) in [
        ("program", "program_output"),
        ("function_call", "function_call_output"),
        ("custom_tool_call", "custom_tool_call_output"),
        ("shell_call", "shell_call_output"),
        ("apply_patch_call", "apply_patch_call_output"),
        ("computer_call", "computer_call_output"),
        ("local_shell_call", "local_shell_call_output"),
        ("tool_search_call", "tool_search_output"),
    ] {
        let items =
            [message(0), json!({"type": call, "call_id": "a"}), message(1), json!({"type": output, "call_id": "a"})];
        check(&session, &items, &[(1, 1), (2, 1), (3, 1)])?;
    }
    // Calls of the service's own have their outputs in them.
    let items = [message(0), json!({"type": "web_search_call", "id": "ws"}), message(1)];
    check(&session, &items, &[(1, 2), (2, 1)])
}

fn reasoning_before_a_call_comes_with_it(world: &World) -> Outcome {
    let session = ada(world)?;
    let items = [message(0), reasoning(), reasoning(), call("a"), call("b"), output("a"), output("b")];
    check(&session, &items, &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 0)])?;
    // Of a message or of nothing it is not the limit's concern.
    let items = [reasoning(), message(0), call("a"), output("a"), reasoning(), json!({"role": "assistant"})];
    check(&session, &items, &[(1, 5), (2, 4), (3, 2), (4, 2)])
}

fn a_call_that_stands_at_the_edge_needs_nothing_more(world: &World) -> Outcome {
    let items = [call("z"), output("z"), call("a"), output("a")];
    check(&ada(world)?, &items, &[(2, 2), (3, 0), (4, 0)])
}

fn several_open_calls_are_all_found(world: &World) -> Outcome {
    let items =
        [message(0), call("a"), message(1), call("b"), output("b"), call("c"), output("c"), output("a"), message(2)];
    check(&ada(world)?, &items, &[(1, 8), (2, 1), (3, 1), (6, 1)])
}

fn an_output_without_a_call_brings_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    let mut items: Vec<Value> = (0..20).flat_map(|n| [call(&n.to_string()), output(&n.to_string())]).collect();
    items.extend([message(0), output("lost"), message(1)]);
    // Whole pairs stand before it, and they are none of its concern.
    check(&session, &items, &[(1, 42), (2, 41), (3, 40), (4, 38)])?;
    check(&session, &[output("lost")], &[(1, 0), (2, 0)])?;
    // A call after its output is not the one that it waits for.
    check(&session, &[message(0), output("a"), call("a")], &[(1, 2), (2, 1)])
}

fn an_output_of_another_kind_or_id_is_not_the_calls(world: &World) -> Outcome {
    let items = [
        call("a"),
        json!({"type": "shell_call", "call_id": "b"}),
        json!({"type": "function_call", "call_id": 7}),
        message(0),
        output("b"),
        json!({"type": "function_call_output", "call_id": 7}),
        json!({"type": "function_call_output"}),
    ];
    check(&ada(world)?, &items, &[(1, 6), (2, 5), (3, 4)])
}

fn bad_rows_between_do_not_matter(world: &World) -> Outcome {
    let session = ada(world)?;
    let items = [message(0), reasoning(), call("a"), output("a"), message(1)];
    for item in &items {
        session.add_items(&[item])?;
        insert_row(session.database(), "ada", "{bad")?;
        insert_row(session.database(), "ada", vec![0_u8; 3])?;
    }
    for (limit, from) in [(1, 4), (2, 1), (3, 1), (5, 0)] {
        assert_eq!(first_read(&session, &items, limit)?, from, "limit {limit}");
    }
    Ok(())
}

fn turns_keep_calls_whole(world: &World) -> Outcome {
    let session = ada(world)?;
    let items = [message(0), call("a"), message(1), output("a"), message(2)];
    session.add_items(&items)?;
    for (turns, from) in [(1, 4), (2, 1), (3, 0)] {
        let read = session.get_items(Limit::turns(turns).with_whole_calls())?;
        assert_eq!(Some(&*read), items.get(from..), "{turns} turns");
    }
    assert_eq!(session.get_items(Limit::turns(2))?.len(), 3);
    Ok(())
}

fn a_far_call_is_found_and_a_farther_one_is_lost(world: &World) -> Outcome {
    let session = ada(world)?;
    for (between, found) in [(998, true), (999, true), (1_000, false)] {
        let mut items = vec![message(0), call("a")];
        items.extend((0..between).map(message));
        items.push(output("a"));
        // With a longer limit the way from there is shorter.
        check(&session, &items, &[(1, if found { 1 } else { items.len() - 1 }), (between, 1)])?;
    }
    Ok(())
}

fn a_limit_with_whole_calls_is_mostly_one_request(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&(0..300).map(message).collect::<Vec<_>>())?;
    session.add_items(&[reasoning(), call("a"), call("b"), output("a"), output("b"), message(0)])?;
    let read = |limit: usize| session.database().counting(|| session.get_items(Limit::items(limit).with_whole_calls()));
    for (limit, items) in [(1, 1), (2, 6), (4, 6), (5, 6), (6, 6), (20, 20)] {
        let (requests, read) = read(limit);
        assert_eq!((requests, read?.len()), (1, items), "limit {limit}");
    }
    // A call that stands farther away takes another.
    session.add_items(&[call("far")])?;
    session.add_items(&(0..40).map(message).collect::<Vec<_>>())?;
    session.add_items(&[output("far")])?;
    let (requests, read) = read(1);
    assert_eq!((requests, read?.len()), (2, 42));
    Ok(())
}

fn items_that_only_python_reads_hang_together_too(world: &World) -> Outcome {
    let session = ada(world)?;
    let texts = [
        r#"{"type": "function_call", "call_id": "a", "score": NaN}"#,
        r#"{"type": "message", "type": "function_call_output", "call_id": "a", "output": "\ud800", "x": -Infinity}"#,
    ];
    session.add_items_text(&["{}", texts[0], texts[1]])?;
    assert_eq!(session.get_items_text(Limit::items(1).with_whole_calls())?, texts);
    Ok(())
}
