//! Options of a saver.

use std::fmt;

use persql_core::{Handle, Result};

use crate::{Layout, PerSqlSaver, Serializer, plan::Store, texts::Texts};

/// Configures a [`PerSqlSaver`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<D: Handle> {
    db: D,
    layout: Layout,
    checkpoints_table: Option<String>,
    writes_table: Option<String>,
    serializer: Serializer,
    create_tables: bool,
    expect_latest: bool,
}

impl<D: Handle> Builder<D> {
    pub(crate) fn new(db: D) -> Self {
        Self {
            db,
            layout: Layout::default(),
            checkpoints_table: None,
            writes_table: None,
            serializer: Serializer::new(),
            create_tables: true,
            expect_latest: false,
        }
    }

    /// How checkpoints are stored. The default is [`Layout::PerSql`].
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// The table of checkpoints. The default is `checkpoints`.
    pub fn checkpoints_table(mut self, name: impl Into<String>) -> Self {
        self.checkpoints_table = Some(name.into());
        self
    }

    /// The table of writes. The default is `checkpoint_writes`, or `writes` with [`Layout::SqliteSaver`].
    pub fn writes_table(mut self, name: impl Into<String>) -> Self {
        self.writes_table = Some(name.into());
        self
    }

    /// What makes bytes of values: set this to encrypt them.
    pub fn serializer(mut self, serializer: Serializer) -> Self {
        self.serializer = serializer;
        self
    }

    /// Whether the first write may create the tables, or add a column that an old file lacks. True unless said
    /// otherwise.
    pub fn create_tables(mut self, create: bool) -> Self {
        self.create_tables = create;
        self
    }

    /// Whether a `put` must follow the latest checkpoint of its thread and namespace, as its config names it, or be the
    /// first. False unless said otherwise, as in LangGraph.
    ///
    /// With it, of two writers that go on from one checkpoint the second gets a
    /// [`Conflict`](crate::ErrorKind::Conflict) instead of a silent fork. To fork on purpose, use a saver without it.
    pub fn expect_latest(mut self, expect: bool) -> Self {
        self.expect_latest = expect;
        self
    }

    /// Makes the saver. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a table's name is empty, too long or reserved,
    /// or if both names are the same.
    pub fn build(self) -> Result<PerSqlSaver<D>> {
        let (checkpoints, writes) = self.layout.tables();
        let texts = Texts::new(
            self.layout,
            self.checkpoints_table.as_deref().unwrap_or(checkpoints),
            self.writes_table.as_deref().unwrap_or(writes),
            self.create_tables,
        )?;
        let store = Store { texts, serializer: self.serializer, expect_latest: self.expect_latest };
        Ok(PerSqlSaver::with_store(self.db, store))
    }
}

impl<D: Handle> fmt::Debug for Builder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("layout", &self.layout).finish_non_exhaustive()
    }
}
