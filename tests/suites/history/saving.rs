//! Saving, deduplication and what it costs.

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{Dedup, ErrorKind, Message, PerSqlHistoryProvider, Result, Tail};

use crate::{Provider, held, insert_row, provider, recorder, refused, talk, texts, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        saved_messages_come_back_as_they_are,
        nothing_to_save_is_no_request,
        the_first_save_creates_the_table,
        a_save_with_a_load_is_one_request_at_any_length,
        a_lost_race_is_three_requests,
        a_lost_race_decides_anew,
        a_history_that_lost_its_start_is_read_again,
        any_number_of_messages_is_guarded,
        a_replay_with_a_load_is_no_request,
        saves_follow_each_other_in_one_request_each,
        a_tail_that_is_too_short_is_read_again,
        a_tail_of_another_provider_is_read_again_if_it_is_wrong,
        without_deduplication_a_save_is_one_request,
        the_modes_differ_where_there_are_no_ids,
        a_replay_longer_than_a_page_is_found,
        a_bad_message_is_named_and_nothing_is_stored,
        a_row_that_is_no_message_does_not_stop_saving,
        max_messages_keeps_the_newest,
        max_messages_of_none_stores_nothing,
        a_replay_over_a_trimmed_history_is_found,
        old_messages_are_stored_in_todays_form,
        time_is_in_utc,
    ]
}

fn saved_messages_come_back_as_they_are(world: &World) -> Outcome {
    let provider = provider(world)?;
    let first = talk("u1 a1#");
    let saved = provider.save_messages("ada", &first)?;
    assert_eq!((saved.stored(), saved.tail().session_id()), (2, "ada"));
    let second = talk("u2 a2");
    assert_eq!(provider.save_messages("ada", &second)?.stored(), 2);
    assert_eq!(provider.get_messages("ada")?.into_messages(), [first, second].concat());
    assert!(provider.get_messages("bob")?.is_empty());
    let other = PerSqlHistoryProvider::new(world.other_db()?);
    assert_eq!(held(&other, "ada")?, "u1 a1# u2 a2");
    Ok(())
}

fn nothing_to_save_is_no_request(world: &World) -> Outcome {
    let provider = provider(world)?;
    let (requests, saved) = provider.database().counting(|| provider.save_messages("ada", &[]));
    assert_eq!((requests, saved?.stored()), (0, 0));
    Ok(())
}

fn the_first_save_creates_the_table(world: &World) -> Outcome {
    let provider = provider(world)?;
    let history = provider.get_messages("ada")?;
    let (requests, saved) = provider.database().counting(|| provider.save_messages_after(history.tail(), &talk("u1")));
    assert_eq!((requests, saved?.stored()), (3, 1), "the refused write, the table, the write");
    assert_eq!(held(&provider, "ada")?, "u1");
    Ok(())
}

/// So many messages of four hundred bytes each, as fast as SQLite makes them.
pub(crate) fn fill(provider: &Provider, session: &str, from: usize, to: usize) -> Outcome {
    provider.create_tables()?;
    let fill = "WITH RECURSIVE n(n) AS (SELECT ?2 UNION ALL SELECT n + 1 FROM n WHERE n < ?3)
        INSERT INTO agent_framework_messages(session_id, message_data)
        SELECT ?1, '{\"type\":\"message\",\"role\":\"user\",\"contents\":[{\"type\":\"text\",\"text\":\"' || n || hex(zeroblob(180)) || '\"}]}' FROM n";
    if to > from {
        provider.database().query(fill, (session, from as i64 + 1, to as i64))?;
    }
    Ok(())
}

fn a_save_with_a_load_is_one_request_at_any_length(world: &World) -> Outcome {
    let provider = provider(world)?;
    let db = provider.database();
    let mut stored = 0;
    for length in [0, 1_000, 10_000] {
        fill(&provider, "ada", stored, length)?;
        stored = length;
        let history = provider.get_messages("ada")?;
        assert_eq!(history.len(), length);
        let (requests, saved) = db.counting(|| provider.save_messages_after(history.tail(), &talk("u1 a1 u2 a2")));
        assert_eq!((requests, saved?.stored()), (1, 4), "at {length}");
        db.query("DELETE FROM agent_framework_messages WHERE length(message_data) < 300", ())?;
    }
    Ok(())
}

fn a_lost_race_is_three_requests(world: &World) -> Outcome {
    let (provider, other) = (provider(world)?, PerSqlHistoryProvider::new(world.other_db()?));
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    other.save_messages("ada", &talk("u2 a2"))?;
    other.save_messages("bob", &talk("u1 a1"))?;
    let save = || provider.save_messages_after(history.tail(), &talk("u3 a3"));
    let (requests, saved) = provider.database().counting(save);
    assert_eq!((requests, saved?.stored()), (3, 2));
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2 a2 u3 a3");
    // Others in other sessions do not matter.
    let history = provider.get_messages("ada")?;
    other.save_messages("bob", &talk("u4 a4"))?;
    let save = || provider.save_messages_after(history.tail(), &talk("u4 a4"));
    let (requests, saved) = provider.database().counting(save);
    assert_eq!((requests, saved?.stored()), (1, 2));
    Ok(())
}

fn a_lost_race_decides_anew(world: &World) -> Outcome {
    let (provider, other) = (provider(world)?, PerSqlHistoryProvider::new(world.other_db()?));
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    // The same run, saved by two.
    other.save_messages("ada", &talk("u2# a2#"))?;
    let save = || provider.save_messages_after(history.tail(), &talk("u2# a2# u3"));
    let (requests, saved) = provider.database().counting(save);
    assert_eq!((requests, saved?.stored()), (3, 1));
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2# a2# u3");
    // The session was cleared meanwhile: what was a replay is new.
    let history = provider.get_messages("ada")?;
    other.clear("ada")?;
    assert_eq!(provider.save_messages_after(history.tail(), &talk("u2# a2# u3 a3"))?.stored(), 4);
    assert_eq!(held(&provider, "ada")?, "u2# a2# u3 a3");
    Ok(())
}

fn a_history_that_lost_its_start_is_read_again(world: &World) -> Outcome {
    let (provider, other) = (provider(world)?, PerSqlHistoryProvider::new(world.other_db()?));
    provider.save_messages("ada", &talk("a1 u2#"))?;
    let history = provider.get_messages("ada")?;
    other.trim("ada", 1)?;
    // All that is stored by now stands in what is saved.
    let save = || provider.save_messages_after(history.tail(), &talk("u1 u2# a2"));
    let (requests, saved) = provider.database().counting(save);
    assert_eq!((requests, saved?.stored()), (3, 1));
    assert_eq!(held(&provider, "ada")?, "u2# a2");
    Ok(())
}

fn any_number_of_messages_is_guarded(world: &World) -> Outcome {
    let (provider, other) = (provider(world)?, PerSqlHistoryProvider::new(world.other_db()?));
    for count in [1, 2, 8, 9, 20] {
        let session = format!("of {count}");
        let run = |role: &str| (1..=count).map(|n| format!("{role}{n}#")).collect::<Vec<_>>().join(" ");
        let save = |tail: &Tail, role: &str| -> Result<_> {
            let (requests, saved) =
                provider.database().counting(|| provider.save_messages_after(tail, &talk(&run(role))));
            assert_eq!(saved?.stored(), count);
            Ok(requests)
        };
        provider.save_messages(session.as_str(), &talk("s1 s2"))?;
        // Somebody saves in between.
        let history = provider.get_messages(session.as_str())?;
        other.save_messages(session.as_str(), &talk("s3"))?;
        assert_eq!(save(history.tail(), "u")?, 3, "{count}");
        // Somebody deletes the start, and the newest stays.
        let history = provider.get_messages(session.as_str())?;
        other.trim(session.as_str(), count)?;
        assert_eq!(save(history.tail(), "a")?, 3, "{count}");
        assert_eq!(held(&provider, &session)?, format!("{} {}", run("u"), run("a")));
        // Nobody does anything to this session.
        let history = provider.get_messages(session.as_str())?;
        other.save_messages("another", &talk(&format!("s{count}")))?;
        assert_eq!(save(history.tail(), "s")?, 1, "{count}");
    }
    Ok(())
}

fn a_replay_with_a_load_is_no_request(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    let save = || provider.save_messages_after(history.tail(), &talk("u1 a1"));
    let (requests, saved) = provider.database().counting(save);
    assert_eq!((requests, saved?.stored()), (0, 0));
    let (requests, saved) = provider.database().counting(|| provider.save_messages("ada", &talk("u1 a1")));
    assert_eq!((requests, saved?.stored()), (2, 0), "a refused write and a read");
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    Ok(())
}

fn saves_follow_each_other_in_one_request_each(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let db = provider.database();
    let mut tail = provider.get_messages(None)?.tail().clone();
    for n in 0..5 {
        let messages = talk(&format!("u{n} a{n}"));
        let (requests, saved) = db.counting(|| provider.save_messages_after(&tail, &messages));
        let saved = saved?;
        assert_eq!((requests, saved.stored()), (1, 2));
        tail = saved.tail().clone();
        // What was just saved is known.
        let (requests, again) = db.counting(|| provider.save_messages_after(&tail, &messages));
        assert_eq!((requests, again?.stored()), (0, 0));
    }
    assert_eq!(held(&provider, "default")?, "u0 a0 u1 a1 u2 a2 u3 a3 u4 a4");
    Ok(())
}

fn a_tail_that_is_too_short_is_read_again(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1 u2 a2 u3 a3"))?;
    // It knows the one message that it saved.
    let tail = provider.save_messages("ada", &talk("u4"))?.tail().clone();
    let save = || provider.save_messages_after(&tail, &talk("a3 u4 a4"));
    let (requests, saved) = provider.database().counting(save);
    assert_eq!((requests, saved?.stored()), (3, 1), "a refused write, a read and a write");
    let tail = provider.save_messages("ada", &talk("a5"))?.tail().clone();
    let save = || provider.save_messages_after(&tail, &talk("a5"));
    assert_eq!(provider.database().counting(save).0, 0);
    Ok(())
}

fn a_tail_of_another_provider_is_read_again_if_it_is_wrong(world: &World) -> Outcome {
    let provider = provider(world)?;
    let other = PerSqlHistoryProvider::builder(world.db()?).messages_table("other").build()?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    other.save_messages("ada", &talk("u2 a2"))?;
    // The save goes where the tail is from.
    let tail = other.get_messages("ada")?.tail().clone();
    provider.save_messages_after(&tail, &talk("u2 a2 u3"))?;
    assert_eq!((held(&provider, "ada")?, held(&other, "ada")?), ("u1 a1".to_owned(), "u2 a2 u3".to_owned()));
    Ok(())
}

fn without_deduplication_a_save_is_one_request(world: &World) -> Outcome {
    let recorder = recorder(world)?;
    recorder.save_messages("ada", &talk("u1 a1"))?;
    for _ in 0..2 {
        let (requests, saved) = recorder.database().counting(|| recorder.save_messages("ada", &talk("u1# a1")));
        assert_eq!((requests, saved?.stored()), (1, 2));
    }
    assert_eq!(held(&recorder, "ada")?, "u1 a1 u1# a1 u1# a1");
    Ok(())
}

fn the_modes_differ_where_there_are_no_ids(world: &World) -> Outcome {
    for (dedup, expected) in [
        (Dedup::Upstream, "u1 a1# u2 a2#"),
        (Dedup::ByIdOnly, "u1 a1# u1 a1# u2 a2#"),
        (Dedup::Off, "u1 a1# u1 a1# u2 a2#"),
    ] {
        let provider = PerSqlHistoryProvider::builder(world.db()?).dedup(dedup).build()?;
        let session = format!("{dedup:?}");
        provider.save_messages(session.as_str(), &talk("u1 a1#"))?;
        provider.save_messages(session.as_str(), &talk("u1 a1# u2 a2#"))?;
        assert_eq!(held(&provider, &session)?, expected, "{dedup:?}");
    }
    for (dedup, stored) in [(Dedup::Upstream, 1), (Dedup::ByIdOnly, 1), (Dedup::Off, 3)] {
        let provider = PerSqlHistoryProvider::builder(world.db()?).dedup(dedup).build()?;
        let session = format!("{dedup:?} with ids");
        provider.save_messages(session.as_str(), &talk("u1# a1#"))?;
        assert_eq!(provider.save_messages(session.as_str(), &talk("u1# a1# u2#"))?.stored(), stored, "{dedup:?}");
    }
    Ok(())
}

fn a_replay_longer_than_a_page_is_found(world: &World) -> Outcome {
    let provider = provider(world)?;
    let transcript: Vec<Message> = (0..700).map(|n| Message::user(&format!("{n}"))).collect();
    assert_eq!(provider.save_messages("ada", &transcript)?.stored(), 700);
    let more = [transcript.clone(), talk("a1")].concat();
    let (requests, saved) = provider.database().counting(|| provider.save_messages("ada", &more));
    assert_eq!((requests, saved?.stored()), (3, 1), "two pages and the write");
    assert_eq!(provider.get_messages("ada")?.into_messages(), more);
    Ok(())
}

fn a_bad_message_is_named_and_nothing_is_stored(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let deep = format!(r#"{{"role":"user","contents":[],"x":{}{}}}"#, "[".repeat(999), "]".repeat(999));
    let deep = Message::from_json(&deep)?.with_property("y", &0)?;
    let deeper = deep.clone().with_property("z", &serde_json::json!({"a": [[]]}))?;
    provider.save_messages("ada", &[deep, deeper])?;
    let too_deep: serde_json::Value = (0..999).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
    let bad = [
        (Message::user(&"x".repeat(2_100_000)), "limit of a row is 2000000 bytes"),
        (Message::from_json(r#"{"role":"user","contents":[3]}"#)?, "no object with a type"),
        (Message::from_json(r#"{"role":"user","contents":["a",{"text":"secret"}]}"#)?, "no object with a type"),
        (Message::user("x").with_property("p", &too_deep)?, "nested 1001 levels deep"),
    ];
    for (bad, reason) in bad {
        let messages = [Message::user("fine"), bad];
        let (requests, result) = provider.database().counting(|| provider.save_messages("bob", &messages));
        let error = refused(result)?;
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
        let text = error.to_string();
        assert!(text.contains(reason) && text.contains("message: 1") && text.contains("session: bob"), "{text}");
        assert!(!text.contains("secret"));
    }
    assert_eq!(provider.count_messages("bob")?, 0);
    Ok(())
}

fn a_row_that_is_no_message_does_not_stop_saving(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    insert_row(provider.database(), "ada", "{secret")?;
    assert_eq!(provider.save_messages("ada", &talk("u2 a2"))?.stored(), 2);
    assert_eq!(provider.save_messages("ada", &talk("u2 a2 u3"))?.stored(), 1);
    assert_eq!(provider.count_messages("ada")?, 6);
    Ok(())
}

fn max_messages_keeps_the_newest(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).max_messages(3).build()?;
    provider.save_messages("bob", &talk("u1 a1"))?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    let history = provider.get_messages("ada")?;
    let save = || provider.save_messages_after(history.tail(), &talk("u2 a2"));
    let (requests, saved) = provider.database().counting(save);
    assert_eq!((requests, saved?.stored()), (1, 2));
    assert_eq!(held(&provider, "ada")?, "a1 u2 a2");
    provider.save_messages("ada", &talk("u3 a3 u4 a4 u5"))?;
    assert_eq!((held(&provider, "ada")?, held(&provider, "bob")?), ("u4 a4 u5".to_owned(), "u1 a1".to_owned()));
    let recorder = PerSqlHistoryProvider::builder(world.db()?).max_messages(2).dedup(Dedup::Off).build()?;
    recorder.save_messages("ada", &talk("u6"))?;
    assert_eq!(held(&recorder, "ada")?, "u5 u6");
    let all = PerSqlHistoryProvider::builder(world.db()?).max_messages(None).build()?;
    all.save_messages("ada", &talk("a6 u7"))?;
    assert_eq!(held(&all, "ada")?, "u5 u6 a6 u7");
    Ok(())
}

fn max_messages_of_none_stores_nothing(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).max_messages(0).build()?;
    let (requests, saved) = provider.database().counting(|| provider.save_messages("ada", &talk("u1 a1")));
    assert_eq!((requests, saved?.stored()), (0, 0));
    assert!(provider.get_messages("ada")?.is_empty());
    Ok(())
}

fn a_replay_over_a_trimmed_history_is_found(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).max_messages(2).build()?;
    provider.save_messages("ada", &talk("u1 a1 u2 a2"))?;
    assert_eq!(provider.save_messages("ada", &talk("u1 a1 u2 a2 u3 a3"))?.stored(), 2);
    assert_eq!(held(&provider, "ada")?, "u3 a3");
    Ok(())
}

fn old_messages_are_stored_in_todays_form(world: &World) -> Outcome {
    let provider = provider(world)?;
    let old = Message::from_json(r#"{"type":"chat_message","role":"user","contents":["a"]}"#)?;
    provider.save_messages("ada", &[old])?;
    assert_eq!(texts(&provider.get_messages("ada")?), [r#"{"type":"message","role":"user","contents":["a"]}"#]);
    Ok(())
}

fn time_is_in_utc(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1"))?;
    provider.save_messages("ada", &talk("u2 a2"))?;
    let near = "SELECT count(*) FROM agent_framework_messages WHERE abs(unixepoch(created_at) - unixepoch('now')) < 60
        AND created_at LIKE '____-__-__ __:__:__'";
    assert_eq!(value::<i64>(provider.database(), near)?, 3);
    Ok(())
}
