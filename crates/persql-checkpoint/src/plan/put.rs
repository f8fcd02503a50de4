//! Storing a checkpoint, and storing what tasks wrote since.

use std::borrow::Cow;

use persql_core::{Error, Pack, Plan, Result, Sql, Statement, Value, pack};

use super::{Store, read::check_config};
use crate::{
    Checkpoint, Config, Metadata,
    row::{Typed, check_ids, check_row, metadata_param},
    serde::Data,
};

/// Stores a checkpoint whose parent is the one that the config names.
pub(crate) fn put(store: &Store, config: &Config, checkpoint: &Checkpoint, metadata: &Metadata) -> Plan<Config> {
    match put_batch(store, config, checkpoint, metadata) {
        Ok(batch) => {
            let stored = Config::of(&config.thread_id, config.ns(), &checkpoint.id);
            store.write(batch).map(|()| stored)
        }
        Err(error) => Plan::err(error),
    }
}

fn put_batch(store: &Store, config: &Config, checkpoint: &Checkpoint, metadata: &Metadata) -> Result<Vec<Statement>> {
    check_config(config)?;
    check_ids(&[("a checkpoint id", &checkpoint.id)])?;
    if checkpoint.id.is_empty() {
        return Err(Error::invalid("a checkpoint needs an id: an empty one names the latest"));
    }
    let (thread_id, ns, layout) = (config.thread_id.as_str(), config.ns(), store.texts.layout);
    let value = typed(store.serializer.dumps_checkpoint(checkpoint)?);
    let metadata = metadata.to_text(config)?;
    check_row(
        "a checkpoint",
        &[thread_id, ns, &checkpoint.id, config.id().unwrap_or_default()],
        value.size(layout) + metadata.len(),
    )?;
    let mut batch = Vec::new();
    if store.expect_latest {
        // Of a database of the other layout that is to be said, and not that somebody else wrote.
        batch.push(store.guard_layout());
        let params = (thread_id, ns, config.id(), checkpoint.id.as_str());
        batch.push(Statement::new(store.texts.guard_parent.clone(), params));
    }
    batch.push(Statement::new(
        store.texts.put.clone(),
        vec![
            thread_id.into(),
            ns.into(),
            checkpoint.id.as_str().into(),
            config.id().into(),
            value.tag.into(),
            value.to_param(layout),
            metadata_param(Cow::Owned(metadata.into_bytes()), layout)?,
        ],
    ));
    Ok(batch)
}

fn typed((tag, bytes): (&'static str, Vec<u8>)) -> Typed<'static> {
    Typed { tag, bytes: Cow::Owned(bytes) }
}

/// What one task wrote.
#[derive(Debug)]
pub(crate) struct Writes<'a> {
    pub(crate) task_id: &'a str,
    pub(crate) task_path: &'a str,
    pub(crate) writes: &'a [(String, Data)],
}

/// The idx of a channel that holds but one value for each task (langgraph-checkpoint 4.3, `WRITES_IDX_MAP`).
fn special_idx(channel: &str) -> Option<i64> {
    match channel {
        "__error__" => Some(-1),
        "__scheduled__" => Some(-2),
        "__interrupt__" => Some(-3),
        "__resume__" => Some(-4),
        _ => None,
    }
}

/// A write that is ready to be stored.
struct Ready<'a> {
    idx: i64,
    channel: &'a str,
    value: Typed<'static>,
}

/// Stores writes to the checkpoint that the config names, which need not be there yet.
pub(crate) fn put_writes(store: &Store, config: &Config, writes: &Writes<'_>) -> Plan<()> {
    if writes.writes.is_empty() {
        return Plan::ok(());
    }
    match writes_batch(store, config, writes) {
        Ok(batch) => store.write(batch),
        Err(error) => Plan::err(error),
    }
}

fn writes_batch(store: &Store, config: &Config, writes: &Writes<'_>) -> Result<Vec<Statement>> {
    check_config(config)?;
    check_ids(&[("a task id", writes.task_id), ("a task path", writes.task_path)])?;
    let Some(id) = config.id() else {
        return Err(Error::invalid("writes belong to a checkpoint, and the config names none"));
    };
    let keys = [config.thread_id.as_str(), config.ns(), id, writes.task_id, writes.task_path];
    let mut replaced = Vec::new();
    let mut kept = Vec::new();
    for (position, (channel, data)) in (0_i64..).zip(writes.writes) {
        let explain = |error: Error| error.context("write", position).context("channel", format_args!("{channel:?}"));
        check_ids(&[("a channel's name", channel)])?;
        let value = typed(store.serializer.dumps_typed(data).map_err(explain)?);
        check_row("a write", &keys, channel.len() + value.size(store.texts.layout)).map_err(explain)?;
        match special_idx(channel) {
            Some(idx) => replaced.push(Ready { idx, channel, value }),
            None => kept.push(Ready { idx: position, channel, value }),
        }
    }
    let texts = &store.texts;
    let mut batch = vec![store.guard_layout()];
    batch.extend(store.statements(&keys, &replaced, &texts.replace_write, &texts.replace_writes));
    batch.extend(store.statements(&keys, &kept, &texts.keep_write, &texts.keep_writes));
    Ok(batch)
}

impl Store {
    /// Writes in few statements: many texts in one parameter, and a long one in a statement of its own.
    fn statements(&self, keys: &[&str], writes: &[Ready<'_>], one: &Sql, many: &Sql) -> Vec<Statement> {
        let layout = self.texts.layout;
        let keys = || keys.iter().map(|key| Value::from(*key));
        let packed = pack(writes.iter().map(|write| {
            let value = write.value.to_packed(layout);
            super::json_array([&*write.idx.to_string(), write.channel, write.value.tag, &value])
        }));
        let mut left = writes.iter();
        let mut statements = Vec::new();
        for pack in packed {
            match pack {
                Pack::Many { array, count } => {
                    left.by_ref().take(count).for_each(drop);
                    statements.push(Statement::new(many.clone(), keys().chain([array.into()]).collect::<Vec<_>>()));
                }
                Pack::One(_) => statements.extend(left.next().map(|write| {
                    let own = [write.idx.into(), write.channel.into(), write.value.tag.into()];
                    let params = keys().chain(own).chain([write.value.to_param(layout)]);
                    Statement::new(one.clone(), params.collect::<Vec<_>>())
                })),
            }
        }
        statements
    }
}
