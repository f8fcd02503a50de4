//! The two forms in which checkpoints are stored, and how to tell them apart.

use persql_core::{Description, Error, ErrorKind, Result, TableDescription};

/// How checkpoints are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// Tables `checkpoints` and `checkpoint_writes`: values as base64 text, metadata as JSON text. Works everywhere.
    #[default]
    PerSql,
    /// The file of LangGraph's own SQLite savers, Python's and JavaScript's: tables `checkpoints` and `writes`, values
    /// and metadata as bytes. Local only, since bytes do not travel over HTTP.
    SqliteSaver,
}

impl Layout {
    /// The tables of this layout when nobody renames them.
    pub(crate) fn tables(self) -> (&'static str, &'static str) {
        match self {
            Layout::PerSql => ("checkpoints", "checkpoint_writes"),
            Layout::SqliteSaver => ("checkpoints", "writes"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Layout::PerSql => "PerSql",
            Layout::SqliteSaver => "SqliteSaver",
        }
    }

    /// Finds the layout of a database by its tables and their types; `None` if there are no checkpoints.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if it has tables of both, or a table of a name that is ours and columns that are not.
    pub(crate) fn of(description: &Description, checkpoints: &str, writes: &str) -> Result<Option<Self>> {
        let table = |name: &str| description.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name));
        // A saver with tables of its own names still has to see the official `writes`.
        let of_writes =
            [writes, "checkpoint_writes", "writes"].map(|name| table(name).filter(|table| is_writes(table)));
        let tables = table(checkpoints)
            .map(|table| (table, "checkpoint"))
            .into_iter()
            .chain(of_writes.into_iter().flatten().map(|table| (table, "value")));
        let mut found = None;
        for (table, column) in tables {
            let layout = layout_of(table, column)?;
            if found.is_some_and(|found| found != layout) {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    "the database has checkpoint tables of two layouts: copy one of them to a database of its own",
                ));
            }
            found = Some(layout);
        }
        Ok(found)
    }

    /// Says that a database is of the other layout.
    pub(crate) fn refused(self, found: Layout) -> Error {
        Error::invalid("the database has checkpoints in another layout than this saver was made for")
            .context("layout", self.name())
            .context("found", found.name())
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Layout::PerSql => Layout::SqliteSaver,
            Layout::SqliteSaver => Layout::PerSql,
        }
    }
}

/// Whether a table that may be anybody's is one of a saver: the official name is but `writes`.
fn is_writes(table: &TableDescription) -> bool {
    ["thread_id", "checkpoint_id", "task_id", "idx", "value"]
        .iter()
        .all(|wanted| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(wanted)))
}

fn layout_of(table: &TableDescription, column: &str) -> Result<Layout> {
    let declared = table.columns.iter().find(|own| own.name.eq_ignore_ascii_case(column));
    match declared.map(|own| own.declared_type.to_ascii_uppercase()).as_deref() {
        Some("BLOB") => Ok(Layout::SqliteSaver),
        Some("TEXT") => Ok(Layout::PerSql),
        _ => Err(Error::new(ErrorKind::Corrupt, "a table has the name of a saver's and other columns")
            .context("table", &table.name)),
    }
}
