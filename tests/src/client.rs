//! Clients, of whatever kind the mode asks for.

use std::{collections::HashMap, fmt, sync::Mutex};

use persql_core::{Me, Meta, PerSql, Result, blocking};

use crate::{Any, live::Live};

/// A client of either kind.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums, reason = "not published")]
pub enum Kind {
    /// For callers that block.
    Blocking(blocking::PerSql),
    /// For asynchronous callers.
    Async(PerSql),
    /// For callers that block, of branches of the hosted service.
    Live(Live),
}

/// A client. At a server, where a token is for one namespace, there is one for each namespace behind it.
pub struct Client {
    own: Kind,
    others: Option<Others>,
}

type Make = dyn Fn(&str) -> Result<Kind> + Send + Sync;

struct Others {
    make: Box<Make>,
    made: Mutex<HashMap<String, Kind>>,
}

/// The namespace whose client a case closes and asks for its cost.
pub(crate) const NAMESPACE: &str = "acme";

impl Client {
    /// A client of all namespaces.
    pub fn new(own: Kind) -> Self {
        Self { own, others: None }
    }

    /// A client of the namespace `acme`, which makes others where another is asked for.
    pub fn with_others(own: Kind, make: impl Fn(&str) -> Result<Kind> + Send + Sync + 'static) -> Self {
        Self { own, others: Some(Others { make: Box::new(make), made: Mutex::default() }) }
    }

    /// A handle to a database of this name.
    ///
    /// # Errors
    /// If it is not a name.
    pub fn db(&self, name: &str) -> Result<Any> {
        let namespace = name.split('/').next().filter(|namespace| *namespace != NAMESPACE);
        match (namespace, &self.others) {
            (Some(namespace), Some(others)) => others.client(namespace, &self.own)?.db(name),
            _ => self.own.db(name),
        }
    }

    /// See [`PerSql::close`].
    pub fn close(&self) {
        self.own.close();
        if let Some(others) = &self.others {
            others.lock().values().for_each(Kind::close);
        }
    }

    /// See [`PerSql::usage`].
    pub fn usage(&self) -> Meta {
        match &self.own {
            Kind::Blocking(client) => client.usage(),
            Kind::Async(client) => client.usage(),
            Kind::Live(live) => live.client().usage(),
        }
    }

    /// See [`PerSql::me`].
    ///
    /// # Errors
    /// As there.
    pub fn me(&self) -> Result<Me> {
        match &self.own {
            Kind::Blocking(client) => client.me(),
            Kind::Async(client) => Any::block_on(client.me()),
            Kind::Live(live) => live.client().me(),
        }
    }
}

impl Kind {
    fn db(&self, name: &str) -> Result<Any> {
        Ok(match self {
            Kind::Blocking(client) => Any::blocking(client.database(name)?),
            Kind::Async(client) => Any::asynchronous(client.database(name)?),
            Kind::Live(live) => Any::blocking(live.db(name)?),
        })
    }

    fn close(&self) {
        match self {
            Kind::Blocking(client) => client.close(),
            Kind::Async(client) => client.close(),
            Kind::Live(live) => live.client().close(),
        }
    }
}

impl Others {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kind>> {
        self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The client of this namespace; the client that we have for what cannot be one.
    fn client(&self, namespace: &str, own: &Kind) -> Result<Kind> {
        let mut made = self.lock();
        if let Some(client) = made.get(namespace) {
            return Ok(client.clone());
        }
        let client = (self.make)(namespace).or_else(|error| match error.kind() {
            persql_core::ErrorKind::InvalidInput => Ok(own.clone()),
            _ => Err(error),
        })?;
        made.insert(namespace.to_owned(), client.clone());
        Ok(client)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.own.fmt(f)
    }
}
