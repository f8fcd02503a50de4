//! What a saver answers with: a checkpoint, and all that belongs to it.

use persql_core::Result;

use crate::{
    Checkpoint, Config, Metadata,
    row::{CheckpointRow, WriteRow},
    serde::{Data, Serializer},
};

/// A checkpoint with its metadata, its parent, and the writes that wait to be applied to it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CheckpointTuple {
    /// Names the checkpoint.
    pub config: Config,
    /// The graph's state.
    pub checkpoint: Checkpoint,
    /// What the checkpoint tells about itself.
    pub metadata: Metadata,
    /// Names the checkpoint before; `None` for the first.
    pub parent_config: Option<Config>,
    /// What tasks have written since, by task path, task and position: LangGraph's `writes_sort_key`.
    pub pending_writes: Vec<PendingWrite>,
}

/// What a task wrote to a channel.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingWrite {
    /// The task.
    pub task_id: String,
    /// The channel.
    pub channel: String,
    /// The value.
    pub value: Data,
}

/// The writes to one channel on the way to a checkpoint, from
/// [`get_delta_channel_history`](crate::PerSqlSaver::get_delta_channel_history).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DeltaChannelHistory {
    /// The writes, oldest first. The checkpoint's own are not among them.
    pub writes: Vec<PendingWrite>,
    /// The value that they start from; `None` if there is none up to the first checkpoint.
    pub seed: Option<Data>,
}

impl CheckpointTuple {
    /// Makes a tuple of rows; sorts the writes.
    pub(crate) fn read(
        row: &CheckpointRow<'_>,
        mut writes: Vec<WriteRow<'_>>,
        serializer: &Serializer,
    ) -> Result<Self> {
        let key = &row.key;
        let checkpoint =
            serializer.loads_checkpoint(row.value.tag, &row.value.bytes).map_err(|error| key.explain(error))?;
        sort_writes(&mut writes);
        Ok(Self {
            config: Config::of(key.thread_id, key.ns, key.id),
            checkpoint,
            metadata: row.metadata()?,
            parent_config: row.parent.map(|parent| Config::of(key.thread_id, key.ns, parent)),
            pending_writes: writes.iter().map(|write| PendingWrite::read(write, serializer)).collect::<Result<_>>()?,
        })
    }
}

impl PendingWrite {
    pub(crate) fn read(row: &WriteRow<'_>, serializer: &Serializer) -> Result<Self> {
        let value = serializer.loads_typed(row.value.tag, &row.value.bytes).map_err(|error| row.explain(error))?;
        Ok(Self { task_id: row.task_id.to_owned(), channel: row.channel.to_owned(), value })
    }
}

/// The order of the contract since langgraph-checkpoint 4.3.
pub(crate) fn sort_writes(writes: &mut [WriteRow<'_>]) {
    writes.sort_by_key(|write| (write.task_path, write.task_id, write.idx));
}
