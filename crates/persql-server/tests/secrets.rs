//! Logs and `Debug` hold no token, no parameter and no stored text.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the world serves other tests too")]

#[path = "support/world.rs"]
mod world;

use std::{
    io,
    sync::{Arc, Mutex},
};

use persql_server::Role;
use reqwest::Method;
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;

use world::World;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_has_a_line_for_each_request_and_nothing_of_what_it_said() {
    let written = Written::default();
    let writer = written.clone();
    let logs = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
    logs.with_writer(move || writer.clone()).init();
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
    let World { server, admin, .. } = world;
    server.stop();
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains("persql_server::log") && line.contains("status=409")).unwrap();
    for part in ["id=", "method=POST", "route=\"/v1/db/{namespace}/{database}/query\"", "ms="] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // What others write about their own work is theirs to answer for; hyper and reqwest are not ours.
    let ours: Vec<&str> = log.lines().filter(|line| line.contains(" persql")).collect();
    assert!(ours.len() > 8);
    for secret in ["hidden", "psql_", &admin, &token] {
        assert!(!ours.iter().any(|line| line.contains(secret)), "{secret}");
        assert!(!shown.contains(secret));
    }
}
