//! One checkpoint with its writes.

use persql_core::{Plan, Result, Rows, Statement};

use super::{Store, sends};
use crate::{
    CheckpointTuple, Config, Layout,
    row::{AnyRow, CheckpointRow, WriteRow, check_ids},
};

/// Checkpoints with their writes, as they came.
#[derive(Debug, Default)]
pub(super) struct Page<'r> {
    pub(super) found: Vec<(CheckpointRow<'r>, Vec<WriteRow<'r>>)>,
    /// How many there are, up to one more than were asked for, if the statement says so.
    pub(super) available: usize,
}

impl<'r> Page<'r> {
    /// Puts writes to their checkpoints, which come first.
    pub(super) fn read(rows: &'r Rows, layout: Layout) -> Result<Self> {
        let mut page = Page::default();
        let mut last = 0;
        for row in rows.iter() {
            match AnyRow::read(&row, layout)? {
                AnyRow::Checkpoint(row) => page.found.push((row, Vec::new())),
                AnyRow::Write(row) => {
                    // Mostly to the same as the write before, or to the next.
                    let (before, from) = page.found.split_at(last);
                    let near = from.iter().chain(before).position(|(checkpoint, _)| checkpoint.key == row.key);
                    let Some(distance) = near else { continue };
                    last = (last + distance) % page.found.len();
                    if let Some((_, writes)) = page.found.get_mut(last) {
                        writes.push(row);
                    }
                }
                AnyRow::Count(available) => page.available = available,
            }
        }
        Ok(page)
    }
}

/// The checkpoint that the config names, or the latest.
pub(crate) fn get_tuple(store: &Store, config: &Config) -> Plan<Option<CheckpointTuple>> {
    if let Err(error) = check_config(config) {
        return Plan::err(error);
    }
    let (texts, keys) = (&store.texts, (config.thread_id.as_str(), config.ns()));
    let statement = match config.id() {
        Some(id) => Statement::new(texts.get_by_id.clone(), (keys.0, keys.1, id)),
        None => Statement::new(texts.get_latest.clone(), keys),
    };
    // The caller's own, with whatever else it says.
    let (store, named) = (store.clone(), config.id().map(|_| config.clone()));
    store.read(statement).and_then(move |rows| match first(&rows, &store) {
        Ok(Some(mut tuple)) => {
            if let Some(config) = named {
                tuple.config = config;
            }
            if sends::parent(&tuple).is_none() {
                return Plan::ok(Some(tuple));
            }
            sends::migrate(&store, vec![tuple]).map(|tuples| tuples.into_iter().next())
        }
        outcome => Plan::result(outcome),
    })
}

fn first(rows: &Rows, store: &Store) -> Result<Option<CheckpointTuple>> {
    let first = Page::read(rows, store.texts.layout)?.found.into_iter().next();
    first.map(|(row, writes)| CheckpointTuple::read(&row, writes, &store.serializer)).transpose()
}

pub(super) fn check_config(config: &Config) -> Result<()> {
    check_ids(&[
        ("a thread id", &config.thread_id),
        ("a namespace", config.ns()),
        ("a checkpoint id", config.id().unwrap_or_default()),
    ])
}
