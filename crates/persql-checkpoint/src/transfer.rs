//! Copying a database's checkpoints into another database, of either layout.

use persql_core::{Result, Rows};

use crate::{Layout, PerSqlSaver, blocking, row::Key};

/// How far an export has come. The default is the beginning.
#[derive(Clone, Debug)]
pub(crate) enum Cursor {
    Checkpoints(Key),
    Writes(Key, String, i64),
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor::Checkpoints(Key::default())
    }
}

impl Cursor {
    pub(crate) fn first_write() -> Self {
        // No write has a smaller one: special writes go down to -4.
        Cursor::Writes(Key::default(), String::new(), i64::MIN)
    }
}

/// Rows of one database on their way into another, from [`export`](PerSqlSaver::export) to
/// [`import`](PerSqlSaver::import). The values are as they are stored: nothing is read, and nothing decrypted.
#[derive(Clone, Default)]
pub struct ExportedPage {
    pub(crate) rows: Rows,
    /// That of the saver that read them.
    pub(crate) layout: Layout,
    pub(crate) next: Option<Cursor>,
}

impl ExportedPage {
    /// How many rows there are: checkpoints and writes.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none. The pages behind may have some: see [`is_last`](ExportedPage::is_last).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is nothing behind this page.
    pub fn is_last(&self) -> bool {
        self.next.is_none()
    }
}

impl std::fmt::Debug for ExportedPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportedPage").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

/// Copies every thread of one saver's database into another's, and says how many rows that were. The layouts may differ.
///
/// Rows that the target has already stay as they are, so a copy that was interrupted can be started again. Pages of at
/// most 90 rows and 4 MB; two requests each. For asynchronous savers, the same loop over
/// [`export`](PerSqlSaver::export) and [`import`](PerSqlSaver::import) does it.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the checkpoint, for a row that is too large for
/// the target's layout: base64 takes a third more. What came before it has been copied.
///
/// # Examples
/// ```
/// use persql_checkpoint::{Checkpoint, Config, Layout, Metadata, blocking::{Database, PerSqlSaver, copy_all}};
///
/// # fn main() -> persql_checkpoint::Result<()> {
/// let official = PerSqlSaver::builder(Database::local(":memory:")?).layout(Layout::SqliteSaver).build()?;
/// let checkpoint = Checkpoint::new("1ef4f797-8335-6428-8001-8a1503f9b875", "2024-07-31T20:14:19.804150+00:00");
/// official.put(&Config::new("t"), &checkpoint, &Metadata::new("input", -1))?;
///
/// let ours = PerSqlSaver::new(Database::local(":memory:")?);
/// assert_eq!(copy_all(&official, &ours)?, 1);
/// assert_eq!(ours.get(&Config::new("t"))?, Some(checkpoint));
/// # Ok(()) }
/// ```
pub fn copy_all(from: &blocking::PerSqlSaver, to: &blocking::PerSqlSaver) -> Result<u64> {
    let mut rows = 0;
    let mut page: Option<ExportedPage> = None;
    loop {
        let next = from.export(page.as_ref())?;
        to.import(&next)?;
        rows += next.len() as u64;
        if next.is_last() {
            return Ok(rows);
        }
        page = Some(next);
    }
}

impl<D: persql_core::Handle> PerSqlSaver<D> {
    /// Reads the rows behind a page, or the first: checkpoints, then writes. Nothing is decoded.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for a row that is not of this layout.
    pub fn export(&self, after: Option<&ExportedPage>) -> D::Reply<ExportedPage> {
        let cursor = match after {
            None => Some(Cursor::default()),
            Some(page) => page.next.clone(),
        };
        self.run(match cursor {
            Some(cursor) => crate::plan::export(self.store(), &cursor),
            None => persql_core::Plan::ok(ExportedPage::default()),
        })
    }

    /// Stores the rows of a page in one transaction; rows that are there already stay as they are.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the checkpoint, for a row that is too large
    /// for this layout.
    pub fn import(&self, page: &ExportedPage) -> D::Reply<()> {
        self.run(crate::plan::import(self.store(), page))
    }
}
