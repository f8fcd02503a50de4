//! `/query`, `/batch`, `/tables`, `/describe`, `/health`.

use reqwest::{
    Method,
    blocking::Client,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING},
};
use serde_json::json;

use crate::world::World;

#[test]
fn a_query_answers_with_columns_rows_and_what_it_cost() {
    let world = World::with_table();
    let body = json!({"sql": "INSERT INTO t VALUES (?, ?1 || ?), (8, 'b')", "params": [7, "a"]});
    let inserted = world.post("/v1/db/acme/agent/query", &body);
    assert_eq!(
        *inserted.data(),
        json!({"columns": [], "rows": [], "rowsRead": 0, "rowsWritten": 2, "changes": 2, "lastInsertRowid": 8})
    );
    let read = world.query("SELECT id, name FROM t ORDER BY id");
    let rows = json!([[7, "7a"], [8, "b"]]);
    assert_eq!(*read.data(), json!({"columns": ["id", "name"], "rows": rows, "rowsRead": 2, "rowsWritten": 0}));
    let meta = &read.body["meta"];
    assert_eq!((&meta["rowsRead"], &meta["rowsWritten"], &meta["statementCount"]), (&json!(2), &json!(0), &json!(1)));
    assert!(meta["durationMs"].as_f64().unwrap() >= 0.0 && meta["costUsd"] == 0.0);
}

#[test]
fn values_keep_what_they_are() {
    let world = World::new();
    let params = json!([null, true, i64::MIN, i64::MAX, 1.5, "é\u{0}\""]);
    let body = json!({"sql": "SELECT ?, ?, ?, ?, ?, ?, x'00ff' AS b, 9e999 AS inf, -9e999", "params": params});
    world.query("CREATE TABLE t(a)").data();
    let answer = world.post("/v1/db/acme/agent/query", &body);
    let infinity = |text: &str| json!({ "$real": text });
    let bytes = json!({"$base64": "AP8="});
    let row = json!([null, 1, i64::MIN, i64::MAX, 1.5, "é\u{0}\"", bytes, infinity("Infinity"), infinity("-Infinity")]);
    assert_eq!(answer.data()["rows"], json!([row]));
}

#[test]
fn a_transaction_is_undone_as_a_whole_and_a_plain_batch_keeps_what_came_before() {
    let world = World::with_table();
    let batch = |transaction: bool, first: i64| {
        let insert = |id: i64, name: Option<&str>| json!({"sql": "INSERT INTO t VALUES (?, ?)", "params": [id, name]});
        let statements = [insert(first, Some("a")), insert(first + 1, None), insert(first + 2, Some("c"))];
        world.post("/v1/db/acme/agent/batch", &json!({"statements": statements, "transaction": transaction}))
    };
    assert_eq!(batch(true, 10).refusal(), (409, "not_null_violation"));
    assert_eq!(batch(false, 20).refusal(), (409, "not_null_violation"));
    assert_eq!(world.query("SELECT id FROM t").data()["rows"], json!([[20]]));
}

#[test]
fn a_batch_answers_each_statement_in_order() {
    let world = World::with_table();
    for transaction in [true, false] {
        let statements = json!([
            {"sql": "DELETE FROM t"},
            {"sql": "INSERT INTO t(name) VALUES (?) RETURNING name", "params": ["x"]},
            {"sql": "SELECT count(*) AS n FROM t"}
        ]);
        let body = json!({"statements": statements, "transaction": transaction});
        let answer = world.post("/v1/db/acme/agent/batch", &body);
        let rows: Vec<_> = answer.data().as_array().unwrap().iter().map(|set| set["rows"].clone()).collect();
        assert_eq!(rows, [json!([]), json!([["x"]]), json!([[1]])]);
        assert_eq!(answer.body["meta"]["statementCount"], 3);
    }
    assert_eq!(*world.post("/v1/db/acme/agent/batch", &json!({"statements": []})).data(), json!([]));
}

#[test]
fn tables_and_describe_show_the_schema_and_nothing_of_the_servers() {
    let world = World::with_table();
    world.query("INSERT INTO t VALUES (1, 'a')").data();
    assert_eq!(*world.get("/v1/db/acme/agent/tables").data(), json!([{"name": "t", "rowCount": 1}]));
    let described = world.get("/v1/db/acme/agent/describe");
    let table = &described.data()["tables"][0];
    assert_eq!((&table["table"], &table["columns"][1]["name"]), (&json!("t"), &json!("name")));
    assert_eq!(described.data()["tables"].as_array().unwrap().len(), 1);
}

#[test]
fn a_long_answer_is_compressed_for_those_who_can_read_it() {
    let world = World::with_table();
    let http = Client::builder().no_gzip().build().unwrap();
    let request = |encoding: &str| {
        let sql = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT 1000) SELECT a FROM n";
        let request = http.post(world.url("/v1/db/acme/agent/query")).bearer_auth(&world.admin);
        request.header(ACCEPT_ENCODING, encoding).json(&json!({ "sql": sql })).send().unwrap()
    };
    let packed = request("gzip");
    assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    let packed = packed.bytes().unwrap();
    let plain = request("identity");
    assert!(plain.headers().get(CONTENT_ENCODING).is_none());
    assert!(packed.len() * 2 < plain.bytes().unwrap().len());
}

#[test]
fn health_needs_no_token_and_other_routes_are_none() {
    let world = World::new();
    let health = world.http.get(world.url("/health")).send().unwrap();
    assert_eq!(health.json::<serde_json::Value>().unwrap(), json!({"success": true, "data": {"status": "ok"}}));
    assert_eq!(world.get("/v1/nothing").refusal().0, 404);
    assert_eq!(world.get("/v1/db/acme/agent/query").refusal().0, 405);
    assert_eq!(world.call(Method::DELETE, "/v1/me", &world.admin, None).refusal().0, 405);
}
