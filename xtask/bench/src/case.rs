//! What is compared: the same work through our crates and written by hand.

use std::path::{Path, PathBuf};

use persql_core::{Durability, blocking};

use rusqlite::Connection;

use crate::{
    by_hand::{self, ByHand},
    side::Side,
};

/// Why a bench could not be run.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// One row of the table.
pub(crate) struct Case {
    /// What is done.
    pub(crate) name: &'static str,
    pub(crate) calls: Calls,
    pub(crate) durability: Durability,
    pub(crate) bar: Bar,
    pub(crate) ours: Make,
    pub(crate) by_hand: Make,
}

/// Sets a side up.
pub(crate) type Make = fn(&Ground) -> Result<Side, Failed>;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    Blocking,
    Async,
}

/// What our side must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// The CPU time of an operation is at most so many times that of the one by hand.
    Cpu(f64),
    /// Several writers on one file.
    Writers(Writers),
    /// The operations a second are at least so many times those of the other side, if a number is set.
    Rate(Option<f64>),
    /// The row is there to be read.
    Open,
}

/// The bar for several writers on one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writers {
    /// At least so many times the operations of as many connections.
    pub(crate) throughput: f64,
    /// At most so many commits an operation.
    pub(crate) commits: f64,
    /// The slowest writer does at least this part of the mean.
    pub(crate) slowest: f64,
}

impl Case {
    /// A lone caller at NORMAL. A task pays for the way to another thread and back, and so does the work by hand.
    pub(crate) const fn lone(name: &'static str, calls: Calls, ours: Make, by_hand: Make) -> Self {
        let bar = match calls {
            Calls::Blocking => Bar::Cpu(1.3),
            Calls::Async => Bar::Cpu(2.0),
        };
        Self { name, calls, durability: Durability::Normal, bar, ours, by_hand }
    }

    /// The same case with each commit on the disk.
    pub(crate) const fn durable(self) -> Self {
        Self { durability: Durability::Full, ..self }
    }

    /// All that tells the case from others.
    pub(crate) fn title(&self) -> String {
        format!("{}, {}, {}", self.name, self.calls.name(), durability_name(self.durability))
    }
}

impl Calls {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Calls::Blocking => "blocking",
            Calls::Async => "async",
        }
    }
}

/// SQLite's name for it.
pub(crate) fn durability_name(durability: Durability) -> &'static str {
    if durability == Durability::Full { "FULL" } else { "NORMAL" }
}

/// Where and how one side works.
pub(crate) struct Ground {
    pub(crate) calls: Calls,
    durability: Durability,
    /// The database, in a directory that goes away after the case.
    path: PathBuf,
}

impl Ground {
    pub(crate) fn new(calls: Calls, durability: Durability, path: PathBuf) -> Self {
        Self { calls, durability, path }
    }

    /// Where the side keeps its data.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// Our handle to the database.
    pub(crate) fn handle(&self) -> Result<blocking::Database, Failed> {
        let client = blocking::PerSql::builder().local(&self.path).durability(self.durability).build()?;
        Ok(client.database("bench/bench")?)
    }

    /// A connection to the database, without tables.
    pub(crate) fn connection(&self) -> Result<Connection, Failed> {
        by_hand::connect(&self.path, self.durability)
    }

    /// A connection to the database, with the tables of the Agents SDK.
    pub(crate) fn by_hand(&self) -> Result<ByHand, Failed> {
        ByHand::open(&self.path, self.durability)
    }
}
