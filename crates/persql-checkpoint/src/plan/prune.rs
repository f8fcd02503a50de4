//! Deleting what is no longer needed, and keeping what is.
//!
//! A delta channel stores no value at most checkpoints: it is rebuilt from the writes of the ancestors, back to one
//! that has a value. So what is kept needs some of its ancestors, and only their values tell which.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use persql_core::{Error, ErrorKind, Plan, Result, Rows, Statement};

use super::{
    Guard, Store, arrays,
    chain::{Graph, Link, State},
    for_each, json_array, place, try_rows,
};
use crate::{
    checkpoint::TASKS,
    row::{CheckpointRow, Key},
    serde::Data,
};

/// How often a thread is looked at anew because somebody changed it meanwhile.
const ATTEMPTS: usize = 5;

/// Keys of one page, at most.
const PAGE: usize = 10_000;

/// Keeps the newest checkpoints of each namespace with the ancestors that they need, thread by thread.
pub(crate) fn keep_newest(store: &Store, thread_ids: &[String], keep: usize) -> Plan<()> {
    if keep == 0 {
        return Plan::err(Error::invalid("at least one checkpoint is kept: to delete threads, say so"));
    }
    let store = store.clone();
    let mut seen = HashSet::new();
    let thread_ids: Vec<String> = thread_ids.iter().filter(|id| seen.insert((*id).clone())).cloned().collect();
    for_each(thread_ids.into_iter(), move |thread_id| prune_thread(store.clone(), thread_id, keep, ATTEMPTS))
}

fn prune_thread(store: Store, thread_id: String, keep: usize, attempts: usize) -> Plan<()> {
    let context = thread_id.clone();
    let pruned = shapes(&store, [thread_id.as_str()]).and_then(move |shape| {
        let start = Keys::default();
        read_keys(store.clone(), thread_id.clone(), (String::new(), String::new()), start).and_then(move |keys| {
            let heads: Vec<(String, String)> = keys.heads(keep);
            let kept = Kept { store: store.clone(), thread_id: thread_id.clone(), needed: keys.kept(keep) };
            needs_of(kept, heads.into_iter()).and_then(move |kept| {
                let doomed = keys.without(&kept.needed);
                let deleted = delete(&store, &shape, vec![(thread_id.clone(), doomed)]);
                deleted.or_else(move |error| match store.guard_of(&error) {
                    Some(Guard::Shapes) if attempts > 1 => prune_thread(store, thread_id, keep, attempts - 1),
                    _ => Plan::err(error),
                })
            })
        })
    });
    pruned.context("thread", context)
}

/// What threads look like, as texts for the guard that compares later.
pub(super) fn shapes<'a>(store: &Store, thread_ids: impl IntoIterator<Item = &'a str>) -> Plan<Vec<String>> {
    let shapes = Statement::new(store.texts.shapes.clone(), [json_array(thread_ids)]);
    store.read(shapes).try_map(|rows| {
        try_rows(&rows, |row| {
            let (id, count) = (row.get::<String>(0)?, row.get::<i64>(1)?);
            let (newest, rowid) = (row.get::<Option<String>>(2)?, row.get::<Option<i64>>(3)?);
            let mut shape = json_array([id.as_str()]);
            shape.pop();
            shape.push_str(&format!(",{count},"));
            match newest {
                Some(newest) => crate::json::write_string(&newest, &mut shape),
                None => shape.push_str("null"),
            }
            shape.push_str(&rowid.map_or(",null]".to_owned(), |rowid| format!(",{rowid}]")));
            Ok(shape)
        })
    })
}

/// The checkpoints of a thread: for each namespace the ids, oldest first.
#[derive(Debug, Default)]
struct Keys(BTreeMap<String, Vec<String>>);

fn read_keys(store: Store, thread_id: String, after: (String, String), mut keys: Keys) -> Plan<Keys> {
    let params = (thread_id.as_str(), after.0.as_str(), after.1.as_str(), PAGE);
    let page = Statement::new(store.texts.keys.clone(), params);
    store.read(page).and_then(move |rows| {
        let read = |rows: &Rows| try_rows(rows, |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)));
        let page = match read(&rows) {
            Ok(page) => page,
            Err(error) => return Plan::err(error),
        };
        let last = page.last().cloned();
        for (ns, id) in page {
            keys.0.entry(ns).or_default().push(id);
        }
        match last {
            Some(last) if rows.len() >= PAGE => read_keys(store, thread_id, last, keys),
            _ => Plan::ok(keys),
        }
    })
}

impl Keys {
    fn newest(ids: &[String], keep: usize) -> &[String] {
        ids.get(ids.len().saturating_sub(keep)..).unwrap_or_default()
    }

    /// What is kept in any case.
    fn kept(&self, keep: usize) -> HashSet<(String, String)> {
        let newest = |(ns, ids): (&String, &Vec<String>)| {
            Self::newest(ids, keep).iter().map(|id| (ns.clone(), id.clone())).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(newest).collect()
    }

    /// Those of them that may need others: where everything is kept, nothing does.
    fn heads(&self, keep: usize) -> Vec<(String, String)> {
        let longer = self.0.iter().filter(|(_, ids)| ids.len() > keep);
        longer.flat_map(|(ns, ids)| Self::newest(ids, keep).iter().rev().map(|id| (ns.clone(), id.clone()))).collect()
    }

    fn without(&self, kept: &HashSet<(String, String)>) -> Vec<Key> {
        let keys = self.0.iter().flat_map(|(ns, ids)| ids.iter().map(|id| (ns.clone(), id.clone())));
        let doomed = keys.filter(|key| !kept.contains(key));
        doomed.map(|(ns, id)| Key { thread_id: String::new(), ns, id }).collect()
    }
}

struct Kept {
    store: Store,
    thread_id: String,
    needed: HashSet<(String, String)>,
}

/// Adds what each of the checkpoints needs.
fn needs_of(mut kept: Kept, mut heads: impl Iterator<Item = (String, String)> + Send + 'static) -> Plan<Kept> {
    let Some((ns, id)) = heads.next() else { return Plan::ok(kept) };
    let graph = Graph { store: kept.store.clone(), thread_id: kept.thread_id.clone(), ns: ns.clone() };
    needed_by(graph, &id).and_then(move |needed| {
        kept.needed.extend(needed.into_iter().map(|id| (ns.clone(), id)));
        needs_of(kept, heads)
    })
}

/// The ancestors that a checkpoint's delta channels are rebuilt from.
pub(super) fn needed_by(graph: Graph, id: &str) -> Plan<Vec<String>> {
    let seen = HashSet::from([id.to_owned()]);
    graph.rows(Some(id), 1, &BTreeSet::new()).and_then(move |rows| {
        let start = graph.links(&rows).and_then(|links| match links.first() {
            Some((row, _)) => Ok((Needs::of(row, &graph)?, row.parent.map(str::to_owned))),
            None => Ok((Needs::default(), None)),
        });
        match start {
            Ok((needs, _)) if needs.channels().is_empty() => Plan::ok(Vec::new()),
            Ok((needs, parent)) => {
                let channels = needs.channels();
                graph.walk(parent, channels, seen, needs, Needs::look).map(Needs::finish)
            }
            Err(error) => Plan::err(unreadable(error)),
        }
    })
}

/// A channel without a value, which may be a delta channel or may just be empty.
struct Open {
    channel: String,
    /// Whether the metadata counts its updates, which it does for delta channels only.
    counted: bool,
    /// The position of the oldest ancestor so far that wrote to it.
    written: Option<usize>,
}

#[derive(Default)]
struct Needs {
    open: Vec<Open>,
    /// Whether the parent's writes may hold what was sent to tasks.
    sent_by_parent: bool,
    /// The ancestors so far, newest first.
    passed: Vec<String>,
    /// How many of these are needed.
    needed: usize,
}

impl Needs {
    fn of(row: &CheckpointRow<'_>, graph: &Graph) -> Result<Self> {
        let metadata = row.metadata()?;
        let state = State::read(row, &graph.store.serializer)?;
        let counted: BTreeSet<&str> = metadata.delta_channels().collect();
        // LangGraph's own channels are empty most of the time, and are no delta channels.
        let own = |channel: &str| channel.starts_with("__") || channel.starts_with("branch:");
        let candidates: BTreeSet<&str> =
            state.channels().filter(|channel| !own(channel)).chain(counted.iter().copied()).collect();
        let empty = candidates.into_iter().filter(|channel| state.value(channel).is_none());
        let open = empty
            .map(|channel| Open { channel: channel.to_owned(), counted: counted.contains(channel), written: None })
            .collect();
        Ok(Self { open, sent_by_parent: state.is_old(), ..Self::default() })
    }

    /// The channels whose writes matter.
    fn channels(&self) -> BTreeSet<String> {
        let sends = self.sent_by_parent.then(|| TASKS.to_owned());
        self.open.iter().map(|open| open.channel.clone()).chain(sends).collect()
    }

    fn look(&mut self, graph: &Graph, (row, writes): &Link<'_>) -> Result<bool> {
        let position = self.passed.len();
        self.passed.push(row.key.id.to_owned());
        if std::mem::take(&mut self.sent_by_parent) && writes.iter().any(|write| write.channel == TASKS) {
            self.needed = 1;
        }
        if self.open.is_empty() {
            return Ok(false);
        }
        let state = State::read(row, &graph.store.serializer).map_err(unreadable)?;
        let needed = &mut self.needed;
        self.open.retain_mut(|open| {
            if writes.iter().any(|write| write.channel == open.channel) {
                open.written = Some(position);
            }
            let Some(value) = state.value(&open.channel) else { return true };
            // The value of an ordinary channel that is empty by now has no writes behind it: those would have given
            // it a newer one.
            if open.counted || open.written.is_some() || is_snapshot(value) {
                *needed = (*needed).max(position + 1);
            }
            false
        });
        Ok(!self.open.is_empty())
    }

    fn finish(mut self) -> Vec<String> {
        // Without a value up to the first checkpoint, the writes themselves are all there is.
        let written = self.open.iter().filter_map(|open| open.written).max();
        let needed = self.needed.max(written.map_or(0, |position| position + 1));
        self.passed.truncate(needed);
        self.passed
    }
}

/// A snapshot of a delta channel, Python's or JavaScript's.
fn is_snapshot(value: &Data) -> bool {
    match value {
        Data::Ext(ext) => ext.code == 7,
        Data::Map(map) => map.get("type").and_then(Data::as_str) == Some("delta_snapshot") && map.contains_key("lc"),
        _ => false,
    }
}

/// Nothing is deleted on a guess.
fn unreadable(error: Error) -> Error {
    Error::new(error.kind(), format!("nothing was deleted: {error}")).with_source(error)
}

/// Deletes checkpoints with their writes, if their threads still look as they did.
pub(super) fn delete(store: &Store, shapes: &[String], doomed: Vec<(String, Vec<Key>)>) -> Plan<()> {
    let texts = &store.texts;
    let mut batch: Vec<Statement> =
        arrays(shapes).into_iter().map(|array| Statement::new(texts.guard_shapes.clone(), [array])).collect();
    let guards = batch.len();
    for (thread_id, keys) in doomed {
        for array in arrays(keys.iter().map(place)) {
            let delete = [&texts.delete_writes, &texts.delete_checkpoints, &texts.forget_parents];
            batch.extend(delete.map(|sql| Statement::new(sql.clone(), (thread_id.as_str(), array.as_str()))));
        }
    }
    if batch.len() == guards {
        return Plan::ok(());
    }
    if batch.len() > persql_core::limits::STATEMENTS {
        let limit = persql_core::limits::STATEMENTS;
        return Plan::err(Error::new(
            ErrorKind::TooLarge,
            format!("this is too much for one transaction of {limit} statements: do it in parts"),
        ));
    }
    store.write(batch)
}
