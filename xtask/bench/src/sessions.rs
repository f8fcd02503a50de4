//! The cases of `persql-agents-session`.

use persql_agents_session::PerSqlSession;
use persql_core::{BoxFuture, Durability};
use serde_json::Value;

use crate::{
    by_hand::{Hop, called_by_hand},
    case::{Bar, Calls, Case, Failed, Ground, Writers},
    items::turn,
    side::{Side, counting, lone, lone_task, tasks, threads},
};

pub(crate) const CASES: &[Case] = &[
    Case::lone("append 4 items", Calls::Blocking, append, append_by_hand),
    Case::lone("append 4 items", Calls::Blocking, append, append_by_hand).durable(),
    Case::lone("append 4 items", Calls::Async, append, append_by_hand),
    Case::lone("append 4 items", Calls::Async, append, append_by_hand).durable(),
    Case::lone("read 100 items", Calls::Blocking, |g| read(g, 100, None), |g| read_by_hand(g, 100, None)),
    Case::lone("read 100 items", Calls::Async, |g| read(g, 100, None), |g| read_by_hand(g, 100, None)),
    Case::lone("read 1,000 items", Calls::Blocking, |g| read(g, 1_000, None), |g| read_by_hand(g, 1_000, None)),
    Case::lone("read 1,000 items", Calls::Async, |g| read(g, 1_000, None), |g| read_by_hand(g, 1_000, None)),
    Case::lone(
        "read the last 20 of 10,000",
        Calls::Blocking,
        |g| read(g, 10_000, Some(20)),
        |g| read_by_hand(g, 10_000, Some(20)),
    ),
    Case::lone(
        "read the last 20 of 10,000",
        Calls::Async,
        |g| read(g, 10_000, Some(20)),
        |g| read_by_hand(g, 10_000, Some(20)),
    ),
    Case::lone(
        "read the last 1 of 10,000",
        Calls::Async,
        |g| read(g, 10_000, Some(1)),
        |g| read_by_hand(g, 10_000, Some(1)),
    ),
    eight_writers(Calls::Blocking, Durability::Full, EIGHT),
    eight_writers(Calls::Async, Durability::Full, EIGHT),
    eight_writers(Calls::Blocking, Durability::Normal, Bar::Open),
    eight_writers(Calls::Async, Durability::Normal, Bar::Open),
];

const WRITERS: usize = 8;

/// What 8 writers that share commits must reach beside 8 connections that do not.
const EIGHT: Bar = Bar::Writers(Writers { throughput: 5.0, commits: 0.25, slowest: 0.8 });

/// Whose items are read; three others stand between them in the file.
const SESSION: &str = "session-0";

const fn eight_writers(calls: Calls, durability: Durability, bar: Bar) -> Case {
    Case {
        name: "8 writers append 4 items",
        calls,
        durability,
        bar,
        ours: |g| append_together(g, WRITERS),
        by_hand: append_apart,
    }
}

pub(crate) fn append(ground: &Ground) -> Result<Side, Failed> {
    let (handle, turn) = (ground.handle()?, turn(0));
    match ground.calls {
        Calls::Blocking => {
            let session = PerSqlSession::new(handle, SESSION);
            Ok(lone(move || Ok(session.add_items(&turn)?)))
        }
        Calls::Async => lone_task(append_task(PerSqlSession::new(handle.asynchronous(), SESSION), turn)),
    }
}

fn append_by_hand(ground: &Ground) -> Result<Side, Failed> {
    let (by_hand, turn) = (ground.by_hand()?, turn(0));
    match ground.calls {
        Calls::Blocking => Ok(lone(move || by_hand.append(SESSION, &turn))),
        Calls::Async => {
            let hop = Hop::start(by_hand);
            lone_task(move || {
                let (hop, texts) = (hop.clone(), turn.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>());
                async move {
                    let texts = texts?;
                    hop.call(move |by_hand| by_hand.append_texts(SESSION, &texts)).await
                }
            })
        }
    }
}

/// Several sessions on one handle.
pub(crate) fn append_together(ground: &Ground, writers: usize) -> Result<Side, Failed> {
    let handle = ground.handle()?;
    let sessions = (0..writers).map(|writer| (format!("session-{writer}"), turn(writer)));
    let side = match ground.calls {
        Calls::Blocking => threads(sessions.map(|(id, turn)| {
            let session = PerSqlSession::new(handle.clone(), id);
            move || Ok(session.add_items(&turn)?)
        })),
        Calls::Async => {
            tasks(sessions.map(|(id, turn)| append_task(PerSqlSession::new(handle.asynchronous(), id), turn)))?
        }
    };
    Ok(counting(side, move || handle.write_stats().map(|stats| stats.transactions)))
}

/// Eight threads with a connection each: what a careful person does without a writer of their own.
fn append_apart(ground: &Ground) -> Result<Side, Failed> {
    let writers = (0..WRITERS).map(|writer| {
        let (by_hand, id, turn) = (ground.by_hand()?, format!("session-{writer}"), turn(writer));
        Ok(move || by_hand.append(&id, &turn))
    });
    Ok(threads(writers.collect::<Result<Vec<_>, Failed>>()?))
}

fn append_task(
    session: PerSqlSession,
    turn: [Value; 4],
) -> impl Fn() -> BoxFuture<Result<(), Failed>> + Send + Sync + 'static {
    move || {
        let added = session.add_items(&turn);
        Box::pin(async { Ok(added.await?) })
    }
}

/// All items of a session of so many, or the newest.
pub(crate) fn read(ground: &Ground, count: usize, limit: Option<usize>) -> Result<Side, Failed> {
    ground.by_hand()?.fill(SESSION, count)?;
    let (handle, expected) = (ground.handle()?, limit.unwrap_or(count));
    match ground.calls {
        Calls::Blocking => {
            let session = PerSqlSession::new(handle, SESSION);
            Ok(lone(move || all_there(&session.get_items(limit)?, expected)))
        }
        Calls::Async => {
            let session = PerSqlSession::new(handle.asynchronous(), SESSION);
            lone_task(move || {
                let items = session.get_items(limit);
                async move { all_there(&items.await?, expected) }
            })
        }
    }
}

fn read_by_hand(ground: &Ground, count: usize, limit: Option<usize>) -> Result<Side, Failed> {
    let by_hand = ground.by_hand()?;
    by_hand.fill(SESSION, count)?;
    let expected = limit.unwrap_or(count);
    called_by_hand(ground.calls, by_hand, move |by_hand| {
        let items = match limit {
            Some(limit) => by_hand.newest_items(SESSION, limit),
            None => by_hand.items(SESSION),
        };
        all_there(&items?, expected)
    })
}

/// A side that reads less than the other would win.
fn all_there(items: &[Value], expected: usize) -> Result<(), Failed> {
    if items.len() == expected { Ok(()) } else { Err(format!("{} items instead of {expected}", items.len()).into()) }
}
