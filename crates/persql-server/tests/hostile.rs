//! A network that means no good: the server stays up, bounded, and answers the others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the world serves other tests too")]

#[path = "support/world.rs"]
mod world;

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use persql_server::Role;
use reqwest::Method;
use serde_json::json;

use world::World;

const SOON: Duration = Duration::from_millis(200);

/// Longer than anything here takes.
const LATE: Duration = Duration::from_secs(20);

const ENDLESS: &str = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n)";

impl World {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(LATE)).unwrap();
        stream
    }

    /// The head of a query with a body of this length.
    fn head(&self, length: usize) -> String {
        format!(
            "POST /v1/db/acme/agent/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n",
            self.admin
        )
    }

    fn answers(&self) {
        assert_eq!(self.query("SELECT 1").data()["rows"], json!([[1]]));
    }
}

/// What the server says until it closes the connection; whether it breaks it off makes no difference.
fn heard(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let started = Instant::now();
    drop(stream.read_to_end(&mut bytes));
    assert!(started.elapsed() < LATE, "the connection stayed open");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_body_that_is_too_large_is_refused_and_not_kept() {
    let world = World::with(|mut limits| {
        limits.body_bytes = 1 << 20;
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    let sql = "x".repeat(1 << 20);
    assert_eq!(world.query(&sql).refusal().0, 413);
    // Without a length, and without an end.
    let mut stream = world.connect();
    let head = world.head(0).replace("content-length: 0", "transfer-encoding: chunked");
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let sent = (0..16_384).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(sent < 1_000, "{sent} chunks were taken");
    // A gigabyte is announced.
    let mut stream = world.connect();
    stream.write_all(world.head(1 << 30).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(heard(stream).starts_with("HTTP/1.1 413"));
    world.answers();
}

#[test]
fn whoever_sends_slowly_is_not_waited_for() {
    let world = World::with(|mut limits| {
        (limits.head, limits.body, limits.idle) = (SOON, SOON, SOON);
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    let silent = world.connect();
    assert_eq!(heard(silent), "");
    let mut slow_head = world.connect();
    slow_head.write_all(b"POST /v1/db/acme/agent/query HTTP/1.1\r\nhost:").unwrap();
    assert_eq!(heard(slow_head), "");
    let mut slow_body = world.connect();
    slow_body.write_all(format!("{}{{", world.head(100)).as_bytes()).unwrap();
    assert!(heard(slow_body).starts_with("HTTP/1.1 408"));
    let mut idle = world.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(heard(idle).starts_with("HTTP/1.1 200"));
    world.answers();
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let world = World::with_table();
    let mut stream = world.connect();
    stream.write_all(b"GET /health HTTP/1.1\r\nx: ").unwrap();
    let piece = vec![b'x'; 1 << 10];
    let sent = (0..10_000).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(sent < 10_000);
    let mut stream = world.connect();
    stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").unwrap();
    assert!(heard(stream).starts_with("HTTP/1.1 400"));
    world.answers();
}

#[test]
fn idle_connections_make_room_for_those_who_ask() {
    let world = World::with(|mut limits| {
        limits.connections = 50;
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    let idle: Vec<TcpStream> = (0..1_000).map(|_| world.connect()).collect();
    // Each on a connection of its own.
    for _ in 0..20 {
        let http = reqwest::blocking::Client::new();
        assert_eq!(http.get(world.url("/health")).send().unwrap().status(), 200);
    }
    world.answers();
    assert_eq!(heard(idle.into_iter().next().unwrap()), "");
}

#[test]
fn a_query_without_an_end_is_interrupted_and_the_others_are_answered() {
    let world = World::with(|mut limits| {
        limits.run = Duration::from_millis(700);
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    let started = Instant::now();
    thread::scope(|scope| {
        let endless: Vec<_> = [
            format!("{ENDLESS} SELECT count(*) FROM n"),
            format!("{ENDLESS} SELECT max(a) FROM n"),
            format!("{ENDLESS} INSERT INTO t SELECT a FROM n"),
        ]
        .into_iter()
        .map(|sql| scope.spawn(|| world.query(&{ sql }).refusal().0))
        .collect();
        while started.elapsed() < Duration::from_millis(300) {
            world.answers();
        }
        assert!(endless.into_iter().all(|thread| thread.join().unwrap() == 408));
    });
    assert!(started.elapsed() < LATE);
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[0]]));
    world.query("INSERT INTO t VALUES (1)").data();
}

#[test]
fn an_answer_is_given_up_when_it_grows_too_large() {
    let world = World::with(|mut limits| {
        (limits.answer_rows, limits.answer_bytes) = (1_000, 1 << 20);
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    let rows = |count: usize| format!("{ENDLESS} SELECT a FROM n LIMIT {count}");
    world.query(&rows(1_000)).data();
    assert_eq!(world.query(&rows(1_001)).refusal(), (413, "unknown"));
    assert_eq!(world.query(&format!("{ENDLESS} SELECT a FROM n")).refusal().0, 413);
    assert_eq!(
        world
            .query("SELECT a.a FROM (VALUES (1)) b, (SELECT zeroblob(600000) AS a UNION ALL SELECT zeroblob(600000)) a")
            .refusal()
            .0,
        413
    );
    let returning = format!("{ENDLESS} INSERT INTO t SELECT a FROM n LIMIT 2000 RETURNING a");
    assert_eq!(world.query(&returning).refusal().0, 413);
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[0]]));
    // All statements of a batch have one answer.
    let statements = json!([{"sql": rows(600)}, {"sql": rows(600)}]);
    let answer = world.post("/v1/db/acme/agent/batch", &json!({ "statements": statements }));
    assert_eq!(answer.refusal().0, 413);
    let token = world.token(Role::Read);
    let body = json!({"sql": rows(2_000)});
    assert_eq!(world.call(Method::POST, "/v1/db/acme/agent/query", &token, Some(&body)).refusal().0, 413);
}

#[test]
fn ten_thousand_statements_are_refused_before_any_runs() {
    let world = World::with_table();
    let statements = vec![json!({"sql": "INSERT INTO t(name) VALUES ('x')"}); 10_000];
    for transaction in [true, false] {
        let body = json!({"statements": statements, "transaction": transaction});
        assert_eq!(world.post("/v1/db/acme/agent/batch", &body).refusal().0, 400);
    }
    let params = vec![json!("x"); 100_000];
    let many = world.post("/v1/db/acme/agent/query", &json!({"sql": "SELECT 1", "params": params}));
    assert_eq!(many.refusal(), (400, "too_many_params"));
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[0]]));
}

#[test]
fn a_flood_from_one_address_is_held_back() {
    let world = World::with(|mut limits| {
        limits.requests_a_minute = Some(30);
        limits
    });
    let answers: Vec<_> = (0..40).map(|_| world.http.get(world.url("/health")).send().unwrap()).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status() == 429).collect();
    assert!((5..=10).contains(&refused.len()), "{}", refused.len());
    let wait: u64 = refused[0].headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
}

#[test]
fn names_lead_nowhere_else() {
    let world = World::with_table();
    let outside = world.directory.path().join("outside.db");
    for name in [
        "..%2foutside",
        "..%2F..%2Foutside",
        "%2e%2e%2foutside",
        "..%5coutside",
        "%2fetc%2fpasswd",
        "agent%00",
        ".persql-server%2ftokens",
        "agent%2f..%2f..%2foutside",
        "%c0%ae%c0%ae%2foutside",
        "~0",
        "br_0",
        "br_..%2f..%2f..%2foutside",
        "agent.db%3fmode=memory",
    ] {
        for path in [format!("/v1/db/acme/{name}/query"), format!("/v1/db/{name}/agent/query")] {
            let answer = world.post(&path, &json!({"sql": "CREATE TABLE IF NOT EXISTS t(a)"}));
            let made_inside = name == "br_0" && path.contains("acme/br_0");
            assert_eq!(answer.status == 200, made_inside, "{path}: {}", answer.body);
        }
        let deleted = world.call(Method::DELETE, &format!("/v1/databases/{name}"), &world.admin, None);
        assert!(matches!(deleted.status, 200 | 400 | 404), "{name}: {}", deleted.body);
        let branch = world.call(Method::DELETE, &format!("/v1/db/acme/agent/branches/{name}"), &world.admin, None);
        assert!(matches!(branch.status, 400 | 404), "{name}: {}", branch.body);
    }
    assert!(!outside.exists());
    let inside: Vec<_> =
        std::fs::read_dir(world.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(inside, ["data"]);
    world.query("INSERT INTO t VALUES (1, 'still there')").data();
}

#[test]
fn sql_reaches_nothing_but_the_database() {
    let world = World::with_table();
    let stolen = world.directory.path().join("stolen.db");
    for sql in [
        format!("ATTACH '{}' AS x", stolen.display()),
        format!("VACUUM INTO '{}'", stolen.display()),
        "SELECT load_extension('x')".to_owned(),
        "SELECT readfile('x')".to_owned(),
        "SELECT writefile('x', 'y')".to_owned(),
        "SELECT edit('x')".to_owned(),
        "SELECT fts3_tokenizer('x')".to_owned(),
        "PRAGMA writable_schema=ON".to_owned(),
        "PRAGMA temp_store_directory='/'".to_owned(),
        "PRAGMA journal_mode=OFF".to_owned(),
        "PRAGMA synchronous=OFF".to_owned(),
        "PRAGMA mmap_size=1".to_owned(),
        "PRAGMA query_only=ON".to_owned(),
        "PRAGMA foreign_keys=OFF".to_owned(),
        "PRAGMA trusted_schema=ON".to_owned(),
        "PRAGMA wal_checkpoint".to_owned(),
        "PRAGMA database_list".to_owned(),
        "PRAGMA shrink_memory".to_owned(),
        "UPDATE sqlite_schema SET sql = ''".to_owned(),
        "DELETE FROM sqlite_master".to_owned(),
        "CREATE TEMP TABLE x(a)".to_owned(),
        "CREATE TABLE temp.x(a)".to_owned(),
        "CREATE VIRTUAL TABLE x USING csv(filename='/etc/passwd')".to_owned(),
        "CREATE VIRTUAL TABLE x USING dbstat".to_owned(),
        "SELECT * FROM dbstat".to_owned(),
        "SELECT * FROM sqlite_dbpage".to_owned(),
    ] {
        let answer = world.query(&sql);
        assert!(matches!(answer.status, 400 | 403), "{sql}: {}", answer.body);
    }
    assert!(!stolen.exists());
    assert_eq!(world.get("/v1/db/acme/agent/tables").data().as_array().unwrap().len(), 1);
}

#[test]
fn what_is_under_way_is_answered_before_the_server_stops() {
    let world = World::with_table();
    let query = json!({ "sql": format!("{ENDLESS} SELECT max(a) FROM (SELECT a FROM n LIMIT 1000000)") }).to_string();
    let head = world.head(query.len()).replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n");
    let mut asking = world.connect();
    asking.write_all(head.as_bytes()).unwrap();
    // The server says so when it has read the head and wants the body.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    asking.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "));
    let asked = thread::spawn(move || {
        asking.write_all(query.as_bytes()).unwrap();
        heard(asking)
    });
    let World { server, directory, .. } = world;
    let address = server.address();
    server.stop();
    let answer = asked.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("1000000"), "{answer}");
    assert!(TcpStream::connect(address).is_err());
    drop(directory);
}

#[test]
fn bodies_wait_for_memory_and_are_all_read() {
    let world = World::with(|mut limits| {
        (limits.body_bytes, limits.bodies_bytes) = (2 << 20, 2 << 20);
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let body = json!({"sql": "INSERT INTO t VALUES (?)", "params": ["x".repeat(1_500_000)]});
                world.post("/v1/db/acme/agent/query", &body).data();
            });
        }
    });
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[8]]));
}
