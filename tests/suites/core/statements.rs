//! One statement, several, and several that stand or fall together.

use persql_conformance::{Case, Outcome, World, cases};
use persql_core::{ErrorKind, SqlErrorKind, Statement};

use crate::expect::{insert, integers, kinds, refused, says, stored};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_query_is_one_request_and_answers_with_rows,
        a_query_that_finds_nothing_has_columns_and_no_rows,
        an_insert_returns_what_it_stored,
        changes_are_those_of_the_statement_itself,
        the_rowid_of_an_insert_is_told_for_inserts_only,
        a_batch_keeps_what_came_before_the_error_and_stops_there,
        a_batch_gives_a_result_set_for_each_statement,
        a_transaction_rolls_all_back,
        a_transaction_sees_its_own_writes,
        a_transaction_of_reads_is_allowed,
        nothing_to_run_is_no_request_and_no_error,
        a_text_without_a_statement_is_refused,
        two_statements_in_one_text_are_refused_and_nothing_runs,
        a_trigger_may_hold_semicolons_and_nothing_may_follow_it,
        a_wrong_number_of_parameters_is_refused_with_both_numbers,
        tables_are_made_altered_and_dropped,
        the_same_statement_runs_again_after_the_schema_changed,
        a_guard_statement_undoes_the_batch,
        explain_tells_and_does_nothing,
        handles_of_other_clients_see_what_was_written,
        the_cost_is_told_for_each_call_and_summed_for_the_client,
    ]
}

fn a_query_is_one_request_and_answers_with_rows(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", ())?;
    let (requests, rows) = db.counting(|| db.query("INSERT INTO t(b) VALUES (?1), (?2)", ["x", "y"]));
    assert_eq!((requests, rows?.changes()), (1, Some(2)));
    let (requests, rows) = db.counting(|| db.query("SELECT a, b FROM t ORDER BY a", ()));
    let rows = rows?;
    assert_eq!((requests, rows.len(), rows.columns()), (1, 2, ["a".to_owned(), "b".to_owned()].as_slice()));
    assert_eq!(rows.deserialize::<(i64, String)>()?, [(1, "x".to_owned()), (2, "y".to_owned())]);
    assert_eq!(rows.changes(), None);
    Ok(())
}

fn a_query_that_finds_nothing_has_columns_and_no_rows(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for _ in 0..2 {
        let rows = db.query("SELECT a FROM t WHERE a = ?1", ["absent"])?;
        assert_eq!((rows.len(), rows.is_empty(), rows.first().is_none()), (0, true, true));
        assert_eq!(rows.columns(), ["a"]);
    }
    assert_eq!(db.query("DELETE FROM t WHERE a = 1", ())?.changes(), Some(0));
    Ok(())
}

fn an_insert_returns_what_it_stored(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", ())?;
    let rows = db.query("INSERT INTO t(b) VALUES ('x'), ('y') RETURNING a", ())?;
    assert_eq!(integers(&rows)?, [1, 2]);
    let rows = db.query("DELETE FROM t WHERE a = 1 RETURNING a", ())?;
    assert_eq!(integers(&rows)?, [1]);
    assert_eq!(stored(&db)?, [2]);
    Ok(())
}

fn changes_are_those_of_the_statement_itself(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    db.query("INSERT INTO t(a) VALUES (1), (2), (3)", ())?;
    // SQLite keeps the count of the last statement that changed rows.
    for quiet in ["CREATE TABLE u(a)", "CREATE INDEX i ON t(a)", "ALTER TABLE u ADD COLUMN b", "DROP TABLE u"] {
        let rows = db.query(quiet, ())?;
        assert_eq!((rows.changes(), rows.last_insert_rowid()), (Some(0), None), "{quiet}");
    }
    assert_eq!(db.query("UPDATE t SET a = a + 1 WHERE a > 1", ())?.changes(), Some(2));
    let sets = db.transaction(["DELETE FROM t", "CREATE TABLE u(a)", "INSERT INTO u VALUES (1)"])?;
    assert_eq!(sets.iter().map(|rows| rows.changes()).collect::<Vec<_>>(), [Some(3), Some(0), Some(1)]);
    Ok(())
}

fn the_rowid_of_an_insert_is_told_for_inserts_only(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    for (sql, rowid) in [
        ("INSERT INTO t VALUES (41), (42)", Some(42)),
        ("/* x */ replace INTO t VALUES (7)", Some(7)),
        ("WITH n(a) AS (SELECT 9) INSERT INTO t SELECT a FROM n", Some(9)),
        ("UPDATE t SET a = 10 WHERE a = 9", None),
        ("INSERT OR IGNORE INTO t VALUES (7)", None),
        ("DELETE FROM t", None),
    ] {
        assert_eq!(db.query(sql, ())?.last_insert_rowid(), rowid, "{sql}");
    }
    Ok(())
}

fn a_batch_keeps_what_came_before_the_error_and_stops_there(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    let result = db.batch([insert(1), insert(2), insert(1), insert(3)]);
    let error = refused(result)?;
    assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::Conflict, Some(SqlErrorKind::UniqueViolation)));
    assert!(error.may_have_applied(), "two of it did");
    assert_eq!(stored(&db)?, [1, 2]);
    // SQL that is wrong is found when its turn comes, as at the service.
    assert!(db.batch(["INSERT INTO t VALUES (4)", "INSERT INTO nowhere VALUES (5)"]).is_err());
    assert_eq!(stored(&db)?, [1, 2, 4]);
    Ok(())
}

fn a_batch_gives_a_result_set_for_each_statement(world: &World) -> Outcome {
    let db = world.db()?;
    let sets = db.batch(["CREATE TABLE t(a)", "INSERT INTO t VALUES (1)", "SELECT a FROM t"])?;
    assert_eq!(sets.len(), 3);
    assert_eq!(sets.last().map(integers).transpose()?, Some(vec![1]));
    let reads = db.batch(["SELECT 1", "SELECT 2"])?;
    assert_eq!(reads.iter().map(integers).collect::<Result<Vec<_>, _>>()?, [[1], [2]]);
    Ok(())
}

fn a_transaction_rolls_all_back(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    let error = refused(db.transaction([insert(1), insert(2), insert(1)]))?;
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Conflict, false));
    let result = db.transaction(["CREATE TABLE u(a)", "INSERT INTO u VALUES (1)", "INSERT INTO nowhere VALUES (1)"]);
    assert_eq!(kinds(result)?, (ErrorKind::Sql, Some(SqlErrorKind::UnknownTable)));
    assert_eq!(stored(&db)?, [0; 0]);
    assert_eq!(db.tables()?.len(), 1);
    db.transaction([insert(1), insert(2)])?;
    assert_eq!(stored(&db)?, [1, 2]);
    Ok(())
}

fn a_transaction_sees_its_own_writes(world: &World) -> Outcome {
    let db = world.db()?;
    let (requests, sets) = db.counting(|| {
        db.transaction(["CREATE TABLE t(a)", "INSERT INTO t VALUES (5)", "SELECT a FROM t", "DELETE FROM t"])
    });
    assert_eq!(requests, 1);
    assert_eq!(sets?.get(2).map(integers).transpose()?, Some(vec![5]));
    Ok(())
}

fn a_transaction_of_reads_is_allowed(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for _ in 0..3 {
        assert_eq!(db.transaction(["SELECT count(*) FROM t", "SELECT 1"])?.len(), 2);
    }
    // No snapshot stays open behind it.
    db.query("INSERT INTO t VALUES (1)", ())?;
    assert_eq!(
        db.transaction(["SELECT count(*) FROM t", "SELECT 1"])?.first().map(integers).transpose()?,
        Some(vec![1])
    );
    Ok(())
}

fn nothing_to_run_is_no_request_and_no_error(world: &World) -> Outcome {
    let db = world.db()?;
    let nothing: [Statement; 0] = [];
    let (requests, results) = db.counting(|| (db.batch(nothing.clone()), db.transaction(nothing)));
    assert_eq!((requests, results.0?.len(), results.1?.len()), (0, 0, 0));
    Ok(())
}

fn a_text_without_a_statement_is_refused(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for empty in ["", " \n\t", "-- only a comment", "/* and */ ;", ";"] {
        let error = refused(db.query(empty, ()))?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{empty:?}: {error}");
    }
    assert_eq!(refused(db.query("SELECT '\0'", ()))?.kind(), ErrorKind::InvalidInput);
    Ok(())
}

fn two_statements_in_one_text_are_refused_and_nothing_runs(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for two in [
        "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
        "INSERT INTO t VALUES (';'); -- then\n DROP TABLE t",
        "INSERT INTO t VALUES (1);\u{c}SELECT 1",
        "SELECT 1; DROP TABLE t",
    ] {
        let error = refused(db.query(two, ()))?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{two:?}");
        assert!(error.to_string().contains("statement: 1"), "{error}");
    }
    let error = refused(db.transaction(["INSERT INTO t VALUES (1)", "SELECT 1; SELECT 2"]))?;
    assert!(error.to_string().contains("statement: 2"), "{error}");
    assert_eq!(stored(&db)?, [0; 0]);
    assert_eq!(integers(&db.query("SELECT 1 AS \";\"; -- ; ;\n", ())?)?, [1]);
    Ok(())
}

fn a_trigger_may_hold_semicolons_and_nothing_may_follow_it(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let trigger = "CREATE TRIGGER double AFTER INSERT ON t WHEN new.a < 10 BEGIN
        INSERT INTO t VALUES (new.a * 10);
        UPDATE t SET a = CASE WHEN a = 1 THEN 2 ELSE a END; END";
    let error = refused(db.query(format!("{trigger}; DROP TABLE t"), ()))?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(db.tables()?.len(), 1);
    db.query(format!("{trigger} ; -- done"), ())?;
    db.query("INSERT INTO t VALUES (1)", ())?;
    assert_eq!(stored(&db)?, [2, 10]);
    Ok(())
}

fn a_wrong_number_of_parameters_is_refused_with_both_numbers(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for (result, text) in [
        (db.query("SELECT ?1", ()), "takes 1 parameters, and 0 were given"),
        (db.query("SELECT 1", ["x"]), "takes 0 parameters, and 1 were given"),
        (db.query("INSERT INTO t VALUES (?2)", ["x"]), "takes 2 parameters, and 1 were given"),
    ] {
        let error = refused(result)?;
        assert_eq!(error.kind(), ErrorKind::Sql);
        assert!(says(world, &error, text), "{error}");
    }
    assert_eq!(stored(&db)?, [0; 0]);
    Ok(())
}

fn tables_are_made_altered_and_dropped(world: &World) -> Outcome {
    let db = world.db()?;
    for sql in [
        "CREATE TABLE t(a)",
        "ALTER TABLE t ADD COLUMN b DEFAULT 5",
        "CREATE UNIQUE INDEX i ON t(a)",
        "CREATE VIEW v AS SELECT b FROM t",
        "INSERT INTO t(a) VALUES (1)",
        "REINDEX",
        "ANALYZE",
    ] {
        db.query(sql, ())?;
    }
    assert_eq!(integers(&db.query("SELECT b FROM v", ())?)?, [5]);
    db.transaction(["DROP VIEW v", "DROP TABLE t"])?;
    assert_eq!(db.tables()?, []);
    Ok(())
}

fn the_same_statement_runs_again_after_the_schema_changed(world: &World) -> Outcome {
    let (db, other) = (world.db()?, world.other_db()?);
    db.query("CREATE TABLE t(a)", ())?;
    db.query("INSERT INTO t VALUES (1)", ())?;
    assert_eq!(db.query("SELECT * FROM t", ())?.columns(), ["a"]);
    other.query("ALTER TABLE t ADD COLUMN b", ())?;
    let rows = db.query("SELECT * FROM t", ())?;
    assert_eq!((rows.columns().len(), rows.len()), (2, 1), "the prepared statement has the new shape");
    other.query("DROP TABLE t", ())?;
    let result = db.query("SELECT * FROM t", ());
    assert_eq!(kinds(result)?, (ErrorKind::Sql, Some(SqlErrorKind::UnknownTable)));
    other.query("CREATE TABLE t(c, d, e)", ())?;
    assert_eq!(db.query("SELECT * FROM t", ())?.columns(), ["c", "d", "e"]);
    Ok(())
}

fn a_guard_statement_undoes_the_batch(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER NOT NULL)", ())?;
    let guard =
        |least: i64| Statement::new("INSERT INTO t(a) SELECT NULL WHERE NOT ((SELECT count(*) FROM t) >= ?1)", [least]);
    let error = refused(db.transaction([insert(1), guard(2)]))?;
    assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::Conflict, Some(SqlErrorKind::NotNullViolation)));
    assert_eq!(error.sql().and_then(|detail| detail.table.clone()).as_deref(), Some("t"));
    assert_eq!(stored(&db)?, [0; 0]);
    db.transaction([insert(1), guard(1)])?;
    assert_eq!(stored(&db)?, [1]);
    Ok(())
}

fn explain_tells_and_does_nothing(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    assert!(!db.query("EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = ?1", ["x"])?.is_empty());
    for write in ["EXPLAIN INSERT INTO t VALUES (1)", "EXPLAIN QUERY PLAN DELETE FROM t", "EXPLAIN DROP TABLE t"] {
        db.query(write, ())?;
    }
    assert_eq!(stored(&db)?, [0; 0]);
    Ok(())
}

fn handles_of_other_clients_see_what_was_written(world: &World) -> Outcome {
    let (db, other) = (world.db()?, world.other_db()?);
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    for number in 0..5 {
        let (writer, reader) = if number % 2 == 0 { (&db, &other) } else { (&other, &db) };
        writer.query("INSERT INTO t VALUES (?1)", [number])?;
        assert_eq!(stored(reader)?, (0..=number).collect::<Vec<_>>());
    }
    assert_eq!(kinds(other.query("INSERT INTO t VALUES (0)", ()))?.0, ErrorKind::Conflict);
    Ok(())
}

fn the_cost_is_told_for_each_call_and_summed_for_the_client(world: &World) -> Outcome {
    let db = world.db()?;
    db.transaction(["CREATE TABLE t(a)", "INSERT INTO t VALUES (1), (2)"])?;
    let rows = db.query("SELECT a FROM t", ())?;
    let meta = rows.meta();
    assert_eq!((meta.rows_read, meta.rows_written, meta.statement_count), (2, 0, 1));
    // Only who asks for money names a price; a server of one's own says that it is none.
    assert_eq!(meta.cost_usd.is_some(), world.mode().is_remote());
    let usage = world.client().usage();
    assert_eq!((usage.rows_read, usage.rows_written, usage.statement_count), (2, 2, 3));
    assert!(usage.duration >= meta.duration);
    Ok(())
}
