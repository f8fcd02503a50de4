//! How many databases can be open, and what happens to those that are not.

use std::path::Path;

use persql_conformance::{Any, Case, Outcome, World, cases, local};
use persql_core::{ErrorKind, SqlErrorKind};

use super::clients::{Timed, kind, notes};

pub(crate) fn cases() -> Vec<Case> {
    let here = local(
        "how many files the client keeps open, how long it lets a log grow, and two clients that have a file each",
        cases![
            databases_that_were_closed_are_opened_again,
            a_database_in_use_is_never_closed,
            a_file_that_is_replaced_is_another_database,
            a_log_grows_to_its_limit_while_a_reader_stays
        ],
    );
    [cases![a_file_that_is_removed_is_missed], here].concat()
}

/// A client that keeps no more than this open.
fn few(world: &World, most: usize) -> persql_core::Result<Timed> {
    let path = world.directory();
    Timed::at(world, &path, |builder| builder.idle_connections(most), |builder| builder.idle_connections(most))
}

fn databases_that_were_closed_are_opened_again(world: &World) -> Outcome {
    let timed = few(world, 6)?;
    for round in 1..=3_usize {
        for number in 0..40 {
            let db = timed.client.db(&format!("acme/a{number}"))?;
            if round == 1 {
                db.query("CREATE TABLE note(text TEXT)", ())?;
            }
            db.query("INSERT INTO note VALUES (?1)", [format!("{number}.{round}")])?;
            assert_eq!(notes(&db)?.len(), round);
        }
        if let Some(open) = open_databases(&world.directory()) {
            // Each has two connections; a log that is emptied in the background is open for a moment too.
            assert!(open <= 5, "{open} databases are open");
        }
    }
    Ok(())
}

/// How many databases under this directory are open in this process, where the system tells.
fn open_databases(directory: &Path) -> Option<usize> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    let links = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let mut open: Vec<_> =
        links.filter(|file| file.starts_with(directory) && file.extension().is_some_and(|end| end == "db")).collect();
    open.sort();
    open.dedup();
    Some(open.len())
}

fn a_database_in_use_is_never_closed(world: &World) -> Outcome {
    let timed = few(world, 2)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let timed = &timed;
                scope.spawn(move || -> persql_core::Result<()> {
                    for number in 0..60 {
                        let db = timed.client.db(&format!("acme/a{}", (number + thread) % 6))?;
                        db.batch(["CREATE TABLE IF NOT EXISTS note(text TEXT)", "INSERT INTO note VALUES ('x')"])?;
                        notes(&db)?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?.map_err(Failure::from))
    })?;
    let counted: usize = (0..6)
        .map(|number| timed.client.db(&format!("acme/a{number}")).and_then(|db| notes(&db)).map(|notes| notes.len()))
        .sum::<persql_core::Result<usize>>()?;
    assert_eq!(counted, 240);
    Ok(())
}

type Failure = Box<dyn std::error::Error>;

fn remove(world: &World) -> Result<(), Failure> {
    let file = world.directory().join("acme/agent-state.db");
    for end in ["", "-wal", "-shm"] {
        let mut path = file.clone().into_os_string();
        path.push(end);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

fn a_file_that_is_removed_is_missed(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    notes(&db)?;
    remove(world)?;
    let told = |result: persql_core::Result<()>| -> Result<String, Failure> {
        let error = result.err().ok_or("it was written to a file that nobody can open")?;
        assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::NotFound, None));
        Ok(error.to_string())
    };
    for result in [write(&db), notes(&db).map(drop)] {
        let told = told(result)?;
        // Over HTTP the words are the client's own.
        assert!(world.mode().is_remote() || told.contains("removed"), "{told}");
    }
    // It is as if it had never been: the first write makes it.
    let error = notes(&db).err().ok_or("still there")?;
    assert_eq!(error.sql_kind(), Some(SqlErrorKind::UnknownDatabase));
    timed.with_note()?;
    assert_eq!(notes(&db)?, ["first"]);
    Ok(())
}

fn write(db: &Any) -> persql_core::Result<()> {
    use persql_core::{Handle, Plan, Statement};
    db.run(Plan::write([Statement::from("INSERT INTO note VALUES ('x')")]))
}

fn a_file_that_is_replaced_is_another_database(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    notes(&db)?;
    remove(world)?;
    let other = Timed::new(world)?;
    let theirs = other.db()?;
    theirs.transaction(["CREATE TABLE note(text TEXT)", "INSERT INTO note VALUES ('theirs')"])?;
    assert_eq!(kind(write(&db)), Some(ErrorKind::NotFound));
    // What closes now must not take the log of the new file with it.
    timed.client.close();
    assert_eq!(notes(&theirs)?, ["theirs"]);
    write(&theirs)?;
    assert_eq!(notes(&Timed::new(world)?.db()?)?, ["theirs", "x"]);
    Ok(())
}

fn a_log_grows_to_its_limit_while_a_reader_stays(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    const LIMIT: u64 = 4 << 20;
    let path = world.directory();
    let timed = Timed::at(world, &path, |builder| builder.log_limit(LIMIT), |builder| builder.log_limit(LIMIT))?;
    let db = timed.with_note()?;
    let file = path.join("acme/agent-state.db");
    let reader = rusqlite::Connection::open(&file)?;
    reader.execute_batch("BEGIN")?;
    reader.query_row("SELECT count(*) FROM note", [], |_| Ok(()))?;
    let text = "x".repeat(100_000);
    let insert = || db.query("INSERT INTO note VALUES (?1)", [text.as_str()]).map(drop);
    let refused = (0..200).find_map(|_| insert().err()).ok_or("the log has no limit")?;
    assert_eq!((refused.kind(), refused.may_have_applied()), (ErrorKind::Busy, false));
    let log = std::fs::metadata(path.join("acme/agent-state.db-wal"))?.len();
    // It is looked at after some writes, not after each.
    assert!(log < LIMIT + 16 * 120_000, "{log} bytes");
    assert!(notes(&db)?.len() > 10);
    reader.execute_batch("COMMIT")?;
    insert()?;
    let emptied = std::fs::metadata(path.join("acme/agent-state.db-wal"))?.len();
    assert!(emptied < log, "{emptied} bytes");
    Ok(())
}
