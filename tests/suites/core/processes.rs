//! Several processes on one file.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Child,
};

use persql_conformance::{Any, Case, Options, Outcome, World, cases, local, process};
use persql_core::{Database, Handle, Plan, Statement, blocking};

use crate::expect::{Failure, integers};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![the_environment_names_a_database,];
    let here = local(
        "several processes open one file: at a server it is the only one",
        cases![processes_that_open_and_append_at_once_lose_nothing, a_killed_process_loses_no_acknowledged_write],
    );
    [everywhere, here].concat()
}

const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, n INTEGER NOT NULL)";
const APPEND: &str = "INSERT INTO t(writer, n) VALUES (?1, ?2)";

/// Rows that each process appends.
const EACH: i64 = 200;

/// What a process does that a case started. Its failure is seen in its status and on standard error.
pub(crate) fn play(role: &str, path: &Path) {
    let played = match role {
        "append-async" => append(path, true),
        "append-blocking" => append(path, false),
        "from-env" => open_from_env(),
        _ => endless(path),
    };
    if let Err(error) = played {
        eprintln!("{role}: {error:?}");
        std::process::exit(1);
    }
}

fn handle(path: &Path, is_async: bool) -> Result<Any, Failure> {
    Ok(if is_async {
        Any::asynchronous(Database::local(path)?)
    } else {
        Any::blocking(blocking::Database::local(path)?)
    })
}

/// Meets the others twice: at the creation of the file, and at the first row.
fn append(path: &Path, is_async: bool) -> Result<(), Failure> {
    let starting_gun = || std::io::stdin().read_line(&mut String::new());
    starting_gun()?;
    let db = handle(path, is_async)?;
    let me = i64::from(std::process::id());
    db.query(CREATE, ())?;
    db.run(Plan::write([Statement::new(APPEND, [me, 0])]))?;
    println!("ready");
    starting_gun()?;
    for number in 1..EACH {
        if number % 2 == 0 {
            db.run(Plan::write([Statement::new(APPEND, [me, number])]))?;
        } else {
            db.query(APPEND, [me, number])?;
        }
    }
    Ok(())
}

/// Opens what the environment names and says how that went.
fn open_from_env() -> Result<(), Failure> {
    for opened in [Database::from_env().map(Any::asynchronous), blocking::Database::from_env().map(Any::blocking)] {
        match opened {
            Ok(db) => println!("tables: {}", db.tables()?.len()),
            Err(error) => println!("{error:?}"),
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

fn fire(children: &mut [Child]) -> Outcome {
    children.iter_mut().try_for_each(|child| Ok(child.stdin.as_mut().ok_or("no pipe")?.write_all(b"go\n")?))
}

fn processes_that_open_and_append_at_once_lose_nothing(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let path = world.directory().join("shared.db");
    let role = if world.mode().is_async() { "append-async" } else { "append-blocking" };
    let mut children = (0..4).map(|_| process::start(role, &path, &[])).collect::<Result<Vec<_>, _>>()?;
    fire(&mut children)?;
    for child in &mut children {
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
        assert_eq!(line, "ready\n");
    }
    fire(&mut children)?;
    children.into_iter().try_for_each(finish)?;
    let db = world.db_at(&path, Options::default())?;
    let rows = db.query("SELECT writer, count(*), count(DISTINCT n) FROM t GROUP BY writer", ())?;
    let counts: Vec<(i64, i64, i64)> = rows.deserialize()?;
    assert_eq!(counts.iter().map(|(_, rows, numbers)| (*rows, *numbers)).collect::<Vec<_>>(), [(EACH, EACH); 4]);
    let out_of_order = "SELECT count(*) FROM t AS a JOIN t AS b ON a.writer = b.writer AND a.n < b.n AND a.id > b.id";
    assert_eq!(integers(&db.query(out_of_order, ())?)?, [0]);
    Ok(())
}

fn the_environment_names_a_database(world: &World) -> Outcome {
    let path = world.directory().join("env.db");
    world.db_at(&path, Options::default())?.query("CREATE TABLE t(a)", ())?;
    let file = format!("sqlite:{}", path.display());
    let told = |value: &str| -> Result<String, Failure> {
        let output = process::start("from-env", &path, &[("PERSQL_DATABASE", value)])?.wait_with_output()?;
        Ok(String::from_utf8(output.stdout)?)
    };
    if world.mode().is_file() {
        assert_eq!(told(&file)?, "tables: 1\ntables: 1\n");
    }
    for wrong in ["", "postgresql://u:s3cret@host/db", "not a name", "sqlite:", "persql://../x"] {
        let told = told(wrong)?;
        assert_eq!(told.lines().count(), 2, "{told}");
        for line in told.lines() {
            assert!(line.starts_with("InvalidInput") && line.contains("PERSQL_DATABASE"), "{wrong}: {line}");
            assert!(!line.contains("s3cret"), "{line}");
        }
    }
    Ok(())
}

fn a_killed_process_loses_no_acknowledged_write(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let path = world.directory().join("killed.db");
    let db = world.db_at(&path, Options::default())?;
    for round in 0..3 {
        let mut child = process::start("endless", &path, &[])?;
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
