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
        match self {
            #[cfg(feature = "local")]
            Url::Sqlite(path) => Ok((shared(Builder::<C>::new().local_file(&path).build()?), DatabaseName::only())),
            #[cfg(not(feature = "local"))]
            Url::Sqlite(_) => Err(Error::new(
                crate::ErrorKind::Unsupported,
                "this build has no local mode: enable the feature `local`",
            )),
            Url::PerSql(name) => {
                DatabaseName::parse(&name)?;
                Err(Error::new(crate::ErrorKind::Unsupported, "this build has no remote mode"))
            }
        }
    }
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
