//! All sessions of a database: listing, counting, retention.

use std::time::Duration;

use persql_agents_session::{ErrorKind, ListSessions, PerSqlSession, PerSqlSessions};
use persql_conformance::{Any, Case, Outcome, World, cases};

use crate::{insert_row, message, messages, refused, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        sessions_are_listed_by_id_with_their_rows,
        a_list_goes_on_after_its_last_session,
        a_prefix_is_taken_as_it_stands,
        a_long_list_is_read_in_pages,
        there_are_no_sessions_before_the_first_write,
        inactive_sessions_are_deleted,
        many_inactive_sessions_are_deleted,
        a_session_of_the_list_shares_its_tables,
        rows_of_other_programs_do_not_break_a_list,
    ]
}

fn ids(sessions: &PerSqlSessions<Any>, options: ListSessions) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let (requests, listed) = match options.limit {
        0..=256 => sessions_requests(sessions, options)?,
        _ => (1, sessions.list(options)?),
    };
    assert!(requests <= 1);
    Ok(listed.into_iter().map(|session| session.session_id).collect())
}

fn sessions_requests(
    sessions: &PerSqlSessions<Any>,
    options: ListSessions,
) -> Result<(usize, Vec<persql_agents_session::SessionInfo>), Box<dyn std::error::Error>> {
    let session = sessions.session("any");
    let (requests, listed) = session.database().counting(|| sessions.list(options));
    Ok((requests, listed?))
}

fn sessions_are_listed_by_id_with_their_rows(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    for (id, count) in [("b", 2), ("a", 1), ("c", 3)] {
        sessions.session(id).add_items(&messages(0..count))?;
    }
    insert_row(&world.db()?, "a", "{bad")?;
    let listed = PerSqlSessions::new(world.other_db()?).list(ListSessions::default())?;
    let shown: Vec<_> = listed.iter().map(|session| (session.session_id.as_str(), session.items)).collect();
    assert_eq!(shown, [("a", 2), ("b", 2), ("c", 3)]);
    let is_time =
        |time: &Option<String>| time.as_deref().is_some_and(|time| time.len() == 19 && time.starts_with("20"));
    assert!(listed.iter().all(|session| is_time(&session.created_at) && is_time(&session.updated_at)));
    assert_eq!(sessions.count()?, 3);
    Ok(())
}

fn a_list_goes_on_after_its_last_session(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    let all = ["", "\u{0}", "A", "a", "a\u{0}", "ab", "b", "é", "\u{10ffff}", "\u{10ffff}\u{10ffff}"];
    for id in all {
        sessions.session(id).add_items(&[message(0)])?;
    }
    assert_eq!(ids(&sessions, ListSessions::default())?, all);
    for limit in [1, 3, 10] {
        let mut seen = Vec::new();
        let mut options = ListSessions::default().with_limit(limit);
        loop {
            let page = ids(&sessions, options.clone())?;
            let Some(last) = page.last().cloned() else { break };
            assert!(page.len() <= limit);
            seen.extend(page);
            options = options.with_after(last);
        }
        assert_eq!(seen, all, "{limit}");
    }
    assert_eq!(ids(&sessions, ListSessions::default().with_limit(0))?, [""; 0]);
    assert_eq!(ids(&sessions, ListSessions::default().with_after("zz").with_prefix("a"))?, [""; 0]);
    assert_eq!(
        ids(&sessions, ListSessions::default().with_after("A").with_prefix("a").with_limit(2))?,
        ["a", "a\u{0}"]
    );
    Ok(())
}

fn a_prefix_is_taken_as_it_stands(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    let long = "x".repeat(100);
    let all = ["%", "_", "User:1", "a'b", "u_er:1", "user:1", "user:10", "user;", "user:\u{10ffff}z", &long, "😀1"];
    for id in all {
        sessions.session(id).add_items(&[message(0)])?;
    }
    let with = |prefix: &str| ids(&sessions, ListSessions::default().with_prefix(prefix));
    assert_eq!(with("user:")?, ["user:1", "user:10", "user:\u{10ffff}z"]);
    assert_eq!(with("u_er")?, ["u_er:1"]);
    assert_eq!(with("%")?, ["%"]);
    assert_eq!(with("a'")?, ["a'b"]);
    assert_eq!(with("😀")?, ["😀1"]);
    assert_eq!(with("user:\u{10ffff}")?, ["user:\u{10ffff}z"]);
    // Longer than a LIKE pattern may be.
    assert_eq!(with(&long)?, [long.as_str()]);
    assert_eq!(with("nobody")?, [""; 0]);
    assert_eq!(with("")?.len(), all.len());
    Ok(())
}

fn a_long_list_is_read_in_pages(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    sessions.session("s").create_tables()?;
    sessions.session("s").database().query(
        "INSERT INTO agent_sessions(session_id)
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000) SELECT printf('s%04d', n) FROM n",
        (),
    )?;
    for (limit, requests, listed) in [(100, 1, 100), (256, 1, 256), (257, 2, 257), (usize::MAX, 2, 1_000)] {
        let (sent, found) = sessions_requests(&sessions, ListSessions::default().with_limit(limit))?;
        assert_eq!((sent, found.len()), (requests, listed), "{limit}");
    }
    assert_eq!(ids(&sessions, ListSessions::default())?.len(), 100);
    Ok(())
}

fn there_are_no_sessions_before_the_first_write(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    for _ in 0..2 {
        assert_eq!(ids(&sessions, ListSessions::default())?, [""; 0]);
        assert_eq!(sessions.count()?, 0);
        assert_eq!(sessions.delete_inactive(Duration::ZERO)?, 0);
        sessions.session("a").create_tables()?;
    }
    Ok(())
}

fn inactive_sessions_are_deleted(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    let db = world.db()?;
    for id in ["new", "old", "older\u{0}'"] {
        sessions.session(id).operation("one").add_items(&messages(0..3))?;
    }
    db.query("UPDATE agent_sessions SET updated_at = datetime('now', '-2 hours') WHERE session_id <> 'new'", ())?;
    db.query("UPDATE agent_sessions SET updated_at = datetime('now', '-2 days') WHERE session_id LIKE 'older%'", ())?;
    assert_eq!(sessions.delete_inactive(Duration::MAX)?, 0);
    assert_eq!(sessions.delete_inactive(Duration::from_secs(3 * 86_400))?, 0);
    let (requests, deleted) = sessions.session("any").database().counting(|| {
        // A handle of its own counts for itself.
        sessions.delete_inactive(Duration::from_secs(86_400))
    });
    assert_eq!((requests, deleted?), (2, 1));
    assert_eq!(ids(&sessions, ListSessions::default())?, ["new", "old"]);
    // A session that comes to life again stays.
    sessions.session("old").add_items(&[message(3)])?;
    assert_eq!(sessions.delete_inactive(Duration::from_secs(3_600))?, 0);
    assert_eq!(sessions.session("old").get_items(None)?, messages(0..4));
    assert_eq!(value::<i64>(&db, "SELECT count(*) FROM agent_messages")?, 7);
    assert_eq!(value::<i64>(&db, "SELECT count(*) FROM persql_operations")?, 2);
    Ok(())
}

fn many_inactive_sessions_are_deleted(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    let session = sessions.session("new");
    session.add_items(&[message(0)])?;
    session.database().transaction([
        "INSERT INTO agent_sessions(session_id, updated_at)
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500) SELECT 's' || n, '2001-01-01 00:00:00' FROM n",
        "INSERT INTO agent_messages(session_id, message_data) SELECT session_id, '1' FROM agent_sessions WHERE session_id <> 'new'",
    ])?;
    let (requests, deleted) = session.database().counting(|| sessions.delete_inactive(Duration::from_secs(60)));
    // Two for each 1,000.
    assert_eq!((requests, deleted?), (6, 2_500));
    assert_eq!(sessions.count()?, 1);
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages")?, 1);
    Ok(())
}

fn a_session_of_the_list_shares_its_tables(world: &World) -> Outcome {
    let sessions = PerSqlSessions::with_tables(world.db()?, "my sessions", "my messages")?;
    sessions.session("ada").add_items(&[message(0)])?;
    let same = PerSqlSession::builder(world.db()?, "ada").sessions_table("my sessions").messages_table("my messages");
    assert_eq!(same.build()?.get_items(None)?, [message(0)]);
    assert_eq!(sessions.count()?, 1);
    assert_eq!(PerSqlSessions::new(world.db()?).count()?, 0);
    let error = refused(PerSqlSessions::with_tables(world.db()?, "a", "A"))?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

fn rows_of_other_programs_do_not_break_a_list(world: &World) -> Outcome {
    let sessions = PerSqlSessions::new(world.db()?);
    sessions.session("a").add_items(&[message(0)])?;
    world.db()?.transaction([
        "INSERT INTO agent_sessions(session_id) VALUES (NULL), (x'01ff')",
        "INSERT INTO agent_sessions VALUES ('b', NULL, NULL), ('c', 17, x'ff'), (5, '', '')",
    ])?;
    assert_eq!(ids(&sessions, ListSessions::default())?, ["5", "a", "b", "c"]);
    assert_eq!(sessions.session("b").get_items(None)?, messages(0..0));
    // Only of one does the row say a time that is long ago.
    assert_eq!(sessions.delete_inactive(Duration::from_secs(86_400))?, 1);
    Ok(())
}
