//! A process that writes is killed at a random moment, and what it left is looked at.

use std::{
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

use super::turn;
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
    pub copies: u64,
    /// Writes that were found although the process was killed before it could say so.
    pub unacknowledged: i64,
}

/// Kills a process at a random moment, `rounds` times.
///
/// # Errors
/// The first thing that was lost, torn or damaged.
pub fn kill(rounds: usize, durability: Durability) -> Result<Killed, Box<dyn Error>> {
    let mut seen = Killed::default();
    while seen.rounds < rounds {
        let directory = tempfile::tempdir()?;
        let mut written = 0;
        for _ in 0..ROUNDS_TOGETHER.min(rounds - seen.rounds) {
            round(directory.path(), durability, &mut seen, &mut written)
                .map_err(|error| format!("round {}: {error}", seen.rounds + 1))?;
            seen.rounds += 1;
        }
    }
    Ok(seen)
}

fn client(path: &Path, durability: Durability) -> persql_core::Result<PerSql> {
    PerSql::builder().local(path).durability(durability).build()
}

/// Writes until it is killed, and says on standard output what was acknowledged.
pub(super) fn work(path: &Path, durability: Durability) -> Result<(), Box<dyn Error>> {
    let client = client(path, durability)?;
    let db = client.database(NAME)?;
    turn::create(&db)?;
    let mut told = stdout();
    let run = RandomState::new().hash_one(0);
    for number in 0_u64.. {
        let id = format!("{run:x}-{number}");
        match number % 6 {
            1 => {
                turn::put(&db, &id)?;
                writeln!(told, "write {id}")?;
            }
            2 => {
                let claimed = db.branches().claim(Claim::of(BRANCH).with_data(true))?;
                writeln!(told, "branch {}", claimed.branch.database_slug)?;
            }
            4 => {
                let made = db.snapshots().create(&id)?;
                writeln!(told, "snapshot {}", made.id)?;
            }
            _ => {
                turn::append(&db, &id)?;
                writeln!(told, "write {id}")?;
            }
        }
        told.flush()?;
    }
    Ok(())
}

fn round(path: &Path, durability: Durability, seen: &mut Killed, written: &mut i64) -> Result<(), Box<dyn Error>> {
    let mut child = process::start(&format!("kill {}", super::word(durability)), path, &[])?;
    let output = child.stdout.take().ok_or("no output")?;
    let random = RandomState::new().hash_one(1);
    let moment = Duration::from_micros(random % 150_000);
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
    let outcome = judge(path, &db, &lines, seen, written);
    client.close();
    outcome
}

fn judge(
    path: &Path,
    db: &Database,
    lines: &[String],
    seen: &mut Killed,
    written: &mut i64,
) -> Result<(), Box<dyn Error>> {
    // A process that was killed before its first table left no database, or an empty one.
    turn::create(db)?;
    let whole = turn::check_whole(db)?;
    let mut writes = 0;
    let (mut branch, mut snapshots) = (None, Vec::new());
    for line in lines {
        // The last line may be cut short.
        let Some((kind, id)) = line.split_once(' ') else { continue };
        match kind {
            "write" => {
                if !turn::holds(db, id)? {
                    return Err(format!("the acknowledged write {id} is lost").into());
                }
                writes += 1;
            }
            "branch" => branch = Some(id),
            _ => snapshots.push(id),
        }
        seen.acknowledged += 1;
    }
    seen.copies += (lines.iter().filter(|line| !line.starts_with("write")).count()) as u64;
    if whole < *written + writes {
        return Err("writes of earlier rounds are lost".into());
    }
    seen.unacknowledged += whole - *written - writes;
    *written = whole;
    let branches = db.branches().list()?;
    if branch.is_some() && branches.is_empty() {
        return Err("an acknowledged branch is lost".into());
    }
    for slug in branches.iter().map(|branch| &branch.database_slug) {
        let file = path.join(format!(".persql/copies/{slug}.db"));
        if !file.exists() {
            return Err(format!("the branch {slug} is listed and not there").into());
        }
        turn::check_whole(&Database::local(file)?).map_err(|error| format!("branch {slug}: {error}"))?;
    }
    let kept = db.snapshots().list()?;
    for id in snapshots {
        if !kept.iter().any(|kept| kept.id == id) {
            return Err(format!("the acknowledged snapshot {id} is lost").into());
        }
    }
    if let Some(last) = kept.last() {
        db.snapshots().restore(&last.id)?;
        *written = turn::check_whole(db)?;
        for old in &kept {
            db.snapshots().delete(&old.id)?;
        }
    }
    Ok(())
}

/// Waits until the one who started this process says so.
pub(super) fn wait_for_start() -> std::io::Result<()> {
    stdin().read_line(&mut String::new()).map(drop)
}
