//! The cases of `persql-server`: turns over loopback beside a server that only echoes, and what a key costs.
//!
//! Servers run on threads of their own in this process, so the CPU time is that of the client and of the server.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use persql_agents_session::PerSqlSession;
use persql_core::{BoxFuture, Database, Durability, PerSql};
use persql_server::{Config, Role, Running, Server};
use reqwest::header::CONTENT_TYPE;

use crate::{
    case::{Bar, Calls, Case, Failed, Ground},
    echo::Echo,
    items::turn,
    side::{Side, networking_tasks, tasks},
};

pub(crate) const CASES: &[Case] = &[
    over_loopback("turn of 4 items over loopback, beside an echo, 1 caller", |g| ours(g, 1), |g| echoed(g, 1), None),
    over_loopback(FIFTY, |g| ours(g, 50), |g| echoed(g, 50), Some(0.35)),
    over_loopback(FIFTY, |g| ours(g, 50), |g| echoed(g, 50), None).durable(),
    over_loopback(
        "turn with a key, beside one without, 1 caller",
        |g| posted(g, 1, true),
        |g| posted(g, 1, false),
        None,
    ),
    over_loopback(
        "turn with a key, beside one without, 50 callers",
        |g| posted(g, 50, true),
        |g| posted(g, 50, false),
        None,
    ),
];

const FIFTY: &str = "turn of 4 items over loopback, beside an echo, 50 callers";

const fn over_loopback(
    name: &'static str,
    ours: crate::case::Make,
    by_hand: crate::case::Make,
    bar: Option<f64>,
) -> Case {
    Case { name, calls: Calls::Async, durability: Durability::Normal, bar: Bar::Rate(bar), ours, by_hand }
}

/// A server with an empty directory, and a token for it.
struct Served {
    server: Running,
    token: String,
}

impl Served {
    fn start(ground: &Ground) -> Result<Self, Failed> {
        let config = Config::new(ground.path()).listen((Ipv4Addr::LOCALHOST, 0).into());
        let server = Server::start(config.durability(ground.durability()))?;
        let token = server.tokens().create("bench", Role::Admin)?;
        let served = Self { server, token };
        // Makes the tables.
        now(append(&served.database(&served.server.url())?, 0))?;
        Ok(served)
    }

    /// A client of its own of whoever answers there.
    fn database(&self, url: &str) -> Result<Database, Failed> {
        Ok(PerSql::builder().token(self.token.clone()).api_url(url).build()?.database("bench/bench")?)
    }

    /// A server that answers as this one answered to a turn.
    fn echo(&self) -> Result<Echo, Failed> {
        let echo = Echo::start(self.server.url())?;
        now(append(&self.database(&echo.url)?, 0))?;
        echo.exchange()?;
        Ok(echo)
    }
}

/// Turns through our client to our server.
fn ours(ground: &Ground, callers: usize) -> Result<Side, Failed> {
    let served = Served::start(ground)?;
    let database = served.database(&served.server.url())?;
    Ok(keeping(turns(&database, callers)?, served))
}

/// The same turns through our client to a server that only echoes.
fn echoed(ground: &Ground, callers: usize) -> Result<Side, Failed> {
    let served = Served::start(ground)?;
    let echo = served.echo()?;
    drop(served.server);
    let database = PerSql::builder().token(served.token).api_url(&echo.url).build()?.database("bench/bench")?;
    Ok(keeping(turns(&database, callers)?, echo))
}

/// Each caller has a session of its own, all in one database.
fn turns(database: &Database, callers: usize) -> Result<Side, Failed> {
    tasks((0..callers).map(|caller| append(database, caller)))
}

fn append(database: &Database, caller: usize) -> impl Fn() -> BoxFuture<Result<(), Failed>> + Send + Sync + 'static {
    // As long as the others.
    let session = PerSqlSession::new(database.clone(), format!("session-{caller:02}"));
    let turn = turn(caller);
    move || {
        let added = session.add_items(&turn);
        Box::pin(async { Ok(added.await?) })
    }
}

/// The bytes of a turn, posted by a plain HTTP client with or without an `Idempotency-Key`.
fn posted(ground: &Ground, callers: usize, keyed: bool) -> Result<Side, Failed> {
    let served = Served::start(ground)?;
    let exchange = served.echo()?.exchange()?;
    let (url, http) = (format!("{}{}", served.server.url(), exchange.path), reqwest::Client::new());
    let keys = Arc::new(AtomicU64::new(0));
    let side = networking_tasks((0..callers).map(|_| {
        let request = http.post(&url).bearer_auth(&served.token).header(CONTENT_TYPE, "application/json");
        let (request, body, keys) = (request, exchange.request.clone(), Arc::clone(&keys));
        move || {
            let mut request = request.try_clone().ok_or("a request without a body can be cloned");
            if keyed {
                let key = format!("{:032}", keys.fetch_add(1, Ordering::Relaxed));
                request = request.map(|request| request.header("Idempotency-Key", key));
            }
            let body = body.clone();
            async move {
                request?.body(body).send().await?.error_for_status()?.bytes().await?;
                Ok(())
            }
        }
    }))?;
    Ok(keeping(side, served))
}

/// Runs one turn to its end.
fn now(turn: impl Fn() -> BoxFuture<Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(turn())
}

/// The side, with what must live as long as it.
fn keeping<T: 'static>(mut side: Side, kept: T) -> Side {
    Box::new(move |until| {
        let _kept = &kept;
        side(until)
    })
}
