//! Clearing, trimming, counting, listing and retention.

use std::time::Duration;

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_history::{ListSessions, PerSqlHistoryProvider, Result};

use crate::{Provider, held, insert_row, provider, recorder, talk, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        clear_deletes_one_session,
        clearing_what_is_not_there_does_nothing,
        ids_are_never_used_again,
        trim_keeps_the_newest,
        trimming_what_is_not_there_does_nothing,
        messages_are_counted,
        sessions_are_listed_by_id,
        a_list_has_a_prefix_a_start_and_a_limit,
        a_long_list_comes_in_pages,
        rows_of_others_are_listed_if_their_session_is_text,
        inactive_sessions_are_deleted,
        a_session_with_a_new_message_is_active,
        times_in_other_forms_are_understood,
        a_thousand_inactive_sessions_are_deleted,
        nothing_is_there_before_the_first_save,
    ]
}

fn clear_deletes_one_session(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    provider.save_messages("bob", &talk("u2"))?;
    provider.save_messages(None, &talk("u3"))?;
    let (requests, cleared) = provider.database().counting(|| provider.clear("ada"));
    cleared?;
    assert_eq!((requests, held(&provider, "ada")?.as_str(), held(&provider, "bob")?.as_str()), (1, "", "u2"));
    provider.clear(None)?;
    assert_eq!((provider.count_messages(None)?, provider.count_sessions()?), (0, 1));
    provider.save_messages("ada", &talk("u1 a1"))?;
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    Ok(())
}

fn clearing_what_is_not_there_does_nothing(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.clear("ada")?;
    provider.create_tables()?;
    provider.clear("ada")?;
    provider.clear("ada")?;
    assert_eq!(provider.count_messages("ada")?, 0);
    Ok(())
}

fn ids_are_never_used_again(world: &World) -> Outcome {
    let provider = provider(world)?;
    let newest = |db: &Any| value::<i64>(db, "SELECT max(id) FROM agent_framework_messages");
    provider.save_messages("ada", &talk("u1 a1"))?;
    let before = newest(provider.database())?;
    provider.clear("ada")?;
    provider.save_messages("ada", &talk("u1"))?;
    assert!(newest(provider.database())? > before);
    Ok(())
}

fn trim_keeps_the_newest(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1 u2 a2"))?;
    provider.save_messages("bob", &talk("u1 a1 u2 a2"))?;
    for (keep, left) in [(9, "u1 a1 u2 a2"), (4, "u1 a1 u2 a2"), (3, "a1 u2 a2"), (1, "a2"), (0, "")] {
        let (requests, trimmed) = provider.database().counting(|| provider.trim("ada", keep));
        trimmed?;
        assert_eq!((requests, held(&provider, "ada")?.as_str()), (1, left));
    }
    provider.trim("bob", usize::MAX)?;
    assert_eq!(held(&provider, "bob")?, "u1 a1 u2 a2");
    Ok(())
}

fn trimming_what_is_not_there_does_nothing(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.trim("ada", 3)?;
    provider.trim("ada", 0)?;
    provider.create_tables()?;
    provider.trim("ada", 3)?;
    assert_eq!(provider.count_messages("ada")?, 0);
    Ok(())
}

fn messages_are_counted(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    provider.save_messages("bob", &talk("u1"))?;
    insert_row(provider.database(), "ada", "{bad")?;
    let (requests, count) = provider.database().counting(|| provider.count_messages("ada"));
    assert_eq!((requests, count?, provider.count_messages("carl")?), (1, 3, 0));
    let (requests, count) = provider.database().counting(|| provider.count_sessions());
    assert_eq!((requests, count?), (1, 2));
    Ok(())
}

fn ids(provider: &Provider, options: ListSessions) -> Result<Vec<String>> {
    Ok(provider.list_sessions(options)?.into_iter().map(|session| session.session_id).collect())
}

fn sessions_are_listed_by_id(world: &World) -> Outcome {
    let provider = provider(world)?;
    for (session, messages) in [("b", "u1"), ("a", "u1 a1 u2"), ("B", "u1"), ("é", "u1"), ("a b", "u1")] {
        provider.save_messages(session, &talk(messages))?;
    }
    let back =
        "UPDATE agent_framework_messages SET created_at = '2020-01-0' || id || ' 00:00:00' WHERE session_id = 'a'";
    provider.database().query(back, ())?;
    let (requests, listed) = provider.database().counting(|| provider.list_sessions(ListSessions::default()));
    let listed = listed?;
    let shown: Vec<_> = listed.iter().map(|session| (session.session_id.as_str(), session.messages)).collect();
    assert_eq!((requests, shown), (1, vec![("B", 1), ("a", 3), ("a b", 1), ("b", 1), ("é", 1)]));
    let times = listed.get(1).map(|session| (session.created_at.as_deref(), session.updated_at.as_deref()));
    assert_eq!(times, Some((Some("2020-01-02 00:00:00"), Some("2020-01-04 00:00:00"))));
    Ok(())
}

fn a_list_has_a_prefix_a_start_and_a_limit(world: &World) -> Outcome {
    let provider = provider(world)?;
    let sessions = ["", "a", "user:", "user:a", "user:a\0", "user:b", "user:\u{10ffff}x", "user;", "z"];
    provider.create_tables()?;
    for session in sessions {
        insert_row(provider.database(), session, talk("u1").first().map(|m| m.as_json().to_owned()))?;
    }
    let list = |prefix: &str, after: Option<&str>, limit| {
        let options = ListSessions::default().with_prefix(prefix).with_limit(limit);
        ids(
            &provider,
            match after {
                Some(after) => options.with_after(after),
                None => options,
            },
        )
    };
    assert_eq!(list("", None, 100)?, sessions);
    assert_eq!(list("", Some(""), 100)?, sessions.get(1..).unwrap_or_default());
    let users = sessions.get(2..7).unwrap_or_default();
    assert_eq!(list("user:", None, 100)?, users);
    assert_eq!(list("user:", None, 2)?, users.get(..2).unwrap_or_default());
    assert_eq!(list("user:", Some("user:a"), 100)?, users.get(2..).unwrap_or_default());
    assert_eq!(list("user:", Some("user:a\0"), 1)?, users.get(3..4).unwrap_or_default());
    assert_eq!(list("user:", Some("a"), 100)?, users);
    assert_eq!(list("user:\u{10ffff}", None, 100)?, ["user:\u{10ffff}x"]);
    assert_eq!(list("user:", Some("z"), 100)?.len() + list("nobody", None, 100)?.len() + list("", None, 0)?.len(), 0);
    Ok(())
}

fn a_long_list_comes_in_pages(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let fill = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 700)
        INSERT INTO agent_framework_messages(session_id, message_data) SELECT printf('%04d', n / 2), 'x' FROM n";
    provider.database().query(fill, ())?;
    let (requests, listed) =
        provider.database().counting(|| provider.list_sessions(ListSessions::default().with_limit(1_000)));
    let listed = listed?;
    assert_eq!((requests, listed.len(), provider.count_sessions()?), (2, 351, 351));
    assert_eq!(listed.iter().map(|session| session.messages).sum::<u64>(), 700);
    assert!(listed.iter().zip(listed.iter().skip(1)).all(|(one, next)| one.session_id < next.session_id));
    assert_eq!(provider.list_sessions(ListSessions::default())?.len(), 100);
    Ok(())
}

fn rows_of_others_are_listed_if_their_session_is_text(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("a", &talk("u1"))?;
    provider.database().query(
        "INSERT INTO agent_framework_messages(session_id, message_data, created_at) VALUES (x'61', 'x', 3), ('b', 'x', x'00')",
        (),
    )?;
    let listed = provider.list_sessions(ListSessions::default())?;
    let times: Vec<_> =
        listed.iter().map(|session| (session.session_id.as_str(), session.created_at.is_some())).collect();
    assert_eq!(times, [("a", true), ("b", false)]);
    Ok(())
}

/// Makes a session's messages older.
fn age(db: &Any, session: &str, seconds: i64) -> Result<()> {
    let age = "UPDATE agent_framework_messages SET created_at = datetime('now', '-' || ?2 || ' seconds') WHERE session_id = ?1";
    db.query(age, (session, seconds)).map(|_| ())
}

const HOUR: Duration = Duration::from_secs(3_600);

fn inactive_sessions_are_deleted(world: &World) -> Outcome {
    let provider = provider(world)?;
    for (session, seconds) in [("new", 0), ("recent", 3_500), ("old", 3_700), ("older", 9_999_999)] {
        provider.operation("one").save_messages(session, &talk("u1 a1"))?;
        age(provider.database(), session, seconds)?;
    }
    let (requests, deleted) = provider.database().counting(|| provider.delete_inactive(HOUR));
    assert_eq!((requests, deleted?), (2, 2));
    assert_eq!(ids(&provider, ListSessions::default())?, ["new", "recent"]);
    assert_eq!(value::<i64>(provider.database(), "SELECT count(*) FROM persql_operations")?, 2);
    let (requests, deleted) = provider.database().counting(|| provider.delete_inactive(HOUR));
    assert_eq!((requests, deleted?), (1, 0));
    assert_eq!(provider.delete_inactive(Duration::MAX)?, 0);
    Ok(())
}

fn a_session_with_a_new_message_is_active(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    age(provider.database(), "ada", 9_000)?;
    provider.save_messages("ada", &talk("u2"))?;
    assert_eq!(provider.delete_inactive(HOUR)?, 0);
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2");
    Ok(())
}

fn times_in_other_forms_are_understood(world: &World) -> Outcome {
    let provider = provider(world)?;
    let times =
        ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.123456+00:00", "2999-01-01T00:00:00+02:00", "yesterday", ""];
    for time in times {
        provider.save_messages(time, &talk("u1"))?;
        // No session is `""`: it is the default.
        let set = "UPDATE agent_framework_messages SET created_at = ?1 WHERE session_id = iif(?1 = '', 'default', ?1)";
        provider.database().query(set, [time])?;
    }
    assert_eq!(provider.delete_inactive(HOUR)?, 2);
    assert_eq!(ids(&provider, ListSessions::default())?, ["2999-01-01T00:00:00+02:00", "default", "yesterday"]);
    Ok(())
}

fn a_thousand_inactive_sessions_are_deleted(world: &World) -> Outcome {
    let provider = recorder(world)?;
    provider.save_messages("alive", &talk("u1"))?;
    let fill = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
        INSERT INTO agent_framework_messages(session_id, message_data, created_at)
        SELECT 'it''s ' || n, 'x', '2020-01-01 00:00:00' FROM n";
    provider.database().query(fill, ())?;
    let (requests, deleted) = provider.database().counting(|| provider.delete_inactive(HOUR));
    assert_eq!((requests, deleted?, provider.count_sessions()?), (6, 2_500, 1));
    Ok(())
}

fn nothing_is_there_before_the_first_save(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::new(world.db()?);
    let (requests, all) = provider.database().counting(|| -> Result<_> {
        let listed = provider.list_sessions(ListSessions::default())?.len() as u64;
        Ok(listed + provider.count_sessions()? + provider.count_messages("ada")? + provider.delete_inactive(HOUR)?)
    });
    assert_eq!((requests, all?), (4, 0));
    Ok(())
}
