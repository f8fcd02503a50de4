//! `/v1/databases`.

use persql_server::Role;
use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[test]
fn a_database_is_made_listed_and_deleted() {
    let world = World::new();
    let made = world.post("/v1/databases", &json!({"name": "My Notes", "ttlDays": 7}));
    assert_eq!((&made.data()["slug"], &made.data()["name"]), (&json!("my-notes"), &json!("My Notes")));
    assert!(made.data()["createdAt"].is_string() && made.data()["expiresAt"].is_string());
    world.post("/v1/databases", &json!({"name": "b", "slug": "b"})).data();
    world.post("/v1/db/acme/by-writing/query", &json!({"sql": "CREATE TABLE t(a)"})).data();
    let listed = world.get("/v1/databases?pageSize=100");
    let slugs: Vec<_> = listed.data().as_array().unwrap().iter().map(|database| database["slug"].clone()).collect();
    assert_eq!(slugs, ["b", "by-writing", "my-notes"]);
    assert!(listed.data()[0]["expiresAt"].is_null() && listed.data()[0]["status"] == "active");
    assert_eq!(world.get("/v1/databases?pageSize=1").data().as_array().unwrap().len(), 1);
    assert_eq!(world.get("/v1/databases?pageSize=x").refusal().0, 400);

    world.call(Method::DELETE, "/v1/databases/b", &world.admin, None).data();
    assert_eq!(world.call(Method::DELETE, "/v1/databases/b", &world.admin, None).refusal(), (404, "unknown_database"));
    assert_eq!(world.post("/v1/db/acme/b/query", &json!({"sql": "SELECT 1"})).refusal(), (404, "unknown_database"));
}

#[test]
fn what_cannot_be_made_is_refused() {
    let world = World::new();
    world.post("/v1/databases", &json!({"slug": "a"})).data();
    let branch = format!("br_{}", "0".repeat(32));
    for (body, status) in [
        (json!({"slug": "a"}), 409),
        (json!({"slug": "../a"}), 400),
        (json!({"slug": ""}), 400),
        (json!({"name": "…"}), 400),
        (json!({"slug": "c", "ttlDays": 31}), 400),
        (json!({"slug": "c", "ttlDays": 0}), 400),
        (json!({"slug": "c", "template": "blog"}), 400),
        (json!({ "slug": branch }), 400),
        (json!({}), 400),
    ] {
        assert_eq!(world.post("/v1/databases", &body).refusal().0, status, "{body}");
    }
    for path in ["/v1/databases/..", "/v1/databases/%2e%2e%2fx", "/v1/databases/.persql-server"] {
        assert!(world.call(Method::DELETE, path, &world.admin, None).status >= 400, "{path}");
    }
}

#[test]
fn only_an_admin_manages_databases() {
    let world = World::new();
    for role in [Role::Read, Role::Write] {
        let token = world.token(role);
        world.call(Method::GET, "/v1/databases", &token, None).data();
        let made = world.call(Method::POST, "/v1/databases", &token, Some(&json!({"slug": "a"})));
        assert_eq!(made.refusal().0, 403);
        assert_eq!(world.call(Method::DELETE, "/v1/databases/a", &token, None).refusal().0, 403);
    }
}
