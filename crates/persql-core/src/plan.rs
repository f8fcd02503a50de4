//! Operations as values.

use std::{fmt, sync::Arc};

use crate::{Batch, Control, Controlled, Description, Error, ErrorKind, Result, Rows, Schema, Statement, TableInfo};

/// A database operation as a value: what to send, and how to read the answer.
///
/// A plan is made of steps. A step is one request and one transaction; its continuation reads the answer and may go on
/// with another step. Nothing in a plan does I/O, waits or locks, so it is written once and run by every
/// [`Handle`](crate::Handle).
///
/// # Examples
/// ```
/// use persql_core::{Handle, Plan, Statement, blocking::Database};
///
/// # fn main() -> persql_core::Result<()> {
/// let db = Database::local(":memory:")?;
/// db.query("CREATE TABLE note(text TEXT)", ())?;
///
/// fn add(text: &str) -> Plan<()> {
///     Plan::write([Statement::new("INSERT INTO note VALUES (?1)", [text])])
/// }
/// fn count() -> Plan<i64> {
///     Plan::read(Statement::from("SELECT count(*) AS n FROM note"))
///         .and_then(|rows| Plan::result(rows.first().map_or(Ok(0), |row| row.get("n"))))
/// }
///
/// db.run(add("hello"))?;
/// assert_eq!(db.run(count())?, 1);
/// # Ok(()) }
/// ```
#[must_use = "a plan does nothing until a handle runs it"]
pub struct Plan<T>(Step<T>);

/// The next thing to do for a plan, for those who write a [`Handle`](crate::Handle) of their own.
#[allow(clippy::exhaustive_enums, reason = "a handle must know every step")]
pub enum Step<T> {
    /// The operation is over.
    Done(Result<T>),
    /// Send the request, and hand its outcome to the continuation.
    Send(Request, Then<T>),
}

/// What follows a request.
pub struct Then<T>(Box<dyn FnOnce(Request, Result<Answer>) -> Plan<T> + Send>);

impl<T: 'static> Then<T> {
    /// Does `work` with the outcome before anything else sees it.
    pub(crate) fn first(self, work: impl FnOnce(&Request, &mut Result<Answer>) + Send + 'static) -> Self {
        Then(Box::new(move |request, mut outcome| {
            work(&request, &mut outcome);
            self.resume(request, outcome)
        }))
    }

    /// Goes on with the outcome of `request`, which comes back so that it can be sent again.
    pub fn resume(self, request: Request, outcome: Result<Answer>) -> Plan<T> {
        (self.0)(request, outcome)
    }
}

/// What one step asks for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Request {
    /// Statements.
    Batch(Batch),
    /// The names and sizes of the tables.
    Tables,
    /// The whole schema.
    Describe,
    /// Something about databases, and not in one.
    Control(Control),
}

impl Request {
    /// Refuses what cannot be sent, before it is: what no mode can carry, and what the service's limits forbid. SQL of
    /// the user's own is held to these only if `strict`.
    pub(crate) fn check(&self, strict: bool) -> Result<()> {
        let batch = match self {
            Request::Batch(batch) => batch,
            Request::Control(control) => return control.check(),
            Request::Tables | Request::Describe => return Ok(()),
        };
        batch.check_values()?;
        let is_raw = matches!(batch.access(), crate::Access::Raw { .. });
        if strict || !is_raw { batch.check_limits() } else { Ok(()) }
    }
}

/// What one step answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// A result set for each statement. A handle may leave them empty for a batch of pure writes.
    Sets(Vec<Rows>),
    /// The answer of a write that is applied once: see [`Once`](crate::server::Once).
    #[cfg(feature = "server")]
    Kept {
        /// What the server made of it.
        body: Vec<u8>,
        /// Whether it was kept from an earlier request, and nothing was run now.
        replayed: bool,
    },
    /// The names and sizes of the tables.
    Tables(Vec<TableInfo>),
    /// The whole schema.
    Description(Description),
    /// What became of a [`Request::Control`].
    Controlled(Controlled),
}

impl Answer {
    /// The rows of the one statement that was sent.
    pub(crate) fn only_set(self) -> Result<Rows> {
        let Answer::Sets(sets) = self else { return Err(unexpected()) };
        let mut sets = sets.into_iter();
        match (sets.next(), sets.next()) {
            (Some(rows), None) => Ok(rows),
            _ => Err(Error::new(ErrorKind::Corrupt, "one statement was not answered with one result set")),
        }
    }
}

impl<T: Send + 'static> Plan<T> {
    /// An operation that is over before it began.
    pub fn result(result: Result<T>) -> Self {
        Plan(Step::Done(result))
    }

    /// An operation that succeeds with this value and sends nothing.
    pub fn ok(value: T) -> Self {
        Self::result(Ok(value))
    }

    /// An operation that is refused and sends nothing.
    pub fn err(error: Error) -> Self {
        Self::result(Err(error))
    }

    /// Sends one request, and goes on with its outcome. The request comes back, so that it can be sent again.
    pub(crate) fn sending(
        request: Request,
        next: impl FnOnce(Request, Result<Answer>) -> Plan<T> + Send + 'static,
    ) -> Self {
        Plan(Step::Send(request, Then(Box::new(next))))
    }

    /// Sends one request, and reads its answer.
    fn asking(request: Request, read: impl FnOnce(Answer) -> Result<T> + Send + 'static) -> Self {
        Self::sending(request, |_, outcome| Plan::result(outcome.and_then(read)))
    }

    /// The next thing to do.
    pub fn into_step(self) -> Step<T> {
        self.0
    }

    /// Goes on with the outcome, good or bad.
    pub fn then<U: Send + 'static>(self, next: impl FnOnce(Result<T>) -> Plan<U> + Send + 'static) -> Plan<U> {
        match self.0 {
            Step::Done(result) => next(result),
            Step::Send(request, then) => Plan(Step::Send(
                request,
                Then(Box::new(move |request, outcome| then.resume(request, outcome).then(next))),
            )),
        }
    }

    /// Goes on with the value, if there is one.
    pub fn and_then<U: Send + 'static>(self, next: impl FnOnce(T) -> Plan<U> + Send + 'static) -> Plan<U> {
        self.then(|result| match result {
            Ok(value) => next(value),
            Err(error) => Plan::err(error),
        })
    }

    /// Goes on with the error, if there is one.
    pub fn or_else(self, next: impl FnOnce(Error) -> Plan<T> + Send + 'static) -> Plan<T> {
        self.then(|result| match result {
            Ok(value) => Plan::ok(value),
            Err(error) => next(error),
        })
    }

    /// Turns the value into another, or refuses it.
    pub fn try_map<U: Send + 'static>(self, map: impl FnOnce(T) -> Result<U> + Send + 'static) -> Plan<U> {
        self.and_then(|value| Plan::result(map(value)))
    }

    /// Turns the value into another.
    pub fn map<U: Send + 'static>(self, map: impl FnOnce(T) -> U + Send + 'static) -> Plan<U> {
        self.try_map(|value| Ok(map(value)))
    }

    /// Says in every error what the operation was about: a session, a thread.
    pub fn context(self, key: &'static str, value: impl Into<Arc<str>>) -> Plan<T> {
        let value = value.into();
        self.then(move |result| Plan::result(result.map_err(|error| error.context(key, value))))
    }

    /// Repairs what is missing and repeats the step, if it fails with an error that `repair` has a plan for.
    ///
    /// The failed step left nothing behind, so to repeat it is safe. Only the first step of the plan is repeated, and
    /// only once.
    pub fn repairing(self, repair: impl FnOnce(&Error) -> Option<Plan<()>> + Send + 'static) -> Plan<T> {
        match self.0 {
            Step::Send(request, then) => Plan(Step::Send(
                request,
                Then(Box::new(move |request, outcome| match outcome.as_ref().err().and_then(repair) {
                    Some(plan) => plan.and_then(move |()| Plan(Step::Send(request, then))),
                    None => then.resume(request, outcome),
                })),
            )),
            step => Plan(step),
        }
    }

    /// Creates the tables and repeats the step if it fails because one of them is not there.
    pub fn creating(self, schema: &Schema) -> Plan<T> {
        let schema = schema.clone();
        self.repairing(move |error| (schema.is_on_demand() && schema.is_missing(error)).then(|| schema.create()))
    }

    /// Shows every request to `look` before it is sent: for counting and tracing.
    pub fn inspect(self, mut look: impl FnMut(&Request) + Send + 'static) -> Plan<T> {
        match self.0 {
            Step::Done(result) => Plan(Step::Done(result)),
            Step::Send(request, then) => {
                look(&request);
                Plan(Step::Send(
                    request,
                    Then(Box::new(move |request, outcome| then.resume(request, outcome).inspect(look))),
                ))
            }
        }
    }
}

impl Plan<Answer> {
    /// Sends one request and gives its answer as it came.
    pub fn send(request: Request) -> Self {
        Plan::asking(request, Ok)
    }
}

impl Plan<Rows> {
    /// Sends one statement that reads.
    pub fn read(statement: Statement) -> Self {
        Self::only_set(Batch::read(statement))
    }

    /// Sends one statement that writes, and answers with rows (`RETURNING`) or, unless the server keeps it to itself, with
    /// what it changed.
    ///
    /// There is no such plan for several statements: the service does not document whether a transactional batch
    /// answers with rows, so nothing may depend on that.
    pub fn write_returning(statement: Statement) -> Self {
        Self::only_set(Batch::write([statement]))
    }

    /// Sends one statement of the user's own.
    pub fn query(statement: Statement) -> Self {
        Self::only_set(Batch::raw([statement], true))
    }

    fn only_set(batch: Batch) -> Self {
        Plan::asking(Request::Batch(batch), Answer::only_set)
    }

    /// Gives no rows, instead of an error, if a table of the schema or the whole database is not there yet.
    pub fn or_absent(self, schema: &Schema) -> Self {
        let schema = schema.clone();
        self.or_else(move |error| if schema.is_missing(&error) { Plan::ok(Rows::default()) } else { Plan::err(error) })
    }
}

impl Plan<()> {
    /// Sends statements that write: all of them take effect, or none. No statement is nothing to send.
    pub fn write(statements: impl IntoIterator<Item = Statement>) -> Self {
        let batch = Batch::write(statements);
        if batch.statements().is_empty() { Plan::ok(()) } else { Plan::asking(Request::Batch(batch), |_| Ok(())) }
    }

    /// Does nothing, instead of failing, if a table of the schema or the whole database is not there yet.
    pub fn or_nothing(self, schema: &Schema) -> Self {
        let schema = schema.clone();
        self.or_else(move |error| if schema.is_missing(&error) { Plan::ok(()) } else { Plan::err(error) })
    }
}

impl Plan<Vec<Rows>> {
    /// Sends statements of the user's own. No statement is nothing to send.
    pub fn raw_batch(statements: impl IntoIterator<Item = Statement>, transaction: bool) -> Self {
        let batch = Batch::raw(statements, transaction);
        if batch.statements().is_empty() {
            return Plan::ok(Vec::new());
        }
        Plan::asking(Request::Batch(batch), |answer| match answer {
            Answer::Sets(sets) => Ok(sets),
            _ => Err(unexpected()),
        })
    }
}

impl Plan<Vec<TableInfo>> {
    /// Asks for the names and sizes of the tables.
    pub fn tables() -> Self {
        Plan::asking(Request::Tables, |answer| match answer {
            Answer::Tables(tables) => Ok(tables),
            _ => Err(unexpected()),
        })
    }
}

impl Plan<Description> {
    /// Asks for the whole schema.
    pub fn describe() -> Self {
        Plan::asking(Request::Describe, |answer| match answer {
            Answer::Description(description) => Ok(description),
            _ => Err(unexpected()),
        })
    }
}

impl Plan<Controlled> {
    /// Asks for something about databases.
    pub fn control(control: Control) -> Self {
        Plan::asking(Request::Control(control), |answer| match answer {
            Answer::Controlled(controlled) => Ok(controlled),
            _ => Err(unexpected()),
        })
    }
}

pub(crate) fn unexpected() -> Error {
    Error::new(ErrorKind::Corrupt, "the answer is of another kind than the request")
}

impl<T> fmt::Debug for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plan").field(&self.0).finish()
    }
}

impl<T> fmt::Debug for Step<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Done(_) => f.write_str("Done"),
            Step::Send(request, _) => f.debug_tuple("Send").field(request).finish(),
        }
    }
}

impl<T> fmt::Debug for Then<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ident, Sql, SqlDetail, SqlErrorKind, ValueRef};

    /// Runs a plan against a script of outcomes and says what it sent.
    fn play<T: Send + 'static>(plan: Plan<T>, script: Vec<Result<Vec<Rows>>>) -> (Vec<String>, Result<T>) {
        let (mut plan, mut sent) = (plan, Vec::new());
        let mut script = script.into_iter();
        loop {
            match plan.into_step() {
                Step::Done(result) => return (sent, result),
                Step::Send(request, then) => {
                    let Request::Batch(batch) = &request else { panic!("not a batch") };
                    sent.push(batch.statements().iter().map(|s| s.sql().to_string()).collect::<Vec<_>>().join("; "));
                    plan = then.resume(request, script.next().unwrap().map(Answer::Sets));
                }
            }
        }
    }

    fn one(value: i64) -> Rows {
        let mut rows = Rows::with_columns(vec!["n".to_owned()]);
        rows.push(ValueRef::Integer(value));
        rows
    }

    fn schema() -> Schema {
        Schema::new([Ident::new("t").unwrap()], [Sql::from("CREATE TABLE t")])
    }

    fn unknown(table: &str) -> Error {
        let mut detail = SqlDetail::new(SqlErrorKind::UnknownTable);
        detail.table = Some(table.to_owned());
        Error::new(ErrorKind::Sql, "no such table").with_sql(detail)
    }

    #[test]
    fn a_step_can_use_the_answer_of_the_one_before() {
        let plan = Plan::read(Statement::from("first"))
            .and_then(|rows| Plan::write([Statement::new("second", [rows.first().unwrap().get::<i64>("n").unwrap()])]));
        let (sent, result) = play(plan, vec![Ok(vec![one(7)]), Ok(vec![])]);
        assert_eq!((sent.len(), result.is_ok()), (2, true));
    }

    #[test]
    fn tables_are_created_on_the_first_write_and_the_write_is_repeated() {
        let plan = Plan::write([Statement::from("insert")]).creating(&schema());
        let (sent, result) = play(plan, vec![Err(unknown("main.T")), Ok(vec![]), Ok(vec![])]);
        assert_eq!(sent, ["insert", "CREATE TABLE t", "insert"]);
        assert!(result.is_ok());
    }

    #[test]
    fn a_step_is_repaired_once() {
        let repair = |error: &Error| {
            let column = error.sql()?.column.clone()?;
            (column == "late").then(|| Plan::write([Statement::from("add late")]))
        };
        let missing = |column: &str| {
            let mut detail = SqlDetail::new(SqlErrorKind::UnknownColumn);
            detail.column = Some(column.to_owned());
            Error::new(ErrorKind::Sql, "no such column").with_sql(detail)
        };
        let write = || Plan::write([Statement::from("write")]).repairing(repair);
        let (sent, outcome) = play(write(), vec![Err(missing("late")), Ok(vec![]), Ok(vec![])]);
        assert_eq!((sent.join(", "), outcome.is_ok()), ("write, add late, write".to_owned(), true));
        let (sent, outcome) = play(write(), vec![Err(missing("late")), Ok(vec![]), Err(missing("late"))]);
        assert_eq!((sent.len(), outcome.is_err()), (3, true));
        let (sent, outcome) = play(write(), vec![Err(missing("other"))]);
        assert_eq!((sent.len(), outcome.is_err()), (1, true));
    }

    #[test]
    fn a_table_of_somebody_else_is_not_created() {
        let plan = Plan::write([Statement::from("insert")]).creating(&schema());
        let (sent, result) = play(plan, vec![Err(unknown("other"))]);
        assert_eq!(sent, ["insert"]);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Sql);
    }

    #[test]
    fn a_read_of_absent_tables_is_empty_and_sends_no_ddl() {
        let (sent, result) = play(Plan::read(Statement::from("read")).or_absent(&schema()), vec![Err(unknown("t"))]);
        assert_eq!(sent, ["read"]);
        assert!(result.unwrap().is_empty());
    }

    #[test]
    fn without_creation_on_demand_the_write_fails() {
        let plan = Plan::write([Statement::from("insert")]).creating(&schema().on_demand(false));
        let (sent, result) = play(plan, vec![Err(unknown("t"))]);
        assert_eq!(sent.len(), 1);
        assert!(result.is_err());
    }
}
