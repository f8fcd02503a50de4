//! URLs that name a database.

use std::sync::Arc;

use crate::{
    Error, Result,
    client::{Builder, Shared},
    database::DatabaseName,
};

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Url {
    /// `sqlite:path` or `sqlite::memory:`.
    Sqlite(String),
    /// `persql://namespace/database`.
    PerSql(String),
}

const ACCEPTED: &str = "persql://namespace/database, sqlite:path/to/file.db and sqlite::memory:";

impl Url {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        if let Some(name) = url.strip_prefix("persql://") {
            return Ok(Url::PerSql(name.to_owned()));
        }
        let Some(path) = url.strip_prefix("sqlite:") else {
            let scheme = url.split(':').next().filter(|scheme| scheme.len() < url.len()).unwrap_or("none");
            return Err(Error::invalid(format!("this URL's scheme is not one of {ACCEPTED}")).context("scheme", scheme));
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.contains('?') {
            return Err(Error::invalid("a sqlite URL has no options here: set them on the client's builder"));
        }
        Ok(Url::Sqlite(path.to_owned()))
    }

    /// A client for what `PERSQL_DATABASE` names, a URL or the name of a database at the service; and its database.
    pub(crate) fn open_env<C: From<Arc<Shared>>>(
        shared: impl FnOnce(C) -> Arc<Shared>,
    ) -> Result<(Arc<Shared>, DatabaseName)> {
        let text = std::env::var("PERSQL_DATABASE").map_err(|_| {
            Error::invalid(format!(
                "the environment variable PERSQL_DATABASE is not set: it takes {ACCEPTED}, or namespace/database"
            ))
        })?;
        let url = if text.contains(':') { Self::parse(&text) } else { Ok(Url::PerSql(text)) };
        url.and_then(|url| url.open(shared)).map_err(|error| error.context("variable", "PERSQL_DATABASE"))
    }

    /// A client for the URL, and the name of its database.
    pub(crate) fn open<C: From<Arc<Shared>>>(
        self,
        shared: impl FnOnce(C) -> Arc<Shared>,
    ) -> Result<(Arc<Shared>, DatabaseName)> {
        self.open_with(None, shared)
    }

    /// The same with a token, which is otherwise taken from the environment.
    pub(crate) fn open_with<C: From<Arc<Shared>>>(
        self,
        token: Option<String>,
        shared: impl FnOnce(C) -> Arc<Shared>,
    ) -> Result<(Arc<Shared>, DatabaseName)> {
        let (builder, name) = match self {
            Url::Sqlite(path) => (local(&path)?, DatabaseName::only()),
            Url::PerSql(name) => {
                let name = DatabaseName::parse(&name)?;
                (remote(token)?, name)
            }
        };
        Ok((shared(builder.build()?), name))
    }
}

#[cfg(feature = "local")]
#[allow(clippy::unnecessary_wraps, reason = "a build without local mode refuses here")]
fn local<C>(path: &str) -> Result<Builder<C>> {
    Ok(Builder::new().local_file(path))
}

#[cfg(not(feature = "local"))]
fn local<C>(_: &str) -> Result<Builder<C>> {
    Err(Error::new(crate::ErrorKind::Unsupported, "this build has no local mode: enable the feature `local`"))
}

#[cfg(feature = "remote")]
fn remote<C>(token: Option<String>) -> Result<Builder<C>> {
    match token {
        // The server may still be one of the user's own.
        Some(token) => Ok(Builder::new().token(token).api_url_from_env()),
        None => Builder::new().from_env(),
    }
}

#[cfg(not(feature = "remote"))]
fn remote<C>(_: Option<String>) -> Result<Builder<C>> {
    Err(Error::new(crate::ErrorKind::Unsupported, "this build has no remote mode: enable the feature `remote`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_and_others_are_named() {
        assert_eq!(Url::parse("sqlite::memory:").unwrap(), Url::Sqlite(":memory:".to_owned()));
        assert_eq!(Url::parse("sqlite:chat.db").unwrap(), Url::Sqlite("chat.db".to_owned()));
        assert_eq!(Url::parse("sqlite:///tmp/chat").unwrap(), Url::Sqlite("/tmp/chat".to_owned()));
        assert_eq!(Url::parse("persql://acme/a").unwrap(), Url::PerSql("acme/a".to_owned()));
        let error = Url::parse("postgresql://user:secret@host/db").unwrap_err().to_string();
        assert!(error.contains("sqlite:") && error.contains("persql://") && error.contains("postgresql"), "{error}");
        assert!(!error.contains("secret"), "{error}");
        assert!(Url::parse("chat.db").is_err());
        assert!(Url::parse("sqlite:chat.db?mode=ro").is_err());
    }
}
