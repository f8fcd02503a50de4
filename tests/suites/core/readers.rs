//! Readers, who never wait for the writer.

use std::thread;

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::{Handle, Plan, Statement};

use crate::expect::{Failure, insert, integers, stored};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        readers_answer_while_a_writer_holds_the_lock,
        a_writer_waits_for_another_and_then_succeeds,
        a_reader_sees_what_its_caller_wrote,
        a_transaction_of_reads_sees_one_state,
        more_readers_than_connections_all_answer,
        a_caller_that_panics_while_decoding_costs_nothing,
    ]
}

fn table(world: &World) -> Result<Any, Failure> {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    db.query("INSERT INTO t VALUES (1)", ())?;
    Ok(db)
}

fn readers_answer_while_a_writer_holds_the_lock(world: &World) -> Outcome {
    let db = table(world)?;
    let Some(file) = world.file() else { return Ok(()) };
    let holder = rusqlite::Connection::open(file)?;
    holder.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)")?;
    for reader in [&db, &world.other_db()?] {
        assert_eq!(stored(reader)?, [1]);
        assert_eq!(reader.transaction(["SELECT 1", "SELECT a FROM t"])?.len(), 2);
        assert_eq!(reader.run(Plan::read(Statement::from("SELECT a FROM t")))?.len(), 1);
        assert_eq!((reader.tables()?.len(), reader.describe()?.tables.len()), (1, 1));
    }
    // Also while one of our own writers is waiting for it.
    let mut waiting = db.to_async().run(Plan::write([insert(3)]));
    assert!(crate::futures::poll_once(&mut waiting).is_pending());
    assert_eq!(stored(&db)?, [1]);
    holder.execute_batch("COMMIT")?;
    Any::block_on(waiting)?;
    assert_eq!(stored(&db)?, [1, 2, 3]);
    Ok(())
}

fn a_writer_waits_for_another_and_then_succeeds(world: &World) -> Outcome {
    let db = table(world)?;
    let Some(file) = world.file() else { return Ok(()) };
    let holder = rusqlite::Connection::open(file)?;
    holder.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)")?;
    thread::scope(|scope| {
        let raw = scope.spawn(|| db.query("INSERT INTO t SELECT max(a) + 1 FROM t", ()));
        let adapters = scope.spawn(|| db.run(Plan::write(["INSERT INTO t SELECT max(a) + 1 FROM t".into()])));
        // They can only have seen row 2 if they waited for it.
        assert_eq!(stored(&db)?, [1]);
        holder.execute_batch("COMMIT")?;
        raw.join().map_err(|_| "a thread panicked")??;
        adapters.join().map_err(|_| "a thread panicked")??;
        Ok::<_, Failure>(())
    })?;
    assert_eq!(stored(&db)?, [1, 2, 3, 4]);
    Ok(())
}

fn a_reader_sees_what_its_caller_wrote(world: &World) -> Outcome {
    let db = table(world)?;
    thread::scope(|scope| {
        let threads: Vec<_> = (1..5)
            .map(|thread| {
                let db = &db;
                scope.spawn(move || {
                    for number in thread * 100..thread * 100 + 20 {
                        db.run(Plan::write([insert(number)]))?;
                        let rows = db.query("SELECT count(*) FROM t WHERE a = ?1", [number])?;
                        assert_eq!(integers(&rows)?, [1], "{number}");
                    }
                    Ok::<_, persql_core::Error>(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| Ok(thread.join().map_err(|_| "a thread panicked")??))
    })
}

fn a_transaction_of_reads_sees_one_state(world: &World) -> Outcome {
    let db = table(world)?;
    let other = world.other_db()?;
    thread::scope(|scope| {
        let writer =
            scope.spawn(|| (2..60).try_for_each(|number| other.query("INSERT INTO t VALUES (?1)", [number]).map(drop)));
        while !writer.is_finished() {
            let sets = db.transaction(["SELECT count(*) FROM t", "SELECT max(a) FROM t", "SELECT count(*) FROM t"])?;
            let counts = sets.iter().map(integers).collect::<Result<Vec<_>, _>>()?;
            assert!(counts.iter().all(|count| Some(count) == counts.first()), "{counts:?}");
        }
        writer.join().map_err(|_| "a thread panicked")??;
        Ok(())
    })
}

fn more_readers_than_connections_all_answer(world: &World) -> Outcome {
    let db = table(world)?;
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..24).map(|_| scope.spawn(|| (0..10).try_for_each(|_| stored(&db).map(drop)))).collect();
        threads.into_iter().try_for_each(|thread| Ok(thread.join().map_err(|_| "a thread panicked")??))
    })
}

fn a_caller_that_panics_while_decoding_costs_nothing(world: &World) -> Outcome {
    let db = table(world)?;
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for round in 0..20 {
        let plan = if round % 2 == 0 {
            Plan::read(Statement::from("SELECT a FROM t"))
        } else {
            Plan::write_returning(Statement::from("UPDATE t SET a = a + 1 RETURNING a"))
        };
        let panics = plan.map(|rows| assert!(rows.is_empty(), "a caller's mistake"));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| db.run(panics)));
        // An asynchronous caller's decoding of a read runs on our thread, which answers that it was lost.
        assert!(result.is_err() || result.is_ok_and(|result| result.is_err()));
    }
    std::panic::set_hook(silent);
    db.query("INSERT INTO t VALUES (100)", ())?;
    assert_eq!(stored(&db)?, [11, 100]);
    Ok(())
}
