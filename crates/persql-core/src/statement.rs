//! Constant SQL with parameters, and several of them that succeed or fail together.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{Error, Result, Value, tokens};

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
}

impl Deref for Sql {
    type Target = str;
    fn deref(&self) -> &str {
        match &self.0 {
            Text::Constant(text) => text,
            Text::Shared(text) => text,
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

/// How a batch is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// One statement that reads.
    Read,
    /// Statements that write, in one transaction.
    Write,
    /// Statements that create or alter tables, in one transaction.
    Schema,
    /// SQL of the user's own, in one transaction or each statement for itself. It may read or write.
    Raw {
        /// Whether the first error undoes everything.
        transaction: bool,
    },
}

impl Access {
    /// Whether the statements write, without a look at their SQL.
    #[cfg(feature = "local")]
    pub(crate) fn surely_writes(self) -> bool {
        matches!(self, Access::Write | Access::Schema)
    }
}

/// Statements that are sent together: one request, and one transaction unless it is raw and says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    statements: Vec<Statement>,
    access: Access,
    #[cfg(feature = "server")]
    terms: Option<crate::server::Terms>,
}

impl Batch {
    /// One statement that reads.
    pub fn read(statement: Statement) -> Self {
        Self::of(vec![statement], Access::Read)
    }

    /// The same statements for somebody who may only read.
    pub(crate) fn reading(&self) -> Self {
        Self { access: Access::Read, ..self.clone() }
    }

    /// Statements that write: all of them, or none.
    pub fn write(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self::of(statements.into_iter().collect(), Access::Write)
    }

    /// Statements that create or alter tables: all of them, or none.
    pub fn schema(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self::of(statements.into_iter().collect(), Access::Schema)
    }

    /// SQL of the user's own.
    pub fn raw(statements: impl IntoIterator<Item = Statement>, transaction: bool) -> Self {
        Self::of(statements.into_iter().collect(), Access::Raw { transaction })
    }

    fn of(statements: Vec<Statement>, access: Access) -> Self {
        Self {
            statements,
            access,
            #[cfg(feature = "server")]
            terms: None,
        }
    }

    /// The same statements under a server's terms.
    #[cfg(feature = "server")]
    #[must_use]
    pub fn on_terms(self, terms: crate::server::Terms) -> Self {
        Self { terms: Some(terms), ..self }
    }

    /// The statements, in the order in which they run.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Puts another value in place of the last parameter of all.
    pub(crate) fn set_last_param(&mut self, value: impl Into<Value>) {
        if let Some(last) = self.statements.last_mut().and_then(|statement| statement.params.last_mut()) {
            *last = value.into();
        }
    }

    /// How they are to be run.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The server's terms, if a server sent this.
    #[cfg(feature = "server")]
    pub(crate) fn terms(&self) -> Option<&crate::server::Terms> {
        self.terms.as_ref()
    }

    /// Whether a write does not create the database.
    #[cfg(feature = "local")]
    pub(crate) fn must_exist(&self) -> bool {
        #[cfg(feature = "server")]
        return self.terms.as_ref().is_some_and(|terms| terms.must_exist);
        #[cfg(not(feature = "server"))]
        false
    }

    /// Whether a server sent this.
    #[cfg(feature = "local")]
    pub(crate) fn is_served(&self) -> bool {
        #[cfg(feature = "server")]
        return self.terms.is_some();
        #[cfg(not(feature = "server"))]
        false
    }

    /// Whether the statements write. Of SQL of the user's own a server's is judged by its words; other may or may not.
    #[cfg(feature = "local")]
    pub(crate) fn surely_writes(&self) -> bool {
        self.access.surely_writes()
            || self.is_served()
                && self.is_raw()
                && self.statements.iter().any(|statement| tokens::changes_rows(statement.sql()))
    }

    /// Whether raw SQL changes rows in one transaction and does nothing else, so that others can share the transaction.
    #[cfg(feature = "local")]
    pub(crate) fn only_changes_rows(&self) -> bool {
        let is_whole = self.statements.len() == 1 || self.access == (Access::Raw { transaction: true });
        is_whole
            && self
                .statements
                .iter()
                .all(|statement| tokens::changes_rows(statement.sql()) || tokens::is(statement.sql(), "select"))
    }

    /// Whether it is SQL of the user's own.
    pub(crate) fn is_raw(&self) -> bool {
        matches!(self.access, Access::Raw { .. })
    }

    /// Refuses what the service would refuse, before anything is sent.
    pub(crate) fn check_limits(&self) -> Result<()> {
        if self.statements.len() > limits::STATEMENTS {
            return Err(Error::invalid(format!(
                "a batch has too many statements: the limit is {}, and this is {}",
                limits::STATEMENTS,
                self.statements.len()
            )));
        }
        for (index, statement) in self.statements.iter().enumerate() {
            statement.check_limits().map_err(|error| error.context("statement", index + 1))?;
        }
        Ok(())
    }

    /// Refuses what cannot be run in any mode: a number that is none, no statement, a second one hidden behind the first.
    pub(crate) fn check_values(&self) -> Result<()> {
        for (index, statement) in self.statements.iter().enumerate() {
            statement.check_values().map_err(|error| error.context("statement", index + 1))?;
            let refusal = match &*statement.sql {
                text if text.contains('\0') => "an SQL text cannot hold a NUL character",
                text if tokens::is_empty(text) => "the text holds no statement",
                text if self.is_raw() && tokens::holds_several(text) => {
                    "the text holds more than one statement: send them as a batch"
                }
                _ => continue,
            };
            return Err(Error::invalid(refusal).context("statement", index + 1));
        }
        Ok(())
    }
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
    fn every_limit_is_named_when_it_is_passed() {
        let cases = [
            (Statement::new("x".repeat(100_001), ()), "text is too long"),
            (Statement::new("SELECT 1", vec![Value::Null; 101]), "too many parameters"),
            (Statement::new("SELECT ?1", ["x".repeat(2_000_001)]), "parameter is too long"),
            (Statement::new("SELECT ?1", [f64::NAN]), "NaN"),
        ];
        for (statement, text) in cases {
            let error = Batch::read(statement).check_limits().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
        let many = Batch::write(vec![Statement::from("SELECT 1"); 101]);
        assert!(many.check_limits().unwrap_err().to_string().contains("too many statements"));
    }

    #[test]
    fn debug_shows_no_parameter() {
        let statement = Statement::new("SELECT ?1", ["secret"]);
        assert!(!format!("{statement:?}").contains("secret"));
    }
}
