//! Several processes on one file.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Child,
};

use persql_conformance::{Any, Case, Options, Outcome, World, cases, process};
use persql_core::{Handle, Plan, Statement, blocking};

use crate::expect::{Failure, integers};

pub(crate) fn cases() -> Vec<Case> {
    cases![processes_that_open_and_append_at_once_lose_nothing, a_killed_process_loses_no_acknowledged_write,]
}

const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, n INTEGER NOT NULL)";
const APPEND: &str = "INSERT INTO t(writer, n) VALUES (?1, ?2)";

/// Rows that each process appends.
const EACH: i64 = 60;

/// What a process does that a case started. Its failure is seen in its status and on standard error.
pub(crate) fn play(role: &str, path: &Path) {
    let played = match role.split_once('-') {
        Some(("append", mode)) => append(path, mode == "async"),
        _ => endless(path),
    };
    if let Err(error) = played {
        eprintln!("{role}: {error:?}");
        std::process::exit(1);
    }
}

fn handle(path: &Path, is_async: bool) -> Result<Any, Failure> {
    Ok(if is_async {
        Any::asynchronous(persql_core::Database::local(path)?)
    } else {
        Any::blocking(blocking::Database::local(path)?)
    })
}

/// Waits for the starting gun, creates the table and appends, and says when it is done.
fn append(path: &Path, is_async: bool) -> Result<(), Failure> {
    std::io::stdin().read_line(&mut String::new())?;
    let db = handle(path, is_async)?;
    let me = i64::from(std::process::id());
    db.query(CREATE, ())?;
    for number in 0..EACH {
        if number % 2 == 0 {
            db.run(Plan::write([Statement::new(APPEND, [me, number])]))?;
        } else {
            db.query(APPEND, [me, number])?;
        }
    }
    Ok(())
}

/// Appends and says what was acknowledged, until it is killed.
fn endless(path: &Path) -> Result<(), Failure> {
    let db = handle(path, false)?;
    db.query(CREATE, ())?;
    let mut out = std::io::stdout().lock();
    for number in 0.. {
        db.run(Plan::write([Statement::new(APPEND, [0, number]), Statement::new(APPEND, [1, number])]))?;
        writeln!(out, "{number}")?;
        out.flush()?;
    }
    Ok(())
}

fn finish(child: Child) -> Outcome {
    let output = child.wait_with_output()?;
    if output.status.success() { Ok(()) } else { Err(format!("a process ended with {}", output.status).into()) }
}

fn processes_that_open_and_append_at_once_lose_nothing(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let path = world.directory().join("shared.db");
    let role = if world.mode().is_async() { "append-async" } else { "append-blocking" };
    let mut children = (0..4).map(|_| process::start(role, &path)).collect::<Result<Vec<_>, _>>()?;
    // All at once, so that they meet at the creation of the file.
    for child in &mut children {
        child.stdin.take().ok_or("no pipe")?.write_all(b"go\n")?;
    }
    children.into_iter().try_for_each(finish)?;
    let db = world.db_at(&path, Options::default())?;
    let rows = db.query("SELECT writer, count(*), count(DISTINCT n), min(id), max(id) FROM t GROUP BY writer", ())?;
    assert_eq!(rows.len(), 4);
    for row in rows.iter() {
        assert_eq!((row.get::<i64>(1usize)?, row.get::<i64>(2usize)?), (EACH, EACH));
    }
    // Nobody is starved: whoever was last to begin had begun before the others were through.
    let last_start = rows.iter().map(|row| row.get::<i64>(3usize)).collect::<Result<Vec<_>, _>>()?;
    assert!(last_start.iter().all(|start| *start <= 3 * EACH + 1), "{last_start:?}");
    let in_order = "SELECT count(*) FROM t AS a JOIN t AS b ON a.writer = b.writer AND a.n < b.n AND a.id > b.id";
    assert_eq!(integers(&db.query(in_order, ())?)?, [0]);
    Ok(())
}

fn a_killed_process_loses_no_acknowledged_write(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let path = world.directory().join("killed.db");
    let db = world.db_at(&path, Options::default())?;
    for round in 0..3 {
        let mut child = process::start("endless", &path)?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let mut acknowledged = Vec::new();
        while acknowledged.len() < 20 + round * 7 {
            acknowledged.push(lines.next().ok_or("the process ended early")??.parse::<i64>()?);
        }
        child.kill()?;
        child.wait()?;
        // What it had said before it died was acknowledged too.
        acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| line.parse::<i64>().ok()));
        let last = acknowledged.last().copied().unwrap_or(0);
        for writer in 0..2 {
            let rows = db.query("SELECT n FROM t WHERE writer = ?1 ORDER BY n", [writer])?;
            assert!(integers(&rows)?.starts_with(&(0..=last).collect::<Vec<_>>()), "round {round}, up to {last}");
        }
        let halves = "SELECT count(*) FROM t WHERE writer = 0 UNION ALL SELECT count(*) FROM t WHERE writer = 1";
        let counts = integers(&db.query(halves, ())?)?;
        assert_eq!(counts.first(), counts.last(), "a write is whole or absent");
        assert_eq!(db.query("PRAGMA quick_check", ())?.deserialize::<(String,)>()?, [("ok".to_owned(),)]);
        db.query("DELETE FROM t", ())?;
    }
    Ok(())
}
