//! Branches and their tokens.

use persql_server::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

fn claim(world: &World, body: &Value) -> Value {
    world.post("/v1/db/acme/agent/claim_branch", body).data().clone()
}

fn query(world: &World, slug: &Value, token: &str, sql: &str) -> crate::world::Answer {
    let path = format!("/v1/db/acme/{}/query", slug.as_str().unwrap());
    world.call(Method::POST, &path, token, Some(&json!({ "sql": sql })))
}

#[test]
fn a_claimed_branch_has_the_schema_no_rows_and_a_token_of_its_own() {
    let world = World::with_table();
    world.query("INSERT INTO t VALUES (1, 'a')").data();
    let claimed = claim(&world, &json!({"ref": "feature/x", "purpose": "a trial"}));
    assert_eq!((&claimed["branchRef"], &claimed["outcome"]), (&json!("feature/x"), &json!("created")));
    assert_eq!(claimed["namespaceSlug"], "acme");
    assert!(claimed["expiresAt"].is_string());
    let (slug, token) = (&claimed["databaseSlug"], claimed["token"].as_str().unwrap());
    assert_eq!(query(&world, slug, token, "SELECT count(*) FROM t").data()["rows"], json!([[0]]));
    query(&world, slug, token, "INSERT INTO t VALUES (2, 'b')").data();
    assert_eq!(query(&world, slug, token, "DROP TABLE t").refusal().0, 403);
    assert_eq!(world.query("SELECT count(*) FROM t").data()["rows"], json!([[1]]));

    let again = claim(&world, &json!({"ref": "feature/x"}));
    assert_eq!(again["outcome"], "reset");
    assert_ne!(again["databaseSlug"], *slug);
    assert_eq!(query(&world, slug, token, "SELECT 1").refusal().0, 404);
}

#[test]
fn a_branchs_token_is_good_for_that_branch_alone() {
    let world = World::with_table();
    let (one, two) = (claim(&world, &json!({"role": "admin"})), claim(&world, &json!({})));
    let token = one["token"].as_str().unwrap();
    query(&world, &one["databaseSlug"], token, "CREATE TABLE u(a)").data();
    assert_eq!(query(&world, &two["databaseSlug"], token, "SELECT 1").refusal().0, 403);
    assert_eq!(query(&world, &json!("agent"), token, "SELECT 1").refusal().0, 403);
    let slug = one["databaseSlug"].as_str().unwrap();
    for (method, path) in [
        (Method::GET, "/v1/databases".to_owned()),
        (Method::POST, "/v1/databases".to_owned()),
        (Method::DELETE, "/v1/databases/agent".to_owned()),
        (Method::POST, format!("/v1/db/acme/{slug}/claim_branch")),
        (Method::PUT, format!("/v1/db/acme/{slug}/branches/x")),
        (Method::POST, "/v1/db/acme/agent/claim_branch".to_owned()),
    ] {
        assert_eq!(world.call(method, &path, token, Some(&json!({"slug": "x"}))).refusal().0, 403, "{path}");
    }
    assert_eq!(world.call(Method::GET, "/v1/me", token, None).data()["role"], "admin");
}

#[test]
fn an_admin_of_the_namespace_opens_its_branches_and_no_others() {
    let world = World::with_table();
    let claimed = claim(&world, &json!({"ref": "a"}));
    query(&world, &claimed["databaseSlug"], &world.admin, "CREATE TABLE u(a)").data();
    let other = world.server.tokens().create("other", Role::Admin).unwrap();
    let path = format!("/v1/db/other/{}/query", claimed["databaseSlug"].as_str().unwrap());
    let answer = world.call(Method::POST, &path, &other, Some(&json!({"sql": "SELECT 1"})));
    assert_eq!(answer.refusal().0, 404);
    let none = json!(format!("br_{}", "0".repeat(32)));
    assert_eq!(query(&world, &none, &world.admin, "CREATE TABLE u(a)").refusal().0, 404);
}

#[test]
fn a_branch_is_upserted_and_deleted_by_name() {
    let world = World::with_table();
    let path = "/v1/db/acme/agent/branches/release%2F1";
    let put = |body: &Value| world.call(Method::PUT, path, &world.admin, Some(body));
    let made = put(&json!({"fromRef": "main"}));
    assert_eq!((&made.data()["branchRef"], &made.data()["outcome"]), (&json!("release/1"), &json!("created")));
    query(&world, &made.data()["databaseSlug"], &world.admin, "INSERT INTO t VALUES (1, 'a')").data();
    let reset = put(&json!({"fromRef": "release/1", "expiresAt": "2999-01-01T00:00:00Z"}));
    assert_eq!(
        (&reset.data()["outcome"], &reset.data()["expiresAt"]),
        (&json!("reset"), &json!("2999-01-01T00:00:00Z"))
    );
    assert_eq!(put(&json!({"fromRef": "main", "expiresAt": "tomorrow"})).refusal().0, 400);
    assert_eq!(put(&json!({"fromRef": "missing"})).refusal().0, 404);
    world.call(Method::DELETE, path, &world.admin, None).data();
    assert_eq!(world.call(Method::DELETE, path, &world.admin, None).refusal().0, 404);
}

#[test]
fn a_claim_has_bounds() {
    let world = World::new();
    let refused = |body: Value| world.post("/v1/db/acme/agent/claim_branch", &body).refusal().0;
    assert_eq!(refused(json!({})), 404, "a database that is not there has no branches");
    world.query("CREATE TABLE t(a)").data();
    for body in [
        json!({"ttlSec": 59}),
        json!({"ttlSec": 2_592_001}),
        json!({"role": "owner"}),
        json!({"ref": "../x"}),
        json!({"ref": ""}),
        json!({"ref": "x".repeat(65)}),
    ] {
        assert_eq!(refused(body.clone()), 400, "{body}");
    }
    let write = world.token(Role::Write);
    let answer = world.call(Method::POST, "/v1/db/acme/agent/claim_branch", &write, None);
    assert_eq!(answer.refusal().0, 403);
}
