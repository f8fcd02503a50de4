//! Names of databases, branches and namespaces that want to be paths.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::json;

use crate::world::World;

/// What a name cannot be, as a path has it.
const REFUSED: [&str; 22] = [
    "..",
    "%2e%2e",
    "..%2f..%2foutside",
    "%2e%2e%2f%2e%2e%2foutside",
    "%252e%252e%252foutside",
    "..%5c..%5coutside",
    "%2ftmp%2foutside",
    "C%3a%5coutside",
    "agent%00",
    "agent%00.db",
    "agent%0a",
    "agent%20",
    "%20agent",
    ".persql",
    ".persql-server",
    "_persql_idempotency",
    "-rf",
    "~0123456789abcdef0123456789abcdef",
    "%ef%bc%8e%ef%bc%8e%ef%bc%8foutside",
    "%c0%ae%c0%ae%c0%afoutside",
    "%e2%80%aeagent",
    "agent%3fmode%3dmemory",
];

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn a_name_leads_nowhere_but_to_its_own_file() {
    let world = World::with_table();
    let long = "x".repeat(101);
    let create = json!({"sql": "CREATE TABLE IF NOT EXISTS t(a)"});
    for name in REFUSED.into_iter().chain([long.as_str()]) {
        for (method, path, body) in [
            (Method::POST, format!("/v1/db/acme/{name}/query"), Some(&create)),
            (Method::POST, format!("/v1/db/{name}/agent/query"), Some(&create)),
            (Method::GET, format!("/v1/db/acme/{name}/tables"), None),
            (Method::POST, format!("/v1/db/acme/{name}/claim_branch"), None),
            (Method::DELETE, format!("/v1/databases/{name}"), None),
            (Method::DELETE, format!("/v1/db/acme/agent/branches/{name}"), None),
        ] {
            let status = world.call(method, &path, &world.admin, body).status;
            assert!(matches!(status, 400 | 403 | 404 | 405), "{path}: {status}");
        }
    }
    for slug in ["../x", "a/b", "a\\b", "a\0", "", ".", "..", ".persql", "a b", "\u{ff0e}\u{ff0e}", "br_x/../y"] {
        let made = world.post("/v1/databases", &json!({ "slug": slug }));
        assert_eq!(made.refusal().0, 400, "{slug:?}");
        if !slug.contains('/') {
            let claimed = world.post("/v1/db/acme/agent/claim_branch", &json!({ "ref": slug }));
            assert_eq!(claimed.refusal().0, 400, "{slug:?}");
        }
        assert!(world.server.tokens().create(slug, persql_server::Role::Admin).is_err(), "{slug:?}");
    }
    // Names that some systems take for more than they are become plain files, each its own.
    for name in ["CON", "nul", "aux.x", "com1", "agent.db", "agent.db-wal", "Agent", "agent.", "br_x"] {
        world.call(Method::POST, &format!("/v1/db/acme/{name}/query"), &world.admin, Some(&create)).data();
    }
    let mut found = Vec::new();
    files(world.directory.path(), &mut found);
    let data = world.directory.path().join("data");
    for file in &found {
        let inside = file.strip_prefix(&data).unwrap().to_str().unwrap();
        let known = [".persql/", ".persql-server/", "acme/"].iter().any(|start| inside.starts_with(start));
        assert!(known, "{inside}");
    }
    assert_eq!(world.get("/v1/databases").data().as_array().unwrap().len(), 10);
    world.query("INSERT INTO t VALUES (1, 'still there')").data();
}
