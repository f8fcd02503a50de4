//! Refusals: their status, their kind, and what they name.

use persql_server::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

#[test]
fn every_broken_rule_has_its_status_and_its_kind() {
    let world = World::with_table();
    world.query("CREATE TABLE child(parent REFERENCES t(id), age INTEGER CHECK (age > 0))").data();
    world.query("CREATE TABLE strict_t(a INTEGER) STRICT").data();
    world.query("INSERT INTO t VALUES (1, 'a')").data();
    for (sql, status, kind) in [
        ("INSERT INTO t VALUES (1, 'b')", 409, "unique_violation"),
        ("INSERT INTO t VALUES (2, NULL)", 409, "not_null_violation"),
        ("INSERT INTO child VALUES (9, 1)", 409, "fk_violation"),
        ("INSERT INTO child VALUES (1, 0)", 409, "check_violation"),
        ("INSERT INTO strict_t VALUES ('x')", 400, "type_mismatch"),
        ("SELECT * FROM missing", 400, "unknown_table"),
        ("SELECT missing FROM t", 400, "unknown_column"),
        ("SELEC 1", 400, "syntax_error"),
        ("SELECT ?", 400, "unknown"),
        ("ATTACH 'x.db' AS x", 403, "unknown"),
        ("VACUUM", 403, "unknown"),
        ("BEGIN", 403, "unknown"),
        ("PRAGMA journal_mode=DELETE", 403, "unknown"),
        ("SELECT 1; SELECT 2", 400, ""),
        ("", 400, ""),
        ("SELECT '\0'", 400, ""),
    ] {
        assert_eq!(world.query(sql).refusal(), (status, kind), "{sql}");
    }
    let params = vec![0; 101];
    let many = world.post("/v1/db/acme/agent/query", &json!({"sql": "SELECT 1", "params": params}));
    assert_eq!(many.refusal(), (400, "too_many_params"));
    let statements = vec![json!({"sql": "SELECT 1"}); 101];
    let many = world.post("/v1/db/acme/agent/batch", &json!({ "statements": statements }));
    assert_eq!(many.refusal(), (400, ""));
    let long = json!({"sql": "SELECT ?", "params": ["x".repeat(2_000_001)]});
    assert_eq!(world.post("/v1/db/acme/agent/query", &long).refusal().0, 413);
}

#[test]
fn a_broken_rule_names_its_columns() {
    let world = World::with_table();
    let detail = |sql: &str| world.query(sql).body["errorDetail"].clone();
    world.query("CREATE TABLE pair(a, b, UNIQUE(a, b))").data();
    world.query("INSERT INTO pair VALUES (1, 2)").data();
    assert_eq!(
        detail("INSERT INTO pair VALUES (1, 2)"),
        json!({"kind": "unique_violation", "message": "UNIQUE constraint failed: pair.a, pair.b", "table": "pair",
            "column": "a", "columns": [{"table": "pair", "column": "a"}, {"table": "pair", "column": "b"}]})
    );
    assert_eq!(
        detail("INSERT INTO t(name) VALUES (NULL)"),
        json!({"kind": "not_null_violation", "message": "NOT NULL constraint failed: t.name", "table": "t",
            "column": "name", "columns": [{"table": "t", "column": "name"}]})
    );
    assert_eq!(
        detail("SELECT * FROM missing"),
        json!({"kind": "unknown_table", "message": "no such table: missing", "table": "missing"})
    );
}

#[test]
fn a_body_that_cannot_be_meant_is_refused_without_being_quoted() {
    let world = World::new();
    for body in ["", "{", "[]", r#"{"sql":7}"#, r#"{"params":[]}"#, r#"{"sql":"SELECT 1","params":[{"secret":1}]}"#] {
        let request = world.http.post(world.url("/v1/db/acme/agent/query")).bearer_auth(&world.admin);
        let response = request.body(body).send().unwrap();
        assert_eq!(response.status(), 400, "{body}");
        assert!(!response.text().unwrap().contains("secret"));
    }
}

#[test]
fn a_database_comes_with_the_first_write_of_an_admin() {
    let world = World::new();
    assert_eq!(world.query("SELECT 1").refusal(), (404, "unknown_database"));
    assert_eq!(world.query_as(Role::Write, "SELECT 1").refusal(), (404, "unknown_database"));
    assert_eq!(world.query_as(Role::Write, "INSERT INTO t VALUES (1)").refusal(), (404, "unknown_database"));
    assert_eq!(world.query_as(Role::Read, "INSERT INTO t VALUES (1)").refusal(), (404, "unknown_database"));
    assert_eq!(world.get("/v1/db/acme/agent/tables").refusal(), (404, "unknown_database"));
    assert_eq!(world.get("/v1/db/acme/agent/describe").refusal(), (404, "unknown_database"));
    assert_eq!(*world.get("/v1/databases").data(), json!([]));
    world.query("CREATE TABLE t(a)").data();
    world.query_as(Role::Write, "INSERT INTO t VALUES (1)").data();
    assert_eq!(world.query_as(Role::Read, "SELECT a FROM t").data()["rows"], json!([[1]]));
}

#[test]
fn a_role_allows_what_it_says() {
    let world = World::with_table();
    for sql in ["DROP TABLE t", "CREATE TABLE u(a)", "ALTER TABLE t ADD COLUMN x", "/* x */ create index i on t(name)"]
    {
        assert_eq!(world.query_as(Role::Write, sql).refusal().0, 403, "{sql}");
        assert_eq!(world.query_as(Role::Read, sql).refusal().0, 403, "{sql}");
    }
    for sql in ["INSERT INTO t VALUES (1, 'a')", "UPDATE t SET name = 'b'", "DELETE FROM t"] {
        assert_eq!(world.query_as(Role::Read, sql).refusal(), (403, "readonly"), "{sql}");
        world.query_as(Role::Write, sql).data();
    }
    world.query_as(Role::Read, "PRAGMA table_info(t)").data();
    let read = world.token(Role::Read);
    let statements = json!([{"sql": "SELECT 1"}, {"sql": "DELETE FROM t"}]);
    let body = json!({"statements": statements, "transaction": true});
    let answer = world.call(Method::POST, "/v1/db/acme/agent/batch", &read, Some(&body));
    assert_eq!(answer.refusal(), (403, "readonly"));
}

#[test]
fn a_refusal_is_an_error_for_clients_that_only_look_at_the_body() {
    let world = World::new();
    let answer = world.query("SELEC 1");
    assert_eq!(answer.body["success"], Value::Bool(false));
}

#[test]
fn blanks_that_only_sqlite_knows_hide_no_statement() {
    let world = World::with_table();
    world.query("INSERT INTO t VALUES (1, 'a')").data();
    for blank in ["\u{feff}", " \u{b}", "/**/\u{feff}\u{b}", ";"] {
        for sql in ["DROP TABLE t", "CREATE TABLE u(a)", "ALTER TABLE t RENAME TO u", "REINDEX t"] {
            let answer = world.query_as(Role::Write, &format!("{blank}{sql}"));
            assert!(matches!(answer.status, 400 | 403), "{blank:?} {sql}: {}", answer.body);
        }
        for sql in ["VACUUM INTO 'stolen.db'", "VACUUM", "ATTACH 'stolen.db' AS x", "BEGIN", "COMMIT", "SAVEPOINT x"] {
            let answer = world.query(&format!("{blank}{sql}"));
            assert!(matches!(answer.status, 400 | 403), "{blank:?} {sql}: {}", answer.body);
        }
    }
    // What an admin had prepared is prepared for a writer anew.
    world.query("CREATE TABLE IF NOT EXISTS t(a)").data();
    assert_eq!(world.query_as(Role::Write, "CREATE TABLE IF NOT EXISTS t(a)").refusal().0, 403);
    assert_eq!(world.query("SELECT name FROM t").data()["rows"], json!([["a"]]));
    assert_eq!(world.get("/v1/db/acme/agent/tables").data().as_array().unwrap().len(), 1);
}
