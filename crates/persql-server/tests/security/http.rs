//! Requests that are not what they seem.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::{LATE, world::World};

const BODY: &str = r#"{"sql":"SELECT 1"}"#;

/// What a second request in the first one's body would be.
const HIDDEN: &str = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";

/// Sends these bytes, and gives the statuses of all answers.
fn answers(world: &World, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.set_read_timeout(Some(LATE)).unwrap();
    // Whoever refuses need not read it all.
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let text = String::from_utf8_lossy(&answer);
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)?.parse().ok()).collect()
}

#[test]
fn a_request_ends_where_everybody_thinks_it_does() {
    let world = World::with_table();
    let length = BODY.len();
    let head = format!("POST /v1/db/acme/agent/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", world.admin);
    let chunked = format!("{length:x}\r\n{BODY}\r\n0\r\n\r\n");
    for (headers, body, expected) in [
        (format!("content-length: {length}\r\n"), BODY.to_owned(), vec![200]),
        (format!("content-length: {length}\r\ncontent-length: 3\r\n"), BODY.to_owned(), vec![400]),
        (format!("content-length: {length}, {length}\r\n"), BODY.to_owned(), vec![400]),
        (format!("content-length: +{length}\r\n"), BODY.to_owned(), vec![400]),
        ("content-length: -1\r\n".to_owned(), BODY.to_owned(), vec![400]),
        ("content-length: 0x12\r\n".to_owned(), BODY.to_owned(), vec![400]),
        ("content-length: 99999999999999999999999\r\n".to_owned(), BODY.to_owned(), vec![400]),
        (format!("content-length : {length}\r\n"), BODY.to_owned(), vec![400]),
        (format!("content-length: {length}\r\nx: a\r\n b\r\n"), BODY.to_owned(), vec![400]),
        (format!("content-length: {length}\r\nx: a\rb\r\n"), BODY.to_owned(), vec![400]),
        ("transfer-encoding: chunked\r\n".to_owned(), chunked.clone(), vec![200]),
        ("transfer-encoding: xchunked\r\n".to_owned(), chunked.clone(), vec![400]),
        ("transfer-encoding: chunked, gzip\r\n".to_owned(), chunked.clone(), vec![400]),
        ("transfer-encoding: identity\r\n".to_owned(), BODY.to_owned(), vec![400]),
        ("transfer-encoding : chunked\r\n".to_owned(), chunked.clone(), vec![400]),
        ("transfer-encoding: chunked\r\n".to_owned(), "fffffffffffffffff\r\n".to_owned(), vec![400]),
        ("transfer-encoding: chunked\r\n".to_owned(), "-1\r\n".to_owned(), vec![400]),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("1;{}\r\n", "x".repeat(100_000)), vec![400]),
        (
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("{length:x}\r\n{BODY}\r\n0\r\n{}\r\n", "x: y\r\n".repeat(20_000)),
            vec![400],
        ),
        // With both, the chunks count and nothing behind them on this connection.
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n".to_owned(), format!("{chunked}{HIDDEN}"), vec![200]),
        (
            format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"),
            format!("0\r\n\r\n{HIDDEN}"),
            vec![400],
        ),
        // Nothing is unpacked.
        (
            "content-encoding: gzip\r\ncontent-length: 9\r\n".to_owned(),
            "\u{1f}x\u{8}\0\0\0\0\0\0".to_owned(),
            vec![400],
        ),
    ] {
        let end = if body.contains(HIDDEN) { "" } else { "connection: close\r\n" };
        let sent = format!("{head}{headers}{end}\r\n{body}");
        assert_eq!(answers(&world, sent.as_bytes()), expected, "{headers}");
    }
    for (sent, expected) in [
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), vec![]),
        ("CONNECT elsewhere:80 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(), vec![404]),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000)), vec![414]),
        (format!("GET /health HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200)), vec![431]),
        (format!("GET /health HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(500_000)), vec![431]),
        // The first of two tokens counts, whoever else reads them.
        (
            format!(
                "GET /v1/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer psql_live_x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
                world.admin
            ),
            vec![401],
        ),
    ] {
        assert_eq!(answers(&world, sent.as_bytes()), expected, "{}", &sent[..sent.len().min(60)]);
    }
    world.query("SELECT 1").data();
}

#[test]
fn json_is_read_once_and_without_depth() {
    let world = World::with_table();
    let (open, close) = ("[".repeat(500_000), "]".repeat(500_000));
    let keys: String = (0..100_000).map(|key| format!(",\"k{key}\":1")).collect();
    for (body, status) in [
        (BODY.to_owned(), 200),
        (format!(r#"{{"sql":"SELECT 1","x":{open}{close}}}"#), 200),
        (format!(r#"{{"sql":"SELECT 1"{keys}}}"#), 200),
        (format!(r#"{{"sql":"SELECT ?","params":{open}{close}}}"#), 400),
        (format!(r#"{{"sql":"SELECT ?","params":[{}1{}]}}"#, r#"{"a":"#.repeat(100_000), "}".repeat(100_000)), 400),
        (open.clone(), 400),
        (r#"{"sql":"SELECT 1","sql":"DROP TABLE t"}"#.to_owned(), 400),
        (r#"{"sql":"SELECT 1","params":[],"params":[1]}"#.to_owned(), 400),
        ("\u{feff}{\"sql\":\"SELECT 1\"}".to_owned(), 400),
        (r#"{"sql":"SELECT '\ud800'"}"#.to_owned(), 400),
        (r#"{"sql":"SELECT 1"}{"sql":"DROP TABLE t"}"#.to_owned(), 400),
        (r#"{"sql":"SELECT ?","params":[1e999]}"#.to_owned(), 400),
        (format!(r#"{{"sql":"SELECT ?","params":[{}]}}"#, "9".repeat(100_000)), 400),
        (String::new(), 400),
    ] {
        let request = world.http.post(world.url("/v1/db/acme/agent/query")).bearer_auth(&world.admin);
        let start: String = body.chars().take(50).collect();
        assert_eq!(request.body(body).send().unwrap().status(), status, "{start}");
    }
    let request = world.http.post(world.url("/v1/db/acme/agent/query")).bearer_auth(&world.admin);
    assert_eq!(request.body(b"{\"sql\":\"SELECT '\xff'\"}".as_slice()).send().unwrap().status(), 400);
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], serde_json::json!([[0]]));
}
