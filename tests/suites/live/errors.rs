//! W11 to W14: refusals. 402, 429 and 5xx cannot be asked for.

use persql_conformance::{Case, Outcome, World, cases};
use serde_json::json;

use crate::api::Api;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        w11_a_failed_statement_says_its_kind,
        w12_a_database_that_is_not_there_is_unknown,
        w13_w14_statuses_mean_what_http_says,
    ]
}

fn w11_a_failed_statement_says_its_kind(_: &World) -> Outcome {
    let api = Api::claim()?;
    let tables = ["CREATE TABLE t(a INTEGER PRIMARY KEY, b NOT NULL, c CHECK (c > 0), d REFERENCES t(a))"];
    api.batch(&tables, true)?.data()?;
    api.query("INSERT INTO t VALUES (1, 1, 1, NULL)", &json!([]))?.data()?;
    for (sql, kind) in [
        ("INSERT INTO t VALUES (1, 1, 1, NULL)", "unique_violation"),
        ("INSERT INTO t VALUES (2, NULL, 1, NULL)", "not_null_violation"),
        ("INSERT INTO t VALUES (2, 1, 0, NULL)", "check_violation"),
        ("INSERT INTO t VALUES (2, 1, 1, 9)", "fk_violation"),
        ("SELECT * FROM nowhere", "unknown_table"),
        ("SELECT nothing FROM t", "unknown_column"),
        ("SELEC 1", "syntax_error"),
    ] {
        assert_eq!(api.query(sql, &json!([]))?.refusal().1, kind, "{sql}");
    }
    // The adapters find out by this which table they are to make.
    assert_eq!(api.query("SELECT * FROM nowhere", &json!([]))?.body["errorDetail"]["table"], json!("nowhere"));
    Ok(())
}

fn w12_a_database_that_is_not_there_is_unknown(_: &World) -> Outcome {
    let api = Api::claim()?;
    let absent = format!("/v1/db/{}/absent-{}/query", api.namespace, api.reference.replace('/', "-"));
    let answer = api.post(&absent, &api.token, &json!({"sql": "SELECT * FROM t"}))?;
    let (status, kind) = answer.refusal();
    assert!((status, kind) == (404, "unknown_database") || kind == "unknown_table", "{}", answer.body);
    Ok(())
}

fn w13_w14_statuses_mean_what_http_says(_: &World) -> Outcome {
    let api = Api::claim()?;
    assert_eq!(api.get("/v1/me", "nonsense")?.status, 401);
    assert_eq!(api.get("/v1/me", "psql_live_nonsense")?.status, 401);
    let elsewhere = format!("/v1/db/{}x/{}/tables", api.namespace, api.parent);
    assert_eq!(api.get(&elsewhere, &api.token)?.status, 403);
    assert_eq!(api.get("/v1/no-such-route", &api.token)?.status, 404);
    Ok(())
}
