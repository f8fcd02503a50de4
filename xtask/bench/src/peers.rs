//! The frameworks' own stores, in Python, beside ours, through the bridge and in Rust: `cargo xtask bench --peers`.

mod cases;
mod worker;

use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use persql_core::Durability;
use serde_json::json;

use crate::{
    case::{Calls, Failed, Ground, Make, durability_name},
    checkpoint::{LARGE, content},
    history,
    items::turn,
    measure::{Sample, directory, median, sample},
    side::Side,
    strands,
};

use cases::PEERS;
use worker::Worker;

/// What a median is worth something from.
pub(crate) const ROUNDS: usize = 5;

/// How long each turn is.
const TURN: Duration = Duration::from_millis(500);

/// The name of the framework, and Python in the environment where it is.
pub(crate) type Python = (String, PathBuf);

/// The same work for stores of one framework and for ours.
struct Peer {
    name: &'static str,
    framework: &'static str,
    /// Theirs.
    stores: &'static [&'static str],
    /// Ours in Python.
    bridge: &'static str,
    /// What Python is asked for.
    request: Request,
    /// Of ours, as of theirs.
    durability: Durability,
    /// How ours is called in Rust.
    calls: Calls,
    native: Make,
}

/// What a store is to do.
#[derive(Clone, Copy, Debug)]
struct Request {
    operation: &'static str,
    /// How much is stored before.
    count: usize,
    /// How much of it is read; all, if nothing is said.
    limit: Option<usize>,
    /// How many do it at once.
    callers: usize,
}

/// Processes of Python, each with a store, that go on from case to case.
struct Workers<'a> {
    pythons: &'a [Python],
    /// A file with what is to be stored.
    data: PathBuf,
    started: HashMap<(&'static str, &'static str), Rc<RefCell<Worker>>>,
}

const HEAD: &str = "\
| case | durability | theirs | ops/s theirs | bridge | Rust | CPU µs theirs | bridge | Rust | CPU bridge ÷ theirs | Rust ÷ theirs | time bridge ÷ theirs | Rust ÷ theirs |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Runs the cases with `filter` in their names, and prints their rows as they come.
pub(crate) fn run(pythons: &[Python], filter: &str, rounds: usize) -> Result<(), Failed> {
    let place = directory()?;
    let data = place.path().join("data.json");
    let items: Vec<_> = (0..2_500).flat_map(turn).collect();
    let texts: Vec<_> = (0..LARGE).map(content).collect();
    let (history, strands): (Vec<_>, Vec<_>) =
        (0..10_000).map(|at| (history::message(at), strands::message(at))).unzip();
    let all = json!({ "items": items, "texts": texts, "history": history, "strands": strands });
    fs::write(&data, all.to_string())?;
    let mut workers = Workers { pythons, data, started: HashMap::new() };
    println!("{HEAD}");
    for peer in PEERS.iter().filter(|peer| format!("{} {}", peer.framework, peer.name).contains(filter)) {
        let rounds = measured(peer, &mut workers, rounds)
            .map_err(|error| format!("{}, {}: {error}", peer.framework, peer.name))?;
        for (place, store) in peer.stores.iter().enumerate() {
            println!("{}", row(peer, store, place, &rounds));
        }
    }
    println!("\n{rounds} rounds a case");
    Ok(())
}

/// For each round what each side did: theirs, the bridge, Rust. Every other round goes the other way round.
fn measured(peer: &Peer, workers: &mut Workers<'_>, rounds: usize) -> Result<Vec<Vec<Sample>>, Failed> {
    let place = directory()?;
    let mut sides: Vec<Side> = Vec::new();
    for store in peer.stores.iter().chain([&peer.bridge]) {
        sides.push(workers.side(peer, store, &place.path().join(store).with_extension("db"))?);
    }
    sides.push((peer.native)(&Ground::new(peer.calls, peer.durability, place.path().join("native.db")))?);
    for side in &mut sides {
        sample(side, TURN / 3)?;
    }
    let mut order: Vec<usize> = (0..sides.len()).collect();
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let mut round = Vec::new();
        for &number in &order {
            let side = sides.get_mut(number).ok_or("there is no such side")?;
            round.push((number, sample(side, TURN)?));
        }
        round.sort_by_key(|(number, _)| *number);
        measured.push(round.into_iter().map(|(_, sample)| sample).collect());
        order.reverse();
    }
    Ok(measured)
}

impl Workers<'_> {
    /// The side of a store in Python, set up.
    fn side(&mut self, peer: &Peer, store: &'static str, path: &Path) -> Result<Side, Failed> {
        let key = (peer.framework, store);
        if !self.started.contains_key(&key) {
            let python = self.pythons.iter().find(|(framework, _)| framework == peer.framework);
            let (_, python) = python.ok_or("there is no Python for this framework")?;
            let worker = Worker::start(python, peer.framework, store, &self.data)?;
            self.started.insert(key, Rc::new(RefCell::new(worker)));
        }
        let worker = self.started.get(&key).ok_or("there is no such worker")?;
        worker::side(worker, &peer.request, path)
    }
}

/// A row: medians, and medians of the ratios within a round.
fn row(peer: &Peer, store: &str, place: usize, rounds: &[Vec<Sample>]) -> String {
    let (theirs, bridge, native) = (place, peer.stores.len(), peer.stores.len() + 1);
    let of = |side: usize, figure: fn(&Sample) -> f64| {
        rounds.iter().filter_map(move |round| round.get(side)).map(figure).collect::<Vec<f64>>()
    };
    let ratio = |side: usize, figure: fn(&Sample) -> f64| {
        median(of(side, figure).into_iter().zip(of(theirs, figure)).map(|(ours, theirs)| ours / theirs))
    };
    let rate = |side| match median(of(side, |sample| sample.throughput)) {
        rate if rate < 1.0 => "< 1".to_owned(),
        rate => format!("{rate:.0}"),
    };
    let cpu = |side| median(of(side, |sample| sample.cpu * 1e6));
    format!(
        "| {} | {} | `{store}` | {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
        peer.name,
        durability_name(peer.durability),
        rate(theirs),
        rate(bridge),
        rate(native),
        cpu(theirs),
        cpu(bridge),
        cpu(native),
        ratio(bridge, |sample| sample.cpu),
        ratio(native, |sample| sample.cpu),
        ratio(bridge, |sample| 1.0 / sample.throughput),
        ratio(native, |sample| 1.0 / sample.throughput),
    )
}
