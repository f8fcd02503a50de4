//! What is compared.

use persql_core::Durability;

use super::{Peer, Request};
use crate::{
    case::{Calls, Make},
    checkpoint::{self, LARGE, SMALL},
    history::{self, Known, Talk},
    sessions, strands,
};

/// How many sessions on one file are written to at once.
const TOGETHER: usize = 50;

pub(super) const PEERS: &[Peer] = &[
    session("append 4 items", lone("append", 0), sessions::append),
    session("read 100 items", lone("read", 100), |g| sessions::read(g, 100, None)),
    session("read 1,000 items", lone("read", 1_000), |g| sessions::read(g, 1_000, None)),
    session("read 10,000 items", lone("read", 10_000), |g| sessions::read(g, 10_000, None)),
    session("read the last 20 of 10,000", last("read", 20), |g| sessions::read(g, 10_000, Some(20))),
    session("50 sessions append 4 items", together("append"), |g| sessions::append_together(g, TOGETHER)),
    saver("put 2 KB", lone("put 2 KB", 100), |g| checkpoint::put(g, SMALL)),
    saver("put 20 KB", lone("put 20 KB", 100), |g| checkpoint::put(g, LARGE)),
    saver("get_tuple 2 KB", lone("get 2 KB", 100), |g| checkpoint::get(g, SMALL, 0)),
    saver("get_tuple 20 KB", lone("get 20 KB", 100), |g| checkpoint::get(g, LARGE, 0)),
    saver("list 10 of 1,000, 2 KB", listing(), |g| checkpoint::list(g, 0)),
    saver("50 threads put 2 KB", together("put 2 KB"), |g| checkpoint::put_together(g, TOGETHER)),
    saver("put 2 KB", lone("put 2 KB", 100), |g| checkpoint::put(g, SMALL)).awaited(),
    saver("put 20 KB", lone("put 20 KB", 100), |g| checkpoint::put(g, LARGE)).awaited(),
    saver("get_tuple 2 KB", lone("get 2 KB", 100), |g| checkpoint::get(g, SMALL, 0)).awaited(),
    saver("get_tuple 20 KB", lone("get 20 KB", 100), |g| checkpoint::get(g, LARGE, 0)).awaited(),
    saver("list 10 of 1,000, 2 KB", listing(), |g| checkpoint::list(g, 0)).awaited(),
    saver("50 threads put 2 KB", together("put 2 KB"), |g| checkpoint::put_together(g, TOGETHER)).awaited(),
    manager("append 4 messages", lone("append", 0), |g| strands::append(g, 0)),
    manager("read 100 messages", lone("read", 100), |g| strands::list(g, 100, None)),
    manager("read 1,000 messages", lone("read", 1_000), |g| strands::list(g, 1_000, None)),
    manager("read 10,000 messages", lone("read", 10_000), |g| strands::list(g, 10_000, None)),
    manager("read the last 20 of 10,000", last("read", 20), |g| strands::list(g, 10_000, Some(20))),
    manager("50 sessions append 4 messages", together("append"), |g| strands::append_together(g, TOGETHER)),
    provider("save 4 messages", lone("save", 0), |g| history::save(g, Talk::of(0), Known::Nothing)),
    provider("save 4 messages behind 1,000", lone("save", 1_000), |g| {
        history::save(g, Talk::of(1_000), Known::Nothing)
    }),
    provider("read 100 messages", lone("read", 100), |g| history::list(g, 100, true)),
    provider("read 1,000 messages", lone("read", 1_000), |g| history::list(g, 1_000, true)),
    provider("read 10,000 messages", lone("read", 10_000), |g| history::list(g, 10_000, true)),
    provider("50 sessions save 4 messages", together("save"), |g| history::save_together(g, TOGETHER)),
];

/// Both of theirs leave `synchronous` at FULL, in WAL.
const fn session(name: &'static str, request: Request, native: Make) -> Peer {
    Peer {
        name,
        framework: "openai-agents",
        stores: &["SQLiteSession", "SQLAlchemySession"],
        bridge: "bridge",
        request,
        durability: Durability::Full,
        calls: Calls::Async,
        native,
    }
}

/// So do these.
const fn saver(name: &'static str, request: Request, native: Make) -> Peer {
    Peer {
        name,
        framework: "langgraph",
        stores: &["SqliteSaver"],
        bridge: "bridge",
        request,
        durability: Durability::Full,
        calls: Calls::Blocking,
        native,
    }
}

/// Theirs writes files, which it does not sync.
const fn manager(name: &'static str, request: Request, native: Make) -> Peer {
    Peer {
        name,
        framework: "strands",
        stores: &["FileSessionManager"],
        bridge: "bridge",
        request,
        durability: Durability::Normal,
        calls: Calls::Blocking,
        native,
    }
}

/// One of theirs does likewise, and one keeps nothing.
const fn provider(name: &'static str, request: Request, native: Make) -> Peer {
    Peer {
        name,
        framework: "agent-framework",
        stores: &["FileHistoryProvider", "InMemoryHistoryProvider"],
        bridge: "bridge",
        request,
        durability: Durability::Normal,
        calls: Calls::Blocking,
        native,
    }
}

impl Peer {
    /// The same with the saver whose methods are awaited. In Rust ours blocks here too.
    const fn awaited(self) -> Self {
        Self { stores: &["AsyncSqliteSaver"], bridge: "async bridge", ..self }
    }
}

const fn lone(operation: &'static str, count: usize) -> Request {
    Request { operation, count, limit: None, callers: 1 }
}

const fn last(operation: &'static str, limit: usize) -> Request {
    Request { operation, count: 10_000, limit: Some(limit), callers: 1 }
}

const fn listing() -> Request {
    Request { operation: "list 2 KB", count: 1_000, limit: Some(10), callers: 1 }
}

const fn together(operation: &'static str) -> Request {
    Request { operation, count: 0, limit: None, callers: TOGETHER }
}
