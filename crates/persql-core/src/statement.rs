//! Constant SQL with parameters.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{Error, Result, Value};

/// Limits of the engine behind the service, kept in every mode so that what works locally works remotely.
pub mod limits {
    /// Statements in one batch.
    pub const STATEMENTS: usize = 100;
    /// Parameters of one statement.
    pub const PARAMETERS: usize = 100;
    /// Bytes of one statement's text.
    pub const SQL_BYTES: usize = 100_000;
    /// Bytes of a string, a blob or a row.
    pub const ROW_BYTES: usize = 2_000_000;
    /// Columns of a table or an answer.
    pub const COLUMNS: usize = 100;
    /// Bytes of a LIKE or GLOB pattern.
    pub const LIKE_PATTERN_BYTES: usize = 50;
    /// Arguments of an SQL function.
    pub const FUNCTION_ARGUMENTS: usize = 32;
}

/// The text of one statement: a constant, or a constant with table names put in once. Cheap to clone.
#[derive(Clone)]
pub struct Sql(Text);

#[derive(Clone)]
enum Text {
    Constant(&'static str),
    Shared(Arc<str>),
    Guarded(Arc<Guarded>),
}

/// A statement, and its work in two: see [`Sql::guarded`].
#[cfg_attr(not(feature = "local"), allow(dead_code, reason = "only local mode runs it in two"))]
struct Guarded {
    whole: Sql,
    guard: Sql,
    write: Sql,
}

impl Sql {
    /// Puts names, which quote themselves, in place of `{placeholders}`. Done once, when an adapter is constructed.
    ///
    /// # Examples
    /// ```
    /// use persql_core::{Ident, Sql};
    ///
    /// # fn main() -> persql_core::Result<()> {
    /// let messages = Ident::new("my messages")?;
    /// let sql = Sql::render("SELECT count(*) FROM {messages}", &[("messages", &messages)]);
    /// assert_eq!(&*sql, r#"SELECT count(*) FROM "my messages""#);
    /// # Ok(()) }
    /// ```
    pub fn render(template: &str, names: &[(&str, &dyn fmt::Display)]) -> Self {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let known = after.split_once('}').and_then(|(placeholder, behind)| {
                let (_, name) = names.iter().find(|(known, _)| *known == placeholder)?;
                Some((name, behind))
            });
            rest = match known {
                Some((name, behind)) => {
                    text.push_str(&name.to_string());
                    behind
                }
                None => {
                    text.push('{');
                    after
                }
            };
        }
        text.push_str(rest);
        Self(Text::Shared(text.into()))
    }

    /// The same statement, which writes only on a condition, and its work in two for whoever is next to the engine.
    ///
    /// For a statement that reads the table that it inserts into, SQLite keeps the rows aside first. Local mode, which loses
    /// no time between two statements, does the same for less in one snapshot of the database:
    /// - `guard` is a SELECT. It takes the first of the statement's parameters and answers with a row, if the statement
    ///   would write, or with none.
    /// - `write` takes all parameters and, behind them, the values of that row. It is a transaction of its own, so `OR
    ///   ROLLBACK` undoes no more than it has done.
    ///
    /// If the guard answers with nothing, if the write breaks a rule of a table, or if anybody writes in between, the
    /// statement itself is run, as it always is in the other modes.
    ///
    /// # Examples
    /// ```
    /// use persql_core::{Handle, Plan, Sql, Statement, blocking::PerSql};
    ///
    /// # fn main() -> persql_core::Result<()> {
    /// let first_of_day = Sql::from(
    ///     "INSERT INTO notes SELECT ?1, ?2, CURRENT_TIMESTAMP WHERE NOT EXISTS (SELECT 1 FROM notes WHERE day = ?1)",
    /// )
    /// .guarded(
    ///     "SELECT CURRENT_TIMESTAMP WHERE NOT EXISTS (SELECT 1 FROM notes WHERE day = ?1)",
    ///     "INSERT OR ROLLBACK INTO notes VALUES (?1, ?2, ?3)",
    /// );
    /// let db = PerSql::local(":memory:")?.database("me/notes")?;
    /// db.query("CREATE TABLE notes(day TEXT, note TEXT, at TEXT)", ())?;
    /// for (note, noted) in [("one", 1), ("another", 0)] {
    ///     let rows = db.run(Plan::write_returning(Statement::new(first_of_day.clone(), ("monday", note))))?;
    ///     assert_eq!(rows.changes(), Some(noted));
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn guarded(self, guard: impl Into<Sql>, write: impl Into<Sql>) -> Self {
        Self(Text::Guarded(Arc::new(Guarded { whole: self, guard: guard.into(), write: write.into() })))
    }

    /// The guard and the write, if there are these.
    #[cfg(feature = "local")]
    pub(crate) fn in_two(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Text::Guarded(guarded) => Some((&guarded.guard, &guarded.write)),
            _ => None,
        }
    }
}

impl Deref for Sql {
    type Target = str;
    fn deref(&self) -> &str {
        match &self.0 {
            Text::Constant(text) => text,
            Text::Shared(text) => text,
            Text::Guarded(guarded) => &guarded.whole,
        }
    }
}

impl PartialEq for Sql {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Sql {}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.deref(), f)
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self(Text::Constant(text))
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self(Text::Shared(text.into()))
    }
}

impl From<Arc<str>> for Sql {
    fn from(text: Arc<str>) -> Self {
        Self(Text::Shared(text))
    }
}

/// A table, column or index name that was checked once and is always quoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ident {
    name: Arc<str>,
    quoted: Arc<str>,
}

impl Ident {
    /// Accepts any name that SQLite can hold, but for those that the engine reserves.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the name is empty, longer than 128 bytes, has a
    /// NUL in it, or starts with `sqlite_`, `_cf_` or `_persql_`.
    pub fn new(name: &str) -> Result<Self> {
        let lower = name.to_ascii_lowercase();
        let reserved = ["sqlite_", "_cf_", "_persql_"].into_iter().find(|prefix| lower.starts_with(prefix));
        let refusal = match (name.len(), reserved) {
            (0, _) => "a table name cannot be empty".to_owned(),
            (129.., _) => "a table name cannot be longer than 128 bytes".to_owned(),
            _ if name.contains('\0') => "a table name cannot hold a NUL character".to_owned(),
            (_, Some(prefix)) => format!("table names that start with {prefix} are reserved"),
            _ => {
                return Ok(Self::quote(name));
            }
        };
        Err(Error::invalid(refusal).context("name", format_args!("{name:?}")))
    }

    /// A name that a program's author chose. It is quoted and not checked.
    pub fn from_static(name: &'static str) -> Self {
        Self::quote(name)
    }

    fn quote(name: &str) -> Self {
        Self { name: name.into(), quoted: format!("\"{}\"", name.replace('"', "\"\"")).into() }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Ident {
    /// Quoted, as it stands in SQL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted)
    }
}

/// One statement and its parameters.
#[derive(Clone, PartialEq)]
pub struct Statement {
    sql: Sql,
    params: Vec<Value>,
}

impl Statement {
    /// A statement with these parameters for `?1`, `?2` and so on.
    pub fn new(sql: impl Into<Sql>, params: impl Params) -> Self {
        Self { sql: sql.into(), params: params.into_values() }
    }

    /// The text.
    pub fn sql(&self) -> &Sql {
        &self.sql
    }

    /// The parameters, the first for `?1`.
    pub fn params(&self) -> &[Value] {
        &self.params
    }

    pub(crate) fn last_param_mut(&mut self) -> Option<&mut Value> {
        self.params.last_mut()
    }

    /// Refuses what the service's engine would refuse, naming the limit.
    pub(crate) fn check_limits(&self) -> Result<()> {
        let too_many = |what: &str, limit: usize, found: usize| {
            Err(Error::invalid(format!("{what}: the limit is {limit}, and this is {found}")))
        };
        if self.sql.len() > limits::SQL_BYTES {
            return too_many("a statement's text is too long in bytes", limits::SQL_BYTES, self.sql.len());
        }
        if self.params.len() > limits::PARAMETERS {
            return too_many("a statement has too many parameters", limits::PARAMETERS, self.params.len());
        }
        for (index, value) in self.params.iter().enumerate() {
            if value.size() > limits::ROW_BYTES {
                return too_many("a parameter is too long in bytes", limits::ROW_BYTES, value.size())
                    .map_err(|error: Error| error.context("parameter", index + 1));
            }
        }
        self.check_values()
    }

    /// Refuses what no mode can carry: SQLite would store a NaN as NULL, and JSON has no infinity.
    pub(crate) fn check_values(&self) -> Result<()> {
        match self.params.iter().position(|value| matches!(value, Value::Real(real) if !real.is_finite())) {
            Some(index) => Err(Error::invalid("a parameter is NaN or infinite").context("parameter", index + 1)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Statement {
    /// Without the parameters: what users store does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("sql", &self.sql).field("params", &self.params.len()).finish()
    }
}

impl<S: Into<Sql>> From<S> for Statement {
    fn from(sql: S) -> Self {
        Statement::new(sql, ())
    }
}

/// What can stand as the parameters of a statement: `()`, an array, a slice or vector of values, or a tuple of up to
/// eight things that become values.
pub trait Params {
    /// The parameters, the first for `?1`.
    fn into_values(self) -> Vec<Value>;
}

impl Params for () {
    fn into_values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl Params for Vec<Value> {
    fn into_values(self) -> Vec<Value> {
        self
    }
}

impl Params for &[Value] {
    fn into_values(self) -> Vec<Value> {
        self.to_vec()
    }
}

impl<T: Into<Value>, const N: usize> Params for [T; N] {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

// One impl a tuple length: a macro is the only way to say this once.
macro_rules! params_for_tuples {
    ($(($($name:ident),+))+) => {$(
        impl<$($name: Into<Value>),+> Params for ($($name,)+) {
            fn into_values(self) -> Vec<Value> {
                #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    )+};
}

params_for_tuples! {
    (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G) (A, B, C, D, E, F, G, H)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_name_is_quoted_whatever_it_holds() {
        assert_eq!(Ident::new("a\"b; DROP TABLE x").unwrap().to_string(), "\"a\"\"b; DROP TABLE x\"");
        for bad in ["", "a\0b", "sqlite_master", "_CF_x", "_persql_idempotency", &"x".repeat(129)] {
            assert_eq!(Ident::new(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
    }

    #[test]
    fn a_name_that_looks_like_a_placeholder_stays_a_name() {
        let (a, b) = (Ident::new("{b}").unwrap(), Ident::new("x").unwrap());
        let sql = Sql::render("{a} {b} {c} {", &[("a", &a), ("b", &b)]);
        assert_eq!(&*sql, "\"{b}\" \"x\" {c} {");
    }

    #[test]
    fn debug_shows_no_parameter() {
        let statement = Statement::new("SELECT ?1", ["secret"]);
        assert!(!format!("{statement:?}").contains("secret"));
    }
}
