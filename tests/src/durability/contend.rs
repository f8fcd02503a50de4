//! Many processes that write to one file at the same time.

use std::{
    error::Error,
    io::{Read, Write},
    path::Path,
    time::{Duration, Instant},
};

use persql_core::blocking::Database;

use super::{
    agent::{Agent, stored},
    kill::wait_for_start,
};
use crate::process;

/// What each process got done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shares {
    /// Turns by process.
    pub turns: Vec<u64>,
}

impl Shares {
    /// All turns.
    pub fn total(&self) -> u64 {
        self.turns.iter().sum()
    }

    /// The slowest process's share of the mean.
    pub fn slowest(&self) -> f64 {
        let least = self.turns.iter().min().copied().unwrap_or(0);
        least as f64 * self.turns.len() as f64 / self.total().max(1) as f64
    }
}

/// Lets processes append turns to one file for so many seconds.
///
/// # Errors
/// The first error that any of them met, or a turn that is missing afterwards.
pub fn contend(processes: usize, seconds: f64) -> Result<Shares, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("shared.db");
    let role = format!("contend {seconds}");
    let mut children = (0..processes).map(|_| process::start(&role, &path, &[])).collect::<Result<Vec<_>, _>>()?;
    for child in &mut children {
        // All of them run by now, more or less, and wait for this.
        child.stdin.take().ok_or("no input")?.write_all(b"go\n")?;
    }
    let mut turns = Vec::new();
    for mut child in children {
        let mut told = String::new();
        child.stdout.take().ok_or("no output")?.read_to_string(&mut told)?;
        if !child.wait()?.success() {
            return Err("a process failed".into());
        }
        turns.push(told.trim().parse::<u64>()?);
    }
    let shares = Shares { turns };
    let found = stored(&Database::local(&path)?)?.len();
    if u64::try_from(found)? != shares.total() {
        return Err(format!("{} turns were acknowledged, and {found} are there", shares.total()).into());
    }
    Ok(shares)
}

pub(super) fn work(path: &Path, seconds: f64) -> Result<(), Box<dyn Error>> {
    let agent = Agent::new(&Database::local(path)?)?;
    wait_for_start()?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut turns = 0_u64;
    while Instant::now() < end {
        agent.add_turn(&format!("{}-{turns}", std::process::id()))?;
        turns += 1;
    }
    println!("{turns}");
    Ok(())
}
