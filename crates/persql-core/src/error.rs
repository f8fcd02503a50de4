//! What can go wrong, in one type for every crate of the workspace.

use std::{borrow::Cow, fmt, time::Duration};

/// A result whose error is [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an error. The same condition has the same kind in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The arguments are wrong. Nothing was sent.
    InvalidInput,
    /// The database, table or record is not there.
    NotFound,
    /// A unique, foreign-key, not-null or check rule, or a comparison that lost against another writer.
    Conflict,
    /// The SQL itself is wrong: syntax, an unknown table or column, a wrong number of parameters.
    Sql,
    /// A value, a row or an answer is over a limit of the engine.
    TooLarge,
    /// Another writer holds the database, and held it for as long as we were willing to wait.
    Busy,
    /// The request's own time limit ran out.
    Timeout,
    /// The token, its role or its scope does not allow this, or the statement is not allowed at all.
    Denied,
    /// The prepaid balance is empty. Never retried.
    Unpaid,
    /// Too many requests; see [`Error::retry_after`].
    RateLimited,
    /// No usable answer: connection, file system, server.
    Unavailable,
    /// A stored row or an answer is not what it should be.
    Corrupt,
    /// This handle or this build does not offer that.
    Unsupported,
    /// The client was closed.
    Closed,
}

/// Which rule of SQL was broken, in the names of the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SqlErrorKind {
    /// A UNIQUE or PRIMARY KEY rule.
    UniqueViolation,
    /// A NOT NULL rule.
    NotNullViolation,
    /// A FOREIGN KEY rule.
    FkViolation,
    /// A CHECK rule.
    CheckViolation,
    /// A table that is not there.
    UnknownTable,
    /// A column that is not there.
    UnknownColumn,
    /// A database that is not there: nothing has been written to it yet.
    UnknownDatabase,
    /// Text that is not SQL.
    SyntaxError,
    /// A value of a type that the column refuses.
    TypeMismatch,
    /// Another writer holds the database.
    DatabaseLocked,
    /// More parameters than a statement may have.
    TooManyParams,
    /// A write where only reads are allowed.
    Readonly,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// What the engine told about a failed statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlDetail {
    /// The rule that was broken.
    pub kind: SqlErrorKind,
    /// The table, where the engine named one.
    pub table: Option<String>,
    /// The column, where the engine named one.
    pub column: Option<String>,
    /// Tables and columns of a broken rule that is about columns, in the engine's order.
    pub columns: Vec<(String, String)>,
}

impl SqlDetail {
    /// A detail of this kind that names no table or column.
    pub fn new(kind: SqlErrorKind) -> Self {
        Self { kind, table: None, column: None, columns: Vec::new() }
    }
}

/// What went wrong. Match on [`Error::kind`]; the rest is for people.
///
/// The text is one line and never holds a token, an SQL parameter or stored text. Where another error caused this
/// one, [`source`](std::error::Error::source) returns it and the text leaves it out.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    sql: Option<SqlDetail>,
    may_have_applied: bool,
    gave_up: bool,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind. The message is lower case, without a full stop, and free of stored text.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            context: Vec::new(),
            sql: None,
            may_have_applied: false,
            gave_up: false,
            retry_after: None,
            source: None,
        }))
    }

    /// Shorthand for the most frequent kind: arguments that are refused before anything is sent.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// Says what the error was about: a session, a thread, a row id. Shown behind the message.
    #[must_use]
    pub fn context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        let mut text = value.to_string();
        // An id with a line break in it must not pass for a line of a log.
        if text.contains(char::is_control) {
            let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
            text = text.chars().map(escaped).collect();
        }
        // What an inner layer has said already is not said again.
        if !self.0.context.iter().any(|(known, said)| *known == key && *said == text) {
            self.0.context.push((key, text));
        }
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds what the engine told about the statement.
    #[must_use]
    pub fn with_sql(mut self, detail: SqlDetail) -> Self {
        self.0.sql = Some(detail);
        self
    }

    /// Says that the write may have happened although no good answer came.
    #[must_use]
    pub fn with_may_have_applied(mut self, may: bool) -> Self {
        self.0.may_have_applied = may;
        self
    }

    /// Says how long the other side asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Says that this was retried already, so that an outer loop does not multiply the attempts.
    #[must_use]
    pub fn with_gave_up(mut self) -> Self {
        self.0.gave_up = true;
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later. False once the client's own retries are used up.
    pub fn is_retryable(&self) -> bool {
        !self.0.gave_up && matches!(self.0.kind, ErrorKind::Busy | ErrorKind::RateLimited | ErrorKind::Unavailable)
    }

    /// Whether the write may have happened although no good answer came. False only when the request was provably
    /// not sent, or the other side said that it rolled back.
    pub fn may_have_applied(&self) -> bool {
        self.0.may_have_applied
    }

    /// How long the other side asked to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the engine told about the statement, if one failed.
    pub fn sql(&self) -> Option<&SqlDetail> {
        self.0.sql.as_ref()
    }

    /// The broken SQL rule, if a statement failed.
    pub fn sql_kind(&self) -> Option<SqlErrorKind> {
        self.0.sql.as_ref().map(|detail| detail.kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (position, (key, value)) in self.0.context.iter().enumerate() {
            f.write_str(if position == 0 { " (" } else { ", " })?;
            write!(f, "{key}: {value}")?;
        }
        if self.0.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        if let Some(detail) = &self.0.sql {
            write!(f, " [{:?}]", detail.kind)?;
        }
        if self.0.may_have_applied {
            f.write_str(" [may have applied]")?;
        }
        match &self.0.source {
            Some(source) => write!(f, ", caused by: {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_one_line_with_its_context_and_without_its_source() {
        let error = Error::new(ErrorKind::Corrupt, "a stored item is not valid JSON")
            .context("session", "ada")
            .context("row", 7)
            .with_source(std::io::Error::other("disk on fire"));
        assert_eq!(error.to_string(), "a stored item is not valid JSON (session: ada, row: 7)");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "disk on fire");
    }

    #[test]
    fn context_is_said_once_and_stays_on_its_line() {
        let error = Error::invalid("no").context("session", "a\nb\u{1b}é").context("session", "a\nb\u{1b}é");
        assert_eq!(error.to_string(), "no (session: a\\nb\\u{1b}é)");
    }

    #[test]
    fn an_error_that_was_retried_already_is_not_retryable() {
        let error = Error::new(ErrorKind::Busy, "busy");
        assert!(error.is_retryable());
        assert!(!error.with_gave_up().is_retryable());
    }
}
