//! Everything, row by row, from one database into another.

use std::borrow::Cow;

use persql_core::{Plan, Result, Statement, Value};

use super::{Store, try_rows};
use crate::{
    row::{AnyRow, CheckpointRow, Typed, WriteRow, check_row, metadata_param},
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
    let (store, after) = (store.clone(), after.clone());
    store.read(statement).try_map(move |rows| {
        let mut page = ExportedPage::default();
        for row in try_rows(&rows, |row| AnyRow::read(&row, &store.texts))? {
            match row {
                AnyRow::Checkpoint(row) => page.checkpoints.push(row),
                AnyRow::Write(row) => page.writes.push(row),
                AnyRow::Count(_) => {}
            }
        }
        page.checkpoints.sort_by(|a, b| a.key.cmp(&b.key));
        page.writes.sort_by(|a, b| (&a.key, &a.task_id, a.idx).cmp(&(&b.key, &b.task_id, b.idx)));
        page.next = match (&after, page.checkpoints.last(), page.writes.last()) {
            (Cursor::Checkpoints(_), Some(last), _) => Some(Cursor::Checkpoints(last.key.clone())),
            (Cursor::Checkpoints(_), None, _) => Some(Cursor::first_write()),
            (_, _, Some(last)) => Some(Cursor::Writes(last.key.clone(), last.task_id.clone(), last.idx)),
            (_, _, None) => None,
        };
        Ok(page)
    })
}

/// Stores the rows of a page; what is there already stays.
pub(crate) fn import(store: &Store, page: &ExportedPage) -> Plan<()> {
    if page.is_empty() {
        return Plan::ok(());
    }
    let checkpoints = page.checkpoints.iter().map(|row| store.import_checkpoint(row));
    let writes = page.writes.iter().map(|row| store.import_write(row));
    match checkpoints.chain(writes).collect::<Result<Vec<_>>>() {
        Ok(rows) => store.write([store.guard_layout()].into_iter().chain(rows).collect()),
        Err(error) => Plan::err(error),
    }
}

impl Store {
    fn import_checkpoint(&self, row: &CheckpointRow) -> Result<Statement> {
        let (key, layout) = (&row.key, self.texts.layout);
        let keys = [key.thread_id.as_str(), &key.ns, &key.id, row.parent.as_deref().unwrap_or_default()];
        let metadata = row.metadata.as_deref();
        let payload = row.value.size(layout) + metadata.map_or(0, <[u8]>::len);
        check_row("a checkpoint", &keys, payload).map_err(|error| key.explain(error))?;
        let params = vec![
            key.thread_id.as_str().into(),
            key.ns.as_str().into(),
            key.id.as_str().into(),
            row.parent.as_deref().into(),
            row.value.tag.as_str().into(),
            self.imported_value(&row.value),
            metadata.map_or(Ok(Value::Null), |text| metadata_param(Cow::Borrowed(text), layout))?,
        ];
        Ok(Statement::new(self.texts.import_checkpoint.clone(), params))
    }

    fn import_write(&self, row: &WriteRow) -> Result<Statement> {
        let (key, layout) = (&row.key, self.texts.layout);
        let keys = [key.thread_id.as_str(), &key.ns, &key.id, &row.task_id, &row.task_path, &row.channel];
        check_row("a write", &keys, row.value.size(layout)).map_err(|error| key.explain(error))?;
        let params = vec![
            key.thread_id.as_str().into(),
            key.ns.as_str().into(),
            key.id.as_str().into(),
            row.task_id.as_str().into(),
            row.task_path.as_str().into(),
            row.idx.into(),
            row.channel.as_str().into(),
            row.value.tag.as_str().into(),
            self.imported_value(&row.value),
        ];
        Ok(Statement::new(self.texts.keep_write.clone(), params))
    }

    fn imported_value(&self, value: &Typed) -> Value {
        value.to_param(self.texts.layout)
    }
}
