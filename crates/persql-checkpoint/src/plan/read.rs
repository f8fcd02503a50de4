//! One checkpoint with its writes.

use std::collections::HashMap;

use persql_core::{Plan, Result, Rows, Statement};

use super::Store;
use crate::{
    CheckpointTuple, Config,
    row::{AnyRow, CheckpointRow, WriteRow, check_ids},
    sql::Texts,
};

/// Checkpoints with their writes, as they came.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) found: Vec<(CheckpointRow, Vec<WriteRow>)>,
    /// How many there are, up to one more than were asked for, if the statement says so.
    pub(super) available: usize,
}

impl Page {
    /// Puts writes to their checkpoints.
    pub(super) fn read(rows: &Rows, texts: &Texts) -> Result<Self> {
        let mut page = Page::default();
        let mut position = HashMap::new();
        for row in rows.iter() {
            match AnyRow::read(&row, texts)? {
                AnyRow::Checkpoint(row) => {
                    position.insert(row.key.clone(), page.found.len());
                    page.found.push((row, Vec::new()));
                }
                AnyRow::Write(row) => {
                    let found = position.get(&row.key).and_then(|position| page.found.get_mut(*position));
                    if let Some((_, writes)) = found {
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
    let (store, config) = (store.clone(), config.clone());
    store.read(statement).try_map(move |rows| {
        let Some((row, writes)) = Page::read(&rows, &store.texts)?.found.into_iter().next() else { return Ok(None) };
        let mut tuple = CheckpointTuple::read(&row, writes, &store.serializer)?;
        if config.id().is_some() {
            // The caller's own, with whatever else it says.
            tuple.config = config;
        }
        Ok(Some(tuple))
    })
}

pub(super) fn check_config(config: &Config) -> Result<()> {
    check_ids(&[
        ("a thread id", &config.thread_id),
        ("a namespace", config.ns()),
        ("a checkpoint id", config.id().unwrap_or_default()),
    ])
}
