//! Writers that share a transaction, and never each other's fate.

use std::{thread, time::Duration};

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::{BoxFuture, ErrorKind, Handle, Plan, Result, SqlErrorKind, Statement, WriteStats};

use crate::{
    expect::{Failure, insert, kinds, stored},
    futures::{poll_once, started},
};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        writers_that_come_together_share_a_transaction,
        more_than_a_group_are_all_written_in_their_order,
        an_error_of_one_leaves_the_others,
        a_rollback_of_one_leaves_the_others,
        a_trigger_that_rolls_back_leaves_the_others,
        a_deferred_foreign_key_of_one_leaves_the_others,
        an_interrupt_of_one_leaves_the_others,
        raw_sql_runs_alone_and_in_its_turn,
        threads_and_tasks_write_side_by_side,
        a_job_reads_what_the_one_before_it_wrote,
        a_group_is_cut_where_it_grows_large,
    ]
}

type Write = BoxFuture<Result<()>>;

/// Makes the writes queue up behind a lock that another program holds, lets them go, and gives their outcomes and the
/// transactions they took. In memory they run one after the other.
fn together(world: &World, db: &Any, mut writes: Vec<Write>) -> Result<(Vec<Result<()>>, Option<WriteStats>), Failure> {
    let before = db.to_blocking().write_stats();
    if let Some(file) = world.file() {
        let holder = rusqlite::Connection::open(file)?;
        holder.execute_batch("BEGIN IMMEDIATE")?;
        for write in &mut writes {
            assert!(poll_once(write).is_pending());
        }
        holder.execute_batch("COMMIT")?;
    }
    let outcomes = writes.into_iter().map(Any::block_on).collect();
    let stats = before.zip(db.to_blocking().write_stats()).map(|(before, after)| {
        let mut stats = WriteStats::default();
        stats.transactions = after.transactions - before.transactions;
        stats.writes = after.writes - before.writes;
        stats
    });
    Ok((outcomes, stats))
}

fn table(world: &World) -> Result<Any, Failure> {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    Ok(db)
}

fn write(db: &Any, statements: impl IntoIterator<Item = Statement>) -> Write {
    db.to_async().run(Plan::write(statements))
}

fn writers_that_come_together_share_a_transaction(world: &World) -> Outcome {
    let db = table(world)?;
    let writes = (0..20).map(|number| write(&db, [insert(number), insert(number + 100)])).collect();
    let (outcomes, stats) = together(world, &db, writes)?;
    outcomes.into_iter().collect::<Result<Vec<()>>>()?;
    assert_eq!(stored(&db)?, (0..20).chain(100..120).collect::<Vec<_>>());
    assert_eq!(stats.is_some(), world.mode().is_file());
    assert!(stats.is_none_or(|stats| (stats.transactions, stats.writes) == (1, 20)), "{stats:?}");
    Ok(())
}

fn more_than_a_group_are_all_written_in_their_order(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b)", ())?;
    let one = |number: i64| write(&db, [Statement::new("INSERT INTO t(b) VALUES (?1)", [number])]);
    let (outcomes, stats) = together(world, &db, (1..=300).map(one).collect())?;
    outcomes.into_iter().collect::<Result<Vec<()>>>()?;
    assert_eq!(stored(&db)?.len(), 300);
    // Over HTTP each comes by a connection of its own, and there is no order.
    if !world.mode().is_remote() {
        let moved = db.query("SELECT a FROM t WHERE a <> b", ())?.len();
        assert_eq!(moved, 0, "the order of coming is the order of writing");
    }
    assert!(stats.is_none_or(|stats| stats.transactions <= 6 && stats.writes == 300), "{stats:?}");
    Ok(())
}

/// Tries a faulty write first, in the middle and last among innocent ones.
fn beside_bystanders(world: &World, db: &Any, faulty: impl Fn() -> Write, expected: ErrorKind) -> Outcome {
    let before = stored(db)?;
    for place in 0..5_usize {
        let base = i64::try_from(place)? * 10 + 1_000;
        let mut writes: Vec<Write> = (base..base + 4).map(|number| write(db, [insert(number)])).collect();
        writes.insert(place, faulty());
        let (outcomes, _) = together(world, db, writes)?;
        for (index, outcome) in outcomes.into_iter().enumerate() {
            if index == place {
                assert_eq!(kinds(outcome)?.0, expected, "the fault at {place}");
            } else {
                outcome?;
            }
        }
    }
    // Each once: a second time would have broken the primary key.
    let expected: Vec<i64> =
        before.into_iter().chain((0..5).flat_map(|place| (0..4).map(move |n| 1_000 + place * 10 + n))).collect();
    assert_eq!(stored(db)?, expected);
    Ok(())
}

fn an_error_of_one_leaves_the_others(world: &World) -> Outcome {
    let db = table(world)?;
    db.query("INSERT INTO t VALUES (1)", ())?;
    beside_bystanders(world, &db, || write(&db, [insert(2), insert(1)]), ErrorKind::Conflict)?;
    assert!(!stored(&db)?.contains(&2));
    let nowhere = || write(&db, [insert(3), "INSERT INTO nowhere VALUES (1)".into()]);
    let (outcomes, _) = together(world, &db, vec![nowhere(), write(&db, [insert(4)])])?;
    let mut outcomes = outcomes.into_iter();
    let failed = kinds(outcomes.next().ok_or("no outcome")?)?;
    assert_eq!(failed, (ErrorKind::Sql, Some(SqlErrorKind::UnknownTable)));
    assert!(outcomes.all(|outcome| outcome.is_ok()));
    assert!(!stored(&db)?.contains(&3) && stored(&db)?.contains(&4));
    Ok(())
}

fn a_rollback_of_one_leaves_the_others(world: &World) -> Outcome {
    let db = table(world)?;
    db.query("INSERT INTO t VALUES (1)", ())?;
    let faulty = || write(&db, [insert(2), "INSERT OR ROLLBACK INTO t VALUES (1)".into()]);
    beside_bystanders(world, &db, faulty, ErrorKind::Conflict)?;
    assert!(!stored(&db)?.contains(&2));
    Ok(())
}

fn a_trigger_that_rolls_back_leaves_the_others(world: &World) -> Outcome {
    let db = table(world)?;
    db.query("CREATE TRIGGER no BEFORE INSERT ON t WHEN new.a = 7 BEGIN SELECT RAISE(ROLLBACK, 'no'); END", ())?;
    beside_bystanders(world, &db, || write(&db, [insert(6), insert(7)]), ErrorKind::Conflict)
}

fn a_deferred_foreign_key_of_one_leaves_the_others(world: &World) -> Outcome {
    let db = table(world)?;
    db.query("CREATE TABLE child(a REFERENCES t(a) DEFERRABLE INITIALLY DEFERRED)", ())?;
    let faulty = || write(&db, [insert(2), "INSERT INTO child VALUES (99)".into()]);
    beside_bystanders(world, &db, faulty, ErrorKind::Conflict)?;
    assert!(!stored(&db)?.contains(&2));
    assert_eq!(db.query("SELECT * FROM child", ())?.len(), 0);
    Ok(())
}

fn an_interrupt_of_one_leaves_the_others(world: &World) -> Outcome {
    let db = table(world)?;
    let endless = "WITH RECURSIVE n(a) AS (SELECT 10000 UNION ALL SELECT a + 1 FROM n) INSERT INTO t SELECT a FROM n";
    let hasty = world.hasty_db(Duration::from_millis(30))?;
    beside_bystanders(world, &db, || write(&hasty, [insert(2), endless.into()]), ErrorKind::Timeout)
}

fn raw_sql_runs_alone_and_in_its_turn(world: &World) -> Outcome {
    let db = table(world)?;
    let raw = |sql: &'static str| -> Write {
        let query = db.to_async().query(sql, ());
        Box::pin(async move { query.await.map(drop) })
    };
    let writes = vec![
        write(&db, [insert(1)]),
        write(&db, [insert(2)]),
        raw("INSERT INTO t VALUES (3)"),
        write(&db, [insert(4)]),
    ];
    let (outcomes, stats) = together(world, &db, writes)?;
    outcomes.into_iter().collect::<Result<Vec<()>>>()?;
    assert_eq!(stored(&db)?, [1, 2, 3, 4]);
    assert!(stats.is_none_or(|stats| stats.writes == 4 && stats.transactions >= 2), "{stats:?}");
    Ok(())
}

fn threads_and_tasks_write_side_by_side(world: &World) -> Outcome {
    let db = table(world)?;
    let holder = world.file().map(rusqlite::Connection::open).transpose()?;
    if let Some(holder) = &holder {
        holder.execute_batch("BEGIN IMMEDIATE")?;
    }
    let mut tasks: Vec<Write> = (0..10).map(|number| started(write(&db, [insert(number)]))).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = (1..7)
            .map(|thread| {
                let db = db.to_blocking();
                scope.spawn(move || {
                    for number in thread * 100..thread * 100 + 10 {
                        match number % 3 {
                            0 => db.query("INSERT INTO t VALUES (?1)", [number]).map(drop)?,
                            _ => db.run(Plan::write([insert(number)]))?,
                        }
                    }
                    Ok::<_, persql_core::Error>(())
                })
            })
            .collect();
        if let Some(holder) = &holder {
            holder.execute_batch("COMMIT")?;
        }
        for task in tasks.drain(1..) {
            Any::block_on(task)?;
        }
        threads.into_iter().try_for_each(|thread| Ok::<_, Failure>(thread.join().map_err(|_| "a thread panicked")??))
    })?;
    // The one that nobody waits for is written as well: it was in the queue first, in memory in the hands of a worker.
    drop(tasks);
    db.run(Plan::write([insert(5_000)]))?;
    let mut numbers = stored(&db)?;
    numbers.retain(|number| *number != 0 || world.mode().is_file());
    let least = if world.mode().is_file() { 0 } else { 1 };
    let expected: Vec<i64> =
        (least..10).chain((1..7).flat_map(|thread| thread * 100..thread * 100 + 10)).chain([5_000]).collect();
    assert_eq!(numbers, expected);
    Ok(())
}

fn a_job_reads_what_the_one_before_it_wrote(world: &World) -> Outcome {
    let db = table(world)?;
    let next = || write(&db, ["INSERT INTO t SELECT coalesce(max(a), 0) + 1 FROM t".into()]);
    let (outcomes, _) = together(world, &db, (0..30).map(|_| next()).collect())?;
    outcomes.into_iter().collect::<Result<Vec<()>>>()?;
    assert_eq!(stored(&db)?, (1..=30).collect::<Vec<_>>());
    Ok(())
}

fn a_group_is_cut_where_it_grows_large(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b)", ())?;
    let large = || write(&db, [Statement::new("INSERT INTO t(b) VALUES (?1)", ["x".repeat(1_900_000)])]);
    let (outcomes, stats) = together(world, &db, (0..9).map(|_| large()).collect())?;
    outcomes.into_iter().collect::<Result<Vec<()>>>()?;
    assert_eq!(stored(&db)?.len(), 9);
    assert!(stats.is_none_or(|stats| stats.transactions == 3 && stats.writes == 9), "{stats:?}");
    Ok(())
}
