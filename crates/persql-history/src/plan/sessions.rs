//! Listing sessions, and deleting those that nobody uses.

use std::sync::Arc;

use persql_core::{Pack, PageSize, Plan, Statement, pack};

use super::{count, to_i64};
use crate::{ListSessions, SessionInfo, sql::Texts};

/// Sessions that one pass deletes.
const INACTIVE_AT_ONCE: i64 = 1_000;

/// The sessions, by id.
pub(crate) fn list_sessions(texts: &Arc<Texts>, options: ListSessions) -> Plan<Vec<SessionInfo>> {
    let prefix = options.prefix.unwrap_or_default();
    let until = behind(&prefix);
    let from = match options.after.map(next) {
        Some(after) if after > prefix => after,
        _ => prefix,
    };
    match options.limit {
        0 => Plan::ok(Vec::new()),
        limit => list_from(Arc::clone(texts), from, until, limit, PageSize::default(), Vec::new()),
    }
}

/// Reads pages from an id on.
fn list_from(
    texts: Arc<Texts>,
    from: String,
    until: Option<String>,
    limit: usize,
    mut size: PageSize,
    mut listed: Vec<SessionInfo>,
) -> Plan<Vec<SessionInfo>> {
    let wanted = size.rows(limit.saturating_sub(listed.len()));
    let page = Statement::new(texts.list_sessions.clone(), (from, until.clone(), to_i64(wanted)));
    Plan::read(page).or_absent(&texts.schema).and_then(move |rows| {
        for row in rows.iter() {
            match SessionInfo::from_row(&row) {
                Ok(session) => listed.push(session),
                Err(error) => return Plan::err(error),
            }
        }
        match listed.last() {
            Some(last) if rows.len() >= wanted && listed.len() < limit => {
                let from = next(last.session_id.clone());
                size.learn(&rows);
                list_from(texts, from, until, limit, size, listed)
            }
            _ => Plan::ok(listed),
        }
    })
}

/// The id that comes right after this one.
fn next(mut id: String) -> String {
    id.push('\0');
    id
}

/// The first id after all those that begin with the prefix, if there is any.
fn behind(prefix: &str) -> Option<String> {
    let mut id = prefix.to_owned();
    while let Some(last) = id.pop() {
        if let Some(after) = (last..=char::MAX).nth(1) {
            id.push(after);
            return Some(id);
        }
    }
    None
}

/// How many sessions there are.
pub(crate) fn count_sessions(texts: &Texts) -> Plan<u64> {
    count(Statement::from(texts.count_sessions.clone()), texts)
}

/// Deletes the sessions that nothing was saved to for so many seconds, pass by pass, and counts them.
pub(crate) fn delete_inactive(texts: Arc<Texts>, seconds: i64, deleted: u64) -> Plan<u64> {
    let find = Statement::new(texts.inactive_sessions.clone(), (seconds, INACTIVE_AT_ONCE));
    Plan::read(find).or_absent(&texts.schema).and_then(move |rows| {
        let ids: Vec<String> = match rows.iter().map(|row| row.get(0)).collect() {
            Ok(ids) => ids,
            Err(error) => return Plan::err(error),
        };
        let found = ids.len();
        if ids.is_empty() {
            return Plan::ok(deleted);
        }
        // Looked at again as they are deleted: one may have come to life since.
        let batch: Vec<Statement> = pack(ids)
            .into_iter()
            .map(|pack| {
                let array = match pack {
                    Pack::Many { array, .. } => array,
                    Pack::One(id) => serde_json::Value::from(vec![id]).to_string(),
                };
                Statement::new(texts.delete_inactive.clone(), (array, seconds))
            })
            .collect();
        Plan::write(batch).and_then(move |()| {
            let deleted = deleted + found as u64;
            if to_i64(found) < INACTIVE_AT_ONCE { Plan::ok(deleted) } else { delete_inactive(texts, seconds, deleted) }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_behind_its_last_id() {
        for (prefix, end) in [("", None), ("a", Some("b")), ("a\u{10ffff}", Some("b")), ("\u{10ffff}", None)] {
            assert_eq!(behind(prefix).as_deref(), end);
        }
        assert_eq!(behind("\u{d7ff}").as_deref(), Some("\u{e000}"));
    }
}
