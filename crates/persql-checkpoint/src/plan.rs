//! What each operation sends, and how its answer is read. No I/O.

mod chain;
mod copy;
mod delete;
mod list;
mod prune;
mod put;
mod read;
mod runs;
mod sends;
mod threads;
mod transfer;

use std::sync::Arc;

use persql_core::{Batch, Error, ErrorKind, Pack, Plan, Request, Result, Rows, SqlErrorKind, Statement, pack};

pub(crate) use chain::history;
pub(crate) use copy::{copy, copy_to};
pub(crate) use delete::delete_threads;
pub(crate) use list::list;
pub(crate) use prune::keep_newest;
pub(crate) use put::{Writes, put, put_writes};
pub(crate) use read::get_tuple;
pub(crate) use runs::delete_for_runs;
pub(crate) use threads::{delete_inactive, list_threads};
pub(crate) use transfer::{export, import};

use crate::{Layout, row::Key, serde::Serializer, texts::Texts};

/// A saver as its plans know it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) texts: Arc<Texts>,
    pub(crate) serializer: Serializer,
    /// Whether a `put` must follow the latest checkpoint.
    pub(crate) expect_latest: bool,
}

/// A condition of a batch that did not hold. Each has columns of its own, whose not-null rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    Layout,
    Parent,
    Shapes,
    Empty,
    Exists,
}

impl Store {
    /// Sends a statement that reads. Without tables there are no rows.
    fn read(&self, statement: Statement) -> Plan<Rows> {
        let store = self.clone();
        Plan::read(statement).or_else(move |error| store.absent(error).map(|()| Rows::default()))
    }

    /// Sends statements that read, one after the other.
    fn read_each(&self, statements: Vec<Statement>) -> Plan<Vec<Rows>> {
        fn next(store: Store, mut left: std::vec::IntoIter<Statement>, mut answers: Vec<Rows>) -> Plan<Vec<Rows>> {
            let Some(statement) = left.next() else { return Plan::ok(answers) };
            store.read(statement).and_then(move |rows| {
                answers.push(rows);
                next(store, left, answers)
            })
        }
        next(self.clone(), statements.into_iter(), Vec::new())
    }

    /// Sends statements that write: creates tables and adds the late column as needed.
    fn write(&self, batch: Vec<Statement>) -> Plan<()> {
        let store = self.clone();
        let repairer = self.clone();
        let plan = Plan::write(batch).repairing(move |error| repairer.repair(error));
        plan.or_else(move |error| Plan::err(store.explain(error)))
    }

    /// Sends statements that only delete. Without tables there is nothing to delete.
    fn delete(&self, batch: Vec<Statement>) -> Plan<()> {
        let store = self.clone();
        Plan::write(batch).or_else(move |error| store.absent(error))
    }

    /// Succeeds if the error only says that there are no tables. Their names may be those of the other layout: a
    /// database full of checkpoints must not look empty.
    fn absent(&self, error: Error) -> Plan<()> {
        if !self.texts.schema.is_missing(&error) {
            return Plan::err(error);
        }
        if is_no_database(&error) {
            return Plan::ok(());
        }
        let texts = Arc::clone(&self.texts);
        described(&self.texts).and_then(move |found| match found {
            None => Plan::ok(()),
            Some(found) if found != texts.layout => Plan::err(texts.layout.refused(found)),
            // Half of the tables is there.
            Some(_) => Plan::err(error),
        })
    }

    fn repair(&self, error: &Error) -> Option<Plan<()>> {
        let schema = &self.texts.schema;
        if !schema.is_on_demand() {
            return None;
        }
        if schema.is_missing(error) {
            // In a new database there is nothing to look at.
            return Some(if is_no_database(error) { schema.create() } else { self.create_tables() });
        }
        let column = error.sql().filter(|detail| detail.kind == SqlErrorKind::UnknownColumn)?.column.clone()?;
        // Another column is missing where the table is somebody else's: its layout says so.
        Some(if column == "task_path" { self.add_task_path() } else { self.check_layout() })
    }

    /// Refuses a database of the other layout.
    fn check_layout(&self) -> Plan<()> {
        let layout = self.texts.layout;
        described(&self.texts).and_then(move |found| match found {
            Some(found) if found != layout => Plan::err(layout.refused(found)),
            _ => Plan::ok(()),
        })
    }

    fn add_task_path(&self) -> Plan<()> {
        let add = Batch::schema([Statement::from(self.texts.add_task_path.clone())]);
        Plan::send(Request::Batch(add)).map(|_| ()).or_else(|error| {
            // Somebody else was faster.
            let duplicate = error.sql().is_some_and(|detail| {
                detail.kind == SqlErrorKind::Unknown && detail.column.as_deref() == Some("task_path")
            });
            if duplicate { Plan::ok(()) } else { Plan::err(error) }
        })
    }

    /// Creates what is missing.
    pub(crate) fn create_tables(&self) -> Plan<()> {
        let schema = self.texts.schema.clone();
        self.check_layout().and_then(move |()| schema.create())
    }

    /// Which guard stopped the batch.
    fn guard_of(&self, error: &Error) -> Option<Guard> {
        let detail = error.sql().filter(|detail| detail.kind == SqlErrorKind::NotNullViolation)?;
        match detail.column.as_deref()? {
            "channel" | "checkpoint_ns" => Some(Guard::Layout),
            "task_id" => Some(Guard::Parent),
            "checkpoint_id" => Some(Guard::Shapes),
            "thread_id" => Some(Guard::Empty),
            "idx" => Some(Guard::Exists),
            _ => None,
        }
    }

    /// Says what a broken guard means.
    fn explain(&self, error: Error) -> Error {
        let conflict = |message: &'static str| Error::new(ErrorKind::Conflict, message);
        let meaning = match self.guard_of(&error) {
            None => return error,
            Some(Guard::Layout) => return self.texts.layout.refused(self.texts.layout.other()),
            Some(Guard::Parent) => conflict("the parent is not the latest checkpoint: somebody else wrote one"),
            Some(Guard::Shapes) => {
                conflict("the thread was changed by somebody else at the same time, again and again")
            }
            Some(Guard::Empty) => conflict("the target thread has checkpoints or writes already"),
            Some(Guard::Exists) => Error::new(ErrorKind::NotFound, "the source thread has no such checkpoint"),
        };
        // The detail keeps the guard recognizable for those who try again.
        match error.sql().cloned() {
            Some(detail) => meaning.with_sql(detail),
            None => meaning,
        }
    }

    /// The guard that writes of new rows begin with, unless their statement has it.
    fn guard_layout(&self) -> Statement {
        Statement::from(self.texts.guard_layout.clone())
    }
}

fn is_no_database(error: &Error) -> bool {
    error.sql_kind() == Some(SqlErrorKind::UnknownDatabase)
}

/// The layout of the database's checkpoints.
pub(crate) fn described(texts: &Arc<Texts>) -> Plan<Option<Layout>> {
    let texts = Arc::clone(texts);
    Plan::describe().then(move |description| match description {
        Ok(description) => Plan::result(Layout::of(&description, texts.checkpoints.as_str(), texts.writes.as_str())),
        Err(error) if texts.schema.is_missing(&error) => Plan::ok(None),
        Err(error) => Plan::err(error),
    })
}

/// Texts as JSON arrays that fit into parameters.
fn arrays<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<String> {
    pack(texts)
        .into_iter()
        .map(|pack| match pack {
            Pack::Many { array, .. } => array,
            Pack::One(text) => json_array([text.as_str()]),
        })
        .collect()
}

/// A JSON array of strings.
fn json_array<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut array = String::from("[");
    for text in texts {
        if array.len() > 1 {
            array.push(',');
        }
        crate::json::write_string(text, &mut array);
    }
    array.push(']');
    array
}

/// A checkpoint's place in its thread, as statements take it.
fn place(key: &Key) -> String {
    json_array([key.ns.as_str(), key.id.as_str()])
}

/// Does one thing after the other.
fn for_each<I, F>(mut items: I, mut work: F) -> Plan<()>
where
    I: Iterator + Send + 'static,
    I::Item: Send,
    F: FnMut(I::Item) -> Plan<()> + Send + 'static,
{
    match items.next() {
        None => Plan::ok(()),
        Some(item) => work(item).and_then(move |()| for_each(items, work)),
    }
}

/// The rows of an answer, or the error of the first that cannot be read.
fn try_rows<'r, T>(rows: &'r Rows, read: impl FnMut(persql_core::Row<'r>) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(read).collect()
}
