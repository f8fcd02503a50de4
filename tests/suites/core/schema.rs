//! What a database tells about itself.

use persql_conformance::{Case, Outcome, World, cases};
use persql_core::{ErrorKind, TableInfo};

use crate::expect::kinds;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        tables_come_by_name_with_their_sizes,
        system_tables_and_views_are_left_out,
        names_of_any_kind_are_told,
        a_description_has_columns_keys_and_references,
        an_emptied_database_has_no_tables,
    ]
}

fn names(tables: &[TableInfo]) -> Vec<(&str, u64)> {
    tables.iter().map(|table| (table.name.as_str(), table.row_count)).collect()
}

fn tables_come_by_name_with_their_sizes(world: &World) -> Outcome {
    let db = world.db()?;
    db.batch(["CREATE TABLE b(x)", "CREATE TABLE a(x)", "INSERT INTO b VALUES (1), (2)"])?;
    let (requests, tables) = db.counting(|| db.tables());
    assert_eq!((requests, names(&tables?)), (1, vec![("a", 0), ("b", 2)]));
    Ok(())
}

fn system_tables_and_views_are_left_out(world: &World) -> Outcome {
    let db = world.db()?;
    db.batch([
        "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE _cf_kv(a)",
        "CREATE TABLE acfb(a)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE INDEX i ON t(a)",
        "INSERT INTO t DEFAULT VALUES",
        "ANALYZE",
    ])?;
    // A server has that table already, for what it was just asked.
    let records = db.query("CREATE TABLE _persql_idempotency(a)", ());
    if world.mode().is_server() {
        assert_eq!(kinds(records)?.0, ErrorKind::Denied);
    } else if !world.mode().is_remote() {
        records?;
    }
    assert_eq!(names(&db.tables()?), [("acfb", 0), ("t", 1)]);
    let described = db.describe()?;
    assert_eq!(described.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["acfb", "t"]);
    Ok(())
}

fn names_of_any_kind_are_told(world: &World) -> Outcome {
    let db = world.db()?;
    let hostile = ["a\"b", "a'b", "select", "x; DROP TABLE y", "é😀", " ", "a]b", "%"];
    for name in hostile {
        let quoted = name.replace('"', "\"\"");
        db.query(format!("CREATE TABLE \"{quoted}\"(\"c {quoted}\")"), ())?;
        db.query(format!("INSERT INTO \"{quoted}\" VALUES (1)"), ())?;
    }
    let mut expected: Vec<_> = hostile.iter().map(|name| (*name, 1)).collect();
    expected.sort_unstable();
    assert_eq!(names(&db.tables()?), expected);
    for table in db.describe()?.tables {
        let columns: Vec<_> = table.columns.iter().map(|column| column.name.clone()).collect();
        assert_eq!(columns, [format!("c {}", table.name)]);
    }
    Ok(())
}

fn a_description_has_columns_keys_and_references(world: &World) -> Outcome {
    let db = world.db()?;
    db.batch([
        "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x')",
        "CREATE TABLE child(a, b VARCHAR(9), p REFERENCES parent, q REFERENCES parent(id), PRIMARY KEY (a, b))",
    ])?;
    let (requests, description) = db.counting(|| db.describe());
    let description = description?;
    assert_eq!((requests, description.database_description), (1, None));
    let told = serde_json::to_value(&description.tables)?;
    let column = |name: &str, declared: &str, not_null: bool, default: Option<&str>, key: bool| {
        serde_json::json!({
            "name": name, "type": declared, "notNull": not_null, "defaultValue": default, "primaryKey": key,
        })
    };
    let reference = |column: &str, to: Option<&str>| serde_json::json!({"column": column, "referencesTable": "parent", "referencesColumn": to});
    let expected = serde_json::json!([
        {
            "table": "child", "description": null,
            "columns": [
                column("a", "", false, None, true),
                column("b", "VARCHAR(9)", false, None, true),
                column("p", "", false, None, false),
                column("q", "", false, None, false),
            ],
            "foreignKeys": [reference("q", Some("id")), reference("p", None)],
        },
        {
            "table": "parent", "description": null,
            "columns": [
                column("id", "INTEGER", false, None, true),
                column("name", "TEXT", true, Some("'x'"), false),
            ],
            "foreignKeys": [],
        },
    ]);
    assert_eq!(told, expected);
    Ok(())
}

fn an_emptied_database_has_no_tables(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    db.query("DROP TABLE t", ())?;
    for _ in 0..2 {
        assert_eq!(db.tables()?, []);
        assert_eq!(db.describe()?.tables, []);
    }
    Ok(())
}
