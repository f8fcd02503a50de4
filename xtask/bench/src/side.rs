//! One side of a case at work: a lone caller or several, threads or tasks.

use std::{
    future::Future,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use cpu_time::ProcessTime;
use rusqlite::Connection;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

use crate::{case::Failed, sql};

/// A side that is set up: works until the given moment and says what it got done.
pub(crate) type Side = Box<dyn FnMut(Instant) -> Result<Work, Failed>>;

/// What a side got done.
#[derive(Debug)]
pub(crate) struct Work {
    /// Operations, by caller.
    pub(crate) by_caller: Vec<u64>,
    /// How long that took.
    pub(crate) wall: Duration,
    /// Transactions, where they were counted.
    pub(crate) transactions: Option<u64>,
    /// The CPU time of the operations, where something else was done in between.
    pub(crate) cpu: Option<Duration>,
}

/// A lone caller on this thread.
pub(crate) fn lone(mut operation: impl FnMut() -> Result<(), Failed> + 'static) -> Side {
    Box::new(move |until| {
        let started = Instant::now();
        let mut operations = 0;
        while Instant::now() < until {
            operation()?;
            operations += 1;
        }
        Ok(Work { by_caller: vec![operations], wall: started.elapsed(), transactions: None, cpu: None })
    })
}

/// A lone caller whose file is put back after each operation, which is not measured.
pub(crate) fn lone_restoring(
    mut operation: impl FnMut() -> Result<(), Failed> + 'static,
    mut restore: impl FnMut() -> Result<(), Failed> + 'static,
) -> Side {
    Box::new(move |until| {
        let (mut operations, mut wall, mut cpu) = (0, Duration::ZERO, Duration::ZERO);
        while Instant::now() < until {
            let (started, used) = (Instant::now(), ProcessTime::now());
            operation()?;
            cpu += used.elapsed();
            wall += started.elapsed();
            operations += 1;
            restore()?;
        }
        Ok(Work { by_caller: vec![operations], wall, transactions: None, cpu: Some(cpu) })
    })
}

/// After so many operations the log holds less than the thousand pages at which SQLite empties it itself.
const LOGGED: usize = 32;

/// Puts the file back, and now and then empties the log. A checkpoint would come with every hundredth operation or so,
/// and as what is put back is the same each time, always in the measured part of one side and never in the other's.
pub(crate) fn emptying(
    sqlite: Connection,
    mut restore: impl FnMut() -> Result<(), Failed> + 'static,
) -> impl FnMut() -> Result<(), Failed> + 'static {
    let mut times: usize = 0;
    move || {
        restore()?;
        times += 1;
        if times.is_multiple_of(LOGGED) {
            sqlite.query_row(sql::EMPTY_LOG, [], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// A lone task on an executor of two threads.
pub(crate) fn lone_task<F>(operation: impl Fn() -> F + Send + Sync + 'static) -> Result<Side, Failed>
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    tasks([operation])
}

/// Several tasks on an executor of two threads.
pub(crate) fn tasks<F, O>(operations: impl IntoIterator<Item = O>) -> Result<Side, Failed>
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
    O: Fn() -> F + Send + Sync + 'static,
{
    Ok(tasks_on(Builder::new_multi_thread().worker_threads(2).build()?, operations))
}

/// Several tasks on an executor of two threads that does their network I/O as well.
pub(crate) fn networking_tasks<F, O>(operations: impl IntoIterator<Item = O>) -> Result<Side, Failed>
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
    O: Fn() -> F + Send + Sync + 'static,
{
    Ok(tasks_on(Builder::new_multi_thread().worker_threads(2).enable_all().build()?, operations))
}

fn tasks_on<F, O>(runtime: Runtime, operations: impl IntoIterator<Item = O>) -> Side
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
    O: Fn() -> F + Send + Sync + 'static,
{
    let operations: Vec<Arc<O>> = operations.into_iter().map(Arc::new).collect();
    Box::new(move |until| {
        let started = Instant::now();
        runtime.block_on(async {
            let mut callers = JoinSet::new();
            for operation in &operations {
                callers.spawn(call_until(until, Arc::clone(operation)));
            }
            let mut by_caller = Vec::new();
            while let Some(operations) = callers.join_next().await {
                by_caller.push(operations??);
            }
            Ok(Work { by_caller, wall: until - started, transactions: None, cpu: None })
        })
    })
}

async fn call_until<F: Future<Output = Result<(), Failed>>>(
    until: Instant,
    operation: Arc<impl Fn() -> F>,
) -> Result<u64, Failed> {
    let mut operations = 0;
    loop {
        operation().await?;
        if Instant::now() >= until {
            return Ok(operations);
        }
        operations += 1;
    }
}

/// Several threads. What ends after the moment does not count, or a late end would stretch everybody's time.
pub(crate) fn threads<O>(operations: impl IntoIterator<Item = O>) -> Side
where
    O: FnMut() -> Result<(), Failed> + Send + 'static,
{
    let mut operations: Vec<O> = operations.into_iter().collect();
    Box::new(move |until| {
        let started = Instant::now();
        let by_caller: Result<Vec<u64>, Failed> = thread::scope(|scope| {
            let callers: Vec<_> =
                operations.iter_mut().map(|operation| scope.spawn(|| repeat_until(until, operation))).collect();
            callers.into_iter().map(|caller| caller.join().map_err(|_| "a caller panicked")?).collect()
        });
        Ok(Work { by_caller: by_caller?, wall: until - started, transactions: None, cpu: None })
    })
}

fn repeat_until(until: Instant, operation: &mut impl FnMut() -> Result<(), Failed>) -> Result<u64, Failed> {
    let mut operations = 0;
    loop {
        operation()?;
        if Instant::now() >= until {
            return Ok(operations);
        }
        operations += 1;
    }
}

/// The side, with its transactions counted by `count`.
pub(crate) fn counting(mut side: Side, count: impl Fn() -> Option<u64> + 'static) -> Side {
    Box::new(move |until| {
        let before = count();
        let mut work = side(until)?;
        work.transactions = count().zip(before).map(|(after, before)| after - before);
        Ok(work)
    })
}
