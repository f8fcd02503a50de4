//! Copying a thread, whole or up to a checkpoint.

use persql_core::{Error, Plan, Result, Statement};

use super::Store;
use crate::{Config, row::check_ids};

fn check(source: &str, target: &str) -> Result<()> {
    check_ids(&[("a thread id", source), ("a thread id", target)])?;
    if source == target { Err(Error::invalid("a thread cannot be copied to itself")) } else { Ok(()) }
}

/// Copies everything.
pub(crate) fn copy(store: &Store, source: &str, target: &str) -> Plan<()> {
    if let Err(error) = check(source, target) {
        return Plan::err(error);
    }
    let texts = &store.texts;
    let copy = [&texts.copy_checkpoints, &texts.copy_writes].map(|sql| Statement::new(sql.clone(), (source, target)));
    let guard = Statement::new(texts.guard_empty.clone(), [target]);
    store.write([guard].into_iter().chain(copy).collect())
}

/// Copies a checkpoint with all that led to it.
pub(crate) fn copy_to(store: &Store, source: &Config, target: &str) -> Plan<()> {
    let checked = check(&source.thread_id, target).and_then(|()| super::read::check_config(source));
    let id = match (checked, source.id()) {
        (Err(error), _) => return Plan::err(error),
        (_, None) => return Plan::err(Error::invalid("to copy up to a checkpoint, the config must name it")),
        (_, Some(id)) => id,
    };
    let (texts, thread_id, ns) = (&store.texts, source.thread_id.as_str(), source.ns());
    store.write(vec![
        Statement::new(texts.guard_empty.clone(), [target]),
        Statement::new(texts.guard_exists.clone(), (thread_id, ns, id)),
        Statement::new(texts.copy_checkpoints_to.clone(), (thread_id, target, ns, id)),
        Statement::new(texts.copy_writes_to.clone(), (thread_id, target)),
    ])
}
