//! Making a provider, its tables, and closing it.

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_history::{Database, ErrorKind, PerSqlHistoryProvider, blocking};

use crate::{held, provider, refused, talk, value, words};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_table_is_as_documented,
        create_tables_may_be_called_twice,
        without_create_tables_a_save_fails_and_a_load_is_empty,
        a_table_may_have_any_name,
        a_bad_table_name_is_refused,
        a_table_that_python_made_is_used,
        records_of_operations_go_with_their_session_whoever_made_their_table,
        a_provider_made_from_a_url_closes_its_client,
        a_client_of_the_callers_stays_open,
        a_token_names_no_database_by_itself,
        a_url_or_a_variable_that_names_nothing_is_refused,
        debug_shows_nothing_that_is_stored,
        a_provider_is_made_without_a_request,
    ]
}

fn the_table_is_as_documented(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1"))?;
    let db = provider.database();
    let tables = db.describe()?.tables;
    let table = tables.iter().find(|table| table.name == "agent_framework_messages").ok_or("no table")?;
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.declared_type.as_str(), column.not_null))
        .collect();
    let text = |name| (name, "TEXT", true);
    assert_eq!(columns.get(1..), Some(&[text("session_id"), text("message_data"), text("created_at")][..]));
    assert_eq!(columns.first().map(|column| (column.0, column.1)), Some(("id", "INTEGER")));
    let index = "SELECT sql FROM sqlite_master WHERE name = 'idx_agent_framework_messages_session_id'";
    assert!(value::<String>(db, index)?.ends_with("(session_id, id)"));
    Ok(())
}

fn create_tables_may_be_called_twice(world: &World) -> Outcome {
    let provider = provider(world)?;
    let (requests, created) = provider.database().counting(|| provider.create_tables());
    created?;
    assert_eq!(requests, 1);
    provider.create_tables()?;
    let (requests, saved) = provider.database().counting(|| provider.save_messages("ada", &talk("u1")));
    assert_eq!((requests, saved?.stored()), (1, 1));
    Ok(())
}

fn without_create_tables_a_save_fails_and_a_load_is_empty(world: &World) -> Outcome {
    let fixed = PerSqlHistoryProvider::builder(world.db()?).create_tables(false).build()?;
    assert!(fixed.get_messages("ada")?.is_empty());
    fixed.clear("ada")?;
    let error = refused(fixed.save_messages("ada", &talk("u1")))?;
    assert_eq!(error.sql_kind(), Some(persql_core::SqlErrorKind::UnknownTable));
    assert!(refused(fixed.operation("one").save_messages("ada", &talk("u1")))?.sql_kind().is_some());
    fixed.create_tables()?;
    fixed.save_messages("ada", &talk("u1"))?;
    assert_eq!(held(&fixed, "ada")?, "u1");
    Ok(())
}

fn a_table_may_have_any_name(world: &World) -> Outcome {
    let names = ["it's; DROP TABLE x", "a \"b\"", "{messages}", "select", "Ünï😀", "main.x"];
    for name in names {
        let provider = PerSqlHistoryProvider::builder(world.db()?).messages_table(name).build()?;
        provider.save_messages("ada", &talk("u1"))?;
        provider.operation("one").save_messages("ada", &talk("a1"))?;
        provider.operation("one").save_messages("ada", &talk("a1"))?;
        assert_eq!(held(&provider, "ada")?, "u1 a1", "{name}");
        provider.clear("ada")?;
        assert_eq!(value::<i64>(provider.database(), "SELECT count(*) FROM persql_operations")?, 0, "{name}");
    }
    assert_eq!(provider(world)?.count_sessions()?, 0);
    Ok(())
}

fn a_bad_table_name_is_refused(world: &World) -> Outcome {
    for name in ["", "a\0b", "sqlite_x", "_cf_x", "_persql_x", "persql_operations", "PERSQL_OPERATIONS"] {
        let error = refused(PerSqlHistoryProvider::builder(world.db()?).messages_table(name).build())?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
    }
    let error = refused(PerSqlHistoryProvider::builder(world.db()?).source_id("").build())?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

fn a_table_that_python_made_is_used(world: &World) -> Outcome {
    let provider = provider(world)?;
    let db = provider.database();
    // The columns are documented, the rest is not: no default, another order, another type.
    db.query(
        "CREATE TABLE agent_framework_messages (session_id TEXT NOT NULL, created_at TIMESTAMP NOT NULL,
            message_data JSON NOT NULL, id INTEGER PRIMARY KEY)",
        (),
    )?;
    let row = r#"{"type": "message", "role": "user", "contents": [{"type": "text", "text": "u1", "additional_properties": {}}], "additional_properties": {}}"#;
    db.query("INSERT INTO agent_framework_messages VALUES ('ada', '2026-11-21T01:02:03', ?1, 7)", [row])?;
    let run = provider.before_run("ada", &talk("u2"))?;
    assert_eq!(words(run.messages()), "u1");
    provider.after_run(&run, &talk("a2"))?;
    provider.operation("one").save_messages("ada", &talk("a2 u3"))?;
    assert_eq!(provider.save_messages("ada", &talk("u1 u2 a2 u3 a3"))?.stored(), 1);
    let history = provider.get_messages("ada")?;
    assert_eq!(words(&history), "u1 u2 a2 u3 a3");
    assert_eq!(history.messages().first().map(persql_history::Message::as_json), Some(row));
    provider.replace(&history, &talk("s1"))?;
    assert_eq!(held(&provider, "ada")?, "s1");
    Ok(())
}

fn records_of_operations_go_with_their_session_whoever_made_their_table(world: &World) -> Outcome {
    // As another adapter, and another provider, leave the database.
    let other = PerSqlHistoryProvider::builder(world.db()?).messages_table("other").build()?;
    other.operation("one").save_messages("ada", &talk("u1"))?;
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1"))?;
    provider.operation("one").save_messages("ada", &talk("u2"))?;
    provider.clear("ada")?;
    provider.operation("one").save_messages("ada", &talk("u3"))?;
    assert_eq!((held(&provider, "ada")?.as_str(), held(&other, "ada")?.as_str()), ("u3", "u1"));
    Ok(())
}

fn a_provider_made_from_a_url_closes_its_client(world: &World) -> Outcome {
    std::fs::create_dir_all(world.directory())?;
    let url = format!("sqlite:{}", world.directory().join("own.db").display());
    let url = if world.mode().is_file() { url } else { "sqlite::memory:".to_owned() };
    let (closed, saved) = if world.mode().is_async() {
        let provider = PerSqlHistoryProvider::<Database>::from_url(&url)?;
        Any::block_on(provider.save_messages("ada", &talk("u1")))?;
        assert_eq!(words(&Any::block_on(provider.get_messages("ada"))?), "u1");
        provider.close();
        provider.close();
        (Any::block_on(provider.get_messages("ada")), Any::block_on(provider.save_messages("ada", &talk("u2"))))
    } else {
        let provider = blocking::PerSqlHistoryProvider::from_url(&url)?;
        provider.save_messages("ada", &talk("u1"))?;
        assert_eq!(words(&provider.get_messages("ada")?), "u1");
        let clone = provider.clone();
        provider.close();
        clone.close();
        (clone.get_messages("ada"), provider.save_messages("ada", &talk("u2")))
    };
    for error in [refused(closed)?, refused(saved)?] {
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.to_string().contains("session: ada"), "{error}");
    }
    if world.mode().is_file() {
        assert_eq!(words(&blocking::PerSqlHistoryProvider::from_url(&url)?.get_messages("ada")?), "u1");
    }
    Ok(())
}

fn a_client_of_the_callers_stays_open(world: &World) -> Outcome {
    let db = world.db()?.to_blocking();
    let provider = PerSqlHistoryProvider::new(db.clone());
    provider.save_messages("ada", &talk("u1"))?;
    provider.close();
    assert_eq!(provider.get_messages("ada")?.len(), 1);
    db.close();
    assert_eq!(refused(provider.get_messages("ada"))?.kind(), ErrorKind::Closed);
    Ok(())
}

fn a_token_names_no_database_by_itself(_: &World) -> Outcome {
    for (token, database) in [("", "acme/agents"), ("psql_live_secret", "agents"), ("psql_live_secret", "")] {
        let errors = [
            refused(blocking::PerSqlHistoryProvider::from_token(token, database))?,
            refused(PerSqlHistoryProvider::<Database>::from_token(token, database))?,
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
    let provider = blocking::PerSqlHistoryProvider::from_token("psql_live_secret", "acme/agents")?;
    assert!(!format!("{provider:?}").contains("secret"));
    provider.close();
    assert_eq!(refused(provider.get_messages("ada"))?.kind(), ErrorKind::Closed);
    Ok(())
}

fn a_url_or_a_variable_that_names_nothing_is_refused(_: &World) -> Outcome {
    for url in ["postgresql://user:secret@host/db", "agents.db", "", "sqlite:", "persql://", "persql://only"] {
        let errors = [
            refused(blocking::PerSqlHistoryProvider::from_url(url))?,
            refused(PerSqlHistoryProvider::<Database>::from_url(url))?,
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
    if std::env::var_os("PERSQL_DATABASE").is_none() {
        let error = refused(blocking::PerSqlHistoryProvider::from_env())?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("PERSQL_DATABASE"), "{error}");
    }
    Ok(())
}

fn debug_shows_nothing_that_is_stored(world: &World) -> Outcome {
    let provider = provider(world)?;
    let secret = talk("u-secret");
    let run = provider.before_run("ada", &secret)?;
    let saved = provider.after_run(&run, &talk("a-secret"))?;
    let history = provider.get_messages("ada")?;
    let contents: Vec<_> = history.iter().flat_map(persql_history::Message::contents).collect();
    let shown = [
        format!("{provider:?}"),
        format!("{run:?}"),
        format!("{saved:?}"),
        format!("{history:?}"),
        format!("{:?}", history.messages()),
        format!("{contents:?}"),
        format!("{:?}", history.tail()),
        format!("{:?}", provider.operation("one")),
        format!("{:?}", PerSqlHistoryProvider::builder(world.db()?)),
    ];
    assert!(shown.iter().all(|text| !text.contains("secret")), "{shown:?}");
    Ok(())
}

fn a_provider_is_made_without_a_request(world: &World) -> Outcome {
    let db = world.db()?;
    let (requests, made) = db.counting(|| {
        let provider = PerSqlHistoryProvider::new(db.clone());
        drop((provider.operation("one"), provider.clone()));
        PerSqlHistoryProvider::builder(db.clone()).messages_table("m").build()
    });
    made?;
    assert_eq!(requests, 0);
    Ok(())
}
