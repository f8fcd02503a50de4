//! W15, W16 and W26: keys.

use persql_conformance::{Case, Outcome, World, cases};
use reqwest::Method;
use serde_json::json;

use crate::api::Api;

pub(crate) fn cases() -> Vec<Case> {
    cases![w15_w26_a_key_is_answered_once_and_replayed, w16_a_read_needs_no_key]
}

fn w15_w26_a_key_is_answered_once_and_replayed(_: &World) -> Outcome {
    let api = Api::claim()?;
    api.query("CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b)", &json!([]))?.data()?;
    for (route, body) in [
        ("query", json!({"sql": "INSERT INTO t(b) VALUES (?1)", "params": ["x"]})),
        (
            "batch",
            json!({"statements": [{"sql": "INSERT INTO t(b) VALUES (1)"}, {"sql": "INSERT INTO t(b) VALUES (2)"}], "transaction": true}),
        ),
    ] {
        let key = format!("{}-{route}", api.reference);
        let send = || {
            let request = api.request(Method::POST, &api.of_branch(route), &api.branch_token());
            api.send(request.header("Idempotency-Key", &key).json(&body))
        };
        let (first, second) = (send()?, send()?);
        assert!(!first.replayed && second.replayed, "{route}");
        assert_eq!(first.data()?, second.data()?);
    }
    assert_eq!(api.query("SELECT count(*) AS n FROM t", &json!([]))?.data()?["rows"], json!([[3]]));
    Ok(())
}

fn w16_a_read_needs_no_key(_: &World) -> Outcome {
    let api = Api::claim()?;
    for _ in 0..2 {
        assert!(!api.query("SELECT 1 AS a", &json!([]))?.replayed);
    }
    Ok(())
}
