//! Statements in, rows out, on one connection.

use rusqlite::types::{ToSqlOutput, ValueRef as SqliteRef};

use super::{
    connection::Conn,
    error::{translate, wrong_parameters},
};
use crate::{Result, Rows, Statement, Value, ValueRef};

impl Conn {
    /// Runs one statement.
    pub(super) fn execute(&self, statement: &Statement) -> Result<Rows> {
        let mut prepared = self.sqlite.prepare_cached(statement.sql()).map_err(translate)?;
        let (wanted, given) = (prepared.parameter_count(), statement.params().len());
        if wanted != given {
            return Err(wrong_parameters(given, wanted));
        }
        for (index, value) in statement.params().iter().enumerate() {
            prepared.raw_bind_parameter(index + 1, as_parameter(value)).map_err(translate)?;
        }
        let width = prepared.column_count();
        #[allow(
            clippy::useless_conversion,
            reason = "a vector in rusqlite's oldest version, an iterator in its newest"
        )]
        let columns = prepared.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = Rows::with_columns(columns);
        let reads = prepared.readonly();
        let mut stepped = prepared.raw_query();
        while let Some(row) = stepped.next().map_err(translate)? {
            for column in 0..width {
                rows.push(as_cell(row.get_ref(column).map_err(translate)?));
            }
        }
        drop(stepped);
        if !reads {
            let changes = self.sqlite.changes();
            rows.set_changes(Some(changes), (changes > 0).then(|| self.sqlite.last_insert_rowid()));
        }
        Ok(rows)
    }

    /// Runs statements up to the first that fails.
    pub(super) fn execute_all(&self, statements: &[Statement]) -> Result<Vec<Rows>> {
        statements.iter().map(|statement| self.execute(statement)).collect()
    }

    /// Runs statements in a transaction that takes the write lock at once.
    pub(super) fn transaction(&self, statements: &[Statement]) -> Result<Vec<Rows>> {
        self.control("BEGIN IMMEDIATE")?;
        self.finish(self.execute_all(statements))
    }

    /// Commits if all went well, and rolls back if anything did not, the commit included.
    pub(super) fn finish<T>(&self, result: Result<T>) -> Result<T> {
        let result = result.and_then(|value| match self.control("COMMIT") {
            Ok(()) => Ok(value),
            // A commit that the disk refused may be found whole in the log at the next start.
            Err(error) => {
                let may = !matches!(error.kind(), crate::ErrorKind::Conflict | crate::ErrorKind::Busy);
                Err(error.with_may_have_applied(may))
            }
        });
        if result.is_err() {
            self.roll_back();
        }
        result
    }

    /// Ends the transaction, if one is open.
    pub(super) fn roll_back(&self) {
        if !self.sqlite.is_autocommit()
            && let Err(error) = self.control("ROLLBACK")
        {
            tracing::warn!(%error, "a rollback failed");
        }
    }

    /// Whether the statement leaves the database as it is.
    pub(super) fn only_reads(&self, statement: &Statement) -> Result<bool> {
        Ok(self.sqlite.prepare_cached(statement.sql()).map_err(translate)?.readonly())
    }
}

fn as_parameter(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => SqliteRef::Null,
        Value::Integer(integer) => SqliteRef::Integer(*integer),
        Value::Real(real) => SqliteRef::Real(*real),
        Value::Text(text) => SqliteRef::Text(text.as_bytes()),
        Value::Blob(bytes) => SqliteRef::Blob(bytes),
    })
}

/// Text that is not UTF-8 (only a foreign writer can store it) is handed on as the bytes that it is.
fn as_cell(value: SqliteRef<'_>) -> ValueRef<'_> {
    match value {
        SqliteRef::Null => ValueRef::Null,
        SqliteRef::Integer(integer) => ValueRef::Integer(integer),
        SqliteRef::Real(real) => ValueRef::Real(real),
        SqliteRef::Text(bytes) => std::str::from_utf8(bytes).map_or(ValueRef::Blob(bytes), ValueRef::Text),
        SqliteRef::Blob(bytes) => ValueRef::Blob(bytes),
    }
}
