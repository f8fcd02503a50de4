//! Making a session, and closing it.

use persql_agents_session::{Database, ErrorKind, PerSqlSession, SessionSettings, blocking};
use persql_conformance::{Any, Case, Outcome, World, cases};
use serde_json::{Value, json};

use crate::{ada, message, messages, refused};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_session_made_from_a_url_closes_its_client,
        a_client_of_the_callers_stays_open,
        a_url_or_a_variable_that_names_nothing_is_refused,
        a_token_is_checked_and_never_shown,
        debug_shows_nothing_that_is_stored,
        a_session_says_what_it_is,
        a_session_is_made_without_a_request,
    ]
}

fn a_session_made_from_a_url_closes_its_client(world: &World) -> Outcome {
    std::fs::create_dir_all(world.directory())?;
    let url = format!("sqlite:{}", world.directory().join("own.db").display());
    let url = if world.mode().is_file() { url } else { "sqlite::memory:".to_owned() };
    let (closed, added) = if world.mode().is_async() {
        let session = PerSqlSession::<Database>::from_url(&url, "ada")?;
        Any::block_on(session.add_items(&messages(0..2)))?;
        assert_eq!(Any::block_on(session.get_items(None))?, messages(0..2));
        session.close();
        session.close();
        (Any::block_on(session.get_items(None)), Any::block_on(session.add_items(&[message(2)])))
    } else {
        let session = blocking::PerSqlSession::from_url(&url, "ada")?;
        session.add_items(&messages(0..2))?;
        assert_eq!(session.get_items(None)?, messages(0..2));
        let clone = session.clone();
        session.close();
        clone.close();
        (clone.get_items(None), session.add_items(&[message(2)]))
    };
    for error in [refused(closed)?, refused(added)?] {
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.to_string().contains("session: ada"), "{error}");
    }
    if world.mode().is_file() {
        assert_eq!(blocking::PerSqlSession::from_url(&url, "ada")?.get_items(None)?, messages(0..2));
    }
    Ok(())
}

fn a_client_of_the_callers_stays_open(world: &World) -> Outcome {
    let db = world.db()?.to_blocking();
    let session = PerSqlSession::new(db.clone(), "ada");
    session.add_items(&[message(0)])?;
    session.close();
    assert_eq!(session.get_items(None)?, [message(0)]);
    db.close();
    assert_eq!(refused(session.get_items(None))?.kind(), ErrorKind::Closed);
    // As the SDK: nothing would be sent, and still it is refused.
    assert_eq!(refused(session.add_items::<Value>(&[]))?.kind(), ErrorKind::Closed);
    let later = PerSqlSession::new(db.asynchronous(), "ada");
    assert_eq!(refused(Any::block_on(later.add_items::<Value>(&[])))?.kind(), ErrorKind::Closed);
    Ok(())
}

fn a_url_or_a_variable_that_names_nothing_is_refused(_: &World) -> Outcome {
    for url in ["postgresql://user:secret@host/db", "agents.db", "", "sqlite:", "persql://", "persql://only"] {
        let errors = [
            refused(blocking::PerSqlSession::from_url(url, "ada"))?,
            refused(PerSqlSession::<Database>::from_url(url, "ada"))?,
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
    let error = refused(blocking::PerSqlSession::from_url("postgresql://host/db", "ada"))?;
    assert!(error.to_string().contains("persql://") && error.to_string().contains("sqlite:"), "{error}");
    if std::env::var_os("PERSQL_DATABASE").is_none() {
        let error = refused(blocking::PerSqlSession::from_env("ada"))?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("PERSQL_DATABASE"), "{error}");
    }
    Ok(())
}

fn a_token_is_checked_and_never_shown(_: &World) -> Outcome {
    let session = blocking::PerSqlSession::from_token("psql_secret", "acme/agent-state", "ada")?;
    assert!(!format!("{session:?}").contains("secret"));
    session.close();
    let error = refused(session.get_items(None))?;
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(!format!("{error:?}").contains("secret"));
    for (token, database) in [("", "acme/agent-state"), ("psql_secret\n", "acme/agent-state"), ("psql_secret", "acme")]
    {
        let errors = [
            refused(blocking::PerSqlSession::from_token(token, database, "ada"))?,
            refused(PerSqlSession::<Database>::from_token(token, database, "ada"))?,
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{database}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
    Ok(())
}

fn debug_shows_nothing_that_is_stored(world: &World) -> Outcome {
    let session = ada(world)?;
    session.operation("one").add_items(&[json!({"role": "user", "content": "my secret"})])?;
    let shown = [
        format!("{session:?}"),
        format!("{:?}", session.operation("one")),
        format!("{:?}", session.tail(1)?),
        format!("{:?}", PerSqlSession::builder(world.db()?, "ada")),
        format!("{:?}", persql_agents_session::PerSqlSessions::new(world.db()?)),
    ];
    assert!(shown.iter().all(|text| !text.contains("secret")), "{shown:?}");
    assert!(shown.iter().take(2).all(|text| text.contains("ada")), "{shown:?}");
    Ok(())
}

fn a_session_says_what_it_is(world: &World) -> Outcome {
    let session =
        PerSqlSession::builder(world.db()?, "ada").session_settings(SessionSettings::with_limit(3)).build()?;
    assert_eq!((session.session_id(), session.session_settings().limit), ("ada", Some(3)));
    session.add_items(&[message(0)])?;
    let clone = session.clone();
    drop(session);
    assert_eq!(clone.get_items(None)?, [message(0)]);
    let theirs = SessionSettings::default().resolve(SessionSettings::with_limit(2));
    assert_eq!(serde_json::to_value(theirs)?, json!({"limit": 2}));
    Ok(())
}

fn a_session_is_made_without_a_request(world: &World) -> Outcome {
    let db = world.db()?;
    let (requests, made) = db.counting(|| {
        let session = PerSqlSession::new(db.clone(), "ada");
        drop((session.operation("one"), session.clone()));
        drop(persql_agents_session::PerSqlSessions::new(db.clone()).session("bob"));
        PerSqlSession::builder(db.clone(), "ada").sessions_table("s").messages_table("m").build()
    });
    made?;
    assert_eq!(requests, 0);
    Ok(())
}
