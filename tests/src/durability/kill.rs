//! A process that writes is killed at a random moment, and what it left is looked at.

use std::{
    collections::BTreeSet,
    error::Error,
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Write, stdin, stdout},
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

use persql_core::{
    Claim, Durability,
    blocking::{Database, PerSql},
};

use super::agent::{Agent, stored};
use crate::process;

const NAME: &str = "acme/agent-state";
const BRANCH: &str = "work";

/// A storage is used for so many rounds: what one round left is what the next begins with.
const ROUNDS_TOGETHER: usize = 20;

/// What was seen in all rounds.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Killed {
    /// Processes that were killed.
    pub rounds: usize,
    /// Writes that were acknowledged, all of which were found.
    pub acknowledged: u64,
    /// Branches and snapshots among them.
    pub copies: usize,
    /// Writes that were found although the process was killed before it could say so.
    pub unacknowledged: usize,
}

/// Kills a process at a random moment, `rounds` times.
///
/// # Errors
/// The first thing that was lost, torn or damaged.
pub fn kill(rounds: usize, durability: Durability) -> Result<Killed, Box<dyn Error>> {
    let mut seen = Killed::default();
    while seen.rounds < rounds {
        let directory = tempfile::tempdir()?;
        let mut known = BTreeSet::new();
        for _ in 0..ROUNDS_TOGETHER.min(rounds - seen.rounds) {
            round(directory.path(), durability, &mut seen, &mut known)
                .map_err(|error| format!("round {}: {error}", seen.rounds + 1))?;
            seen.rounds += 1;
        }
    }
    Ok(seen)
}

fn client(path: &Path, durability: Durability) -> persql_core::Result<PerSql> {
    PerSql::builder().local(path).durability(durability).build()
}

/// Writes until it is killed, and says on standard output what was acknowledged: whole lines, since each goes to the
/// pipe at once.
pub(super) fn work(path: &Path, durability: Durability) -> Result<(), Box<dyn Error>> {
    let client = client(path, durability)?;
    let db = client.database(NAME)?;
    let mut agent = Agent::new(&db)?;
    let mut told = stdout();
    let run = RandomState::new().hash_one(0);
    for number in 0_u64.. {
        match number % 6 {
            1 | 4 => {
                let id = agent.put()?;
                writeln!(told, "checkpoint {id}")?;
                agent.put_writes()?;
                writeln!(told, "writes {id}")?;
            }
            2 => {
                let claimed = db.branches().claim(Claim::of(BRANCH).with_data(true))?;
                writeln!(told, "branch {}", claimed.branch.database_slug)?;
            }
            5 => {
                let made = db.snapshots().create("")?;
                writeln!(told, "snapshot {}", made.id)?;
            }
            _ => {
                let turn = format!("{run:x}-{number}");
                agent.add_turn(&turn)?;
                writeln!(told, "turn {turn}")?;
            }
        }
    }
    Ok(())
}

fn round(
    path: &Path,
    durability: Durability,
    seen: &mut Killed,
    known: &mut BTreeSet<String>,
) -> Result<(), Box<dyn Error>> {
    let mut child = process::start(&format!("kill {}", super::word(durability)), path, &[])?;
    let output = child.stdout.take().ok_or("no output")?;
    let random = RandomState::new().hash_one(1);
    let moment = Duration::from_micros(random % 300_000);
    let (begun, has_begun) = mpsc::channel();
    let reader = thread::spawn(move || -> std::io::Result<Vec<String>> {
        let told = |_: &std::io::Result<String>| begun.send(()).unwrap_or_default();
        BufReader::new(output).lines().inspect(told).collect()
    });
    // One in four is killed from before its first table on, the others from after the first acknowledged write on.
    if !random.is_multiple_of(4) {
        has_begun.recv_timeout(Duration::from_secs(60))?;
    }
    thread::sleep(moment); // tidy: allow-sleep a kill at a random moment is what is tested
    if let Some(status) = child.try_wait()? {
        return Err(format!("the process ended by itself: {status}").into());
    }
    child.kill()?;
    child.wait()?;
    let lines = reader.join().map_err(|_| "the reader panicked")??;
    let client = client(path, durability)?;
    let db = client.database(NAME)?;
    let outcome = judge(path, &db, &lines, seen, known);
    client.close();
    outcome
}

/// Compares what is stored with what was `known` before the round, and with what the process said.
fn judge(
    path: &Path,
    db: &Database,
    lines: &[String],
    seen: &mut Killed,
    known: &mut BTreeSet<String>,
) -> Result<(), Box<dyn Error>> {
    let found = stored(db)?;
    // What must be in the latest branch, and in the latest snapshot: all that came before it.
    let (mut branch, mut snapshot) = (None, None);
    let mut snapshots = Vec::new();
    for line in lines {
        match line.split_once(' ').ok_or("half a line")? {
            ("branch", _) => branch = Some(known.clone()),
            ("snapshot", id) => {
                snapshot = Some(known.clone());
                snapshots.push(id);
            }
            _ => drop(known.insert(line.clone())),
        }
    }
    seen.acknowledged += lines.len() as u64;
    seen.copies += lines.iter().filter(|line| line.starts_with("branch") || line.starts_with("snapshot")).count();
    check_all(known, &found)?;
    seen.unacknowledged += found.difference(known).count();
    let branches = db.branches().list()?;
    if branch.is_some() && branches.is_empty() {
        return Err("an acknowledged branch is lost".into());
    }
    for slug in branches.iter().map(|branch| &branch.database_slug) {
        let file = path.join(format!(".persql/copies/{slug}.db"));
        let in_branch = Database::local(file).map_err(Into::into).and_then(|db| stored(&db));
        check_all(&branch.clone().unwrap_or_default(), &in_branch?).map_err(|error| format!("branch: {error}"))?;
    }
    let kept = db.snapshots().list()?;
    if let Some(lost) = snapshots.iter().find(|id| kept.iter().all(|kept| kept.id != **id)) {
        return Err(format!("the acknowledged snapshot {lost} is lost").into());
    }
    *known = found;
    if let Some(last) = kept.last() {
        db.snapshots().restore(&last.id)?;
        *known = stored(db)?;
        check_all(&snapshot.unwrap_or_default(), known).map_err(|error| format!("snapshot: {error}"))?;
        for old in &kept {
            db.snapshots().delete(&old.id)?;
        }
    }
    Ok(())
}

fn check_all(known: &BTreeSet<String>, found: &BTreeSet<String>) -> Result<(), Box<dyn Error>> {
    known.difference(found).next().map_or(Ok(()), |lost| Err(format!("the acknowledged {lost} is lost").into()))
}

/// Waits until the one who started this process says so.
pub(super) fn wait_for_start() -> std::io::Result<()> {
    stdin().read_line(&mut String::new()).map(drop)
}
