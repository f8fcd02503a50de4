//! Listing sessions, and deleting those that nobody uses.

use std::{slice, time::Duration};

use persql_core::{Plan, Statement};

use super::count;
use crate::{ListSessions, SessionInfo, sql::Texts};

/// The sessions, by id.
pub(crate) fn list_sessions(texts: &Texts, options: ListSessions) -> Plan<Vec<SessionInfo>> {
    options.read(&texts.list_sessions, &texts.schema, SessionInfo::from_row)
}

/// How many sessions there are.
pub(crate) fn count_sessions(texts: &Texts) -> Plan<u64> {
    count(Statement::from(texts.count_sessions.clone()), texts)
}

/// Deletes the sessions that nothing was saved to for this long, and counts them.
pub(crate) fn delete_inactive(texts: &Texts, for_longer_than: Duration) -> Plan<u64> {
    let delete = slice::from_ref(&texts.delete_inactive);
    persql_core::delete_inactive(&texts.inactive_sessions, delete, &texts.schema, for_longer_than)
}
