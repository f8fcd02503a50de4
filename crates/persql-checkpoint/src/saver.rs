//! The checkpointer.

use std::{collections::BTreeMap, fmt, time::Duration};

use persql_core::{Database, Handle, Open, Plan, Result};

use crate::{
    Builder, Checkpoint, CheckpointTuple, Config, DeltaChannelHistory, Layout, ListOptions, ListThreads, Metadata,
    Serializer, ThreadInfo,
    plan::{self, Store, Writes},
    serde::Data,
    texts::Texts,
};

/// Keeps a graph's checkpoints, as LangGraph's `BaseCheckpointSaver` does (langgraph-checkpoint 4.3).
///
/// With [`Database`] every method gives a future, with [`blocking::Database`](crate::blocking::Database) the result
/// itself. It can be used from many places at once, Python's included: each call is one transaction. A database that
/// was never written to holds no checkpoints; the first write creates the tables. Cheap to clone.
///
/// # Examples
/// ```
/// use persql_checkpoint::{Checkpoint, Config, Metadata, blocking::{Database, PerSqlSaver}, new_checkpoint_id};
///
/// # fn main() -> persql_checkpoint::Result<()> {
/// let saver = PerSqlSaver::new(Database::local(":memory:")?);
/// let thread = Config::new("thread-1");
///
/// let mut checkpoint = Checkpoint::new(new_checkpoint_id(-1), "2026-11-21T06:00:00+00:00");
/// checkpoint.channel_values.insert("question", "What is my name?");
/// let stored = saver.put(&thread, &checkpoint, &Metadata::new("input", -1))?;
/// saver.put_writes(&stored, &[("answer".to_owned(), "Ada".into())], "task-1", "")?;
///
/// let tuple = saver.get_tuple(&thread)?.expect("the checkpoint");
/// assert_eq!(tuple.checkpoint, checkpoint);
/// assert_eq!(tuple.pending_writes[0].value, "Ada".into());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSqlSaver<D: Handle = Database> {
    db: D,
    store: Store,
    /// Whether the saver made the client itself.
    owns_client: bool,
}

/// What [`prune`](PerSqlSaver::prune) leaves of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PruneStrategy {
    /// The latest checkpoint of each namespace, with its pending writes and the ancestors that it needs.
    KeepLatest,
    /// The newest checkpoints of each namespace, so many of them, likewise.
    KeepNewest(usize),
    /// Nothing.
    Delete,
}

impl<D: Handle> PerSqlSaver<D> {
    /// A saver with [`Layout::PerSql`] in this database. No I/O.
    pub fn new(db: D) -> Self {
        let texts = Texts::of(Layout::PerSql);
        Self::with_store(db, Store { texts, serializer: Serializer::new(), expect_latest: false })
    }

    pub(crate) fn with_store(db: D, store: Store) -> Self {
        Self { db, store, owns_client: false }
    }

    /// Starts to configure a saver: layout, serializer, table names.
    pub fn builder(db: D) -> Builder<D> {
        Builder::new(db)
    }

    /// The layout that this saver reads and writes.
    pub fn layout(&self) -> Layout {
        self.store.texts.layout
    }

    /// The handle to the database.
    pub fn database(&self) -> &D {
        &self.db
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn run<T: Send + 'static>(&self, plan: Plan<T>) -> D::Reply<T> {
        self.db.run(plan)
    }

    /// Creates the tables if they are not there. Not needed before the first write, which does so itself; for tokens
    /// that may not create tables, somebody else calls it once.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`](crate::ErrorKind::Denied) if the token may not create tables;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the database has checkpoints of another layout.
    pub fn create_tables(&self) -> D::Reply<()> {
        self.run(self.store.create_tables())
    }

    /// The layout of the checkpoints that the database holds, whatever the saver's own; `None` if there are no tables.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if it has tables of both layouts.
    pub fn detect_layout(&self) -> D::Reply<Option<Layout>> {
        self.run(plan::described(&self.store.texts))
    }

    /// The checkpoint that the config names, or the thread's latest, with its pending writes; `None` if there is none.
    ///
    /// The writes come by task path, task and position. A tuple that was asked for by id has the caller's own config. A
    /// checkpoint of a version before 4 has the sends that its parent's tasks left for it, in the channel
    /// `__pregel_tasks`. One request; two for such a checkpoint that has a parent.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming thread, checkpoint and, where it is in one, the channel,
    /// if a value cannot be read;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if it is encrypted or of a type that is not known.
    pub fn get_tuple(&self, config: &Config) -> D::Reply<Option<CheckpointTuple>> {
        self.run(plan::get_tuple(&self.store, config))
    }

    /// The checkpoint alone.
    ///
    /// # Errors
    /// As [`get_tuple`](PerSqlSaver::get_tuple).
    pub fn get(&self, config: &Config) -> D::Reply<Option<Checkpoint>> {
        self.run(plan::get_tuple(&self.store, config).map(|tuple| tuple.map(|tuple| tuple.checkpoint)))
    }

    /// The checkpoints of a thread, or of all threads, newest first, with their pending writes.
    ///
    /// A config without a namespace means all of them; one with a checkpoint id means that one. One request a page: up
    /// to 256 checkpoints or 4 MB, and one more for those of a version before 4. Metadata has no index, so a filter reads the rows of the thread, and without a
    /// thread all rows.
    ///
    /// # Errors
    /// As [`get_tuple`](PerSqlSaver::get_tuple).
    ///
    /// # Examples
    /// ```
    /// # use persql_checkpoint::{Checkpoint, Config, ListOptions, Metadata, blocking::{Database, PerSqlSaver}, new_checkpoint_id};
    /// # fn main() -> persql_checkpoint::Result<()> {
    /// # let saver = PerSqlSaver::new(Database::local(":memory:")?);
    /// let mut config = Config::new("thread-1").with("user_id", "ada");
    /// for step in -1..3 {
    ///     let checkpoint = Checkpoint::new(new_checkpoint_id(step), "2026-11-21T06:00:00+00:00");
    ///     config = saver.put(&config, &checkpoint, &Metadata::new("loop", step))?.with("user_id", "ada");
    /// }
    /// let found = saver.list(None, ListOptions::default().filter("user_id", "ada").filter("step", 1))?;
    /// assert_eq!(found.len(), 1);
    /// assert_eq!(saver.list(Some(&Config::new("thread-1")), ListOptions::default().limit(2))?[0].metadata.step(), Some(2));
    /// # Ok(()) }
    /// ```
    pub fn list(&self, config: Option<&Config>, options: ListOptions) -> D::Reply<Vec<CheckpointTuple>> {
        self.run(plan::list(&self.store, config, options))
    }

    /// Stores a checkpoint, and gives the config that names it. The config's own checkpoint id is the parent.
    ///
    /// The metadata is the caller's, and then every text, number and boolean of the config's `metadata` and
    /// `configurable` under a key that is not there yet: so a `run_id` or `user_id` can be found again. A checkpoint
    /// that is stored already is replaced and keeps its parent. The whole state is written each time, so there is no
    /// argument for the versions that changed. One request.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the checkpoint has no id, holds what the format
    /// cannot, or is larger than a row may be (2 MB, of which base64 leaves 1.5 MB); and if the database has
    /// checkpoints of another layout. [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the saver
    /// [expects the latest parent](Builder::expect_latest) and the parent is not the latest. Nothing has changed then.
    pub fn put(&self, config: &Config, checkpoint: &Checkpoint, metadata: &Metadata) -> D::Reply<Config> {
        self.run(plan::put(&self.store, config, checkpoint, metadata))
    }

    /// Stores what a task wrote, for the checkpoint that the config names: all writes, or none.
    ///
    /// The checkpoint need not be there yet. A write to `__error__`, `__interrupt__`, `__resume__` or `__scheduled__`
    /// replaces the task's write before; any other stays what it was first. One request, however many writes there are.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the config names no checkpoint, or, naming the
    /// position, if a value is one that the format cannot hold or is larger than a row may be.
    pub fn put_writes(
        &self,
        config: &Config,
        writes: &[(String, Data)],
        task_id: &str,
        task_path: &str,
    ) -> D::Reply<()> {
        self.run(plan::put_writes(&self.store, config, &Writes { task_id, task_path, writes }))
    }

    /// Deletes a thread: all its checkpoints and writes, in all namespaces. One request.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn delete_thread(&self, thread_id: &str) -> D::Reply<()> {
        self.run(plan::delete_threads(&self.store, &[thread_id.to_owned()]))
    }

    /// Deletes what these runs stored, in all threads: the checkpoints whose metadata has one of these as `run_id`, and
    /// their writes. LangGraph puts no `run_id` there by itself: pass it in the config.
    ///
    /// A checkpoint that stays and has lost its parent has none afterwards. Reads the metadata of the whole database,
    /// one request for each 1,000 hits; then a few for each thread, and one that deletes.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict), naming the checkpoint, if one that stays rebuilds a delta
    /// channel from one that should go, or if somebody changed the threads again and again. What
    /// [`get_tuple`](PerSqlSaver::get_tuple) says, if a checkpoint that others may need cannot be read. Nothing has
    /// been deleted then.
    pub fn delete_for_runs(&self, run_ids: &[impl AsRef<str>]) -> D::Reply<()> {
        self.run(plan::delete_for_runs(&self.store, &owned(run_ids)))
    }

    /// Copies a thread with all its checkpoints and writes, which keep their ids. A source that is not there leaves the
    /// target empty. One request; the values do not leave the database.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the target has anything already.
    pub fn copy_thread(&self, source_thread_id: &str, target_thread_id: &str) -> D::Reply<()> {
        self.run(plan::copy(&self.store, source_thread_id, target_thread_id))
    }

    /// Copies a checkpoint with its ancestors and all their writes, and what subgraphs stored while these ran, so that
    /// the target goes on from there. Later checkpoints and other branches are left behind. One request.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such checkpoint;
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the target has anything already;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the config names no checkpoint.
    pub fn copy_thread_to(&self, source: &Config, target_thread_id: &str) -> D::Reply<()> {
        self.run(plan::copy_to(&self.store, source, target_thread_id))
    }

    /// Deletes old checkpoints of these threads, with their writes, and keeps what the strategy says.
    ///
    /// Where a kept checkpoint rebuilds a delta channel from the writes of its ancestors, these are kept too, back to
    /// the one that holds a value. A kept checkpoint that has lost its parent has none afterwards. Each thread is its
    /// own transaction, which is tried again if somebody stores a checkpoint meanwhile: two requests to look at it, one
    /// or more for each namespace with something to delete, one to delete. `Delete` is one request in all.
    ///
    /// # Errors
    /// Those of [`get_tuple`](PerSqlSaver::get_tuple) if a checkpoint that others may need cannot be read: nothing of
    /// its thread is deleted then. [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if somebody changed a thread
    /// again and again.
    pub fn prune(&self, thread_ids: &[impl AsRef<str>], strategy: PruneStrategy) -> D::Reply<()> {
        let thread_ids = owned(thread_ids);
        self.run(match strategy {
            PruneStrategy::KeepLatest => plan::keep_newest(&self.store, &thread_ids, 1),
            PruneStrategy::KeepNewest(keep) => plan::keep_newest(&self.store, &thread_ids, keep),
            PruneStrategy::Delete => plan::delete_threads(&self.store, &thread_ids),
        })
    }

    /// What delta channels are rebuilt from: for each channel the value of the nearest ancestor that has one, and the
    /// writes since, oldest first. The writes of that ancestor are among them, those of the checkpoint itself are not.
    ///
    /// One request for each 1,000 ancestors or 4 MB.
    ///
    /// # Errors
    /// As [`get_tuple`](PerSqlSaver::get_tuple).
    pub fn get_delta_channel_history(
        &self,
        config: &Config,
        channels: &[impl AsRef<str>],
    ) -> D::Reply<BTreeMap<String, DeltaChannelHistory>> {
        self.run(plan::history(&self.store, config, &owned(channels)))
    }

    /// The version that follows a channel's version: see [`next_version`](crate::next_version). No request.
    ///
    /// # Errors
    /// As there.
    pub fn get_next_version(&self, current: Option<&Data>) -> Result<String> {
        crate::next_version(current)
    }

    /// The threads by id, with the number of their checkpoints and the newest of these. One request.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn list_threads(&self, options: ListThreads) -> D::Reply<Vec<ThreadInfo>> {
        self.run(plan::list_threads(&self.store, &options))
    }

    /// Deletes the threads whose newest checkpoint is older than this, and says how many. Writes without any checkpoint
    /// stay.
    ///
    /// The age is what the checkpoint's id says; a thread with ids that are no UUIDs of version 6 stays. Two requests
    /// for each 1,000 threads, and one at the end. A thread that comes to life meanwhile stays.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn delete_inactive_threads(&self, for_longer_than: Duration) -> D::Reply<u64> {
        let seconds = i64::try_from(for_longer_than.as_secs()).unwrap_or(i64::MAX).min(LONGEST);
        self.run(plan::delete_inactive(self.store.clone(), seconds, 0))
    }
}

/// Longer than all time that an id can tell, and small enough to calculate with.
const LONGEST: i64 = 12_000_000_000;

fn owned(texts: &[impl AsRef<str>]) -> Vec<String> {
    texts.iter().map(|text| text.as_ref().to_owned()).collect()
}

impl<D: Open> PerSqlSaver<D> {
    /// A saver in the database `namespace/database` at PerSQL, or at the server that `PERSQL_API_URL` names. It owns its
    /// client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the token or the name is not one.
    #[cfg(feature = "remote")]
    pub fn from_token(token: impl Into<String>, database: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_token(token.into(), database)?) })
    }

    /// A saver in the database that the URL names: `persql://namespace/database`, `sqlite:path/to/file.db` or
    /// `sqlite::memory:`. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another scheme, naming the accepted ones.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_url(url)?) })
    }

    /// A saver in the database that `PERSQL_DATABASE` names. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if it is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_env()?) })
    }

    /// Closes the client if the saver made it itself; every later operation then fails with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed). A client of yours stays open.
    pub fn close(&self) {
        if self.owns_client {
            self.db.close_client();
        }
    }
}

impl<D: Handle> fmt::Debug for PerSqlSaver<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSqlSaver").field("layout", &self.layout()).finish_non_exhaustive()
    }
}
