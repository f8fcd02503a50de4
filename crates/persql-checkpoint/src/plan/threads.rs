//! Threads: which there are, and which nobody uses any more.

use persql_core::{Plan, Result, Statement};

use super::{Store, arrays, try_rows};
use crate::threads::{ListThreads, ThreadInfo};

/// Threads that one pass deletes, at most.
const INACTIVE_AT_ONCE: i64 = 1_000;

/// The threads, by id.
pub(crate) fn list_threads(store: &Store, options: &ListThreads) -> Plan<Vec<ThreadInfo>> {
    let after = options.after.as_deref().unwrap_or_default();
    let prefix = options.prefix.as_deref().unwrap_or_default();
    let list = Statement::new(store.texts.threads.clone(), (after, prefix, options.limit));
    store.read(list).try_map(|rows| try_rows(&rows, |row| ThreadInfo::read(&row)))
}

/// Deletes threads without a checkpoint of the last so many seconds, pass by pass, and counts them.
pub(crate) fn delete_inactive(store: Store, seconds: i64, deleted: u64) -> Plan<u64> {
    let find = Statement::new(store.texts.inactive.clone(), (seconds, INACTIVE_AT_ONCE));
    store.read(find).and_then(move |rows| {
        let ids: Result<Vec<String>> = try_rows(&rows, |row| row.get(0));
        let ids = match ids {
            Ok(ids) if ids.is_empty() => return Plan::ok(deleted),
            Ok(ids) => ids,
            Err(error) => return Plan::err(error),
        };
        let deleted = deleted + ids.len() as u64;
        // Checked again as they are deleted: one may have come to life since.
        let texts = &store.texts;
        let batch = arrays(ids).into_iter().flat_map(|array| {
            [&texts.delete_inactive_writes, &texts.delete_inactive]
                .map(|sql| Statement::new(sql.clone(), (seconds, array.as_str())))
        });
        store.write(batch.collect()).and_then(move |()| delete_inactive(store, seconds, deleted))
    })
}
