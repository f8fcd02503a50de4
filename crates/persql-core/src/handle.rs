//! Who runs plans.

use crate::{Plan, Result};

/// Something that runs plans, and decides what its caller gets back: a `Result` now, or a future of one.
///
/// An adapter is written once, for any handle: `PerSqlSession<D: Handle>` has `add_items(..) -> D::Reply<()>`, which is
/// `session.add_items(..)?` with [`blocking::Database`](crate::blocking::Database) and `session.add_items(..).await?`
/// with [`Database`](crate::Database).
pub trait Handle: Clone + Send + Sync + 'static {
    /// What a caller gets for an operation whose value is `T`.
    type Reply<T: Send + 'static>;

    /// Runs the plan to its end.
    fn run<T: Send + 'static>(&self, plan: Plan<T>) -> Self::Reply<T>;
}

/// A handle that can be made from the name of a database, and then owns its client.
pub trait Open: Handle {
    /// See [`Database::from_token`](crate::Database::from_token).
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "remote")]
    fn open_token(token: String, database: &str) -> Result<Self>;

    /// See [`Database::from_url`](crate::Database::from_url).
    ///
    /// # Errors
    /// As there.
    fn open_url(url: &str) -> Result<Self>;

    /// See [`Database::from_env`](crate::Database::from_env).
    ///
    /// # Errors
    /// As there.
    fn open_env() -> Result<Self>;

    /// See [`Database::close`](crate::Database::close).
    fn close_client(&self);
}
