//! Branches over the HTTP API: claimed, made, deleted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Call, Method, unreadable};
use crate::{
    Branch, BranchEnd, Control, Controlled, DatabaseName, Error, ErrorKind, Outcome, Result, branches::Secret,
};

/// What is asked for on the wire.
pub(super) fn encode(name: &DatabaseName, control: &Control) -> Result<Call> {
    let base = format!("/v1/db/{}/{}", name.namespace(), name.database());
    // Of all that a name may hold, only the slash means something in a path.
    let branch = |reference: &str| format!("{base}/branches/{}", reference.replace('/', "%2F"));
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
            call(Method::Post, format!("{base}/claim_branch"), Some(&claim))
        }
        Control::UpsertBranch { reference, from, end, .. } => {
            let expires_at = match end {
                BranchEnd::Never => None,
                BranchEnd::At(time) => Some(rfc3339(*time)),
            };
            let upsert = Upsert { from_ref: from.as_deref().unwrap_or("main"), expires_at };
            call(Method::Put, branch(reference), Some(&upsert))
        }
        Control::DeleteBranch { reference } => call(Method::Delete, branch(reference), None::<&()>),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "databases, snapshots and lists of branches are managed in local mode only",
        )),
    }
}

fn call(method: Method, path: String, body: Option<&impl Serialize>) -> Result<Call> {
    let body = body.map(serde_json::to_vec).transpose();
    let body = body.map_err(|error| Error::invalid("the request cannot be written as JSON").with_source(error))?;
    Ok(Call { method, path, body, writes: true })
}

/// Reads what is answered.
pub(super) fn decode(control: &Control, data: &str) -> Result<Controlled> {
    let branch = match control {
        Control::ClaimBranch { ttl, .. } => {
            let claimed: Claimed = serde_json::from_str(data).map_err(|_| unreadable())?;
            Branch {
                reference: claimed.branch_ref,
                database_slug: claimed.database_slug,
                // The server keeps the time; this is when the handle gives up, a moment later.
                expires_at: SystemTime::now().checked_add(*ttl),
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
    outcome: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Made {
    database_slug: Option<String>,
    outcome: Option<String>,
}

/// `2026-11-21T06:00:00Z`.
fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their leap day at the end: Howard Hinnant's `civil_from_days`.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_people_do() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
