//! Tokens that are good, and not for this.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use persql_server::{Config, Role, Server};
use reqwest::{Method, blocking::Client};
use serde_json::{Value, json};

use crate::world::{World, log::Said};

/// Every route, and what it takes. `{db}` is the database.
fn routes() -> Vec<(Method, &'static str, Value)> {
    vec![
        (Method::POST, "/v1/db/acme/{db}/query", json!({"sql": "SELECT 1"})),
        (Method::POST, "/v1/db/acme/{db}/query", json!({"sql": "DELETE FROM t"})),
        (Method::POST, "/v1/db/acme/{db}/query", json!({"sql": "DROP TABLE t"})),
        (
            Method::POST,
            "/v1/db/acme/{db}/batch",
            json!({"statements": [{"sql": "DELETE FROM t"}], "transaction": true}),
        ),
        (
            Method::POST,
            "/v1/db/acme/{db}/batch",
            json!({"statements": [{"sql": "DELETE FROM t"}], "transaction": false}),
        ),
        (Method::GET, "/v1/db/acme/{db}/tables", Value::Null),
        (Method::GET, "/v1/db/acme/{db}/describe", Value::Null),
        (Method::POST, "/v1/db/acme/{db}/claim_branch", json!({"ref": "mine"})),
        (Method::PUT, "/v1/db/acme/{db}/branches/kept", json!({"fromRef": "main"})),
        (Method::DELETE, "/v1/db/acme/{db}/branches/kept", Value::Null),
        (Method::GET, "/v1/databases", Value::Null),
        (Method::POST, "/v1/databases", json!({"slug": "mine"})),
        (Method::DELETE, "/v1/databases/{db}", Value::Null),
    ]
}

/// The statuses of all routes for this token.
fn statuses(world: &World, token: &str, db: &str) -> Vec<u16> {
    let ask = |(method, path, body): (Method, &str, Value)| {
        let body = Some(body).filter(|body| !body.is_null());
        world.call(method, &path.replace("{db}", db), token, body.as_ref()).status
    };
    routes().into_iter().map(ask).collect()
}

fn claim(world: &World, body: &Value) -> (String, String) {
    let claimed = world.post("/v1/db/acme/agent/claim_branch", body).data().clone();
    (claimed["databaseSlug"].as_str().unwrap().to_owned(), claimed["token"].as_str().unwrap().to_owned())
}

#[test]
fn a_token_opens_what_it_is_for_and_nothing_else() {
    let world = World::with_table();
    world.query("INSERT INTO t VALUES (1, 'a')").data();
    world.call(Method::PUT, "/v1/db/acme/agent/branches/kept", &world.admin, Some(&json!({"fromRef": "main"}))).data();
    let (one, token_of_one) = claim(&world, &json!({"ref": "one", "role": "admin"}));
    let (two, token_of_two) = claim(&world, &json!({"ref": "two", "role": "admin"}));
    let revoked = world.token(Role::Admin);
    assert!(world.server.tokens().revoke(&revoked).unwrap());
    let all = |status: u16| vec![status; routes().len()];

    for nobody in ["psql_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "nonsense", "", &revoked] {
        for db in ["agent", &one, "missing"] {
            assert_eq!(statuses(&world, nobody, db), all(401), "{db}");
        }
    }
    // What is not there is refused as what is: nobody learns the names of others.
    let other = world.server.tokens().create("other", Role::Admin).unwrap();
    for db in ["agent", &one, "missing"] {
        assert_eq!(statuses(&world, &other, db)[..10], all(403)[..10], "{db}");
    }
    // A branch's token is nothing to its parent and its siblings, and makes no branches and databases.
    for db in ["agent", &two, "missing"] {
        assert_eq!(statuses(&world, &token_of_one, db), all(403), "{db}");
    }
    assert_eq!(statuses(&world, &token_of_two, &one), all(403));
    let managing = [403; 6];
    assert_eq!(statuses(&world, &token_of_one, &one)[7..], managing);
    // Roles.
    let read = statuses(&world, &world.token(Role::Read), "agent");
    assert_eq!(read, [200, 403, 403, 403, 403, 200, 200, 403, 403, 403, 200, 403, 403]);
    assert_eq!(world.query("SELECT * FROM t").data()["rows"], json!([[1, "a"]]));
    let write = statuses(&world, &world.token(Role::Write), "agent");
    assert_eq!(write, [200, 200, 403, 200, 200, 200, 200, 403, 403, 403, 200, 403, 403]);
    // Nothing was made, and nothing is gone.
    assert_eq!(world.get("/v1/databases").data().as_array().unwrap().len(), 1);
    world.call(Method::DELETE, "/v1/db/acme/agent/branches/kept", &world.admin, None).data();
    assert_eq!(world.call(Method::DELETE, "/v1/db/acme/agent/branches/mine", &world.admin, None).status, 404);
}

#[test]
fn a_branchs_token_ends_with_its_lease_and_with_its_branch() {
    let hour = Arc::new(AtomicU64::new(500_000));
    let directory = tempfile::tempdir().unwrap();
    let now = Arc::clone(&hour);
    let config = Config::new(directory.path().join("data"))
        .listen(([127, 0, 0, 1], 0).into())
        .clock(move || UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst) * 3_600));
    let server = Server::start(config).unwrap();
    let admin = server.tokens().create("acme", Role::Admin).unwrap();
    let world = World { server, http: Client::new(), admin, directory, said: Said::default() };
    world.query("CREATE TABLE t(a)").data();
    let ask = |slug: &str, token: &str| {
        let path = format!("/v1/db/acme/{slug}/query");
        world.call(Method::POST, &path, token, Some(&json!({"sql": "SELECT 1"}))).status
    };
    let (short, short_token) = claim(&world, &json!({"ref": "short", "ttlSec": 3600}));
    let (gone, gone_token) = claim(&world, &json!({"ref": "gone", "ttlSec": 36000}));
    let (reset, reset_token) = claim(&world, &json!({"ref": "reset", "ttlSec": 36000}));
    assert_eq!([ask(&short, &short_token), ask(&gone, &gone_token), ask(&reset, &reset_token)], [200; 3]);
    hour.fetch_add(2, Ordering::SeqCst);
    assert_eq!(ask(&short, &short_token), 401);
    // Not for those who may do everything, either.
    assert_eq!(ask(&short, &world.admin), 404);
    world.call(Method::DELETE, "/v1/db/acme/agent/branches/gone", &world.admin, None).data();
    assert_eq!([ask(&gone, &gone_token), ask(&gone, &world.admin)], [404; 2]);
    let (again, again_token) = claim(&world, &json!({"ref": "reset", "ttlSec": 36000}));
    assert_eq!([ask(&reset, &reset_token), ask(&again, &reset_token), ask(&again, &again_token)], [404, 403, 200]);
}

#[test]
fn a_token_is_no_other_with_something_before_behind_or_missing() {
    let world = World::new();
    let token = world.admin.as_str();
    let ask = |header: &[u8]| {
        let header = reqwest::header::HeaderValue::from_bytes(header).unwrap();
        world.http.get(world.url("/v1/me")).header("authorization", header).send().unwrap().status().as_u16()
    };
    assert_eq!(ask(format!("Bearer {token}").as_bytes()), 200);
    for bad in [
        format!("Bearer {token}x"),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {}", token.to_uppercase()),
        format!("Bearer {}", token.replace("live", "test")),
        format!("Bearer {token},{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer \"{token}\""),
        format!("Basic {token}"),
        format!("Bearer{token}"),
        token.to_owned(),
        "Bearer psql_live_%".to_owned(),
        "Bearer psql_live_' OR 1=1 --".to_owned(),
        format!("Bearer psql_live_{}", "x".repeat(50_000)),
    ] {
        assert_eq!(ask(bad.as_bytes()), 401);
    }
    assert_eq!(ask(b"Bearer psql_live_\xff\xfe"), 401);
    // A stored hash opens nothing.
    let id = world.server.tokens().list().unwrap()[0].id.clone();
    assert_eq!(ask(format!("Bearer psql_live_{id}").as_bytes()), 401);
}
