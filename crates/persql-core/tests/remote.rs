//! The client against a server on this machine that says what the test tells it to.
#![cfg(feature = "remote")]
// There the HTTP client is not even made: see `no_provider.rs`.
#![cfg(any(feature = "rustls", not(feature = "rustls-no-provider")))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "remote/databases.rs"]
mod databases;
#[path = "remote/hostile.rs"]
mod hostile;
#[path = "remote/retries.rs"]
mod retries;
#[path = "remote/runtimes.rs"]
mod runtimes;
#[path = "remote/spans.rs"]
mod spans;
#[path = "remote/transport.rs"]
mod transport;

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use persql_core::{Batch, ErrorKind, Handle, Plan, Request, Statement, blocking};
use tokio::sync::Notify;

/// What the server does with the next request.
enum Reply {
    /// Answers with this status, these headers and this body.
    Say(u16, &'static str, &'static str),
    /// Succeeds with a body that is compressed.
    Gzip(&'static [u8]),
    /// Reads the request and closes the connection.
    HangUp,
    /// Reads the request and says nothing.
    Silence,
    /// Does what it likes with the connection.
    Wild(Box<dyn FnOnce(&mut TcpStream) + Send>),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    /// A request will not be answered.
    silence: Arc<Notify>,
}

impl Server {
    fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script: Arc<Mutex<VecDeque<Reply>>> = Arc::new(Mutex::new(script.into_iter().collect()));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (connections, silence): (Arc<AtomicUsize>, Arc<Notify>) = Default::default();
        let server =
            Self { url, seen: Arc::clone(&seen), connections: Arc::clone(&connections), silence: Arc::clone(&silence) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let (script, seen, silence) = (Arc::clone(&script), Arc::clone(&seen), Arc::clone(&silence));
                thread::spawn(move || serve(stream, &script, &seen, &silence));
            }
        });
        server
    }

    fn db(&self) -> blocking::Database {
        self.client(Duration::from_secs(60)).database("acme/agent").unwrap()
    }

    fn client(&self, total: Duration) -> blocking::PerSql {
        blocking::PerSql::builder().token("psql_test_secret").api_url(&self.url).total_timeout(total).build().unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, script: &Mutex<VecDeque<Reply>>, seen: &Mutex<Vec<Seen>>, silence: &Notify) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read(&mut reader) {
        seen.lock().unwrap().push(request);
        let Some(reply) = script.lock().unwrap().pop_front() else { return };
        let (status, headers, body) = match reply {
            Reply::Say(status, headers, body) => (status, headers, body.as_bytes()),
            Reply::Gzip(body) => (200, "content-encoding: gzip\r\n", body),
            Reply::HangUp => return,
            Reply::Wild(act) => {
                act(&mut stream);
                continue;
            }
            Reply::Silence => {
                silence.notify_one();
                // Until the client has had enough.
                read(&mut reader);
                return;
            }
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{headers}\r\n");
        stream.write_all(&[answer.as_bytes(), body].concat()).unwrap();
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<(String, String)> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(key, _)| key == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { line: lines.first()?.clone(), headers, body: String::from_utf8(body).unwrap() })
}

const ONE_ROW: Reply = Reply::Say(200, "", r#"{"success":true,"data":{"columns":["n"],"rows":[[7]]}}"#);
const DONE: Reply = Reply::Say(200, "", r#"{"success":true,"data":{"columns":[],"rows":[],"changes":1}}"#);
const BUSY: Reply = Reply::Say(503, "", r#"{"success":false,"errorDetail":{"kind":"database_locked"}}"#);
const NOT_NOW: Reply = Reply::Say(429, "retry-after: 0\r\n", "slow down");

fn read_plan() -> Plan<i64> {
    Plan::read(Statement::from("SELECT 7 AS n")).try_map(|rows| rows.first().unwrap().get("n"))
}

fn write_plan() -> Plan<()> {
    Plan::write([Statement::new("INSERT INTO t VALUES (?1)", ["x"])])
}

#[test]
fn a_request_carries_the_token_and_a_write_carries_a_key() {
    let server = Server::start([ONE_ROW, DONE, DONE]);
    let db = server.db();
    assert_eq!(db.run(read_plan()).unwrap(), 7);
    db.run(write_plan()).unwrap();
    db.run(write_plan()).unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /v1/db/acme/agent/query HTTP/1.1");
    assert_eq!(seen[0].header("authorization"), Some("Bearer psql_test_secret"));
    assert!(seen[0].header("user-agent").unwrap().starts_with("persql-rust/"));
    assert_eq!(seen[0].header("accept-encoding"), Some("gzip"));
    assert_eq!(seen[0].header("idempotency-key"), None);
    assert_eq!(seen[1].body, r#"{"sql":"INSERT INTO t VALUES (?1)","params":["x"]}"#);
    let keys = [seen[1].header("idempotency-key").unwrap(), seen[2].header("idempotency-key").unwrap()];
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_write_is_tried_again_with_the_same_key_when_the_server_asks_for_it() {
    let server = Server::start([NOT_NOW, BUSY, DONE]);
    server.db().run(write_plan()).unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.header("idempotency-key") == seen_key(&server, 0).as_deref()));
}

fn seen_key(server: &Server, index: usize) -> Option<String> {
    server.seen()[index].header("idempotency-key").map(str::to_owned)
}

#[test]
fn a_lost_read_is_tried_again_and_a_lost_write_says_that_it_may_have_happened() {
    let server = Server::start([Reply::HangUp, ONE_ROW, Reply::HangUp]);
    assert_eq!(server.db().run(read_plan()).unwrap(), 7);
    let db = server.client(Duration::from_secs(10)).database("acme/agent").unwrap();
    let error = db.run(write_plan()).unwrap_err();
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Unavailable, true));
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_server_that_is_not_there_was_not_written_to() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = blocking::PerSql::builder()
        .token("psql_test_secret")
        .api_url(format!("http://{gone}"))
        .total_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let error = client.database("a/b").unwrap().run(write_plan()).unwrap_err();
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Unavailable, false));
    assert!(!format!("{error:?}").contains("secret"));
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is() {
    let server = Server::start([]);
    let db = server.db();
    let many = vec![Statement::from("SELECT 1"); 101];
    assert_eq!(db.run(Plan::write(many)).unwrap_err().kind(), ErrorKind::InvalidInput);
    let blob = Statement::new("INSERT INTO t VALUES (?1)", [vec![1u8]]);
    assert_eq!(db.run(Plan::write([blob])).unwrap_err().kind(), ErrorKind::InvalidInput);
    db.close();
    assert_eq!(db.run(read_plan()).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn several_writes_are_one_transaction() {
    let server = Server::start([Reply::Say(200, "", r#"{"success":true,"data":[]}"#)]);
    let batch = Batch::write([Statement::from("a"), Statement::from("b")]);
    server.db().run(Plan::send(Request::Batch(batch))).unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /v1/db/acme/agent/batch HTTP/1.1");
    assert_eq!(seen[0].body, r#"{"statements":[{"sql":"a"},{"sql":"b"}],"transaction":true}"#);
}

#[test]
fn tables_and_descriptions_are_read_as_documented() {
    let server = Server::start([
        Reply::Say(200, "", r#"{"success":true,"data":[{"name":"t","rowCount":3}]}"#),
        Reply::Say(
            200,
            "",
            r#"{"success":true,"data":{"databaseDescription":"d","tables":[{"table":"t","columns":[{"name":"a","type":"TEXT","new":1}]}]}}"#,
        ),
    ]);
    let db = server.db();
    assert_eq!(db.tables().unwrap()[0].row_count, 3);
    let description = db.describe().unwrap();
    assert_eq!(description.tables[0].columns[0].declared_type, "TEXT");
    assert_eq!(server.seen()[0].line, "GET /v1/db/acme/agent/tables HTTP/1.1");
}

#[test]
fn the_cost_of_all_requests_is_summed() {
    const PRICED: Reply = Reply::Say(
        200,
        "",
        r#"{"success":true,"data":{"columns":["n"],"rows":[[7]],"rowsRead":1},"meta":{"rowsRead":1,"statementCount":1,"costUsd":0.25}}"#,
    );
    let server = Server::start([PRICED, PRICED]);
    let client = server.client(Duration::from_secs(60));
    let db = client.database("acme/agent").unwrap();
    assert_eq!(db.query("SELECT 7 AS n", ()).unwrap().meta().cost_usd, Some(0.25));
    db.query("SELECT 7 AS n", ()).unwrap();
    assert_eq!((client.usage().cost_usd, client.usage().statement_count), (Some(0.5), 2));
}

#[test]
fn a_branch_is_claimed_and_used_with_its_own_token() {
    use persql_core::{Claim, Outcome, Role};
    let claimed = r#"{"success":true,"data":{"branchRef":"feature/x","token":"psql_live_branch","expiresAt":"2100-01-01T00:00:00Z","outcome":"created","namespaceSlug":"acme","databaseSlug":"agent--br-1"}}"#;
    let done = || Reply::Say(200, "", r#"{"success":true,"data":null}"#);
    let server = Server::start([Reply::Say(200, "", claimed), ONE_ROW, done(), done()]);
    let db = server.db();
    let claim = Claim::of("feature/x").role(Role::Read).ttl(Duration::from_secs(600)).purpose("a look");
    let claimed = db.branches().claim(claim).unwrap();
    assert_eq!(
        (claimed.branch.outcome, claimed.branch.database_slug.as_str()),
        (Some(Outcome::Created), "agent--br-1")
    );
    assert!(!format!("{claimed:?}").contains("psql_live_branch"));
    claimed.database.query("SELECT n FROM t", ()).unwrap();
    // The server's role is known here as well, and nothing is sent in vain.
    let refused = claimed.database.run(Plan::write([Statement::from("DELETE FROM t")])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    let end = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    db.branches().upsert("feature/y", Some("feature/x"), persql_core::BranchEnd::At(end), false).unwrap();
    db.branches().delete("feature/x").unwrap();
    let seen = server.seen();
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /v1/db/acme/agent/claim_branch HTTP/1.1",
            "POST /v1/db/acme/agent--br-1/query HTTP/1.1",
            "PUT /v1/db/acme/agent/branches/feature%2Fy HTTP/1.1",
            "DELETE /v1/db/acme/agent/branches/feature%2Fx HTTP/1.1",
        ]
    );
    assert_eq!(seen[0].body, r#"{"ref":"feature/x","purpose":"a look","ttlSec":600,"role":"read"}"#);
    assert_eq!(seen[1].header("authorization"), Some("Bearer psql_live_branch"));
    assert_eq!(seen[2].body, r#"{"fromRef":"feature/x","expiresAt":"2023-11-14T22:13:20Z"}"#);
    assert_eq!(seen[3].header("authorization"), Some("Bearer psql_test_secret"));
    for unsupported in [
        db.branches().claim(Claim::of("x").with_data(true)).map(drop),
        db.branches().list().map(drop),
        db.snapshots().list().map(drop),
        server.client(Duration::from_secs(1)).databases().sweep().map(drop),
    ] {
        assert_eq!(unsupported.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    // Closing the client closes its branches.
    db.close();
    assert_eq!(claimed.database.tables().unwrap_err().kind(), ErrorKind::Closed);
}
