//! How requests reach the engine: one of the modes that the build has.

// A build with neither mode is of no use, and has to compile: features are additive.
#![cfg_attr(
    not(any(feature = "local", feature = "remote")),
    allow(unused_variables, unreachable_code, clippy::unused_async)
)]

#[cfg(any(feature = "local", feature = "remote"))]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "local")]
use crate::local::{Engine, WriteStats};
#[cfg(feature = "remote")]
use crate::remote::Remote;
use crate::{Answer, DatabaseName, Plan, Request, Result, Then};

#[derive(Debug)]
pub(crate) enum Transport {
    #[cfg(feature = "local")]
    Local(Arc<Engine>),
    #[cfg(feature = "remote")]
    Remote(Arc<Remote>),
}

impl Transport {
    /// Whether SQL of the user's own is held to the service's limits as well.
    pub(crate) fn is_strict(&self) -> bool {
        match *self {
            #[cfg(feature = "local")]
            Transport::Local(ref engine) => engine.is_strict(),
            #[cfg(feature = "remote")]
            Transport::Remote(_) => true,
        }
    }

    /// The same server with another token.
    #[cfg_attr(not(feature = "remote"), allow(unused_variables, reason = "only a server has tokens"))]
    pub(crate) fn with_token(&self, token: &str) -> Result<Self> {
        match *self {
            #[cfg(feature = "local")]
            Transport::Local(_) => {
                Err(crate::Error::new(crate::ErrorKind::Unsupported, "local databases have no tokens"))
            }
            #[cfg(feature = "remote")]
            Transport::Remote(ref remote) => remote.with_token(token.to_owned()).map(Transport::Remote),
        }
    }

    /// Sends one request and waits on this thread.
    pub(crate) fn send(&self, name: &DatabaseName, request: &Request, limit: Option<Duration>) -> Result<Answer> {
        match *self {
            #[cfg(feature = "local")]
            Transport::Local(ref engine) => engine.send(name, request, limit),
            #[cfg(feature = "remote")]
            Transport::Remote(ref remote) => remote.send(name, request, limit),
        }
    }

    /// Sends one request and goes on with its outcome.
    pub(crate) async fn advance<T: Send + 'static>(
        &self,
        name: &DatabaseName,
        request: Request,
        limit: Option<Duration>,
        then: Then<T>,
    ) -> Plan<T> {
        match *self {
            #[cfg(feature = "local")]
            Transport::Local(ref engine) => engine.advance(name, request, limit, then).await,
            #[cfg(feature = "remote")]
            Transport::Remote(ref remote) => match remote.request(name, request, limit).await {
                Ok((request, outcome)) => then.resume(request, outcome),
                Err(error) => Plan::err(error),
            },
        }
    }

    /// See [`Engine::sweep_answers`].
    #[cfg(feature = "server")]
    pub(crate) fn sweep_answers(&self) -> Result<()> {
        match *self {
            Transport::Local(ref engine) => engine.sweep_answers(),
            #[cfg(feature = "remote")]
            Transport::Remote(_) => Ok(()),
        }
    }

    #[cfg(feature = "local")]
    pub(crate) fn write_stats(&self, name: &DatabaseName) -> Option<WriteStats> {
        match *self {
            Transport::Local(ref engine) => engine.write_stats(name),
            #[cfg(feature = "remote")]
            Transport::Remote(_) => None,
        }
    }

    /// Lets go of what is open.
    pub(crate) fn close(&self) {
        match *self {
            #[cfg(feature = "local")]
            Transport::Local(ref engine) => engine.close(),
            #[cfg(feature = "remote")]
            Transport::Remote(_) => {}
        }
    }
}
