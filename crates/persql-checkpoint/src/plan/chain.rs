//! The way from a checkpoint back to the first.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use persql_core::{Error, Plan, Result, Rows, Statement};

use super::{
    Store, json_array,
    read::{Page, check_config},
};
use crate::{
    Config, DeltaChannelHistory, PendingWrite,
    row::{CheckpointRow, WriteRow},
    serde::{Data, Map, Serializer},
    tuple::sort_writes,
};

/// Ancestors of one page, at most. Bytes end a page before that.
const PAGE: usize = 1_000;

/// A part of a graph, whose chain is read.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) store: Store,
    pub(super) thread_id: String,
    pub(super) ns: String,
}

/// A checkpoint of a chain, and its writes in the contract's order.
pub(super) type Link<'r> = (CheckpointRow<'r>, Vec<WriteRow<'r>>);

impl Graph {
    /// The rows of the chain from a checkpoint back, or from the latest: as much as fits one page.
    pub(super) fn rows(&self, from: Option<&str>, most: usize, channels: &BTreeSet<String>) -> Plan<Rows> {
        let channels = json_array(channels.iter().map(String::as_str));
        let params = (self.thread_id.as_str(), self.ns.as_str(), from, most.min(PAGE), channels);
        self.store.read(Statement::new(self.store.texts.chain.clone(), params))
    }

    /// What such rows say, from the checkpoint back.
    pub(super) fn links<'r>(&self, rows: &'r Rows) -> Result<Vec<Link<'r>>> {
        let mut links = Page::read(rows, self.store.texts.layout)?.found;
        links.sort_by_key(|(row, _)| row.depth);
        for (_, writes) in &mut links {
            sort_writes(writes);
        }
        Ok(links)
    }

    /// Shows every link from a checkpoint back to `look`, until that has seen enough.
    pub(super) fn walk<S: Send + 'static>(
        self,
        from: Option<String>,
        channels: BTreeSet<String>,
        mut seen: HashSet<String>,
        mut state: S,
        look: Look<S>,
    ) -> Plan<S> {
        let Some(from) = from else { return Plan::ok(state) };
        self.rows(Some(&from), PAGE, &channels).and_then(move |rows| {
            let next = self.links(&rows).and_then(|links| self.show(&links, None, &mut seen, &mut state, look));
            match next {
                Ok(next) => self.walk(next, channels, seen, state, look),
                Err(error) => Plan::err(error),
            }
        })
    }

    /// Shows these links to `look`, and gives what the chain goes on with behind them, or behind `next` if there are
    /// none; nothing if it has seen enough.
    fn show<'r, S>(
        &self,
        links: &[Link<'r>],
        mut next: Option<&'r str>,
        seen: &mut HashSet<String>,
        state: &mut S,
        look: Look<S>,
    ) -> Result<Option<String>> {
        for link in links {
            // A checkpoint that was stored again with another parent may have made a ring of the chain.
            if !seen.insert(link.0.key.id.to_owned()) || !look(state, self, link)? {
                return Ok(None);
            }
            next = link.0.parent;
        }
        Ok(next.map(str::to_owned))
    }
}

/// Looks at a link, and says whether it wants to see the next.
type Look<S> = fn(&mut S, &Graph, &Link<'_>) -> Result<bool>;

/// The value of a checkpoint, as far as chains need it.
pub(super) struct State {
    data: Data,
}

impl State {
    /// # Errors
    /// If the value cannot be read; then nobody knows what the chain needs.
    pub(super) fn read(row: &CheckpointRow<'_>, serializer: &Serializer) -> Result<Self> {
        let data = serializer.loads_state(row.value.tag, &row.value.bytes).map_err(|error| row.key.explain(error))?;
        match data {
            Data::Map(_) => Ok(Self { data }),
            other => {
                let message = format!("a stored checkpoint is {}, not a map", other.type_name());
                Err(row.key.explain(Error::new(persql_core::ErrorKind::Corrupt, message)))
            }
        }
    }

    pub(super) fn value(&self, channel: &str) -> Option<&Data> {
        self.data.get("channel_values")?.get(channel)
    }

    /// Whether its sends, if there are any, stand in its parent's writes: see [`Checkpoint::migrate`].
    pub(super) fn is_old(&self) -> bool {
        self.data.get("v").and_then(Data::as_i64).is_some_and(|v| v < 4)
    }

    /// The channels that have a version, so have been written to.
    pub(super) fn channels(&self) -> impl Iterator<Item = &str> {
        let versions = self.data.get("channel_versions").and_then(Data::as_map);
        versions.into_iter().flat_map(Map::keys).filter_map(Data::as_str)
    }
}

/// What is known of the channels asked for.
struct Histories {
    open: BTreeSet<String>,
    /// Writes are newest first while they are collected.
    found: BTreeMap<String, DeltaChannelHistory>,
}

/// The writes to each channel since its last value, back from the checkpoint that the config names or the latest.
pub(crate) fn history(
    store: &Store,
    config: &Config,
    channels: &[String],
) -> Plan<BTreeMap<String, DeltaChannelHistory>> {
    if let Err(error) = check_config(config) {
        return Plan::err(error);
    }
    let open: BTreeSet<String> = channels.iter().cloned().collect();
    if open.is_empty() {
        return Plan::ok(BTreeMap::new());
    }
    let found = open.iter().map(|channel| (channel.clone(), DeltaChannelHistory::default())).collect();
    let graph = Graph { store: store.clone(), thread_id: config.thread_id.clone(), ns: config.ns().to_owned() };
    let from = config.id().map(str::to_owned);
    let state = Histories { open: open.clone(), found };
    graph.rows(from.as_deref(), PAGE, &open).and_then(move |rows| {
        let (mut state, mut seen) = (state, HashSet::new());
        let next = graph.links(&rows).and_then(|links| {
            // The target's own writes are not part of it yet.
            let Some(((target, _), links)) = links.split_first() else { return Ok(None) };
            seen.insert(target.key.id.to_owned());
            graph.show(links, target.parent, &mut seen, &mut state, Histories::look)
        });
        match next {
            Ok(next) => {
                let channels = state.open.clone();
                graph.walk(next, channels, seen, state, Histories::look).map(Histories::finish)
            }
            Err(error) => Plan::err(error),
        }
    })
}

impl Histories {
    /// Takes a link's writes, and the values that end the search for their channels; says whether it goes on.
    fn look(&mut self, graph: &Graph, (row, writes): &Link<'_>) -> Result<bool> {
        for write in writes.iter().rev().filter(|write| self.open.contains(write.channel)) {
            let write = PendingWrite::read(write, &graph.store.serializer)?;
            if let Some(history) = self.found.get_mut(&write.channel) {
                history.writes.push(write);
            }
        }
        let state = State::read(row, &graph.store.serializer)?;
        let found = &mut self.found;
        self.open.retain(|channel| match (state.value(channel), found.get_mut(channel)) {
            (Some(value), Some(history)) => {
                history.seed = Some(value.clone());
                false
            }
            _ => true,
        });
        Ok(!self.open.is_empty())
    }

    fn finish(mut self) -> BTreeMap<String, DeltaChannelHistory> {
        for history in self.found.values_mut() {
            history.writes.reverse();
        }
        self.found
    }
}
