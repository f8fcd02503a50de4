//! W1 to W10 and W18: requests and answers.

use persql_conformance::{Case, Outcome, World, cases};
use serde_json::{Value, json};

use crate::api::Api;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        w01_the_token_goes_as_a_bearer_and_paths_begin_with_v1,
        w02_w05_one_statement_answers_with_columns_and_rows,
        w03_w06_a_batch_answers_with_an_array,
        w04_a_failure_says_so,
        w07_meta_stands_beside_the_data_or_inside,
        w08_parameters_are_null_numbers_and_text,
        w09_bytes_and_truth_are_read,
        w10_integers_up_to_2_to_the_53_are_exact,
        w18_the_limits_are_at_least_those_we_keep,
    ]
}

fn w01_the_token_goes_as_a_bearer_and_paths_begin_with_v1(_: &World) -> Outcome {
    let api = Api::claim()?;
    assert!(api.get("/v1/me", &api.token)?.data()?["namespaceSlug"].is_string());
    Ok(())
}

fn w02_w05_one_statement_answers_with_columns_and_rows(_: &World) -> Outcome {
    let api = Api::claim()?;
    let data = api.query("SELECT ?1 AS a, ?2 AS b", &json!(["x", 2]))?.data()?;
    assert_eq!((&data["columns"], &data["rows"]), (&json!(["a", "b"]), &json!([["x", 2]])));
    let body = json!({"sql": "SELECT 1 AS a"});
    let data = api.post(&api.of_branch("query"), &api.branch_token(), &body)?.data()?;
    assert_eq!(data["rows"], json!([[1]]), "params may be left out");
    api.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", &json!([]))?.data()?;
    let data = api.query("INSERT INTO t VALUES (7) RETURNING a", &json!([]))?.data()?;
    assert_eq!(data["rows"], json!([[7]]));
    assert!(data.get("changes").is_none_or(|changes| *changes == json!(1)), "{data}");
    Ok(())
}

fn w03_w06_a_batch_answers_with_an_array(_: &World) -> Outcome {
    let api = Api::claim()?;
    let data = api.batch(&["CREATE TABLE t(a INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1)"], true)?.data()?;
    assert!(data.is_array() || data["results"].is_array(), "{data}");
    let refused = api.batch(&["INSERT INTO t VALUES (2)", "INSERT INTO t VALUES (1)"], true)?;
    assert_eq!(refused.refusal().1, "unique_violation");
    assert_eq!(api.query("SELECT a FROM t", &json!([]))?.data()?["rows"], json!([[1]]), "all or nothing");
    let hundred = vec!["SELECT 1"; 100];
    api.batch(&hundred, false)?.data()?;
    assert!(api.batch(&[hundred, vec!["SELECT 1"]].concat(), false)?.status >= 400);
    Ok(())
}

fn w04_a_failure_says_so(_: &World) -> Outcome {
    let api = Api::claim()?;
    let refused = api.query("SELEC 1", &json!([]))?;
    assert!(refused.status >= 400 && refused.body["success"] == json!(false), "{}", refused.body);
    assert!(refused.body["error"].is_string());
    Ok(())
}

fn w07_meta_stands_beside_the_data_or_inside(_: &World) -> Outcome {
    let api = Api::claim()?;
    let answer = api.query("SELECT 1 AS a", &json!([]))?;
    let places = [&answer.body["meta"], &answer.body["data"]["meta"]];
    assert!(places.iter().any(|meta| meta["statementCount"].is_u64()), "{}", answer.body);
    Ok(())
}

fn w08_parameters_are_null_numbers_and_text(_: &World) -> Outcome {
    let api = Api::claim()?;
    let params = json!([null, -3, 1.5, "\u{0}'é😀"]);
    let data = api.query("SELECT ?1 AS a, ?2 AS b, ?3 AS c, ?4 AS d", &params)?.data()?;
    assert_eq!(data["rows"][0], params);
    let types = api.query("SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4)", &params)?.data()?;
    assert_eq!(types["rows"][0][3], json!("text"));
    Ok(())
}

fn w09_bytes_and_truth_are_read(_: &World) -> Outcome {
    let api = Api::claim()?;
    let cell = api.query("SELECT x'0001' AS a", &json!([]))?.data()?["rows"][0][0].clone();
    assert_eq!(cell["$base64"], json!("AAE="), "another form of bytes is not read: {cell}");
    let truth = api.query("SELECT 1 = 1 AS a", &json!([]))?.data()?["rows"][0][0].clone();
    assert!(truth == json!(1) || truth == json!(true), "{truth}");
    Ok(())
}

fn w10_integers_up_to_2_to_the_53_are_exact(_: &World) -> Outcome {
    let api = Api::claim()?;
    let exact = 9_007_199_254_740_991_i64;
    let data = api.query("SELECT ?1 AS a, CAST(?1 AS TEXT) AS b", &json!([exact]))?.data()?;
    assert_eq!(data["rows"][0], json!([exact, exact.to_string()]));
    Ok(())
}

fn w18_the_limits_are_at_least_those_we_keep(_: &World) -> Outcome {
    let api = Api::claim()?;
    let marks = vec!["?"; 100].join(", ");
    api.query(&format!("SELECT {marks}"), &Value::from(vec![1; 100]))?.data()?;
    api.query(&format!("SELECT 1 /* {} */", "x".repeat(99_000)), &json!([]))?.data()?;
    api.query("CREATE TABLE t(a)", &json!([]))?.data()?;
    api.query("INSERT INTO t VALUES (?1)", &json!(["x".repeat(1_900_000)]))?.data()?;
    api.query("SELECT a LIKE ?1 AS a FROM t", &json!(["%".repeat(50)]))?.data()?;
    Ok(())
}
