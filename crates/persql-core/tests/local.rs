//! What shows only with more callers than the library has threads.
#![cfg(feature = "local")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::mpsc, thread, time::Duration};

use persql_core::{Database, Handle, Plan, Statement};

#[test]
fn asynchronous_writers_of_every_kind_do_not_use_up_the_threads() {
    const WRITERS: usize = 200;
    let directory = tempfile::tempdir().unwrap();
    let db = Database::local(directory.path().join("a.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(db.query("CREATE TABLE t(a)", ())).unwrap();

    // Everybody waits for a writer of another program, so that all are under way at once.
    let other = rusqlite::Connection::open(directory.path().join("a.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tasks: Vec<_> = (0..WRITERS)
        .map(|n| {
            let insert = Statement::from("INSERT INTO t VALUES (1)");
            let plan = if n % 20 == 0 { Plan::write([insert]) } else { Plan::query(insert).map(|_| ()) };
            runtime.spawn(db.run(plan))
        })
        .collect();
    other.execute_batch("COMMIT").unwrap();

    let (done, all_done) = mpsc::channel();
    thread::spawn(move || {
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        });
        done.send(()).unwrap();
    });
    assert_eq!(all_done.recv_timeout(Duration::from_secs(60)), Ok(()), "writers wait for each other");
    assert_eq!(db.blocking().tables().unwrap().first().map(|table| table.row_count), Some(WRITERS as u64));
}
