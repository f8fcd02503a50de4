//! Listing sessions, and deleting those that nobody uses.

use std::time::Duration;

use persql_core::{Plan, Statement};

use crate::{ListSessions, sessions::SessionInfo, sql::Texts};

/// The sessions, by id.
pub(crate) fn list(texts: &Texts, options: ListSessions) -> Plan<Vec<SessionInfo>> {
    options.read(&texts.list_sessions, &texts.schema, SessionInfo::from_row)
}

/// How many sessions there are.
pub(crate) fn count(texts: &Texts) -> Plan<u64> {
    let count = Statement::from(texts.count_sessions.clone());
    Plan::read(count).or_absent(&texts.schema).try_map(|rows| rows.first().map_or(Ok(0), |row| row.get(0)))
}

/// Deletes the sessions that nothing was added to for this long, and counts them.
pub(crate) fn delete_inactive(texts: &Texts, for_longer_than: Duration) -> Plan<u64> {
    persql_core::delete_inactive(&texts.inactive_sessions, &texts.delete_inactive, &texts.schema, for_longer_than)
}
