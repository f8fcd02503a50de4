//! Asynchronous callers: any executor or none, and futures that are dropped.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use persql_conformance::{Any, Case, Options, Outcome, World, cases};
use persql_core::{BoxFuture, Handle, Plan};

use crate::expect::{Failure, insert, integers, stored};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_future_that_was_never_polled_sends_nothing,
        a_dropped_write_is_whole_or_absent,
        a_dropped_read_leaves_the_handle_working,
        no_runtime_is_needed,
        every_runtime_will_do,
        a_slow_read_does_not_block_the_executor,
        a_waiting_write_does_not_block_the_executor,
        more_writers_than_threads_all_get_through,
        databases_that_others_hold_do_not_hold_up_the_rest,
        blocking_handles_work_inside_a_runtime,
    ]
}

/// Polls once, for nobody who waits.
pub(crate) fn poll_once<T>(future: &mut BoxFuture<T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A future that has been polled once, and may be done already.
pub(crate) fn started<T: Send + 'static>(mut future: BoxFuture<T>) -> BoxFuture<T> {
    match poll_once(&mut future) {
        Poll::Ready(value) => Box::pin(std::future::ready(value)),
        Poll::Pending => future,
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// An executor as small as can be, without tokio.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn table(world: &World) -> Result<Any, Failure> {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    Ok(db)
}

fn a_future_that_was_never_polled_sends_nothing(world: &World) -> Outcome {
    let db = table(world)?;
    let handle = db.to_async();
    drop(handle.query("INSERT INTO t VALUES (1)", ()));
    drop(handle.transaction([insert(2)]));
    drop(handle.run(Plan::write([insert(3)])));
    drop(db.to_async().tables());
    db.query("INSERT INTO t VALUES (4)", ())?;
    assert_eq!(stored(&db)?, [4]);
    Ok(())
}

fn a_dropped_write_is_whole_or_absent(world: &World) -> Outcome {
    let db = table(world)?;
    let handle = db.to_async();
    for round in 0..30 {
        let pair = [insert(round * 2), insert(round * 2 + 1)];
        let mut write = if round % 2 == 0 {
            handle.run(Plan::write(pair))
        } else {
            let write = handle.transaction(pair);
            Box::pin(async move { write.await.map(drop) })
        };
        let _ = poll_once(&mut write);
        drop(write);
    }
    // Whatever is still under way is done before this, or not at all.
    db.run(Plan::write([insert(1_000)]))?;
    db.query("INSERT INTO t VALUES (1001)", ())?;
    let numbers = stored(&db)?;
    for round in 0..30 {
        assert_eq!(numbers.contains(&(round * 2)), numbers.contains(&(round * 2 + 1)), "round {round}");
    }
    assert!(numbers.ends_with(&[1_000, 1_001]));
    Ok(())
}

fn a_dropped_read_leaves_the_handle_working(world: &World) -> Outcome {
    let db = table(world)?;
    let handle = db.to_async();
    for _ in 0..30 {
        let mut read = handle.query("SELECT a FROM t", ());
        let _ = poll_once(&mut read);
        drop(read);
    }
    db.query("INSERT INTO t VALUES (1)", ())?;
    assert_eq!(stored(&db)?, [1]);
    Ok(())
}

fn no_runtime_is_needed(world: &World) -> Outcome {
    let handle = table(world)?.to_async();
    block_on(async {
        handle.query("INSERT INTO t VALUES (1)", ()).await?;
        handle.run(Plan::write([insert(2)])).await?;
        assert_eq!(integers(&handle.query("SELECT a FROM t ORDER BY a", ()).await?)?, [1, 2]);
        assert_eq!(handle.tables().await?.len(), 1);
        Ok(())
    })
}

fn every_runtime_will_do(world: &World) -> Outcome {
    let db = table(world)?;
    let runtimes = [
        tokio::runtime::Builder::new_current_thread().build()?,
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?,
    ];
    for (number, runtime) in (0..).zip(&runtimes) {
        let handle = db.to_async();
        runtime.block_on(async {
            handle.run(Plan::write([insert(number)])).await?;
            handle.query("SELECT a FROM t", ()).await
        })?;
    }
    drop(runtimes);
    assert_eq!(stored(&db)?, [0, 1], "the handle outlives the runtimes");
    Ok(())
}

fn current_thread() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?)
}

fn a_slow_read_does_not_block_the_executor(world: &World) -> Outcome {
    let handle = table(world)?.to_async();
    // It ends by its time limit alone, so it is as slow as it needs to be.
    let slow = handle.with_timeout(Duration::from_millis(100));
    let ticks = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ticks);
    current_thread()?.block_on(async move {
        let ticker = tokio::spawn(async move {
            loop {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT max(a) FROM n";
        let read = slow.query(endless, ()).await;
        assert_eq!(read.map_err(|error| error.kind()).err(), Some(persql_core::ErrorKind::Timeout));
        ticker.abort();
    });
    assert!(ticks.load(Ordering::Relaxed) > 100, "{ticks:?}");
    Ok(())
}

fn a_waiting_write_does_not_block_the_executor(world: &World) -> Outcome {
    let db = table(world)?;
    let Some(file) = world.file() else { return Ok(()) };
    let holder = rusqlite::Connection::open(file)?;
    holder.execute_batch("BEGIN IMMEDIATE")?;
    let handle = db.to_async();
    current_thread()?.block_on(async {
        let adapters = tokio::spawn(handle.run(Plan::write([insert(1)])));
        let raw = tokio::spawn(handle.query("INSERT INTO t VALUES (2)", ()));
        for _ in 0..3 {
            // The one thread of the executor is free for a read while both wait.
            assert_eq!(handle.query("SELECT a FROM t", ()).await?.len(), 0);
        }
        assert!(!adapters.is_finished() && !raw.is_finished());
        holder.execute_batch("COMMIT")?;
        adapters.await??;
        raw.await??;
        Ok::<_, Failure>(())
    })?;
    assert_eq!(stored(&db)?, [1, 2]);
    Ok(())
}

fn more_writers_than_threads_all_get_through(world: &World) -> Outcome {
    let db = table(world)?;
    let holder = world.file().map(rusqlite::Connection::open).transpose()?;
    if let Some(holder) = &holder {
        holder.execute_batch("BEGIN IMMEDIATE")?;
    }
    let handle = db.to_async();
    // Raw writes and adapters' writes in turn, twice as many as the library has threads.
    let writes: Vec<_> = (0..150)
        .map(|number| {
            started(match number % 3 {
                0 => handle.run(Plan::write([insert(number)])),
                _ => {
                    let write = handle.transaction([insert(number)]);
                    Box::pin(async move { write.await.map(drop) })
                }
            })
        })
        .collect();
    if let Some(holder) = &holder {
        holder.execute_batch("COMMIT")?;
    }
    for write in writes {
        Any::block_on(async { tokio::time::timeout(Duration::from_secs(60), write).await })??;
    }
    assert_eq!(stored(&db)?, (0..150).collect::<Vec<_>>());
    Ok(())
}

fn databases_that_others_hold_do_not_hold_up_the_rest(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let directory = world.directory().join("many");
    let client = world.client_at(&directory, Options::default())?;
    let free = client.db("acme/free")?;
    free.query("CREATE TABLE t(a)", ())?;
    let (mut holders, mut writes) = (Vec::new(), Vec::new());
    // More than the library has threads at work.
    for number in 0..70 {
        let db = client.db(&format!("acme/held-{number}"))?;
        db.query("CREATE TABLE t(a)", ())?;
        let holder = rusqlite::Connection::open(directory.join(format!("acme/held-{number}.db")))?;
        holder.execute_batch("BEGIN IMMEDIATE")?;
        writes.push(started(db.to_async().run(Plan::write([insert(number)]))));
        holders.push(holder);
    }
    // The writes wait for 30 seconds.
    let read = free.to_async().query("SELECT a FROM t", ());
    let read = Any::block_on(async { tokio::time::timeout(Duration::from_secs(10), read).await })??;
    assert!(read.is_empty());
    drop(holders);
    for write in writes {
        Any::block_on(write)?;
    }
    Ok(())
}

fn blocking_handles_work_inside_a_runtime(world: &World) -> Outcome {
    let db = table(world)?;
    let handle = db.to_blocking();
    let stored = current_thread()?.block_on(async {
        handle.query("INSERT INTO t VALUES (1)", ())?;
        integers(&handle.query("SELECT a FROM t", ())?)
    })?;
    assert_eq!(stored, [1]);
    Ok(())
}
