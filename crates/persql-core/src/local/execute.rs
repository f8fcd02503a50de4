//! Statements in, rows out, on one connection.

use rusqlite::types::{ToSqlOutput, ValueRef as SqliteRef};

use super::{
    connection::Conn,
    error::{is_generic, translate, translate_prepared, wrong_parameters},
};
#[cfg(not(feature = "server"))]
use crate::{Answer, Batch};
use crate::{Error, Result, Rows, Statement, Value, ValueRef, tokens};

impl Conn {
    /// Runs one statement.
    pub(super) fn execute(&self, statement: &Statement) -> Result<Rows> {
        let sql = statement.sql();
        #[cfg(feature = "server")]
        if self.must_ask(sql) {
            self.sqlite.prepare(sql).map_err(translate_prepared)?;
        }
        let mut prepared = self.sqlite.prepare_cached(sql).map_err(translate_prepared)?;
        let (wanted, given) = (prepared.parameter_count(), statement.params().len());
        if wanted != given {
            return Err(wrong_parameters(given, wanted));
        }
        for (index, value) in statement.params().iter().enumerate() {
            prepared.raw_bind_parameter(index + 1, as_parameter(value)).map_err(translate)?;
        }
        let changed = self.sqlite.total_changes();
        let mut rows = None;
        let mut stepped = prepared.raw_query();
        while let Some(row) = stepped.next().map_err(|error| self.explain(sql, error))? {
            // Known since the first step: it prepares the statement again if the schema has changed.
            let rows = rows.get_or_insert_with(|| Rows::with_names(column_names(row.as_ref())));
            for column in 0..rows.columns().len() {
                rows.push(as_cell(row.get_ref(column).map_err(translate)?));
            }
            #[cfg(feature = "server")]
            self.check_room(rows)?;
        }
        drop(stepped);
        let mut rows = rows.unwrap_or_else(|| Rows::with_names(column_names(&prepared)));
        if !prepared.readonly() {
            // SQLite keeps both numbers of whatever statement last had some.
            let changes = if self.sqlite.total_changes() == changed { 0 } else { self.sqlite.changes() };
            let inserts = changes > 0 && (tokens::is(sql, "insert") || tokens::is(sql, "replace"));
            rows.set_changes(Some(changes), inserts.then(|| self.sqlite.last_insert_rowid()));
        }
        #[cfg(feature = "server")]
        self.take_room(&rows);
        Ok(rows)
    }

    /// Says what was wrong with the SQL itself, if that is where a running statement failed: its schema has changed.
    fn explain(&self, sql: &str, error: rusqlite::Error) -> Error {
        match self.sqlite.prepare(sql) {
            Err(wrong) if is_generic(&error) => translate_prepared(wrong),
            _ => translate(error),
        }
    }

    /// Runs a batch in the transaction that is open.
    #[cfg(not(feature = "server"))]
    pub(super) fn perform(&self, batch: &Batch) -> Result<Answer> {
        self.execute_all(batch.statements()).map(Answer::Sets)
    }

    /// Does `work` for a batch of nobody's.
    #[cfg(not(feature = "server"))]
    pub(super) fn within<T>(&self, _: &Batch, work: impl FnOnce(&Self) -> T) -> T {
        work(self)
    }

    /// Runs statements up to the first that fails.
    pub(super) fn execute_all(&self, statements: &[Statement]) -> Result<Vec<Rows>> {
        let mut sets = Vec::with_capacity(statements.len());
        for statement in statements {
            sets.push(self.execute(statement)?);
        }
        Ok(sets)
    }

    /// Runs statements in a transaction that takes the write lock at once.
    pub(super) fn transaction(&self, statements: &[Statement]) -> Result<Vec<Rows>> {
        self.begin_write()?;
        self.finish(self.execute_all(statements))
    }

    /// Begins a transaction and takes the write lock.
    pub(super) fn begin_write(&self) -> Result<()> {
        self.control("BEGIN IMMEDIATE")
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
        // SQLite says that it reads, and it analyses tables that have indexes.
        if tokens::is(statement.sql(), "pragma") && tokens::has(statement.sql(), "optimize") {
            return Ok(false);
        }
        Ok(self.sqlite.prepare_cached(statement.sql()).map_err(translate_prepared)?.readonly())
    }
}

fn column_names<'s>(statement: &'s rusqlite::Statement<'_>) -> impl IntoIterator<Item = &'s str> {
    // A vector in rusqlite's oldest version, an iterator in its newest.
    statement.column_names()
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
