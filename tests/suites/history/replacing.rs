//! Putting messages in place of a history.

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{ErrorKind, Message, PerSqlHistoryProvider, Result};

use crate::{Provider, held, provider, refused, talk, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_history_is_replaced_as_a_whole,
        replacing_is_one_request,
        what_stands_before_the_first_change_keeps_its_row,
        marks_are_stored,
        excluded_messages_survive_a_replace,
        a_history_that_has_changed_is_not_replaced,
        replacing_an_absent_history_makes_it,
        replacing_with_nothing_empties_the_session,
        a_bad_message_changes_nothing,
        other_sessions_stay_as_they_are,
        many_large_messages_are_replaced_at_once,
    ]
}

fn ids(provider: &Provider) -> Result<String> {
    value(provider.database(), "SELECT group_concat(id) FROM (SELECT id FROM agent_framework_messages ORDER BY id)")
}

fn a_history_is_replaced_as_a_whole(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1 u2 a2"))?;
    for new in ["s1 u2 a2", "s1 u2 a2 u3", "u9", "a1 u1"] {
        let history = provider.get_messages("ada")?;
        provider.replace(&history, &talk(new))?;
        assert_eq!(held(&provider, "ada")?, new);
    }
    // What is saved next goes behind it.
    provider.save_messages("ada", &talk("u1 a3"))?;
    assert_eq!(held(&provider, "ada")?, "a1 u1 u1 a3");
    Ok(())
}

fn replacing_is_one_request(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    let (requests, replaced) = provider.database().counting(|| provider.replace(&history, &talk("u1 a1")));
    replaced?;
    assert_eq!(requests, 0, "nothing has changed");
    let (requests, replaced) = provider.database().counting(|| provider.replace(&history, &talk("s1 a1")));
    replaced?;
    assert_eq!(requests, 1);
    Ok(())
}

fn what_stands_before_the_first_change_keeps_its_row(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1 u2 a2"))?;
    let history = provider.get_messages("ada")?;
    provider.replace(&history, &talk("u1 a1 s1"))?;
    assert_eq!((ids(&provider)?.as_str(), held(&provider, "ada")?.as_str()), ("1,2,5", "u1 a1 s1"));
    let history = provider.get_messages("ada")?;
    provider.replace(&history, &talk("u1"))?;
    assert_eq!(ids(&provider)?, "1");
    provider.replace(&provider.get_messages("ada")?, &talk("u1 a1"))?;
    assert_eq!(ids(&provider)?, "1,6");
    Ok(())
}

fn marks_are_stored(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1 u2"))?;
    let history = provider.get_messages("ada")?;
    let mut messages = history.stored_messages().to_vec();
    for message in messages.iter_mut().take(2) {
        *message = message.clone().excluded("sliding_window").with_property("_summarized_by_summary_id", "sum_1")?;
    }
    provider.replace(&history, &messages)?;
    let again = provider.get_messages("ada")?;
    assert_eq!(again.messages(), messages);
    let marks: Vec<(bool, Option<String>)> =
        again.iter().map(|message| (message.is_excluded(), message.exclude_reason())).collect();
    let reason = Some("sliding_window".to_owned());
    assert_eq!(marks, [(true, reason.clone()), (true, reason), (false, None)]);
    assert_eq!(
        again.messages().first().and_then(|message| message.property("_summarized_by_summary_id")),
        Some("\"sum_1\"")
    );
    let included: Vec<Message> = again.iter().map(|message| message.clone().included()).collect();
    provider.replace(&again, &included)?;
    assert!(!provider.get_messages("ada")?.iter().any(Message::is_excluded));
    Ok(())
}

fn excluded_messages_survive_a_replace(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).skip_excluded(true).build()?;
    let excluded: Vec<Message> = talk("u1 a1").into_iter().map(|message| message.excluded("x")).collect();
    provider.save_messages("ada", &[excluded.clone(), talk("u2")].concat())?;
    let history = provider.get_messages("ada")?;
    assert_eq!((history.len(), history.stored_messages().len()), (1, 3));
    provider.replace(&history, &[excluded, talk("s1 u2")].concat())?;
    assert_eq!((held(&provider, "ada")?.as_str(), provider.count_messages("ada")?), ("s1 u2", 4));
    Ok(())
}

fn a_history_that_has_changed_is_not_replaced(world: &World) -> Outcome {
    let (provider, other) = (provider(world)?, PerSqlHistoryProvider::new(world.other_db()?));
    let changes: [fn(&Provider) -> Result<()>; 5] = [
        |other| other.save_messages("ada", &talk("u9")).map(|_| ()),
        |other| other.trim("ada", 3),
        |other| other.clear("ada"),
        |other| other.replace(&other.get_messages("ada")?, &talk("u1 a1 u2 a3")),
        |other| other.replace(&other.get_messages("ada")?, &talk("u1 a1 u2")),
    ];
    for change in changes {
        provider.clear("ada")?;
        provider.save_messages("ada", &talk("u1 a1 u2 a2"))?;
        let history = provider.get_messages("ada")?;
        change(&other)?;
        let before = held(&provider, "ada")?;
        let (requests, result) = provider.database().counting(|| provider.replace(&history, &talk("s1")));
        let error = refused(result)?;
        assert_eq!((requests, error.kind()), (1, ErrorKind::Conflict));
        assert!(error.to_string().contains("load it again"), "{error}");
        assert_eq!(held(&provider, "ada")?, before);
    }
    // Two compactions at once: one of them.
    let (one, two) = (provider.get_messages("ada")?, other.get_messages("ada")?);
    provider.replace(&one, &talk("s1"))?;
    assert_eq!(refused(other.replace(&two, &talk("s2")))?.kind(), ErrorKind::Conflict);
    assert_eq!(held(&provider, "ada")?, "s1");
    Ok(())
}

fn replacing_an_absent_history_makes_it(world: &World) -> Outcome {
    let provider = provider(world)?;
    let history = provider.get_messages("ada")?;
    provider.replace(&history, &talk("u1 a1"))?;
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    assert_eq!(refused(provider.replace(&history, &talk("u2")))?.kind(), ErrorKind::Conflict, "it is there by now");
    Ok(())
}

fn replacing_with_nothing_empties_the_session(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    provider.replace(&history, &[])?;
    assert_eq!(provider.count_messages("ada")?, 0);
    let history = provider.get_messages("ada")?;
    let (requests, replaced) = provider.database().counting(|| provider.replace(&history, &[]));
    replaced?;
    assert_eq!(requests, 0);
    Ok(())
}

fn a_bad_message_changes_nothing(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    let bad = [Message::user("x"), Message::user(&"x".repeat(2_100_000))];
    let (requests, result) = provider.database().counting(|| provider.replace(&history, &bad));
    let error = refused(result)?;
    assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
    assert!(error.to_string().contains("message: 1"), "{error}");
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    Ok(())
}

fn other_sessions_stay_as_they_are(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("bob", &talk("u1"))?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    provider.save_messages("bob", &talk("a1"))?;
    provider.save_messages("ada", &talk("u2 a2"))?;
    provider.save_messages("bob", &talk("u2"))?;
    provider.replace(&provider.get_messages("ada")?, &talk("s1"))?;
    provider.trim("ada", 0)?;
    assert_eq!((held(&provider, "ada")?.as_str(), held(&provider, "bob")?.as_str()), ("", "u1 a1 u2"));
    Ok(())
}

fn many_large_messages_are_replaced_at_once(world: &World) -> Outcome {
    let provider = provider(world)?;
    let large = |n: usize| Message::user(&format!("{n}{}", "x".repeat(700_000)));
    let messages: Vec<Message> = (0..6).map(large).collect();
    provider.save_messages("ada", &messages)?;
    let history = provider.get_messages("ada")?;
    assert_eq!(history.messages(), messages);
    let new: Vec<Message> = (5..12).map(large).collect();
    let (requests, replaced) = provider.database().counting(|| provider.replace(&history, &new));
    replaced?;
    assert_eq!((requests, provider.get_messages("ada")?.messages()), (1, &*new));
    Ok(())
}
