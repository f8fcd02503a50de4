//! Databases over the HTTP API: made, listed, deleted. And whose they are.

use serde::{Deserialize, Serialize};

use super::{Call, Method, Repeat, decode::unreadable, encode::to_json, time::Time};
use crate::{Control, Controlled, DatabaseInfo, Error, ErrorKind, Me, Result, Role, plan::unexpected};

/// How many databases a list may have. The API documents no way to ask for what is beyond the first page.
const PAGE: usize = 1_000;

/// What is asked for on the wire. The namespace is the token's, whatever it is.
pub(super) fn encode(control: &Control) -> Result<Call> {
    let call = |method, path, body, repeat| Ok(Call { operation: "databases", method, path, body, repeat });
    match control {
        Control::CreateDatabase { slug, ttl_days, .. } => {
            let create = to_json(&Create { name: slug, slug, ttl_days: *ttl_days })?;
            call(Method::Post, "/v1/databases".to_owned(), Some(create), Repeat::Twice)
        }
        Control::ListDatabases { .. } => {
            call(Method::Get, format!("/v1/databases?pageSize={PAGE}"), None, Repeat::Reads)
        }
        Control::DeleteDatabase { slug, .. } => {
            call(Method::Delete, format!("/v1/databases/{slug}"), None, Repeat::Twice)
        }
        _ => Err(unexpected()),
    }
}

/// Reads what is answered about the databases of this namespace.
pub(super) fn decode(control: &Control, namespace: &str, data: &str) -> Result<Controlled> {
    let told = |database: WireDatabase| DatabaseInfo {
        namespace: namespace.to_owned(),
        slug: database.slug,
        created_at: database.created_at.0,
        expires_at: database.expires_at.0,
    };
    if let Control::CreateDatabase { .. } = control {
        let made = serde_json::from_str(data).map_err(|_| unreadable())?;
        return Ok(Controlled::Databases(vec![told(made)]));
    }
    let listed: Vec<WireDatabase> = serde_json::from_str(data).map_err(|_| unreadable())?;
    if listed.len() >= PAGE {
        return Err(Error::new(ErrorKind::TooLarge, "the HTTP API lists no more than 1000 databases at once"));
    }
    // A branch is a database of its own there.
    let databases = listed.into_iter().filter(|database| database.forked_from_id.is_none());
    let mut databases: Vec<DatabaseInfo> = databases.map(told).collect();
    databases.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(Controlled::Databases(databases))
}

/// Reads who asks.
pub(super) fn decode_me(data: &str) -> Result<Me> {
    let me: WireMe = serde_json::from_str(data).map_err(|_| unreadable())?;
    let role = match me.role.as_deref() {
        Some("admin") => Some(Role::Admin),
        Some("readwrite" | "write") => Some(Role::Write),
        Some("readonly" | "read") => Some(Role::Read),
        _ => None,
    };
    Ok(Me { namespace: me.namespace_slug, namespace_id: me.namespace_id, role })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    name: &'a str,
    slug: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDatabase {
    slug: String,
    forked_from_id: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    expires_at: Time,
    #[serde(default)]
    created_at: Time,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMe {
    namespace_slug: String,
    namespace_id: Option<String>,
    role: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(data: &str) -> Result<Controlled> {
        decode(&Control::ListDatabases { namespace: None }, "acme", data)
    }

    #[test]
    fn branches_are_no_databases_and_a_list_is_in_order() {
        let listed = list(
            r#"[{"id":"2","slug":"b","name":"B","status":"active","region":"weur","new":{}},
                {"id":"1","slug":"a","forkedFromId":null,"createdAt":"2026-11-21T06:00:00Z","expiresAt":1795334400},
                {"id":"3","slug":"a--br-1","forkedFromId":"1"}]"#,
        );
        let Controlled::Databases(listed) = listed.unwrap() else { panic!("no list") };
        let names: Vec<String> = listed.iter().map(DatabaseInfo::full_name).collect();
        assert_eq!(names, ["acme/a", "acme/b"]);
        assert!(listed[0].created_at < listed[0].expires_at && listed[1].created_at.is_none());
    }

    #[test]
    fn a_list_that_may_go_on_is_refused() {
        let full = format!("[{}]", vec![r#"{"slug":"a"}"#; PAGE].join(","));
        assert_eq!(list(&full).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(list("{}").unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_role_of_another_name_is_not_known() {
        let role = |word: &str| decode_me(&format!(r#"{{"namespaceSlug":"acme","role":"{word}"}}"#)).unwrap().role;
        assert_eq!(
            [role("admin"), role("readwrite"), role("readonly"), role("owner")],
            [Some(Role::Admin), Some(Role::Write), Some(Role::Read), None]
        );
    }
}
