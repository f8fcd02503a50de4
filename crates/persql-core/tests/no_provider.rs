//! A build whose TLS needs a crypto provider of the program's, in a program that has installed none.
#![cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use persql_core::{ErrorKind, blocking::Database};

#[test]
fn tls_without_a_provider_says_so() {
    let db = Database::from_token("psql_test_secret", "acme/agent").unwrap();
    let error = db.query("SELECT 1", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("crypto provider"), "{error}");
}
