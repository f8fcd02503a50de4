//! Logs and `Debug` hold no token, no parameter and no stored text.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the world serves other tests too")]

#[path = "support/world.rs"]
mod world;

use persql_server::Role;
use reqwest::Method;
use serde_json::json;

use world::{World, log::log};

#[test]
fn a_log_has_a_line_for_each_request_and_nothing_of_what_it_said() {
    let world = World::with_table();
    let answer = world.post(
        "/v1/db/acme/agent/query",
        &json!({"sql": "INSERT INTO t VALUES (1, 'hidden-literal' || ?)", "params": ["hidden-parameter"]}),
    );
    assert_eq!(answer.status, 200);
    world.query("SELECT * FROM t").data();
    assert_eq!(world.query("INSERT INTO t VALUES (1, 'hidden-literal')").refusal().0, 409);
    assert_eq!(world.call(Method::GET, "/v1/me", "psql_live_hidden", None).refusal().0, 401);
    world.post("/v1/db/acme/agent/claim_branch", &json!({"purpose": "hidden-purpose"})).data();
    let shown = format!("{:?} {:?} {:?}", world.server, world.server.tokens(), world.server.tokens().list());
    let token = world.token(Role::Read);
    let admin = world.admin.clone();
    drop(world);
    let log = log();
    let line = log.lines().find(|line| line.contains("persql_server::log") && line.contains("status=409")).unwrap();
    for part in ["id=", "method=POST", "route=\"/v1/db/{namespace}/{database}/query\"", "ms="] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(log.lines().count() > 8);
    for secret in ["hidden", "psql_", &admin, &token] {
        assert!(!log.contains(secret) && !shown.contains(secret), "{secret}");
    }
}
