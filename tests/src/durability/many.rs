//! Thousands of databases used in turn by one process that may open few files.

use std::{
    error::Error,
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use persql_core::{blocking::PerSql, limits};

use super::agent::Agent;
use crate::process;

/// What it took.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Many {
    /// In the words of the process that did it.
    pub report: String,
}

/// Uses so many databases in turn, twice, in a process that may have 1,024 descriptors.
///
/// # Errors
/// The first error, a missing row, or more than 250 MB of memory.
pub fn many(databases: usize) -> Result<Many, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    // The limit is the shell's to set: in this process it would be everybody's.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 1024 && exec \"$0\""]).arg(std::env::current_exe()?);
    process::set_role(&mut limited, &format!("many {databases}"), directory.path());
    let mut child = limited.stdout(Stdio::piped()).spawn()?;
    let mut report = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut report)?;
    if !child.wait()?.success() {
        return Err("the process failed".into());
    }
    Ok(Many { report: report.trim().to_owned() })
}

const MOST_KILOBYTES: u64 = 250_000;

pub(super) fn work(path: &Path, databases: usize) -> Result<(), Box<dyn Error>> {
    let client = PerSql::local(path)?;
    let started = Instant::now();
    let mut most_files = 0;
    for turns in [&["first"][..], &["first", "second"]] {
        for number in 0..databases {
            let agent = Agent::new(&client.database(&format!("acme/agent-{number}"))?)?;
            agent.add_turn(turns.last().ok_or("no turn")?)?;
            if agent.turns()? != turns {
                return Err(format!("agent-{number} has lost a turn").into());
            }
            if number % limits::STATEMENTS == 0 {
                most_files = most_files.max(open_files());
            }
        }
    }
    let memory = kilobytes();
    println!(
        "{databases} databases twice in {:.1} s, {} descriptors at most, {:.1} MB of memory at most",
        started.elapsed().as_secs_f64(),
        most_files,
        memory as f64 / 1e3
    );
    if memory > MOST_KILOBYTES { Err(format!("more than {MOST_KILOBYTES} kB of memory").into()) } else { Ok(()) }
}

/// Descriptors of this process, where the system shows them.
fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// The most memory that this process ever had, where the system shows it.
fn kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
