//! A server that means harm, or what stands in its place: nothing it says hurts the client.

use std::{sync::mpsc, time::Instant};

use super::{
    retries::{Hurry, SECOND},
    *,
};

/// Longer than anything here takes.
const LATE: Duration = Duration::from_secs(60);

/// Reads the request and writes these pieces until the client has had enough.
fn write_on(head: &'static str, piece: Vec<u8>, times: usize) -> Reply {
    Reply::Wild(Box::new(move |stream| {
        let mut go_on = stream.write_all(head.as_bytes()).is_ok();
        for _ in 0..times {
            go_on = go_on && stream.write_all(&piece).is_ok();
        }
        // Nothing more can be said on this connection.
        drop(stream.shutdown(std::net::Shutdown::Both));
    }))
}

/// The error of a read that this is the answer to, and of no other attempt.
fn refused(reply: Reply) -> persql_core::Error {
    let server = Server::start([reply]);
    let time = Hurry::at(&server);
    let started = Instant::now();
    let db = time.client(&server).total_timeout(SECOND / 100).build().unwrap().database("acme/agent").unwrap();
    let error = db.with_timeout(LATE).run(read_plan()).unwrap_err();
    assert!(started.elapsed() < LATE);
    error
}

#[test]
fn a_body_without_an_end_is_given_up() {
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 0x10_0000], b"\r\n"].concat();
    let endless = write_on("HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n", chunk, 100_000);
    assert_eq!(patient(endless).kind(), ErrorKind::TooLarge);
}

/// The same for an answer that takes a while to be heard.
fn patient(reply: Reply) -> persql_core::Error {
    let server = Server::start([reply]);
    server.client(LATE).database("acme/agent").unwrap().run(read_plan()).unwrap_err()
}

#[test]
fn a_bomb_of_gzip_is_not_unpacked_to_its_end() {
    // A megabyte of blanks each: JSON as good as any.
    let start = *b"\xec\xc1\x31\x01\x00\x00\x00\xc2\xa0\x2a\xeb\x9f\xd2\x10\xbe\x40\x01";
    let mebibyte = [start.as_slice(), &[0; 1015], b"\x7c\x06\x00\x00\xff\xff"].concat();
    let mut bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03".to_vec();
    (0..4_096).for_each(|_| bomb.extend_from_slice(&mebibyte));
    let head = "HTTP/1.1 200 x\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
    assert_eq!(patient(write_on(head, bomb, 1)).kind(), ErrorKind::TooLarge);
}

#[test]
fn heads_without_an_end_are_given_up() {
    for (head, piece) in [
        ("HTTP/1.1 200 x\r\nx: ", vec![b'x'; 1 << 16]),
        ("HTTP/1.1 200 x\r\n", b"x: y\r\n".repeat(10_000)),
        ("HTTP/1.1 ", vec![b'2'; 1 << 16]),
        ("", vec![0xff; 1 << 16]),
    ] {
        let error = refused(write_on(head, piece, 10_000));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{head:?}");
    }
}

#[test]
fn an_answer_that_comes_too_slowly_is_none() {
    let (begins, begun) = mpsc::channel();
    let slow = Reply::Wild(Box::new(move |stream| {
        let head = b"HTTP/1.1 200 x\r\ncontent-length: 1000000\r\n\r\n";
        let mut sent = stream.write_all(head);
        begins.send(()).unwrap();
        while sent.is_ok() {
            thread::sleep(Duration::from_millis(20)); // tidy: allow-sleep a slow server is what is tested
            sent = stream.write_all(b" ");
        }
    }));
    let server = Server::start([slow]);
    let (time, silence) = (Hurry::at(&server), Arc::clone(&server.silence));
    // As if the time of the attempt were over in the middle of the body.
    thread::spawn(move || begun.recv().map(|()| silence.notify_one()));
    let db = time.client(&server).build().unwrap().database("acme/agent").unwrap().with_timeout(7 * SECOND);
    assert_eq!(db.run(read_plan()).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(time.passed(), 7 * SECOND);
}

#[test]
fn json_of_any_depth_and_shape_is_refused() {
    let deep = |before: &str, open: &str, close: &str, after: &str| {
        let body = format!("{before}{}{}{after}", open.repeat(500_000), close.repeat(500_000));
        let head = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n", body.len());
        patient(Reply::Wild(Box::new(move |stream| drop(stream.write_all(format!("{head}{body}").as_bytes())))))
    };
    for (before, after) in [
        ("", ""),
        (r#"{"success":true,"data":"#, "}"),
        (r#"{"success":true,"data":{"columns":["n"],"rows":"#, "}}"),
        (r#"{"success":true,"data":{"columns":["n"],"rows":[["#, "]]}}"),
        (r#"{"success":true,"meta":"#, "}"),
        (r#"{"success":true,"error":"#, "}"),
    ] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"{"$base64":"#, "}")] {
            assert_eq!(deep(before, open, close, after).kind(), ErrorKind::Corrupt, "{before}{open}");
        }
    }
    for body in [
        "null",
        "7",
        r#"{"success":"true"}"#,
        r#"{"success":true,"data":[]}"#,
        r#"{"success":true,"data":{"columns":["n"],"rows":[[7],[7,8]]}}"#,
        r#"{"success":true,"data":{"columns":["n","m"],"rows":[[7]]}}"#,
        r#"{"success":true,"data":{"columns":["n"],"rows":[[{"$base64":7}]]}}"#,
        r#"{"success":true,"data":{"columns":["n"],"rows":[[1e999]]}}"#,
        r#"{"success":true,"data":{"columns":[],"rows":[]},"data":{"columns":["n"],"rows":[[7]]}}"#,
    ] {
        assert_eq!(refused(Reply::Say(200, "", body)).kind(), ErrorKind::Corrupt, "{body}");
    }
}

#[test]
fn a_redirect_takes_the_token_nowhere() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start([ONE_ROW]);
        let head = format!("HTTP/1.1 {status} x\r\nlocation: {}/v1\r\ncontent-length: 0\r\n\r\n", elsewhere.url);
        let error = refused(Reply::Wild(Box::new(move |stream| drop(stream.write_all(head.as_bytes())))));
        assert_eq!((error.kind(), elsewhere.seen().len()), (ErrorKind::Corrupt, 0), "{status}");
    }
}

#[test]
fn an_answer_to_nothing_is_not_the_answer_to_what_comes_next() {
    let twice = Reply::Wild(Box::new(|stream| {
        let forged = r#"{"success":true,"data":{"columns":["n"],"rows":[[666]]}}"#;
        let said = r#"{"success":true,"data":{"columns":["n"],"rows":[[7]]}}"#;
        let answer = |body: &str| format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(format!("{}{}", answer(said), answer(forged)).as_bytes()).unwrap();
    }));
    let server = Server::start([twice, ONE_ROW, ONE_ROW]);
    let db = server.db();
    for _ in 0..3 {
        assert_eq!(db.run(read_plan()).unwrap(), 7);
    }
}

#[test]
fn a_name_of_the_servers_choice_leads_to_no_other_route() {
    for slug in ["../../v1/me", "a/b", "..", "", "a?b", "a#b", "a%2fb", "a b", "a\\r\\nx: y", "\\u0000"] {
        let said = format!(
            r#"{{"success":true,"data":{{"branchRef":"x","token":"psql_live_branch","outcome":"created","namespaceSlug":"acme","databaseSlug":"{slug}"}}}}"#
        );
        let head = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n", said.len());
        let claimed = Reply::Wild(Box::new(move |stream| drop(stream.write_all(format!("{head}{said}").as_bytes()))));
        let server = Server::start([claimed, ONE_ROW]);
        let claim = server.db().branches().claim(persql_core::Claim::of("x"));
        let used = claim.and_then(|claimed| claimed.database.run(read_plan()));
        let lines: Vec<String> = server.seen().into_iter().skip(1).map(|seen| seen.line).collect();
        let stays = |line: &String| {
            let path = line.strip_prefix("POST /v1/db/acme/").and_then(|path| path.strip_suffix("/query HTTP/1.1"));
            path.is_some_and(|name| !name.is_empty() && name != ".." && !name.contains(['/', '?', '#', ' ']))
        };
        assert!(lines.iter().all(stays), "{slug:?}: {lines:?} {used:?}");
    }
}

#[test]
fn what_a_server_says_of_secrets_is_not_said_again() {
    let echo = r#"{"success":false,"error":"psql_test_secret 'stored'","errorDetail":{"kind":"unknown","message":"psql_test_secret","hint":"stored"}}"#;
    for status in [200, 400, 401, 403, 404, 409, 418, 500] {
        let error = refused(Reply::Say(status, "x-token: psql_test_secret\r\n", echo));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret") && !shown.contains("stored"), "{shown}");
    }
}
