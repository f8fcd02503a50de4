//! Everything, row by row, from one database into another.

use std::borrow::Cow;

use persql_core::{Plan, Result, Rows, Statement, Value};

use super::{Store, try_rows};
use crate::{
    Layout,
    row::{AnyRow, CheckpointRow, WriteRow, check_row, metadata_param},
    transfer::{Cursor, ExportedPage},
};

/// Rows of one page, at most: each is a statement of the batch that stores it.
const PAGE: i64 = 90;

/// The rows behind the cursor: first all checkpoints, then all writes.
pub(crate) fn export(store: &Store, after: &Cursor) -> Plan<ExportedPage> {
    let texts = &store.texts;
    let statement = match after {
        Cursor::Checkpoints(key) => Statement::new(
            texts.export_checkpoints.clone(),
            (key.thread_id.as_str(), key.ns.as_str(), key.id.as_str(), PAGE),
        ),
        Cursor::Writes(key, task_id, idx) => Statement::new(
            texts.export_writes.clone(),
            (key.thread_id.as_str(), key.ns.as_str(), key.id.as_str(), task_id.as_str(), *idx, PAGE),
        ),
    };
    let (layout, after) = (texts.layout, after.clone());
    store.read(statement).try_map(move |rows| {
        let next = behind(&rows, layout, &after)?;
        Ok(ExportedPage { rows, layout, next })
    })
}

/// Where the next page begins. Rows that are not of the layout are refused here already.
fn behind(rows: &Rows, layout: Layout, after: &Cursor) -> Result<Option<Cursor>> {
    let places = try_rows(rows, |row| match AnyRow::read(&row, layout)? {
        AnyRow::Checkpoint(row) => Ok(Some((row.key, "", 0))),
        AnyRow::Write(row) => Ok(Some((row.key, row.task_id, row.idx))),
        AnyRow::Count(_) => Ok(None),
    })?;
    Ok(match (after, places.into_iter().flatten().max()) {
        (Cursor::Checkpoints(_), Some((key, ..))) => Some(Cursor::Checkpoints(key.to_key())),
        (Cursor::Checkpoints(_), None) => Some(Cursor::first_write()),
        (Cursor::Writes(..), Some((key, task_id, idx))) => Some(Cursor::Writes(key.to_key(), task_id.to_owned(), idx)),
        (Cursor::Writes(..), None) => None,
    })
}

/// Stores the rows of a page; what is there already stays.
pub(crate) fn import(store: &Store, page: &ExportedPage) -> Plan<()> {
    if page.is_empty() {
        return Plan::ok(());
    }
    let imported = try_rows(&page.rows, |row| match AnyRow::read(&row, page.layout)? {
        AnyRow::Checkpoint(row) => store.import_checkpoint(&row).map(Some),
        AnyRow::Write(row) => store.import_write(&row).map(Some),
        AnyRow::Count(_) => Ok(None),
    });
    match imported {
        Ok(rows) => store.write([store.guard_layout()].into_iter().chain(rows.into_iter().flatten()).collect()),
        Err(error) => Plan::err(error),
    }
}

impl Store {
    fn import_checkpoint(&self, row: &CheckpointRow<'_>) -> Result<Statement> {
        let (key, layout) = (&row.key, self.texts.layout);
        let keys = [key.thread_id, key.ns, key.id, row.parent.unwrap_or_default()];
        let payload = row.value.size(layout) + row.metadata.map_or(0, <[u8]>::len);
        check_row("a checkpoint", &keys, payload).map_err(|error| key.explain(error))?;
        let params = vec![
            key.thread_id.into(),
            key.ns.into(),
            key.id.into(),
            row.parent.into(),
            row.value.tag.into(),
            row.value.to_param(layout),
            row.metadata.map_or(Ok(Value::Null), |text| metadata_param(Cow::Borrowed(text), layout))?,
        ];
        Ok(Statement::new(self.texts.import_checkpoint.clone(), params))
    }

    fn import_write(&self, row: &WriteRow<'_>) -> Result<Statement> {
        let (key, layout) = (&row.key, self.texts.layout);
        let keys = [key.thread_id, key.ns, key.id, row.task_id, row.task_path, row.channel];
        check_row("a write", &keys, row.value.size(layout)).map_err(|error| row.explain(error))?;
        let params = vec![
            key.thread_id.into(),
            key.ns.into(),
            key.id.into(),
            row.task_id.into(),
            row.task_path.into(),
            row.idx.into(),
            row.channel.into(),
            row.value.tag.into(),
            row.value.to_param(layout),
        ];
        Ok(Statement::new(self.texts.keep_write.clone(), params))
    }
}
