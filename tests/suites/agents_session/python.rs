//! Files that Python's sessions made: `tests/vectors/openai_agents.json`, which openai-agents 0.24 wrote.

use persql_agents_session::{ErrorKind, Limit};
use persql_conformance::{Any, Case, Outcome, World, cases};
use serde::Deserialize;
use serde_json::Value;

use crate::{ada, insert_row, message, messages, refused, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_tables_are_those_of_sqlite_session,
        items_of_sqlite_session_are_read,
        items_of_sqlalchemy_session_are_read,
        a_row_is_an_item_if_sqlite_session_reads_it,
        every_operation_works_in_sqlalchemys_tables,
    ]
}

#[derive(Deserialize)]
struct Vectors {
    stores: Stores,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stores {
    #[serde(rename = "SQLiteSession")]
    sqlite: Store,
    #[serde(rename = "SQLAlchemySession")]
    sqlalchemy: Store,
}

#[derive(Deserialize)]
struct Store {
    tables: Vec<String>,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    text: String,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
}

/// A row that no session wrote.
#[derive(Deserialize)]
struct Row {
    name: String,
    text: Option<String>,
    blob: Option<Vec<u8>>,
    items: usize,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
}

/// `null` is a value, and a missing key is none.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn vectors() -> serde_json::Result<Vectors> {
    serde_json::from_str(include_str!("../../vectors/openai_agents.json"))
}

fn words(sql: &str) -> String {
    // SQLAlchemy and SQLite leave spaces where a line ends.
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes the tables as a Python session made them.
fn create(db: &Any, store: &Store) -> Outcome {
    db.transaction(store.tables.iter().map(|sql| persql_core::Sql::from(sql.clone())))?;
    Ok(())
}

fn the_tables_are_those_of_sqlite_session(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&[message(0)])?;
    let rows = session.database().query(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%persql_%' ORDER BY rowid",
        (),
    )?;
    let ours: Vec<String> = rows.iter().map(|row| row.get::<&str>(0).map(words)).collect::<Result<_, _>>()?;
    let theirs: Vec<String> = vectors()?.stores.sqlite.tables.iter().map(|sql| words(sql)).collect();
    assert_eq!(ours, theirs);
    Ok(())
}

fn items_of_sqlite_session_are_read(world: &World) -> Outcome {
    read_items_of(world, &vectors()?.stores.sqlite)
}

fn items_of_sqlalchemy_session_are_read(world: &World) -> Outcome {
    read_items_of(world, &vectors()?.stores.sqlalchemy)
}

fn read_items_of(world: &World, store: &Store) -> Outcome {
    let session = ada(world)?;
    let db = session.database();
    create(db, store)?;
    db.query("INSERT INTO agent_sessions(session_id) VALUES ('ada')", ())?;
    for item in &store.items {
        insert_row(db, "ada", item.text.as_str())?;
    }
    let texts: Vec<&str> = store.items.iter().map(|item| item.text.as_str()).collect();
    assert_eq!(session.get_items_text(None)?, texts);
    assert_eq!(session.get_items_text(Limit::items(1_000).with_whole_calls())?, texts);
    assert_eq!(session.tail(100)?.texts().collect::<Vec<_>>(), texts);
    for item in store.items.iter().rev() {
        match (&item.value, session.pop_item()) {
            (Some(value), popped) => assert_eq!(popped?.as_ref(), Some(value), "{}", item.name),
            (None, popped) => {
                assert_eq!(refused(popped)?.kind(), ErrorKind::Corrupt, "{}", item.name);
                assert_eq!(session.pop_item_text()?.as_ref(), Some(&item.text));
            }
        }
    }
    assert_eq!(session.pop_item()?, None);
    Ok(())
}

fn a_row_is_an_item_if_sqlite_session_reads_it(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    for row in vectors()?.rows {
        let stored = row.blob.map_or(row.text.into(), persql_core::Value::Blob);
        insert_row(session.database(), "ada", stored)?;
        assert_eq!(session.get_items_text(None)?.len(), row.items, "{}", row.name);
        if let Some(value) = row.value {
            assert_eq!(session.get_items(None)?, [value], "{}", row.name);
        }
        assert_eq!(session.pop_item_text()?.is_some(), row.items == 1, "{}", row.name);
        assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages")?, 0);
    }
    Ok(())
}

fn every_operation_works_in_sqlalchemys_tables(world: &World) -> Outcome {
    let session = ada(world)?;
    let db = session.database();
    create(db, &vectors()?.stores.sqlalchemy)?;
    let (requests, added) = db.counting(|| session.add_items(&messages(0..4)));
    added?;
    assert_eq!(requests, 1);
    insert_row(db, "ada", "{bad")?;
    assert_eq!(session.pop_item()?, Some(message(3)));
    session.replace_tail(&session.tail(2)?, 1, &messages(7..9))?;
    session.operation("one").add_items(&[message(9)])?;
    session.operation("one").add_items(&[message(9)])?;
    assert_eq!(session.operation("two").pop_item()?, Some(message(9)));
    session.trim(3)?;
    assert_eq!(session.get_items(None)?, [message(1), message(7), message(8)]);
    assert_eq!(session.get_items(2)?, messages(7..9));
    // The up-front way adds what the SDK's own session would: the index by id.
    session.create_tables()?;
    let index = "SELECT count(*) FROM sqlite_master WHERE name IN ('idx_agent_messages_session_id', 'idx_agent_messages_session_time')";
    assert_eq!(value::<i64>(db, index)?, 2);
    session.clear_session()?;
    assert_eq!(value::<i64>(db, "SELECT count(*) FROM agent_messages")?, 0);
    Ok(())
}
