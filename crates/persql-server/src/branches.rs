//! The routes that manage branches.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use persql_core::{Branch, BranchEnd, Claim, Error, ErrorKind, Outcome, timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    answer::{Answered, Success},
    app::App,
    body::Received,
    caller::{LEASE, Named, Place, branch_slug},
    databases::Deleted,
    failure::Failure,
    statements::{optional, parse},
    tokens::role,
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Claiming {
    r#ref: Option<String>,
    purpose: Option<String>,
    ttl_sec: Option<u64>,
    role: Option<String>,
}

/// A branch as the API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    branch_ref: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    outcome: &'static str,
    namespace_slug: &'a str,
    database_slug: String,
}

impl<'a> Shown<'a> {
    fn of(branch: &'a Branch, place: &'a Place, token: Option<String>) -> Self {
        Self {
            branch_ref: &branch.reference,
            token,
            expires_at: branch.expires_at.map(timestamp::write),
            outcome: if branch.outcome == Some(Outcome::Reset) { "reset" } else { "created" },
            namespace_slug: &place.caller.0.namespace,
            database_slug: branch_slug(&branch.database_slug),
        }
    }
}

/// `POST /v1/db/:ns/:db/claim_branch`
pub(crate) async fn claim(State(app): State<Arc<App>>, place: Place, body: Received) -> Answered {
    place.check_forkable()?;
    let claiming: Claiming = optional(&body)?;
    let leased = match claiming.role.as_deref() {
        Some(word) => role(word).ok_or_else(|| Failure::bad("the role of a lease is read, write or admin"))?,
        None => persql_core::Role::Write,
    };
    let claim = claiming.r#ref.as_deref().map_or_else(Claim::new, Claim::of);
    let claim = claim.role(leased).ttl(claiming.ttl_sec.map_or(LEASE, Duration::from_secs));
    let claim = match &claiming.purpose {
        Some(purpose) => claim.purpose(purpose),
        None => claim,
    };
    let branch = place.whole.branches().claim(claim).await?.branch;
    let (tokens, namespace) = (app.tokens.clone(), place.caller.0.namespace.clone());
    let (slug, end) = (branch_slug(&branch.database_slug), branch.expires_at);
    let minted = tokio::task::spawn_blocking(move || tokens.add(&namespace, Some(slug.as_str()), leased, end)).await;
    let token = minted.map_err(|_| Error::new(ErrorKind::Unavailable, "the token could not be made"))??;
    Success::of(&Shown::of(&branch, &place, Some(token)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Upserting {
    from_ref: Option<String>,
    expires_at: Option<String>,
}

/// `PUT /v1/db/:ns/:db/branches/:ref`
pub(crate) async fn upsert(place: Place, named: Named, body: Received) -> Answered {
    place.check_forkable()?;
    let upserting: Upserting = parse(&body)?;
    let end = match upserting.expires_at {
        None => BranchEnd::Never,
        Some(text) => match timestamp::parse(&text) {
            Some(time) => BranchEnd::At(time),
            None => return Err(Failure::bad("expiresAt is a time like 2026-11-21T06:00:00Z")),
        },
    };
    let made = place.whole.branches().upsert(named.last(), upserting.from_ref.as_deref(), end, false).await?;
    Success::of(&Shown::of(&made, &place, None))
}

/// `DELETE /v1/db/:ns/:db/branches/:ref`
pub(crate) async fn delete(place: Place, named: Named) -> Answered {
    place.check_forkable()?;
    place.whole.branches().delete(named.last()).await?;
    Success::of(&Deleted { deleted: true })
}
