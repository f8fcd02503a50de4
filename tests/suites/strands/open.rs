//! How a repository, a manager and a storage come to their database.

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_strands::{
    ErrorKind, PerSqlSessionManager, PerSqlSessionRepository, PerSqlStorage, Session, SessionAgent, blocking,
    persql_core::Database,
};

use crate::support::{manager, repository, storage, user};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_url_opens_a_file_and_close_closes_the_client,
        close_leaves_a_client_of_the_callers_open,
        the_parts_know_their_session_and_their_database,
        a_token_names_a_database_at_the_service,
        another_scheme_is_refused_with_the_accepted_ones,
        the_asynchronous_form_runs_in_tasks,
    ]
}

fn a_url_opens_a_file_and_close_closes_the_client(world: &World) -> Outcome {
    std::fs::create_dir_all(world.directory())?;
    let url = format!("sqlite:{}", world.directory().join("strands.db").display());
    let manager = blocking::PerSqlSessionManager::from_url(&url, "s1")?;
    let tracked = manager.initialize(&SessionAgent::new("a"))?.tracked;
    manager.append_message(&tracked, &user("hi"))?;
    manager.close();
    assert_eq!(manager.initialize(&SessionAgent::new("a")).unwrap_err().kind(), ErrorKind::Closed);

    let repository = PerSqlSessionRepository::<Database>::from_url(&url)?;
    assert!(Any::block_on(repository.read_session("s1"))?.is_some());
    repository.close();
    assert_eq!(Any::block_on(repository.read_session("s1")).unwrap_err().kind(), ErrorKind::Closed);

    let storage = blocking::PerSqlStorage::from_url(&url)?;
    storage.write("k", "v")?;
    storage.close();
    assert_eq!(storage.read("k").unwrap_err().kind(), ErrorKind::Closed);
    Ok(())
}

fn close_leaves_a_client_of_the_callers_open(world: &World) -> Outcome {
    let db = world.db()?;
    let db = db.to_blocking();
    let repository = blocking::PerSqlSessionRepository::new(db.clone());
    repository.create_session(&Session::new("s1"))?;
    repository.close();
    repository.manager("s1").close();
    PerSqlStorage::new(db.clone()).close();
    assert!(repository.read_session("s1")?.is_some());
    Ok(())
}

fn the_parts_know_their_session_and_their_database(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE mark(x)", ())?;
    assert_eq!(manager(&db, "s1").session_id(), "s1");
    let through = [
        repository(&db).database().tables()?,
        storage(&db).database().tables()?,
        manager(&db, "s1").repository().database().tables()?,
    ];
    assert!(through.iter().all(|tables| tables[0].name == "mark"));
    Ok(())
}

fn a_token_names_a_database_at_the_service(_: &World) -> Outcome {
    for error in [
        blocking::PerSqlSessionManager::from_token("psql_live_secret", "no name", "s").map(drop).unwrap_err(),
        blocking::PerSqlSessionRepository::from_token("psql_live_secret", "no name").map(drop).unwrap_err(),
        blocking::PerSqlStorage::from_token("psql_live_secret", "no name").map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let manager = blocking::PerSqlSessionManager::from_token("psql_live_secret", "acme/agents", "s")?;
    let shown = format!("{manager:?} {:?} {:?}", manager.repository(), manager.repository().database());
    assert!(!shown.contains("secret"), "{shown}");
    manager.close();
    assert_eq!(manager.initialize(&SessionAgent::new("a")).unwrap_err().kind(), ErrorKind::Closed);
    Ok(())
}

fn another_scheme_is_refused_with_the_accepted_ones(_: &World) -> Outcome {
    for error in [
        blocking::PerSqlSessionManager::from_url("postgresql://u:secret@h/d", "s").map(drop).unwrap_err(),
        blocking::PerSqlSessionRepository::from_url("postgresql://u:secret@h/d").map(drop).unwrap_err(),
        blocking::PerSqlStorage::from_url("postgresql://u:secret@h/d").map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("sqlite:") && !error.to_string().contains("secret"), "{error}");
    }
    // The environment of a test run names no database.
    if std::env::var_os("PERSQL_DATABASE").is_none() {
        for error in [
            blocking::PerSqlSessionManager::from_env("s").map(drop).unwrap_err(),
            blocking::PerSqlSessionRepository::from_env().map(drop).unwrap_err(),
            blocking::PerSqlStorage::from_env().map(drop).unwrap_err(),
        ] {
            assert!(error.to_string().contains("PERSQL_DATABASE"), "{error}");
        }
    }
    Ok(())
}

fn the_asynchronous_form_runs_in_tasks(world: &World) -> Outcome {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let db = world.db()?.to_async();
    Any::block_on(async {
        let manager = PerSqlSessionManager::new(db, "s1");
        let restored = is_send(manager.initialize(&SessionAgent::new("a"))).await?;
        let tracked = is_send(manager.append_message(&restored.tracked, &user("hi"))).await?;
        let tracked = is_send(manager.redact_latest_message(&tracked, &user("-"))).await?;
        assert_eq!(tracked.latest_message_id(), Some(0));
        Ok(())
    })
}
