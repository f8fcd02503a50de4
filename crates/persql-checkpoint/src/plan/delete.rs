//! Deleting threads.

use persql_core::{Plan, Statement};

use super::{Store, arrays};

/// Deletes the threads with everything in them, in one transaction.
pub(crate) fn delete_threads(store: &Store, thread_ids: &[String]) -> Plan<()> {
    if thread_ids.is_empty() {
        return Plan::ok(());
    }
    let texts = &store.texts;
    let batch = arrays(thread_ids).into_iter().flat_map(|array| {
        [&texts.delete_threads_writes, &texts.delete_threads].map(|sql| Statement::new(sql.clone(), [array.as_str()]))
    });
    store.delete(batch.collect())
}
