//! Who may ask at all.

use persql_server::{Role, Tokens};
use reqwest::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::world::World;

#[test]
fn a_token_is_needed_and_has_a_form() {
    let world = World::new();
    let me = |header: Option<&str>| {
        let mut request = world.http.get(world.url("/v1/me"));
        if let Some(header) = header {
            request = request.header(AUTHORIZATION, header);
        }
        let response = request.send().unwrap();
        (response.status().as_u16(), response.json::<Value>().unwrap()["error"].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(me(None), (401, "Missing token".to_owned()));
    for bad in ["Bearer nonsense", "Bearer", "Basic psql_live_x", "Bearer psql_live_"] {
        assert_eq!(me(Some(bad)), (401, "Invalid token format".to_owned()), "{bad}");
    }
    assert_eq!(me(Some("Bearer psql_live_s0_unknown")), (401, "Invalid token".to_owned()));
    assert_eq!(me(Some(&format!("bearer {}", world.admin))).0, 200);
}

#[test]
fn a_token_says_whose_it_is() {
    let world = World::new();
    for (role, word) in [(Role::Admin, "admin"), (Role::Write, "readwrite"), (Role::Read, "readonly")] {
        let me = world.call(Method::GET, "/v1/me", &world.token(role), None);
        assert_eq!((&me.data()["namespaceSlug"], &me.data()["role"]), (&json!("acme"), &json!(word)));
        assert!(me.data()["namespaceId"].is_string());
    }
}

#[test]
fn a_token_of_another_namespace_gets_nowhere() {
    let world = World::with_table();
    let other = world.server.tokens().create("other", Role::Admin).unwrap();
    for (method, path) in [
        (Method::POST, "/v1/db/acme/agent/query"),
        (Method::POST, "/v1/db/acme/agent/batch"),
        (Method::GET, "/v1/db/acme/agent/tables"),
        (Method::GET, "/v1/db/acme/agent/describe"),
        (Method::POST, "/v1/db/acme/agent/claim_branch"),
        (Method::PUT, "/v1/db/acme/agent/branches/x"),
        (Method::DELETE, "/v1/db/acme/agent/branches/x"),
    ] {
        let answer = world.call(method, path, &other, Some(&json!({"sql": "SELECT 1"})));
        assert_eq!((answer.status, &answer.body["error"]), (403, &json!("Token namespace mismatch")), "{path}");
    }
    assert_eq!(*world.call(Method::GET, "/v1/databases", &other, None).data(), json!([]));
}

#[test]
fn a_revoked_token_is_refused_at_once() {
    let world = World::new();
    let token = world.token(Role::Read);
    world.call(Method::GET, "/v1/me", &token, None).data();
    assert!(world.server.tokens().revoke(&token).unwrap());
    assert_eq!(world.call(Method::GET, "/v1/me", &token, None).refusal().0, 401);
    assert!(!world.server.tokens().revoke(&token).unwrap());
    assert!(!world.server.tokens().revoke("").unwrap());
    assert!(!world.server.tokens().revoke("g").unwrap());
}

#[test]
fn a_token_made_by_another_process_works_and_no_token_is_stored() {
    let world = World::new();
    let directory = world.directory.path().join("data");
    let tokens = Tokens::open(&directory).unwrap();
    let token = tokens.create("acme", Role::Read).unwrap();
    world.call(Method::GET, "/v1/me", &token, None).data();
    let listed = tokens.list().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|token| token.namespace == "acme" && !token.of_branch && token.expires_at.is_none()));
    assert!(!format!("{listed:?} {tokens:?}").contains("psql_"));
    for file in std::fs::read_dir(directory.join(".persql-server")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(5).any(|part| part == b"psql_"));
    }
}

#[test]
fn a_namespace_is_a_name() {
    let world = World::new();
    for bad in ["", "..", ".persql", "a/b", "a b"] {
        assert!(world.server.tokens().create(bad, Role::Admin).is_err(), "{bad:?}");
    }
}
