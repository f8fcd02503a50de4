//! How long reads are cut into pages.

use crate::{Answer, Batch, ErrorKind, Plan, Request, Rows, Schema, Statement, Value};

/// Rows of the first page: enough for most reads, and few enough for most rows.
const FIRST: usize = 256;
/// Rows of any page.
const MOST: usize = 4_096;
/// What a page whose answer was too large is divided by. Of 256 rows it leaves 32, which our server always answers.
const SHRINK: usize = 8;
/// Bytes that a page aims at once the size of the rows is known.
const BYTES: usize = 4_000_000;

/// The size of the pages of one long read, by rows and by bytes.
///
/// An answer over HTTP must be bounded, and SQL cannot say "up to 4 MB" without reading every row twice. So the first
/// page is small, and each later one is as large as the rows so far allow. A page that is too large all the same is
/// asked for again, smaller.
///
/// # Examples
/// ```
/// use persql_core::{Handle, PageSize, Plan, Result, Schema, Statement, blocking::Database};
///
/// /// The numbers behind this one.
/// fn numbers(after: i64, size: PageSize, mut found: Vec<i64>) -> Plan<Vec<i64>> {
///     let page = Statement::new("SELECT n FROM t WHERE n > ?1 ORDER BY n LIMIT ?2", (after, PageSize::ROWS));
///     size.read(usize::MAX, page, &Schema::new([], [])).and_then(move |page| {
///         match page.rows.iter().map(|row| row.get("n")).collect::<Result<Vec<i64>>>() {
///             Ok(more) => found.extend(more),
///             Err(error) => return Plan::err(error),
///         }
///         match found.last() {
///             Some(last) if page.is_full() => numbers(*last, page.next, found),
///             _ => Plan::ok(found),
///         }
///     })
/// }
///
/// # fn main() -> Result<()> {
/// let db = Database::local(":memory:")?;
/// db.transaction(["CREATE TABLE t(n INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1), (2), (3)"])?;
/// assert_eq!(db.run(numbers(1, PageSize::default(), Vec::new()))?, [2, 3]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    rows: usize,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { rows: FIRST }
    }
}

impl PageSize {
    /// Stands for the number of rows among the parameters of a statement for [`read`](PageSize::read).
    pub const ROWS: Value = Value::Null;

    /// Reads a page of this size, or of `most` rows if that is less: one request, unless the answer is too large. Then
    /// an eighth of the rows is asked for, and so on down to one.
    ///
    /// The statement's last parameter must be [`ROWS`](PageSize::ROWS).
    pub fn read(self, most: usize, statement: Statement, schema: &Schema) -> Plan<Page> {
        Page::read(self.rows.min(most).max(1), Batch::read(statement), schema.clone())
    }

    /// As many rows like these as a page should have.
    fn of_rows_like(page: &Rows) -> Self {
        let a_row = page.payload_bytes() / page.len().max(1);
        Self { rows: (BYTES / a_row.max(1)).clamp(1, MOST) }
    }
}

/// A page of a long read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page {
    /// The rows; none if a table of the schema, or the whole database, is not there yet.
    pub rows: Rows,
    /// How many were asked for in the end.
    pub wanted: usize,
    /// The size of the next page.
    pub next: PageSize,
}

impl Page {
    /// Whether there are as many rows as were asked for, so that more may be behind them.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= self.wanted
    }

    fn new(wanted: usize, rows: Rows) -> Self {
        Self { next: PageSize::of_rows_like(&rows), rows, wanted }
    }

    fn read(wanted: usize, mut batch: Batch, schema: Schema) -> Plan<Page> {
        batch.set_last_param(wanted);
        Plan::sending(Request::Batch(batch), move |request, outcome| {
            match (request, outcome.and_then(Answer::only_set)) {
                (_, Ok(rows)) => Plan::ok(Page::new(wanted, rows)),
                (_, Err(error)) if schema.is_missing(&error) => Plan::ok(Page::new(wanted, Rows::default())),
                (Request::Batch(batch), Err(error)) if error.kind() == ErrorKind::TooLarge && wanted > 1 => {
                    Page::read((wanted / SHRINK).max(1), batch, schema)
                }
                (_, Err(error)) => Plan::err(error),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Ident, Result, SqlDetail, SqlErrorKind, Step, ValueRef};

    /// Reads a page, of 500 rows if it may, against a script of outcomes, and says how many rows were asked for.
    fn play(script: impl IntoIterator<Item = Result<Rows>>) -> (Vec<i64>, Result<Page>) {
        let schema = Schema::new([Ident::from_static("t")], []);
        let mut plan = PageSize::default().read(500, Statement::new("read", ("id", PageSize::ROWS)), &schema);
        let (mut script, mut asked) = (script.into_iter(), Vec::new());
        loop {
            match plan.into_step() {
                Step::Done(outcome) => return (asked, outcome),
                Step::Send(request, then) => {
                    let Request::Batch(batch) = &request else { panic!("not a batch") };
                    let [Value::Text(_), Value::Integer(rows)] = batch.statements()[0].params() else {
                        panic!("others")
                    };
                    asked.push(*rows);
                    plan = then.resume(request, script.next().unwrap().map(|rows| Answer::Sets(vec![rows])));
                }
            }
        }
    }

    fn texts(rows: usize, bytes: usize) -> Rows {
        let mut page = Rows::with_columns(vec!["text".to_owned()]);
        (0..rows).for_each(|_| page.push(ValueRef::Text(&"x".repeat(bytes))));
        page
    }

    fn too_large() -> Result<Rows> {
        Err(Error::new(ErrorKind::TooLarge, "too large"))
    }

    #[test]
    fn the_next_page_is_as_large_as_the_rows_allow() {
        for (bytes, rows) in [(0, MOST), (500, MOST), (40_000, 100), (9_000_000, 1)] {
            let (asked, page) = play([Ok(texts(1, bytes))]);
            assert_eq!((asked, page.unwrap().next.rows), (vec![256], rows), "{bytes}");
        }
    }

    #[test]
    fn a_page_that_is_too_large_becomes_smaller_until_it_is_one_row() {
        let (asked, page) = play([too_large(), too_large(), Ok(texts(4, 1_000_000))]);
        let page = page.unwrap();
        assert_eq!(asked, [256, 32, 4]);
        assert_eq!((page.is_full(), page.wanted, page.next.rows), (true, 4, 4));
        let (asked, page) = play([too_large(), too_large(), too_large(), too_large()]);
        assert_eq!((asked, page.unwrap_err().kind()), (vec![256, 32, 4, 1], ErrorKind::TooLarge));
    }

    #[test]
    fn another_error_is_no_reason_to_ask_again() {
        let (asked, page) = play([too_large(), Err(Error::new(ErrorKind::Timeout, "late"))]);
        assert_eq!((asked.len(), page.unwrap_err().kind()), (2, ErrorKind::Timeout));
    }

    #[test]
    fn a_page_of_a_table_that_is_not_there_is_empty() {
        let mut detail = SqlDetail::new(SqlErrorKind::UnknownTable);
        detail.table = Some("t".to_owned());
        let (asked, page) = play([Err(Error::new(ErrorKind::Sql, "no such table").with_sql(detail))]);
        let page = page.unwrap();
        assert_eq!((asked.len(), page.rows.len(), page.is_full()), (1, 0, false));
    }
}
