//! Statements that are sent together, and how they are to be run.

use crate::{Error, Result, Statement, Value, limits, tokens};

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
        if let Some(last) = self.statements.last_mut().and_then(Statement::last_param_mut) {
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
            let refusal = match &**statement.sql() {
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
}
