//! Databases as a whole, and who asks for them.

use super::*;

use persql_core::Role;

const ME: Reply =
    Reply::Say(200, "", r#"{"success":true,"data":{"namespaceSlug":"acme","namespaceId":"ns_1","role":"readwrite"}}"#);
const MADE: Reply = Reply::Say(
    200,
    "",
    r#"{"success":true,"data":{"id":"db_1","slug":"agent-1","name":"agent-1","status":"active","region":"weur","createdAt":"2026-11-21T06:00:00Z"}}"#,
);
const LIST: Reply = Reply::Say(200, "", r#"{"success":true,"data":[{"id":"1","slug":"a"}]}"#);
const GONE: Reply = Reply::Say(200, "", r#"{"success":true}"#);

fn lines(server: &Server) -> Vec<String> {
    server.seen().into_iter().map(|seen| seen.line.trim_end_matches(" HTTP/1.1").to_owned()).collect()
}

#[test]
fn a_client_asks_who_it_is() {
    let server = Server::start([ME, ME]);
    let client = server.client(Duration::from_secs(60));
    let me = client.me().unwrap();
    assert_eq!((me.namespace.as_str(), me.namespace_id.as_deref()), ("acme", Some("ns_1")));
    assert_eq!(me.role, Some(Role::Write));
    assert_eq!(client.me().unwrap(), me);
    assert_eq!(lines(&server), ["GET /v1/me", "GET /v1/me"]);
}

#[test]
fn databases_are_made_listed_and_deleted_in_the_namespace_of_the_token() {
    let server = Server::start([ME, MADE, LIST, GONE, LIST]);
    let client = server.client(Duration::from_secs(60));
    let databases = client.databases();
    let made = databases.create("agent-1", Some(7)).unwrap();
    assert_eq!(made.full_name(), "acme/agent-1");
    assert!(made.created_at.is_some() && made.expires_at.is_none());
    assert_eq!(databases.list().unwrap()[0].full_name(), "acme/a");
    databases.delete("agent-1").unwrap();
    assert_eq!(databases.clone().namespace("acme").list().unwrap().len(), 1);
    // What is asked of another namespace would be done to our own.
    for other in [
        databases.clone().namespace("other").delete("agent-1"),
        databases.clone().namespace("other").list().map(drop),
        databases.clone().namespace("other").create("agent-1", None).map(drop),
    ] {
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Denied);
    }
    // The namespace is asked for once.
    let expected = [
        "GET /v1/me",
        "POST /v1/databases",
        "GET /v1/databases?pageSize=1000",
        "DELETE /v1/databases/agent-1",
        "GET /v1/databases?pageSize=1000",
    ];
    assert_eq!(lines(&server), expected);
    assert_eq!(server.seen()[1].body, r#"{"name":"agent-1","slug":"agent-1","ttlDays":7}"#);
    assert!(server.seen().iter().all(|seen| seen.header("idempotency-key").is_none()));
}

#[test]
fn what_has_no_key_is_not_tried_again_once_it_was_lost() {
    let server = Server::start([ME, NOT_NOW, Reply::HangUp, Reply::HangUp]);
    let client = server.client(Duration::from_secs(60));
    let error = client.databases().create("agent-1", None).unwrap_err();
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Unavailable, true));
    assert!(!error.is_retryable());
    assert_eq!(server.seen().len(), 3);
    let error = client.database("acme/a").unwrap().branches().delete("x").unwrap_err();
    assert!(error.may_have_applied());
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn a_refused_token_is_said_before_anything_is_done() {
    const REFUSED: Reply = Reply::Say(401, "", r#"{"success":false,"error":"Invalid token format"}"#);
    let server = Server::start([REFUSED, ME, GONE]);
    let databases = server.client(Duration::from_secs(60)).databases();
    let error = databases.delete("agent-1").unwrap_err();
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Denied, false));
    // A refusal is not remembered.
    databases.delete("agent-1").unwrap();
    assert_eq!(server.seen().len(), 3);
}
