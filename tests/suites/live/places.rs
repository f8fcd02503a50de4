//! W17, W19 to W25 and W27: schemas, databases, branches.

use persql_conformance::{Case, Outcome, World, cases};
use reqwest::Method;
use serde_json::json;

use crate::api::Api;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        w17_tables_and_descriptions_have_their_fields,
        w19_a_claimed_branch_is_a_database_with_a_token,
        w20_w21_a_branch_is_made_and_deleted_by_its_name,
        w22_me_says_namespace_and_role,
        w23_w25_databases_are_listed_with_their_slugs,
        w24_a_database_is_made_and_deleted_by_its_slug,
        w27_there_is_no_list_of_branches,
    ]
}

fn w17_tables_and_descriptions_have_their_fields(_: &World) -> Outcome {
    let api = Api::claim()?;
    api.query("CREATE TABLE t(a TEXT)", &json!([]))?.data()?;
    let tables = api.get(&api.of_branch("tables"), &api.branch_token())?.data()?;
    assert!(
        tables.as_array().is_some_and(|all| all.iter().any(|t| t["name"] == "t" && t["rowCount"] == 0)),
        "{tables}"
    );
    let described = api.get(&api.of_branch("describe"), &api.branch_token())?.data()?;
    let table = described["tables"].as_array().and_then(|all| all.iter().find(|table| table["table"] == "t"));
    let column = table.map(|table| table["columns"][0].clone()).unwrap_or_default();
    assert_eq!((&column["name"], &column["type"]), (&json!("a"), &json!("TEXT")), "{described}");
    Ok(())
}

fn w19_a_claimed_branch_is_a_database_with_a_token(_: &World) -> Outcome {
    let api = Api::claim()?;
    assert_eq!(api.claimed["branchRef"], json!(api.reference));
    assert_eq!(api.claimed["outcome"], json!("created"));
    assert!(api.claimed["token"].is_string() && api.claimed["databaseSlug"].is_string());
    api.query("SELECT 1", &json!([]))?.data()?;
    Ok(())
}

fn w20_w21_a_branch_is_made_and_deleted_by_its_name(_: &World) -> Outcome {
    let api = Api::claim()?;
    let path = api.of_parent(&format!("branches/{}%2Fupsert", api.reference.replace('/', "%2F")));
    let body = json!({"fromRef": "main", "expiresAt": "2099-01-01T00:00:00Z"});
    api.send(api.request(Method::PUT, &path, &api.token).json(&body))?.data()?;
    api.send(api.request(Method::DELETE, &path, &api.token))?.data()?;
    assert_eq!(api.send(api.request(Method::DELETE, &path, &api.token))?.status, 404);
    Ok(())
}

fn w22_me_says_namespace_and_role(_: &World) -> Outcome {
    let api = Api::claim()?;
    let me = api.get("/v1/me", &api.token)?.data()?;
    assert_eq!((&me["namespaceSlug"], &me["role"]), (&json!(api.namespace), &json!("admin")));
    Ok(())
}

fn w23_w25_databases_are_listed_with_their_slugs(_: &World) -> Outcome {
    let api = Api::claim()?;
    let listed = api.get("/v1/databases?pageSize=1000", &api.token)?.data()?;
    let parent = listed.as_array().and_then(|all| all.iter().find(|database| database["slug"] == json!(api.parent)));
    let parent = parent.ok_or("the database of this run is not listed")?;
    assert!(parent["forkedFromId"].is_null());
    Ok(())
}

fn w24_a_database_is_made_and_deleted_by_its_slug(_: &World) -> Outcome {
    let api = Api::claim()?;
    let slug = api.reference.replace('/', "-");
    let body = json!({"name": slug, "slug": slug, "ttlDays": 1});
    assert_eq!(api.post("/v1/databases", &api.token, &body)?.data()?["slug"], json!(slug));
    assert_eq!(api.post("/v1/databases", &api.token, &body)?.status, 409);
    api.send(api.request(Method::DELETE, &format!("/v1/databases/{slug}"), &api.token))?.data()?;
    Ok(())
}

fn w27_there_is_no_list_of_branches(_: &World) -> Outcome {
    let api = Api::claim()?;
    assert!(api.get(&api.of_parent("branches"), &api.token)?.status >= 400, "a list that could be used");
    Ok(())
}
