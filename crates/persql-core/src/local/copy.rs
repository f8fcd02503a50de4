//! Copies of databases: whole, or their schema alone.

use std::time::Instant;

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use super::{
    connection::sleep_a_little,
    error::{busy, translate},
};
use crate::Result;

/// What is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everything.
    Whole,
    /// Everything but the service's own records, of which a branch has none.
    Data,
    /// Tables, indexes, triggers and views, without rows.
    Schema,
}

/// Tables before what is made on them; triggers last, when what they name is there.
const SCHEMA: &str = "\
    SELECT sql FROM sqlite_schema
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_persql\\_%' ESCAPE '\\'
      AND tbl_name NOT LIKE '\\_persql\\_%' ESCAPE '\\'
      AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')
    ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, rowid";

const FORGET_ANSWERS: &str = "DROP TABLE IF EXISTS _persql_idempotency";

/// Copies into a new database.
pub(super) fn copy(from: &Connection, to: &mut Connection, extent: Extent, until: Instant) -> Result<()> {
    match extent {
        Extent::Whole => copy_pages(from, to, until),
        Extent::Data => {
            copy_pages(from, to, until)?;
            to.execute_batch(FORGET_ANSWERS).map_err(translate)
        }
        Extent::Schema => {
            let texts = || -> rusqlite::Result<Vec<String>> {
                from.prepare(SCHEMA)?.query_map([], |row| row.get(0))?.collect()
            };
            let texts = texts().map_err(translate)?;
            let create = || -> rusqlite::Result<()> {
                to.execute_batch("BEGIN")?;
                texts.iter().try_for_each(|text| to.execute_batch(text))?;
                to.execute_batch("COMMIT")
            };
            create().map_err(translate)
        }
    }
}

/// Copies page by page, in one step: one with pauses begins anew whenever somebody writes, and may never end. Into a
/// database that is in use this is one transaction.
pub(super) fn copy_pages(from: &Connection, to: &mut Connection, until: Instant) -> Result<()> {
    let backup = Backup::new(from, to).map_err(translate)?;
    loop {
        match backup.step(i32::MAX).map_err(translate)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if Instant::now() >= until => return Err(busy()),
            _ => sleep_a_little(),
        }
    }
}
