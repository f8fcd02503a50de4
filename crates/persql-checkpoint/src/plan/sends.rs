//! What versions of the format before 4 have sent to tasks: it stands in the writes of a checkpoint's parent.

use std::collections::{BTreeMap, BTreeSet};

use persql_core::{Plan, Result, Rows, Statement};

use super::{Store, arrays, json_array};
use crate::{
    CheckpointTuple, PendingWrite,
    row::{AnyRow, KeyRef, WriteRow},
    serde::{Data, Serializer, shown},
    tuple::sort_writes,
};

/// Moves into old checkpoints what their parents' tasks have sent, as langgraph-checkpoint-postgres does on every read.
/// One request for all of them; none if there is none.
pub(super) fn migrate(store: &Store, mut tuples: Vec<CheckpointTuple>) -> Plan<Vec<CheckpointTuple>> {
    // Each but once: forks have one parent.
    let parents: BTreeSet<String> =
        tuples.iter().filter_map(parent).map(|parent| json_array([parent.thread_id, parent.ns, parent.id])).collect();
    if parents.is_empty() {
        return Plan::ok(tuples);
    }
    let reads = arrays(parents).into_iter().map(|array| Statement::new(store.texts.sends.clone(), [array]));
    let store = store.clone();
    store.read_each(reads.collect()).try_map(move |answers| {
        let sends = Sends::read(&answers, &store)?;
        for tuple in &mut tuples {
            let Some(sent) = parent(tuple).and_then(|parent| sends.of(parent, &store.serializer)) else { continue };
            let migrated = tuple.checkpoint.migrate(sent?);
            migrated.map_err(|error| error.context("thread", shown(&tuple.config.thread_id)))?;
        }
        Ok(tuples)
    })
}

/// Where the sends of a checkpoint are, if not in itself.
pub(super) fn parent(tuple: &CheckpointTuple) -> Option<KeyRef<'_>> {
    let parent = tuple.parent_config.as_ref().filter(|_| tuple.checkpoint.v < 4)?;
    Some(KeyRef { thread_id: &parent.thread_id, ns: parent.ns(), id: parent.id()? })
}

/// Writes of sends, by checkpoint, in the contract's order.
struct Sends<'r>(BTreeMap<KeyRef<'r>, Vec<WriteRow<'r>>>);

impl<'r> Sends<'r> {
    fn read(answers: &'r [Rows], store: &Store) -> Result<Self> {
        let mut sends = BTreeMap::<_, Vec<_>>::new();
        for row in answers.iter().flat_map(Rows::iter) {
            if let AnyRow::Write(write) = AnyRow::read(&row, store.texts.layout)? {
                sends.entry(write.key).or_default().push(write);
            }
        }
        sends.values_mut().for_each(|writes| sort_writes(writes));
        Ok(Self(sends))
    }

    fn of(&self, parent: KeyRef<'_>, serializer: &Serializer) -> Option<Result<Vec<Data>>> {
        let writes = self.0.get(&parent)?;
        Some(writes.iter().map(|write| Ok(PendingWrite::read(write, serializer)?.value)).collect())
    }
}
