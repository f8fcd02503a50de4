//! What a server runs: within its terms, and once for each key.
//!
//! The record of a write stands in the same transaction as the write. So whoever finds the record finds the write done,
//! and two that come at the same time are one after the other here, in one group or in two.

use std::{
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, limits::Limit, params};

use super::{
    Engine, Location, Options, catalog,
    connection::{Conn, Purpose},
    error::{is_no_table, not_here, translate},
    rules::{Settled, Touched},
    shelf::{patience, unavailable},
};
use crate::{
    Answer, Batch, DatabaseName, Error, ErrorKind, Result, Rows, SqlDetail, SqlErrorKind, Statement,
    server::{Room, Terms},
    tokens,
};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Ids are in the order of time, so the oldest are found without an index of their own. The small one is of answers that
/// hold what is stored.
const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS _persql_idempotency (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    answer BLOB,
    holds TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS _persql_idempotency_holds ON _persql_idempotency (holds) WHERE holds IS NOT NULL;";

// The comments before the next statements keep them apart from a user's own text in the cache of statements: see
// `rules::check_texts`.

/// By the unique key.
const FIND: &str = "/*persql*/ SELECT fingerprint, answer, at FROM _persql_idempotency WHERE key = ?1";

const KEEP: &str = "/*persql*/ \
INSERT OR REPLACE INTO _persql_idempotency (key, fingerprint, answer, holds, at) VALUES (?1, ?2, ?3, ?4, ?5)";

/// By the index of answers that hold something, which is mostly empty.
const HOLDS_ANY: &str = "/*persql*/ SELECT EXISTS (SELECT 1 FROM _persql_idempotency WHERE holds IS NOT NULL)";

/// By the same index: the answers that hold what stood in this table, or in several.
const FORGET: &str =
    "UPDATE _persql_idempotency SET answer = NULL, holds = NULL WHERE holds IN (?1, '') AND holds IS NOT NULL";
const FORGET_ALL: &str = "UPDATE _persql_idempotency SET answer = NULL, holds = NULL WHERE holds IS NOT NULL";

/// By primary key, from the oldest on: how far the records reach that are over.
const OVER: &str = "\
SELECT coalesce((SELECT min(id) FROM _persql_idempotency WHERE at > ?1), (SELECT max(id) + 1 FROM _persql_idempotency))
WHERE (SELECT at FROM _persql_idempotency ORDER BY id LIMIT 1) <= ?1";
const SWEEP: &str = "DELETE FROM _persql_idempotency WHERE id < ?1";

impl Conn {
    /// Runs a batch in the transaction that is open.
    pub(super) fn perform(&self, batch: &Batch) -> Result<Answer> {
        let Some(terms) = batch.terms() else { return self.execute_all(batch.statements()).map(Answer::Sets) };
        if let Some(kept) = self.replay(terms)? {
            return Ok(kept);
        }
        let sets = self.within(batch, |conn| conn.execute_all(batch.statements()))?;
        self.forget_held(batch.statements(), &sets)?;
        self.keep(terms, batch.statements(), sets)
    }

    /// Runs a batch that is no transaction: the first error ends it, and what came before it stays. The record stands in
    /// the transaction of the last statement.
    pub(super) fn perform_each(&self, batch: &Batch, begin: impl Fn(&Self) -> Result<()>) -> Result<Answer> {
        let Some(terms) = batch.terms() else { return Err(not_here()) };
        if let Some(kept) = self.replay(terms)? {
            return Ok(kept);
        }
        let statements = batch.statements();
        let mut sets = Vec::with_capacity(statements.len());
        self.within(batch, |conn| {
            for statement in statements {
                begin(conn)?;
                let rows = conn.execute(statement).and_then(|rows| {
                    conn.forget_held(std::slice::from_ref(statement), std::slice::from_ref(&rows))?;
                    sets.push(rows);
                    if sets.len() == statements.len() {
                        return conn.keep(terms, statements, std::mem::take(&mut sets)).map(Some);
                    }
                    Ok(None)
                });
                if let Some(answer) = conn.finish(rows)? {
                    return Ok(answer);
                }
            }
            Ok(Answer::Sets(Vec::new()))
        })
    }

    /// Does `work` for this batch, and gives up an answer that grows beyond its terms.
    pub(super) fn within<T>(&self, batch: &Batch, work: impl FnOnce(&Self) -> T) -> T {
        self.room.set(batch.terms().map(|terms| terms.room));
        let keeps_schema = batch.terms().is_some_and(|terms| terms.keeps_schema);
        self.asked.keeps_schema.store(keeps_schema, Ordering::Relaxed);
        let result = work(self);
        self.asked.keeps_schema.store(false, Ordering::Relaxed);
        self.room.set(None);
        result
    }

    /// Whether the rules must be asked about this statement, also if somebody prepared the same for whom others hold.
    pub(super) fn must_ask(&self, sql: &str) -> bool {
        self.asked.keeps_schema.load(Ordering::Relaxed) && !tokens::changes_rows(sql) && !tokens::is(sql, "select")
    }

    /// Refuses one row more than there is room for.
    pub(super) fn check_room(&self, rows: &Rows) -> Result<()> {
        match self.room.get() {
            Some(room) if rows.len() > room.rows || rows.bytes() > room.bytes => Err(Error::new(
                ErrorKind::TooLarge,
                "the answer is larger than the server gives at once: ask for a page of it",
            )
            .with_sql(SqlDetail::new(SqlErrorKind::Unknown))),
            _ => Ok(()),
        }
    }

    /// Takes the room of an answer that is whole.
    pub(super) fn take_room(&self, rows: &Rows) {
        let left = |room: Room| Room { rows: room.rows - rows.len(), bytes: room.bytes - rows.bytes() };
        self.room.set(self.room.get().map(left));
    }

    /// The answer of the same request, if it was run before.
    fn replay(&self, terms: &Terms) -> Result<Option<Answer>> {
        let Some(once) = &terms.once else { return Ok(None) };
        let found = self.records(|sqlite| {
            let mut find = sqlite.prepare_cached(FIND)?;
            find.query_row(params![&*once.key], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?, row.get::<_, i64>(2)?))
            })
            .optional()
        });
        let found = match found {
            Err(error) if is_no_table(&error) => return Ok(None),
            found => found.map_err(translate)?,
        };
        match found {
            Some((_, _, at)) if at <= once.now - seconds(KEPT) => Ok(None),
            Some((fingerprint, ..)) if *fingerprint != *once.fingerprint => {
                Err(Error::new(ErrorKind::Conflict, "the idempotency key was used for another request"))
            }
            Some((_, Some(body), _)) => Ok(Some(Answer::Kept { body, replayed: true })),
            Some((_, None, _)) => Err(Error::new(
                ErrorKind::Conflict,
                "the request was applied before, and its answer was forgotten when what it held was deleted or changed",
            )
            .with_may_have_applied(true)),
            None => Ok(None),
        }
    }

    /// Keeps the answer, if it is to be given once more.
    fn keep(&self, terms: &Terms, statements: &[Statement], sets: Vec<Rows>) -> Result<Answer> {
        let Some(once) = &terms.once else { return Ok(Answer::Sets(sets)) };
        let holds = self.held(statements, &sets);
        let body = (once.encode)(&sets);
        let insert = |sqlite: &Connection| {
            let values = params![&*once.key, &*once.fingerprint, body, holds, once.now];
            sqlite.prepare_cached(KEEP)?.execute(values)
        };
        let kept = match self.records(insert) {
            Err(error) if is_no_table(&error) => {
                self.records(|sqlite| sqlite.execute_batch(CREATE)).map_err(translate)?;
                self.records(insert)
            }
            kept => kept,
        };
        kept.map_err(translate)?;
        Ok(Answer::Kept { body, replayed: false })
    }

    /// The table whose text or bytes the answer holds; empty for several.
    fn held(&self, statements: &[Statement], sets: &[Rows]) -> Option<String> {
        let mut tables = statements
            .iter()
            .zip(sets)
            .filter(|(_, rows)| rows.payload_bytes() > 0)
            // What a statement changes is named first, and what follows from that behind it. RETURNING gives the first.
            .map(|(statement, _)| self.touched(statement).into_iter().flatten().next().map(|touched| touched.table));
        let first = tables.next()?.unwrap_or_default();
        Some(if tables.all(|table| table.as_ref() == Some(&first)) { first } else { String::new() })
    }

    /// Forgets the kept answers that may hold what these statements deleted or changed.
    ///
    /// A statement that itself gives out text or bytes is no such deletion: it takes something from a queue, say, and the
    /// others that did so before may still ask for their answers.
    fn forget_held(&self, statements: &[Statement], sets: &[Rows]) -> Result<()> {
        let any = self.records(|sqlite| sqlite.prepare_cached(HOLDS_ANY)?.query_row([], |row| row.get::<_, bool>(0)));
        match any {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) if is_no_table(&error) => return Ok(()),
            Err(error) => return Err(translate(error)),
        }
        for (statement, _) in statements.iter().zip(sets).filter(|(_, rows)| rows.payload_bytes() == 0) {
            let replaces = tokens::has(statement.sql(), "replace");
            match self.touched(statement) {
                Some(touched) => {
                    for table in touched.into_iter().filter(|touched| touched.clears || replaces) {
                        self.records(|sqlite| sqlite.execute(FORGET, [table.table])).map_err(translate)?;
                    }
                }
                // What cannot be prepared again has changed the schema.
                None => drop(self.records(|sqlite| sqlite.execute(FORGET_ALL, [])).map_err(translate)?),
            }
        }
        Ok(())
    }

    /// Which tables the statement changes; `None` if it cannot be said.
    fn touched(&self, statement: &Statement) -> Option<Vec<Touched>> {
        self.asked.watch(|| self.sqlite.prepare(statement.sql()).map(drop)).ok()
    }

    /// Does `work` with the records: the rules rest, and an answer may be longer than a user's row.
    fn records<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.as_ours(|sqlite| {
            sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::MAX).settled()?;
            let result = work(sqlite);
            sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, self.longest).settled()?;
            result
        })
    }

    /// Deletes the records that are over.
    fn sweep_records(&mut self, now: i64, until: Instant) -> Result<()> {
        let over = self.records(|sqlite| {
            sqlite.query_row(OVER, [now - seconds(KEPT)], |row| row.get::<_, Option<i64>>(0)).optional()
        });
        let before = match over {
            Err(error) if is_no_table(&error) => return Ok(()),
            over => over.map_err(translate)?.flatten(),
        };
        let Some(before) = before else { return Ok(()) };
        self.waiting(until, |conn| {
            conn.begin_write()?;
            conn.finish(conn.records(|sqlite| sqlite.execute(SWEEP, [before])).map(drop).map_err(translate))
        })
    }
}

impl Engine {
    /// Deletes the records that are over in every database and every branch.
    pub(crate) fn sweep_answers(&self) -> Result<()> {
        for path in self.files()? {
            let until = patience(self.options);
            let options = Options { must_exist: true, ..self.options };
            let swept = Conn::open_file(&path, Purpose::Write, options, until)
                .and_then(|mut conn| conn.sweep_records(self.now(), until));
            if let Err(error) = swept {
                tracing::debug!(%error, "the kept answers of a database are looked at another time");
            }
        }
        Ok(())
    }

    /// The files of all databases and branches.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let Location::Directory(directory) = &self.location else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unavailable)? {
            let name = entry.map_err(unavailable)?.file_name();
            let Some(namespace) = name.to_str().filter(|name| DatabaseName::of(name, "any").is_ok()) else { continue };
            for (slug, _) in self.present(namespace)? {
                files.extend(self.location.path(&DatabaseName::of(namespace, &slug)?));
            }
        }
        if self.catalog.is_there() {
            let copies = self.catalog.transact(catalog::copies)?;
            files.extend(copies.iter().filter_map(|copy| self.shelf.path(copy)));
        }
        Ok(files)
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
