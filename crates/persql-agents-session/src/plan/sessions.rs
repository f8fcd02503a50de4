//! Listing sessions, and deleting those that nobody uses.

use std::sync::Arc;

use persql_core::{Pack, PageSize, Plan, Result, Statement, pack};

use super::to_i64;
use crate::{ListSessions, sessions::SessionInfo, sql::Texts};

/// Sessions that one pass deletes.
const INACTIVE_AT_ONCE: i64 = 1_000;

/// The sessions, by id.
pub(crate) fn list(texts: &Arc<Texts>, options: ListSessions) -> Plan<Vec<SessionInfo>> {
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

/// The text that comes right after this one.
fn next(mut text: String) -> String {
    text.push('\0');
    text
}

/// The first text after all those that begin with the prefix, if there is any.
fn behind(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(after) = (last..=char::MAX).nth(1) {
            text.push(after);
            return Some(text);
        }
    }
    None
}

/// How many sessions there are.
pub(crate) fn count(texts: &Texts) -> Plan<u64> {
    let count = Statement::from(texts.count_sessions.clone());
    Plan::read(count).or_absent(&texts.schema).try_map(|rows| rows.first().map_or(Ok(0), |row| row.get(0)))
}

/// Deletes what nothing was added to for so many seconds, pass by pass, and counts the sessions.
pub(crate) fn delete_inactive(texts: Arc<Texts>, seconds: i64, deleted: u64) -> Plan<u64> {
    let find = Statement::new(texts.inactive_sessions.clone(), (seconds, INACTIVE_AT_ONCE));
    Plan::read(find).or_absent(&texts.schema).and_then(move |rows| {
        let ids: Result<Vec<String>> = rows.iter().map(|row| row.get(0)).collect();
        let ids = match ids {
            Ok(ids) if ids.is_empty() => return Plan::ok(deleted),
            Ok(ids) => ids,
            Err(error) => return Plan::err(error),
        };
        let deleted = deleted + ids.len() as u64;
        // Checked again as they are deleted: one may have come to life since. Ids are at most 4 kB, but those of
        // others may be longer, so they are packed like everything else.
        let batch = pack(ids).into_iter().flat_map(|pack| {
            let array = match pack {
                Pack::Many { array, .. } => array,
                Pack::One(id) => serde_json::Value::from(vec![id]).to_string(),
            };
            [&texts.delete_inactive_items, &texts.delete_inactive_sessions]
                .map(|sql| Statement::new(sql.clone(), (array.as_str(), seconds)))
        });
        let batch: Vec<Statement> = batch.collect();
        Plan::write(batch).and_then(move |()| delete_inactive(texts, seconds, deleted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_prefix_lies_between_two_texts() {
        for (prefix, after) in [("user:", "user;"), ("a\u{d7ff}", "a\u{e000}"), ("a\u{10ffff}", "b"), ("é", "ê")] {
            assert_eq!(behind(prefix).as_deref(), Some(after));
        }
        assert_eq!(behind(""), None);
        assert_eq!(behind("\u{10ffff}\u{10ffff}"), None);
    }
}
