//! Callers who mean harm, with a good token and without one: the server stays up, bounded, and answers the others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the world serves other tests too")]

#[path = "security/http.rs"]
mod http;
#[path = "security/load.rs"]
mod load;
#[path = "security/names.rs"]
mod names;
#[path = "security/sql.rs"]
mod sql;
#[path = "security/tokens.rs"]
mod tokens;
#[path = "support/world.rs"]
mod world;

use std::time::{Duration, Instant};

use serde_json::json;
use world::World;

/// Rows without an end, in the column `a` of `n`.
const ENDLESS: &str = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n)";

/// Longer than anything takes that goes well here, on a slow machine too.
const LATE: Duration = Duration::from_secs(20);

impl World {
    /// A table in a database of another namespace, and somebody to ask for it.
    fn bystander(&self) -> Bystander<'_> {
        let token = self.server.tokens().create("bystander", persql_server::Role::Admin).unwrap();
        let bystander = Bystander { world: self, token };
        bystander.query("CREATE TABLE t(a)");
        bystander
    }
}

/// Somebody who has nothing to do with the attack.
struct Bystander<'a> {
    world: &'a World,
    token: String,
}

impl Bystander<'_> {
    fn query(&self, sql: &str) {
        let body = json!({ "sql": sql });
        self.world.call(reqwest::Method::POST, "/v1/db/bystander/agent/query", &self.token, Some(&body)).data();
    }

    /// Asserts that a read and a write are answered in time.
    fn is_answered_within(&self, limit: Duration) {
        let started = Instant::now();
        self.query("SELECT count(*) FROM t");
        self.query("INSERT INTO t VALUES (1)");
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
    }
}
