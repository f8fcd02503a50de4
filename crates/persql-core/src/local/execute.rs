//! Statements in, rows out, on one connection.

use rusqlite::types::{ToSqlOutput, ValueRef as SqliteRef};

use super::{
    connection::Conn,
    error::{is_generic, translate, translate_prepared, wrong_parameters},
};
#[cfg(not(feature = "server"))]
use crate::{Answer, Batch};
use crate::{Error, ErrorKind, Result, Rows, Statement, Value, ValueRef, tokens};

impl Conn {
    /// Runs one statement.
    pub(super) fn execute(&self, statement: &Statement) -> Result<Rows> {
        self.run(statement.sql(), statement.params().iter().map(as_parameter))
    }

    /// Does the work of a statement in two: see [`Sql::guarded`](crate::Sql::guarded). `None` if nothing was written, and the
    /// statement itself has to say why.
    ///
    /// SQLite refuses the write if anybody has written since the guard looked, as long as the guard is open.
    pub(super) fn execute_in_two(&self, statement: &Statement) -> Result<Option<Rows>> {
        let Some((guard, write)) = statement.sql().in_two() else { return Ok(None) };
        let mut guard = self.sqlite.prepare_cached(guard).map_err(translate_prepared)?;
        let params = statement.params().iter().map(as_parameter);
        bind(&mut guard, params.clone())?;
        let columns = guard.column_count();
        let mut looking = guard.raw_query();
        let Some(row) = looking.next().map_err(translate)? else { return Ok(None) };
        let found = (0..columns).filter_map(|column| row.get_ref(column).ok()).map(ToSqlOutput::Borrowed);
        match self.run(write, params.chain(found)) {
            // OR ROLLBACK holds within a trigger of somebody's as well, where the statement may break no rule.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    fn run<'p>(&self, sql: &str, params: impl Iterator<Item = ToSqlOutput<'p>>) -> Result<Rows> {
        #[cfg(feature = "server")]
        if self.must_ask(sql) {
            self.sqlite.prepare(sql).map_err(translate_prepared)?;
        }
        let mut prepared = self.sqlite.prepare_cached(sql).map_err(translate_prepared)?;
        let (given, wanted) = (bind(&mut prepared, params)?, prepared.parameter_count());
        if given != wanted {
            return Err(wrong_parameters(given, wanted));
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
                let may = !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Busy);
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

/// Binds as many values as the statement takes, and says how many there were.
fn bind<'p>(prepared: &mut rusqlite::Statement<'_>, params: impl Iterator<Item = ToSqlOutput<'p>>) -> Result<usize> {
    let (wanted, mut given) = (prepared.parameter_count(), 0);
    for value in params {
        given += 1;
        if given <= wanted {
            prepared.raw_bind_parameter(given, value).map_err(translate)?;
        }
    }
    Ok(given)
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

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use rusqlite::Connection;

    use super::*;
    use crate::{
        Sql,
        local::{
            Options,
            connection::{Purpose, from_now},
            rules::Settled,
        },
    };

    const WRITE: &str = "INSERT OR ROLLBACK INTO t VALUES (?1, ?2), (?1 + 1, ?2)";

    fn conn(path: &Path) -> Conn {
        let conn = Conn::open_file(path, Purpose::Write, Options::DEFAULT, from_now(Duration::ZERO)).unwrap();
        conn.execute(&"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)".into()).unwrap();
        conn
    }

    fn statement(guard: &'static str, write: &'static str) -> Statement {
        Statement::new(Sql::from("INSERT INTO t VALUES (?1, 'whole')").guarded(guard, write), [1])
    }

    fn stored(conn: &Conn) -> Vec<(i64, String)> {
        let rows = conn.execute(&"SELECT a, b FROM t ORDER BY a".into()).unwrap();
        rows.iter().map(|row| (row.get(0usize).unwrap(), row.get(1usize).unwrap())).collect()
    }

    #[test]
    fn a_statement_in_two_writes_what_its_guard_found() {
        let directory = tempfile::tempdir().unwrap();
        let conn = conn(&directory.path().join("test.db"));
        let guarded = statement("SELECT 'found' WHERE NOT EXISTS (SELECT 1 FROM t WHERE a = ?1)", WRITE);
        let rows = conn.execute_in_two(&guarded).unwrap().unwrap();
        assert_eq!((rows.changes(), rows.last_insert_rowid()), (Some(2), Some(2)));
        let found = [(1, "found".to_owned()), (2, "found".to_owned())];
        assert_eq!(stored(&conn), found);
        assert!(conn.execute_in_two(&guarded).unwrap().is_none());
        assert_eq!(stored(&conn), found);
        assert!(conn.execute_in_two(&Statement::new("INSERT INTO t VALUES (?1, 'whole')", [3])).unwrap().is_none());
        assert_eq!(stored(&conn), found);
    }

    #[test]
    fn a_write_that_breaks_a_rule_is_left_to_the_statement_itself() {
        let directory = tempfile::tempdir().unwrap();
        let conn = conn(&directory.path().join("test.db"));
        conn.execute(&"INSERT INTO t VALUES (2, 'before')".into()).unwrap();
        for write in [WRITE, "INSERT INTO t VALUES (?1, ?2), (?1 + 1, ?2)"] {
            assert!(conn.execute_in_two(&statement("SELECT 'x'", write)).unwrap().is_none());
            assert_eq!(stored(&conn), [(2, "before".to_owned())]);
        }
    }

    #[test]
    fn a_part_that_is_wrong_is_an_error_and_writes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let conn = conn(&directory.path().join("test.db"));
        for (guard, write) in [
            ("SELECT 'x' FROM missing", WRITE),
            ("SELECT abs(-9223372036854775807 - ?1)", WRITE),
            ("SELECT", WRITE),
            ("SELECT 'x', 'more than is wanted'", WRITE),
            ("SELECT 1", "INSERT INTO missing VALUES (?1, ?2)"),
        ] {
            let error = conn.execute_in_two(&statement(guard, write)).unwrap_err();
            assert!(error.sql().is_some() || error.kind() == ErrorKind::InvalidInput, "{guard}; {write}: {error}");
            assert!(stored(&conn).is_empty(), "{guard}; {write}");
        }
    }

    #[test]
    fn nobody_writes_between_the_guard_and_the_write() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let conn = &mut conn(&path);
        let other = Connection::open(&path).unwrap();
        // Somebody writes while the guard looks.
        let mut steps = 0;
        let meanwhile = move || {
            steps += 1;
            if steps == 20 {
                other.execute("INSERT INTO t VALUES (7, 'other')", []).unwrap();
            }
            false
        };
        conn.sqlite.progress_handler(1, Some(meanwhile)).settled().unwrap();
        let guard = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20)
            SELECT 'x' WHERE NOT EXISTS (SELECT 1 FROM t WHERE a = 7) AND (SELECT count(*) FROM n) = 20";
        assert_eq!(conn.execute_in_two(&statement(guard, WRITE)).unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!(stored(conn), [(7, "other".to_owned())]);
    }
}
