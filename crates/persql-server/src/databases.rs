//! The routes that manage databases.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};
use persql_core::{DatabaseInfo, timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    answer::{Answered, Success},
    app::App,
    body::Received,
    caller::{Caller, Named, copy_of},
    failure::Failure,
    statements::parse,
    tokens::word,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Me<'a> {
    namespace_slug: &'a str,
    namespace_id: &'a str,
    role: &'static str,
}

/// `GET /v1/me`
pub(crate) async fn me(Caller(grant): Caller) -> Answered {
    let namespace = &grant.namespace;
    Success::of(&Me { namespace_slug: namespace, namespace_id: namespace, role: word(grant.role) })
}

/// A database as the API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    slug: String,
    name: String,
    status: &'static str,
    region: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl From<DatabaseInfo> for Shown {
    fn from(info: DatabaseInfo) -> Self {
        Self {
            id: info.full_name(),
            name: info.slug.clone(),
            slug: info.slug,
            status: "active",
            region: "local",
            created_at: info.created_at.map(timestamp::write),
            expires_at: info.expires_at.map(timestamp::write),
        }
    }
}

/// `GET /v1/databases`
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, RawQuery(query): RawQuery) -> Answered {
    caller.check_namespace_wide()?;
    let pairs = query.as_deref().unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
    let most = match pairs.into_iter().find(|(key, _)| *key == "pageSize") {
        Some((_, size)) => size.parse().map_err(|_| Failure::bad("pageSize is a number"))?,
        None => usize::MAX,
    };
    let databases = app.client.databases().namespace(&caller.0.namespace).list().await?;
    Success::of(&databases.into_iter().take(most).map(Shown::from).collect::<Vec<_>>())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    name: Option<String>,
    slug: Option<String>,
    template: Option<String>,
    ttl_days: Option<u32>,
}

/// `POST /v1/databases`
pub(crate) async fn create(State(app): State<Arc<App>>, caller: Caller, body: Received) -> Answered {
    caller.check_admin()?;
    let create: Create = parse(&body)?;
    if create.template.is_some() {
        return Err(Failure::bad("this server has no templates"));
    }
    let slug = match (create.slug, &create.name) {
        (Some(slug), _) => slug,
        (None, Some(name)) => slug_of(name),
        (None, None) => return Err(Failure::bad("a database needs a name or a slug")),
    };
    if copy_of(&slug).is_some() {
        return Err(Failure::bad("only the databases of branches have such names"));
    }
    let made = app.client.databases().namespace(&caller.0.namespace).create(&slug, create.ttl_days).await?;
    let mut shown = Shown::from(made);
    shown.name = create.name.unwrap_or(slug);
    Success::of(&shown)
}

/// `DELETE /v1/databases/:slug`
pub(crate) async fn delete(State(app): State<Arc<App>>, caller: Caller, named: Named) -> Answered {
    caller.check_admin()?;
    app.client.databases().namespace(&caller.0.namespace).delete(named.last()).await?;
    Success::of(&Deleted { deleted: true })
}

#[derive(Serialize)]
pub(crate) struct Deleted {
    pub(crate) deleted: bool,
}

/// The slug of a database that has only a name.
fn slug_of(name: &str) -> String {
    let mapped: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    mapped.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// What no route is for.
pub(crate) async fn no_route() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "no such route")
}

/// What the route is not for.
pub(crate) async fn no_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "the route does not take this method")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_a_slug() {
        assert_eq!(slug_of("  My Agent's Notes 2!"), "my-agent-s-notes-2");
        assert_eq!(slug_of("été"), "t");
        assert_eq!(slug_of("…"), "");
    }
}
