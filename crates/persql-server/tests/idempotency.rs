//! `Idempotency-Key`: a write that is applied once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the world serves other tests too")]

#[path = "support/world.rs"]
mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, UNIX_EPOCH},
};

use persql_server::{Config, Role, Server};
use serde_json::{Value, json};

use world::World;

/// An answer, and whether it was replayed.
#[derive(Debug, PartialEq)]
struct Keyed {
    status: u16,
    body: Value,
    replayed: bool,
}

fn keyed_as(world: &World, token: &str, key: &str, route: &str, body: &Value) -> Keyed {
    let request = world.http.post(world.url(&format!("/v1/db/acme/agent/{route}"))).bearer_auth(token);
    let response = request.header("Idempotency-Key", key).json(body).send().unwrap();
    let (status, replayed) = (response.status().as_u16(), response.headers().get("idempotency-replayed").is_some());
    Keyed { status, body: response.json().unwrap(), replayed }
}

fn keyed(world: &World, key: &str, sql: &str) -> Keyed {
    keyed_as(world, &world.admin, key, "query", &json!({ "sql": sql }))
}

/// A query of the database's file by somebody who has it before him.
fn look(world: &World, sql: &'static str) -> Value {
    let client = persql_core::blocking::PerSql::local(world.directory.path().join("data")).unwrap();
    let rows = client.database("acme/agent").unwrap().query(sql, ()).unwrap();
    rows.first().map_or(Value::Null, |row| json!(row.get::<Option<i64>>(0).unwrap()))
}

const RECORDS: &str = "SELECT count(*) FROM _persql_idempotency";

#[test]
fn the_same_write_again_answers_the_same_and_does_nothing() {
    let world = World::with_table();
    let first = keyed(&world, "k1", "INSERT INTO t VALUES (1, 'a')");
    assert_eq!((first.status, first.replayed), (200, false));
    let second = keyed(&world, "k1", "INSERT INTO t VALUES (1, 'a')");
    assert!(second.replayed);
    assert_eq!(first.body, second.body);
    let batch = json!({"statements": [{"sql": "INSERT INTO t VALUES (2, 'b') RETURNING id"}, {"sql": "DELETE FROM t WHERE id = 1"}],
        "transaction": true});
    let first = keyed_as(&world, &world.admin, "k2", "batch", &batch);
    let second = keyed_as(&world, &world.admin, "k2", "batch", &batch);
    assert!(!first.replayed && second.replayed && first.body == second.body);
    assert_eq!(world.query("SELECT id FROM t").data()["rows"], json!([[2]]));
}

#[test]
fn a_key_belongs_to_a_token_a_database_and_a_request() {
    let world = World::with_table();
    let insert = "INSERT INTO t(name) VALUES ('a')";
    assert_eq!(keyed(&world, "k", insert).status, 200);
    let other = keyed(&world, "k", "INSERT INTO t(name) VALUES ('b')");
    assert_eq!(
        (other.status, other.body["error"].as_str().unwrap()),
        (422, "Idempotency-Key reused with a different request")
    );
    let batch =
        keyed_as(&world, &world.admin, "k", "batch", &json!({ "sql": insert, "statements": [{"sql": insert}] }));
    assert_eq!(batch.status, 422);
    let token = world.token(Role::Write);
    assert!(!keyed_as(&world, &token, "k", "query", &json!({ "sql": insert })).replayed);
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[2]]));
}

#[test]
fn a_refusal_is_not_kept() {
    let world = World::with_table();
    assert_eq!(keyed(&world, "k", "INSERT INTO u VALUES (1)").status, 400);
    world.query("CREATE TABLE u(a)").data();
    let now = keyed(&world, "k", "INSERT INTO u VALUES (1)");
    assert_eq!((now.status, now.replayed), (200, false));
}

#[test]
fn duplicates_at_the_same_time_run_once() {
    let world = World::with_table();
    let outcomes: Vec<Keyed> = thread::scope(|scope| {
        let send = || keyed(&world, "k", "INSERT INTO t(name) VALUES ('a') RETURNING id");
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.replayed).count(), 1);
    assert!(outcomes.iter().all(|outcome| outcome.status == 200 && outcome.body == outcomes[0].body));
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[1]]));
}

#[test]
fn a_read_with_a_key_is_just_run() {
    let world = World::with_table();
    keyed(&world, "w", "INSERT INTO t VALUES (1, 'a')");
    for _ in 0..2 {
        assert!(!keyed(&world, "k", "SELECT * FROM t").replayed);
    }
    assert_eq!(look(&world, RECORDS), 1);
}

#[test]
fn a_batch_that_is_no_transaction_is_kept_when_it_succeeded() {
    let world = World::with_table();
    let insert = |id: i64| json!({"sql": "INSERT INTO t VALUES (?, 'x') RETURNING id", "params": [id]});
    let good = json!({"statements": [insert(1), insert(2)]});
    let first = keyed_as(&world, &world.admin, "k", "batch", &good);
    assert_eq!(first.body["data"][1]["rows"], json!([[2]]));
    assert!(keyed_as(&world, &world.admin, "k", "batch", &good).replayed);
    let bad = json!({"statements": [insert(3), insert(1), insert(4)]});
    assert_eq!(keyed_as(&world, &world.admin, "b", "batch", &bad).status, 409);
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[3]]));
}

#[test]
fn an_answer_is_kept_across_a_restart_and_for_a_day() {
    let world = World::with_table();
    let now = Arc::new(AtomicU64::new(1_800_000_000));
    let clock = Arc::clone(&now);
    let directory = world.directory.path().join("data");
    assert_eq!(keyed(&world, "old", "INSERT INTO t VALUES (1, 'a')").status, 200);
    let World { server, http, admin, directory: kept, said } = world;
    server.stop();
    let config = Config::new(directory)
        .listen(([127, 0, 0, 1], 0).into())
        .clock(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)));
    let world = World { server: Server::start(config).unwrap(), http, admin, directory: kept, said };
    let insert = "INSERT INTO t(name) VALUES ('b')";
    assert!(!keyed(&world, "k", insert).replayed);
    now.fetch_add(24 * 60 * 60 - 1, Ordering::Relaxed);
    assert!(keyed(&world, "k", insert).replayed);
    now.fetch_add(1, Ordering::Relaxed);
    assert!(!keyed(&world, "k", insert).replayed);
    assert!(keyed(&world, "k", insert).replayed);
}

#[test]
fn a_long_answer_is_kept_as_well() {
    let world = World::with_table();
    let sql = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT 3)
        INSERT INTO t SELECT a, printf('%.*c', 1900000, 'x') FROM n RETURNING name";
    let first = keyed(&world, "k", sql);
    let second = keyed(&world, "k", sql);
    assert!(second.replayed && second.body == first.body);
    assert_eq!(second.body["data"]["rows"].as_array().unwrap().len(), 3);
}

#[test]
fn the_records_are_out_of_reach_for_sql() {
    let world = World::with_table();
    keyed(&world, "k", "INSERT INTO t VALUES (1, 'a')");
    for sql in [
        "SELECT * FROM _persql_idempotency",
        "SELECT count(*) FROM main._PERSQL_idempotency",
        "SELECT 1 WHERE EXISTS (SELECT answer FROM \"_persql_idempotency\")",
        "DELETE FROM _persql_idempotency",
        "UPDATE _persql_idempotency SET answer = NULL",
        "INSERT INTO _persql_idempotency(key, fingerprint, at) VALUES (x'00', x'00', 0)",
        "DROP TABLE _persql_idempotency",
        "ALTER TABLE _persql_idempotency RENAME TO mine",
        "CREATE TRIGGER x AFTER INSERT ON _persql_idempotency BEGIN SELECT 1; END",
        "CREATE INDEX x ON _persql_idempotency(at)",
        "CREATE TABLE _persql_mine(a)",
        "/*persql*/ SELECT fingerprint, answer, at FROM _persql_idempotency WHERE key = ?1",
        "CREATE TABLE copied AS SELECT * FROM _persql_idempotency",
    ] {
        assert_eq!(world.query(sql).refusal().0, 403, "{sql}");
    }
    // A view can be made, and shows nothing.
    world.query("CREATE VIEW v AS SELECT * FROM _persql_idempotency").data();
    assert_eq!(world.query("SELECT * FROM v").refusal().0, 403);
    world.query("DROP VIEW v").data();
    assert_eq!(world.get("/v1/db/acme/agent/tables").data().as_array().unwrap().len(), 1);
    assert_eq!(world.get("/v1/db/acme/agent/describe").data()["tables"].as_array().unwrap().len(), 1);
    let claimed = world.post("/v1/db/acme/agent/claim_branch", &json!({}));
    let path = format!("/v1/db/acme/{}/tables", claimed.data()["databaseSlug"].as_str().unwrap());
    assert_eq!(world.get(&path).data().as_array().unwrap().len(), 1);
}

#[test]
fn an_answer_is_forgotten_when_what_it_holds_is_cleared() {
    let take = "DELETE FROM q WHERE id = (SELECT min(id) FROM q) RETURNING text";
    for (later, forgets) in [
        ("INSERT INTO q(text) VALUES ('new')", false),
        ("DELETE FROM other", false),
        ("UPDATE other SET a = 2", false),
        ("DELETE FROM q WHERE id = (SELECT max(id) FROM q) RETURNING text", false),
        ("DELETE FROM q", true),
        ("delete from Q where id = 99", true),
        ("UPDATE q SET text = 'redacted'", true),
        ("UPDATE q SET text = 'redacted' RETURNING id", true),
        ("WITH x AS (SELECT 1) UPDATE q SET text = 'redacted'", true),
        ("REPLACE INTO q VALUES (3, 'c')", true),
        ("INSERT INTO q VALUES (3, 'c') ON CONFLICT(id) DO UPDATE SET text = excluded.text", true),
        ("DELETE FROM parent", true),
        ("DROP TABLE q", true),
        ("ALTER TABLE q ADD COLUMN more", true),
    ] {
        let world = World::new();
        for sql in [
            "CREATE TABLE parent(id INTEGER PRIMARY KEY)",
            "CREATE TABLE q(id INTEGER PRIMARY KEY, text TEXT)",
            "CREATE TABLE other(a)",
            "CREATE TRIGGER clears AFTER DELETE ON parent BEGIN DELETE FROM q; END",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO other VALUES (1)",
            "INSERT INTO q VALUES (1, 'secret'), (2, 'b'), (3, 'c')",
        ] {
            world.query(sql).data();
        }
        assert_eq!(keyed(&world, "k", take).body["data"]["rows"], json!([["secret"]]));
        world.query(later).data();
        let again = keyed(&world, "k", take);
        if forgets {
            assert_eq!(again.status, 410, "{later}");
            let kept = "SELECT count(*) FROM _persql_idempotency WHERE answer IS NOT NULL OR holds IS NOT NULL";
            assert_eq!(look(&world, kept), 0, "{later}");
        } else {
            assert!(again.replayed, "{later}");
        }
        // Nothing was taken twice, and the key is taken.
        assert_eq!(keyed(&world, "k", "SELECT 1").status, 200);
        assert_eq!(keyed(&world, "k", "DELETE FROM other").status, 422, "{later}");
    }
}

#[test]
fn an_answer_without_text_stays_whatever_happens() {
    let world = World::with_table();
    let insert = "INSERT INTO t(name) VALUES ('a') RETURNING id";
    keyed(&world, "k", insert);
    world.query("DELETE FROM t").data();
    assert!(keyed(&world, "k", insert).replayed);
}

#[test]
fn a_key_has_bounds() {
    let world = World::with_table();
    assert_eq!(keyed(&world, &"k".repeat(200), "INSERT INTO t VALUES (1, 'a')").status, 200);
    for bad in ["", &"k".repeat(201)] {
        assert_eq!(keyed(&world, bad, "INSERT INTO t VALUES (2, 'a')").status, 400);
    }
}

#[test]
fn the_client_learns_that_an_answer_was_forgotten() {
    let world = World::with_table();
    let answer = keyed(&world, "k", "INSERT INTO t VALUES (1, 'a') RETURNING name");
    assert_eq!(answer.status, 200);
    world.query("DELETE FROM t").data();
    let again = keyed(&world, "k", "INSERT INTO t VALUES (1, 'a') RETURNING name");
    assert!(again.status == 410 && again.body["error"].as_str().unwrap().contains("applied before"));
}
