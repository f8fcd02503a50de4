//! Servers on this machine, each with a data directory of its own.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use persql_core::{BoxFuture, Builder, PerSql, Result, Timer, blocking};
use persql_server::{Config, Limits, Role, Running, Server};

use crate::{
    Options,
    client::{Client, Kind, NAMESPACE},
};

/// The longest that the hosted service lets a statement run.
const RUN: Duration = Duration::from_secs(30);

/// The servers of one trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers(Arc<Mutex<Vec<Known>>>);

type Known = (PathBuf, Options, Arc<Running>);

impl Servers {
    /// A client of a server whose data is in this directory. There is one server for each directory and set of options.
    pub(crate) fn client(&self, directory: &Path, options: Options, is_async: bool) -> Result<Client> {
        let server = self.server(directory, options)?;
        let make = move |namespace: &str| {
            let token = server.tokens().create(namespace, Role::Admin)?;
            Ok(if is_async {
                Kind::Async(configure(PerSql::builder(), &server, token, options).build()?)
            } else {
                Kind::Blocking(configure(blocking::PerSql::builder(), &server, token, options).build()?)
            })
        };
        Ok(Client::with_others(make(NAMESPACE)?, make))
    }

    fn server(&self, directory: &Path, options: Options) -> Result<Arc<Running>> {
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = servers.iter().find(|(at, with, _)| at == directory && *with == options);
        if let Some((_, _, server)) = known {
            return Ok(Arc::clone(server));
        }
        let server = Arc::new(start(directory, options)?);
        servers.push((directory.to_owned(), options, Arc::clone(&server)));
        Ok(server)
    }

    /// Stops the servers of this directory, once their clients are gone.
    pub(crate) fn stop(&self, directory: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(at, _, _)| at != directory);
    }
}

fn start(directory: &Path, options: Options) -> Result<Running> {
    let mut limits = Limits::default();
    (limits.run, limits.answer_bytes) = (RUN.min(options.busy_timeout), options.answer_bytes);
    let config =
        Config::new(directory).listen(([127, 0, 0, 1], 0).into()).durability(options.durability).limits(limits);
    Server::start(config)
}

/// Real time, but for the pauses between attempts: those go by at once.
#[derive(Debug, Default)]
struct Hurry(Mutex<Duration>);

impl Hurry {
    fn skipped(&self) -> MutexGuard<'_, Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for Hurry {
    fn now(&self) -> Instant {
        Instant::now() + *self.skipped()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        *self.skipped() += time;
        Box::pin(std::future::ready(()))
    }

    fn timeout(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time)) // tidy: allow-sleep a limit that ends if no answer comes
    }
}

fn configure<C>(builder: Builder<C>, server: &Running, token: String, options: Options) -> Builder<C> {
    let builder = builder.token(token).api_url(server.url());
    // Whoever is not willing to wait for others tries again all the same, and takes no pauses for it.
    if options.busy_timeout < RUN { builder.timer(Hurry::default()) } else { builder }
}
