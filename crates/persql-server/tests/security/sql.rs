//! SQL of callers who have a good token and want more.

use std::time::{Duration, Instant};

use persql_server::Role;
use serde_json::json;

use crate::{ENDLESS, LATE, world::World};

#[test]
fn the_servers_own_table_is_out_of_reach() {
    let world = World::with_table();
    let request = world.http.post(world.url("/v1/db/acme/agent/query")).bearer_auth(&world.admin);
    let insert = json!({"sql": "INSERT INTO t VALUES (1, 'a') RETURNING name"});
    assert_eq!(request.header("Idempotency-Key", "k").json(&insert).send().unwrap().status(), 200);
    world.query("CREATE TABLE mine(id INTEGER PRIMARY KEY, key, fingerprint, answer, holds, at)").data();
    for sql in [
        "SELECT answer FROM _persql_idempotency",
        "SELECT answer FROM main.\"_PERSQL_Idempotency\"",
        "SELECT (SELECT max(answer) FROM [_persql_idempotency])",
        "WITH x AS (SELECT * FROM `_persql_idempotency`) SELECT * FROM x",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM _persql_idempotency)",
        "INSERT INTO mine SELECT * FROM _persql_idempotency",
        "INSERT INTO t(name) SELECT hex(answer) FROM _persql_idempotency",
        "UPDATE t SET name = (SELECT hex(answer) FROM _persql_idempotency)",
        "UPDATE _persql_idempotency SET answer = x'00'",
        "INSERT INTO _persql_idempotency(key, fingerprint, at) VALUES (x'00', x'00', 0)",
        "DELETE FROM _persql_idempotency",
        "DROP TABLE _persql_idempotency",
        "DROP INDEX _persql_idempotency_holds",
        "CREATE INDEX i ON _persql_idempotency(answer)",
        "CREATE TRIGGER g AFTER INSERT ON _persql_idempotency BEGIN DELETE FROM t; END",
        "CREATE TABLE copied AS SELECT * FROM _persql_idempotency",
        "CREATE TABLE _persql_more(a)",
        "CREATE VIEW _persql_view AS SELECT 1",
        "CREATE VIRTUAL TABLE _persql USING fts5(x)",
        "ALTER TABLE _persql_idempotency RENAME TO taken",
        "ALTER TABLE _persql_idempotency ADD COLUMN x",
        // A record of one's own making would answer for the server.
        "ALTER TABLE mine RENAME TO _persql_idempotency2",
        "/**/ALTER TABLE mine RENAME TO \"_PerSQL_x\"",
        "EXPLAIN SELECT * FROM _persql_idempotency",
    ] {
        assert!(matches!(world.query(sql).status, 400 | 403), "{sql}: {}", world.query(sql).body);
    }
    // What only finds out later whom it concerns.
    for sql in [
        "CREATE VIEW v AS SELECT * FROM _persql_idempotency",
        "CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO t(name) SELECT hex(answer) FROM _persql_idempotency; END",
        "CREATE VIRTUAL TABLE f USING fts5(answer, content='_persql_idempotency', content_rowid='id')",
        "INSERT INTO f(f) VALUES ('rebuild')",
        "CREATE TABLE child(a REFERENCES _persql_idempotency(key) ON DELETE CASCADE)",
    ] {
        let status = world.query(sql).status;
        assert!(matches!(status, 200 | 400 | 403), "{sql}: {status}");
    }
    for sql in ["SELECT * FROM v", "SELECT * FROM f", "SELECT * FROM f('success')", "DELETE FROM t"] {
        let answer = world.query(sql);
        let told = answer.body["data"]["rows"].as_array().map_or(0, Vec::len);
        assert!(matches!(answer.status, 400 | 403) || told == 0, "{sql}: {}", answer.body);
    }
    assert!(!world.get("/v1/db/acme/agent/tables").body.to_string().contains("_persql"));
}

#[test]
fn whoever_only_reads_changes_nothing() {
    let world = World::with_table();
    world.query("INSERT INTO t VALUES (1, 'a')").data();
    world.query("CREATE VIRTUAL TABLE f USING fts5(x)").data();
    let state = || {
        world.query("SELECT (SELECT group_concat(name) FROM t), (SELECT count(*) FROM sqlite_schema)").body["data"]["rows"].clone()
    };
    let before = state();
    for sql in [
        "WITH x AS (SELECT 1) INSERT INTO t(name) SELECT 'b' FROM x",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "REPLACE INTO t VALUES (1, 'b')",
        "UPDATE OR REPLACE t SET name = 'b' RETURNING name",
        "INSERT INTO f(f) VALUES ('optimize')",
        "INSERT INTO f(f, rank) VALUES ('pgsz', 64)",
        "CREATE TABLE x AS SELECT 1",
        "ANALYZE",
        "REINDEX",
        "PRAGMA user_version = 7",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA incremental_vacuum",
        "PRAGMA optimize(0xffffffff)",
        "PRAGMA defer_foreign_keys = ON",
        "SELECT 1; DELETE FROM t",
    ] {
        world.query_as(Role::Read, sql);
        assert_eq!(state(), before, "{sql}");
    }
}

#[test]
fn no_pragma_changes_the_connection() {
    let world = World::with_table();
    for pragma in [
        "writable_schema",
        "journal_mode",
        "synchronous",
        "locking_mode",
        "query_only",
        "foreign_keys",
        "recursive_triggers",
        "ignore_check_constraints",
        "trusted_schema",
        "cell_size_check",
        "case_sensitive_like",
        "legacy_alter_table",
        "reverse_unordered_selects",
        "temp_store",
        "temp_store_directory",
        "data_store_directory",
        "cache_size",
        "mmap_size",
        "page_size",
        "max_page_count",
        "hard_heap_limit",
        "soft_heap_limit",
        "busy_timeout",
        "secure_delete",
        "wal_autocheckpoint",
        "journal_size_limit",
        "threads",
        "analysis_limit",
        "encoding",
        "schema_version",
        "user_version",
        "application_id",
        "auto_vacuum",
        "read_uncommitted",
        "vdbe_trace",
        "key",
        "rekey",
        "activate_extensions",
    ] {
        for sql in [
            format!("PRAGMA {pragma} = 1"),
            format!("PRAGMA main.{pragma}(1)"),
            format!("/* x */ pragma \"{pragma}\" = 'off'"),
            format!("SELECT * FROM pragma_{pragma}(1)"),
            format!("SELECT * FROM pragma_{pragma}('1', 'main')"),
        ] {
            let answer = world.query(&sql);
            // SQLite does not know them all as tables.
            assert!(matches!(answer.status, 400 | 403), "{sql}: {}", answer.body);
        }
    }
}

/// Statements that take as much of one thing as they can.
fn bombs() -> Vec<String> {
    let nested =
        |open: &str, close: &str, times: usize| format!("SELECT {}1{}", open.repeat(times), close.repeat(times));
    let mut bombs = vec![
        format!("{ENDLESS} SELECT count(*) FROM n"),
        format!("{ENDLESS} SELECT a FROM n ORDER BY a"),
        format!("{ENDLESS} SELECT DISTINCT randomblob(100000) FROM n"),
        format!("{ENDLESS} SELECT group_concat(hex(zeroblob(100000))) FROM n"),
        format!("{ENDLESS} SELECT count(*) FROM n a, n b, n c"),
        format!("{ENDLESS} SELECT sum(a) OVER (ROWS BETWEEN 1000000 PRECEDING AND CURRENT ROW) FROM n"),
        format!("{ENDLESS} INSERT INTO t(name) SELECT a FROM n"),
        format!("{ENDLESS} UPDATE t SET name = (SELECT count(*) FROM n)"),
        "WITH RECURSIVE n(a) AS (SELECT 'x' UNION ALL SELECT a || a FROM n) SELECT max(length(a)) FROM n".to_owned(),
        "WITH RECURSIVE n(a) AS (SELECT randomblob(50000) UNION SELECT randomblob(50000) FROM n) SELECT count(*) FROM n".to_owned(),
        "SELECT zeroblob(2147483647)".to_owned(),
        "SELECT randomblob(2147483647)".to_owned(),
        "SELECT printf('%2147483647d', 1)".to_owned(),
        "SELECT printf('%.2147483640c', 'x')".to_owned(),
        "SELECT replace(hex(zeroblob(900000)), '0', hex(zeroblob(900000)))".to_owned(),
        "SELECT json_array(hex(zeroblob(900000)), hex(zeroblob(900000)))".to_owned(),
        format!("SELECT {}", vec!["randomblob(1900000)"; 100].join(",")),
        format!("SELECT json_extract('{}{}', '$')", "[".repeat(40_000), "]".repeat(40_000)),
        format!("SELECT '{}' LIKE '{}'", "a".repeat(90_000), "%a_".repeat(16)),
        format!("SELECT '{}' GLOB '{}b'", "a".repeat(90_000), "*a?".repeat(16)),
        format!("SELECT '{}' LIKE '{}'", "a".repeat(1_000), "%a".repeat(1_000)),
        format!("SELECT 1 {}", "+ 1".repeat(30_000)),
        format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 45_000].join(",")),
        vec!["SELECT 1"; 5_000].join(" UNION ALL "),
        format!("SELECT * FROM {}", vec!["t"; 10_000].join(",")),
        format!("SELECT {}", vec!["1"; 40_000].join(",")),
        format!("CREATE TABLE wide({})", (0..5_000).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",")),
        format!("SELECT max({})", vec!["1"; 40_000].join(",")),
        format!("SELECT '{}'", "x".repeat(200_000)),
        format!("WITH {} SELECT * FROM c2000", (0..=2_000).map(|n| match n {
            0 => "c0 AS (SELECT 1)".to_owned(),
            n => format!("c{n} AS (SELECT * FROM c{})", n - 1),
        }).collect::<Vec<_>>().join(",")),
    ];
    for times in [90, 900, 9_000] {
        bombs.push(nested("(", ")", times));
        bombs.push(nested("NOT ", "", times));
        bombs.push(nested("(SELECT ", ")", times));
        bombs.push(nested("abs(", ")", times));
        bombs.push(nested("CASE WHEN 1 THEN ", " END", times));
        bombs.push(nested("1 IN (SELECT ", ")", times));
    }
    bombs
}

#[test]
fn no_statement_takes_the_server_with_it() {
    let run = Duration::from_millis(500);
    let world = World::with(|mut limits| {
        (limits.run, limits.answer_bytes) = (run, 8 << 20);
        limits
    });
    world.query("CREATE TABLE t(id INTEGER PRIMARY KEY, name)").data();
    let bystander = world.bystander();
    for sql in bombs() {
        let started = Instant::now();
        let status = world.query(&sql).status;
        let start: String = sql.chars().take(60).collect();
        assert!(matches!(status, 200 | 400 | 403 | 408 | 413 | 503), "{status}: {start}");
        assert!(started.elapsed() < run + LATE / 2, "{:?}: {start}", started.elapsed());
    }
    bystander.is_answered_within(LATE / 2);
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[0]]));
}

#[test]
fn triggers_without_an_end_come_to_one() {
    let world = World::with(|mut limits| {
        limits.run = Duration::from_secs(2);
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    world.query("CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO t VALUES (new.a + 1); END").data();
    assert_eq!(world.query("PRAGMA recursive_triggers = ON").status, 403);
    world.query("INSERT INTO t VALUES (1)").data();
    // Each calls the next.
    let make = |n: usize| {
        [
            json!({"sql": format!("CREATE TABLE t{n}(a)")}),
            json!({"sql": format!("CREATE TRIGGER g{n} AFTER INSERT ON t{} BEGIN INSERT INTO t{n} VALUES (1); END", n - 1)}),
        ]
    };
    world.query("CREATE TABLE t0(a)").data();
    for first in (1..1_200).step_by(50) {
        let statements: Vec<_> = (first..first + 50).flat_map(make).collect();
        let body = json!({"statements": statements, "transaction": true});
        world.post("/v1/db/acme/agent/batch", &body).data();
    }
    assert!(matches!(world.query("INSERT INTO t0 VALUES (1)").status, 400 | 408));
    assert_eq!(world.query("SELECT count(*) FROM t0").data()["rows"], json!([[0]]));
    world.query("CREATE TABLE self(a PRIMARY KEY, b REFERENCES self ON DELETE CASCADE)").data();
    world.query(&format!("{ENDLESS} INSERT INTO self SELECT a, nullif(a - 1, 0) FROM n LIMIT 3000")).data();
    assert!(matches!(world.query("DELETE FROM self WHERE a = 1").status, 200 | 400 | 408));
    world.bystander().is_answered_within(LATE / 2);
}
