//! How requests travel.

use super::*;

/// `ONE_ROW`, as gzip makes it.
const ONE_ROW_PRESSED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x2e\x4d\x4e\x4e\x2d\x2e\x56\xb2\x2a\x29\x2a\x4d\xd5\x51\x4a\x49\x2c\x49\x54\xb2\xaa\x56\x4a\xce\xcf\x29\xcd\xcd\x03\x0a\x47\x2b\xe5\x29\xc5\xea\x28\x15\xe5\x97\x83\x38\xd1\xe6\xb1\xb1\xb5\xb5\x00\xc7\xe2\xdd\x1c\x36\x00\x00\x00";

#[test]
fn a_compressed_answer_is_read() {
    let server = Server::start([Reply::Gzip(ONE_ROW_PRESSED), Reply::Gzip(b"not gzip at all")]);
    assert_eq!(server.db().run(read_plan()).unwrap(), 7);
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("gzip"));
    let impatient = server.client(Duration::from_millis(50)).database("acme/agent").unwrap();
    assert_eq!(impatient.run(read_plan()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn requests_share_a_connection_whoever_sends_them() {
    let server = Server::start(std::iter::repeat_with(|| ONE_ROW).take(12));
    let client = server.client(Duration::from_secs(60));
    for name in ["acme/agent", "acme/other"] {
        let db = client.database(name).unwrap();
        for _ in 0..3 {
            db.run(read_plan()).unwrap();
            // Each time from a runtime that is gone afterwards.
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(db.asynchronous().run(read_plan())).unwrap();
        }
    }
    assert_eq!((server.seen().len(), server.connections.load(Ordering::SeqCst)), (12, 1));
}

#[test]
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn https_is_spoken_and_nothing_is_said_before_it_is() {
    let server = Server::start([]);
    let client = blocking::PerSql::builder()
        .token("psql_test_secret")
        .api_url(server.url.replace("http://", "https://"))
        .total_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let error = client.database("acme/agent").unwrap().run(read_plan()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(server.seen().len(), 0);
}

#[test]
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn a_build_without_tls_says_so() {
    assert_eq!(blocking::PerSql::new("psql_test_secret").unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::start([ONE_ROW]);
    let server = Server::start([Reply::Say(307, "location: http://127.0.0.1:1/\r\n", "")]);
    let error = server.db().run(read_plan()).unwrap_err();
    assert_eq!((error.kind(), elsewhere.seen().len()), (ErrorKind::Corrupt, 0));
}
