//! Requests from the network share transactions, and none suffers for another.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use persql_core::{
    Answer, Batch, BoxFuture, Database, ErrorKind, Handle, PerSql, Plan, Request, Result, Statement,
    server::{Once, Terms},
};

struct Store {
    _directory: tempfile::TempDir,
    db: Database,
}

async fn store() -> Store {
    let directory = tempfile::tempdir().unwrap();
    let client = PerSql::builder().local(directory.path()).serving().build().unwrap();
    let db = client.database("acme/agent").unwrap();
    db.query("CREATE TABLE t(a INTEGER UNIQUE)", ()).await.unwrap();
    Store { _directory: directory, db }
}

fn insert(number: i64) -> Statement {
    Statement::new("INSERT INTO t VALUES (?1)", [number])
}

fn keyed(db: &Database, key: i64, statement: Statement) -> BoxFuture<Result<Answer>> {
    let key = key.to_le_bytes().to_vec();
    let once = Once::new(key.clone(), key, SystemTime::now(), |sets| vec![u8::try_from(sets.len()).unwrap()]);
    let batch = Batch::raw([statement], true).on_terms(Terms::new().once(once));
    db.with_timeout(Duration::from_secs(30)).run(Plan::send(Request::Batch(batch)))
}

async fn count(db: &Database) -> i64 {
    db.query("SELECT count(*) FROM t", ()).await.unwrap().first().unwrap().get(0usize).unwrap()
}

/// What became of requests that were sent at once.
async fn all(sent: Vec<impl Future<Output = Result<Answer>> + Send + 'static>) -> Vec<Result<Answer>> {
    let tasks: Vec<_> = sent.into_iter().map(tokio::spawn).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn writes_with_keys_and_limits_share_transactions() {
    let store = store().await;
    let before = store.db.blocking().write_stats().unwrap();
    let outcomes = all((0..400).map(|number| keyed(&store.db, number, insert(number))).collect()).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Answer::Kept { replayed: false, .. }))));
    let after = store.db.blocking().write_stats().unwrap();
    assert_eq!(after.writes - before.writes, 400);
    assert!(after.transactions - before.transactions < 200, "{after:?}");
    assert_eq!(count(&store.db).await, 400);
    let outcomes = all((0..400).map(|number| keyed(&store.db, number, insert(number))).collect()).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Answer::Kept { replayed: true, .. }))));
    assert_eq!(count(&store.db).await, 400);
}

#[tokio::test]
async fn duplicates_in_one_group_run_once_and_failures_leave_no_record() {
    let store = store().await;
    let outcomes = all((0..40).map(|number| keyed(&store.db, number % 4, insert(number % 4))).collect()).await;
    let fresh = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Answer::Kept { replayed: false, .. }))).count();
    assert_eq!((fresh, count(&store.db).await), (4, 4));
    let outcomes = all((100..140).map(|number| keyed(&store.db, number, insert(number % 8))).collect()).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    // Whose write failed may try another; the others are told what became of theirs.
    let outcomes = all((100..140).map(|number| keyed(&store.db, number, insert(number))).collect()).await;
    let fresh = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Answer::Kept { replayed: false, .. }))).count();
    assert_eq!((fresh, count(&store.db).await), (36, 44));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_costs_the_others_nothing() {
    let store = store().await;
    let endless = "WITH RECURSIVE n(a) AS (SELECT 1000 UNION ALL SELECT a + 1 FROM n) INSERT INTO t SELECT a FROM n";
    let batch = Batch::raw([Statement::from(endless)], true).on_terms(Terms::new());
    let endless = store.db.with_timeout(Duration::from_millis(300)).run(Plan::send(Request::Batch(batch)));
    let endless = tokio::spawn(endless);
    let outcomes = all((0..50).map(|number| keyed(&store.db, number, insert(number))).collect()).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(endless.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(count(&store.db).await, 50);
}

#[tokio::test]
async fn a_statement_that_ends_the_transaction_ends_only_its_own() {
    let store = store().await;
    all(vec![keyed(&store.db, 0, insert(7))]).await;
    let mut sent: Vec<_> = (1..30).map(|number| keyed(&store.db, number, insert(100 + number))).collect();
    let rolls_back = Statement::from("INSERT OR ROLLBACK INTO t VALUES (7)");
    sent.insert(15, keyed(&store.db, 99, rolls_back));
    let outcomes = all(sent).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1);
    assert_eq!(count(&store.db).await, 30);
}

#[tokio::test]
async fn kept_answers_are_swept_after_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicU64::new(1_800_000_000));
    let clock = Arc::clone(&now);
    let time = move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed));
    let client = PerSql::builder().local(directory.path()).serving().clock(time.clone()).build().unwrap();
    let db = client.database("acme/agent").unwrap();
    db.query("CREATE TABLE t(a)", ()).await.unwrap();
    client.database("acme/without").unwrap().query("CREATE TABLE t(a)", ()).await.unwrap();
    let insert = |key: u8| {
        let once = Once::new(vec![key], vec![key], time(), |_| Vec::new());
        let batch = Batch::raw([insert(key.into())], true).on_terms(Terms::new().once(once));
        db.run(Plan::send(Request::Batch(batch)))
    };
    // As somebody sees it who has the file.
    let kept = || {
        let local = persql_core::blocking::PerSql::local(directory.path()).unwrap();
        let rows = local.database("acme/agent").unwrap().query("SELECT count(*) FROM _persql_idempotency", ()).unwrap();
        rows.first().unwrap().get::<i64>(0usize).unwrap()
    };
    for key in 0..3 {
        insert(key).await.unwrap();
    }
    now.fetch_add(60 * 60, Ordering::Relaxed);
    insert(3).await.unwrap();
    client.sweep_answers().unwrap();
    assert_eq!(kept(), 4);
    now.fetch_add(23 * 60 * 60, Ordering::Relaxed);
    client.sweep_answers().unwrap();
    assert_eq!(kept(), 1);
    now.fetch_add(60 * 60, Ordering::Relaxed);
    client.sweep_answers().unwrap();
    assert_eq!(kept(), 0);
}
