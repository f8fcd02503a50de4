//! Branches over the HTTP API: claimed, made, deleted.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Call, Method, Repeat, decode::unreadable, encode::to_json, time::Time};
use crate::{
    Branch, BranchEnd, Control, Controlled, DatabaseName, Error, ErrorKind, Outcome, Result, branches::Secret,
    plan::unexpected, timestamp,
};

/// What is asked for on the wire.
pub(super) fn encode(name: &DatabaseName, control: &Control) -> Result<Call> {
    let base = format!("/v1/db/{}/{}", name.namespace(), name.database());
    // Of all that a name may hold, only the slash means something in a path.
    let branch = |reference: &str| format!("{base}/branches/{}", reference.replace('/', "%2F"));
    let call = |operation, method, path, body| Ok(Call { operation, method, path, body, repeat: Repeat::Twice });
    match control {
        Control::ClaimBranch { with_data: true, .. } | Control::UpsertBranch { with_data: true, .. } => {
            Err(Error::new(ErrorKind::Unsupported, "a branch at the service has no rows: ask for none"))
        }
        Control::ClaimBranch { reference, role, ttl, purpose, .. } => {
            let claim = Claim {
                reference: reference.as_deref(),
                purpose: purpose.as_deref(),
                ttl_sec: ttl.as_secs(),
                role: role.word(),
            };
            call("claim_branch", Method::Post, format!("{base}/claim_branch"), Some(to_json(&claim)?))
        }
        Control::UpsertBranch { reference, from, end, .. } => {
            let expires_at = match end {
                BranchEnd::Never => None,
                BranchEnd::At(time) => Some(timestamp::write(*time)),
            };
            let upsert = Upsert { from_ref: from.as_deref().unwrap_or("main"), expires_at };
            call("branches", Method::Put, branch(reference), Some(to_json(&upsert)?))
        }
        Control::DeleteBranch { reference } => call("branches", Method::Delete, branch(reference), None),
        _ => Err(unexpected()),
    }
}

/// Reads what is answered.
pub(super) fn decode(control: &Control, data: &str) -> Result<Controlled> {
    let branch = match control {
        Control::ClaimBranch { ttl, .. } => {
            let claimed: Claimed = serde_json::from_str(data).map_err(|_| unreadable())?;
            Branch {
                reference: claimed.branch_ref,
                database_slug: claimed.database_slug,
                // The server keeps the time; this is when the handle gives up too.
                expires_at: claimed.expires_at.0.or_else(|| SystemTime::now().checked_add(*ttl)),
                outcome: outcome(claimed.outcome.as_deref()),
                secret: Secret(Some(claimed.token)),
            }
        }
        Control::UpsertBranch { reference, end, .. } => {
            // What is answered is not documented, so nothing in it is needed.
            let made: Made = serde_json::from_str(data).unwrap_or_default();
            Branch {
                reference: reference.as_ref().to_owned(),
                database_slug: made.database_slug.unwrap_or_default(),
                expires_at: match end {
                    BranchEnd::Never => None,
                    BranchEnd::At(time) => Some(*time),
                },
                outcome: outcome(made.outcome.as_deref()),
                secret: Secret::default(),
            }
        }
        _ => return Ok(Controlled::Done),
    };
    Ok(Controlled::Branches(vec![branch]))
}

fn outcome(word: Option<&str>) -> Option<Outcome> {
    match word {
        Some("created") => Some(Outcome::Created),
        Some("reset") => Some(Outcome::Reset),
        _ => None,
    }
}

#[derive(Serialize)]
struct Claim<'a> {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(rename = "ttlSec")]
    ttl_sec: u64,
    role: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Upsert<'a> {
    from_ref: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    branch_ref: String,
    token: String,
    database_slug: String,
    #[serde(default)]
    expires_at: Time,
    outcome: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Made {
    database_slug: Option<String>,
    outcome: Option<String>,
}
