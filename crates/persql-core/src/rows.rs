//! The answer to a statement, read by position, by name or into a type of yours.

mod de;
mod meta;
mod spare;

use std::fmt;

use serde::de::DeserializeOwned;

pub use meta::Meta;

use crate::{Error, ErrorKind, FromValue, Result, Value, ValueRef};
use de::{NotThisType, RowDeserializer};
use spare::Spare;

/// The rows that one statement answered with, in the engine's order.
///
/// All text of a result stands in one buffer, and all blobs in another, so a thousand rows cost a handful of
/// allocations, and text is known to be UTF-8.
#[derive(Clone, Default)]
pub struct Rows {
    columns: Vec<String>,
    cells: Vec<Cell>,
    text: String,
    blobs: Vec<u8>,
    changes: Option<u64>,
    last_insert_rowid: Option<i64>,
    meta: Meta,
}

#[derive(Clone, Copy)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text { start: usize, end: usize },
    Blob { start: usize, end: usize },
}

impl Rows {
    /// An empty answer with these columns, to be filled with [`push`](Rows::push).
    pub fn with_columns(columns: Vec<String>) -> Self {
        Self::empty(Spare { columns, ..Spare::take() })
    }

    /// The same, in the memory of the names that the last answer on this thread had.
    #[cfg(feature = "local")]
    pub(crate) fn with_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut spare = Spare::take();
        let mut width = 0;
        for name in names {
            match spare.columns.get_mut(width) {
                Some(column) => name.clone_into(column),
                None => spare.columns.push(name.to_owned()),
            }
            width += 1;
        }
        spare.columns.truncate(width);
        Self::empty(spare)
    }

    fn empty(Spare { columns, cells, text }: Spare) -> Self {
        Self { columns, cells, text, blobs: Vec::new(), changes: None, last_insert_rowid: None, meta: Meta::default() }
    }

    /// Names the columns of cells that came first.
    #[cfg(feature = "remote")]
    pub(crate) fn set_columns(&mut self, columns: Vec<String>) {
        self.columns = columns;
    }

    /// Adds a cell: row by row, and from left to right.
    pub fn push(&mut self, value: ValueRef<'_>) {
        let cell = match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(integer) => Cell::Integer(integer),
            ValueRef::Real(real) => Cell::Real(real),
            ValueRef::Text(text) => {
                let start = self.text.len();
                self.text.push_str(text);
                Cell::Text { start, end: self.text.len() }
            }
            ValueRef::Blob(bytes) => {
                let start = self.blobs.len();
                self.blobs.extend_from_slice(bytes);
                Cell::Blob { start, end: self.blobs.len() }
            }
        };
        self.cells.push(cell);
    }

    /// Sets how many rows the statement changed, and the rowid of its last insert.
    pub fn set_changes(&mut self, changes: Option<u64>, last_insert_rowid: Option<i64>) {
        self.changes = changes;
        self.last_insert_rowid = last_insert_rowid;
    }

    /// Sets what the request cost.
    pub fn set_meta(&mut self, meta: Meta) {
        self.meta = meta;
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns.len()).unwrap_or(0)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Bytes of text and blobs in all cells: what a page of a long read is measured by.
    pub fn payload_bytes(&self) -> usize {
        self.text.len() + self.blobs.len()
    }

    /// Bytes that the answer takes in memory, near enough for limits.
    #[cfg(feature = "server")]
    pub(crate) fn bytes(&self) -> usize {
        self.payload_bytes() + self.cells.len() * size_of::<Cell>()
    }

    /// Rows that the statement inserted, updated or deleted; `None` where the engine did not say.
    pub fn changes(&self) -> Option<u64> {
        self.changes
    }

    /// The rowid of the statement's last insert; `None` where the engine did not say.
    pub fn last_insert_rowid(&self) -> Option<i64> {
        self.last_insert_rowid
    }

    /// What the request cost.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The row at this position, counted from 0.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let width = self.columns.len();
        let start = index.checked_mul(width)?;
        let cells = self.cells.get(start..start.checked_add(width)?)?;
        (width > 0).then_some(Row { rows: self, index, cells })
    }

    /// The first row.
    pub fn first(&self) -> Option<Row<'_>> {
        self.row(0)
    }

    /// All rows, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        // A width of 0 means no cells, so no rows whatever the chunk size.
        self.cells.chunks_exact(self.columns.len().max(1)).enumerate().map(|(index, cells)| Row {
            rows: self,
            index,
            cells,
        })
    }

    /// All rows as values of a type of yours: a struct by column names, a tuple by positions.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] with the row's position if a row does not fit the type.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> persql_core::Result<()> {
    /// # let db = persql_core::blocking::Database::local(":memory:")?;
    /// # db.transaction(["CREATE TABLE user(name TEXT, age INTEGER)", "INSERT INTO user VALUES ('Ada', 36)"])?;
    /// #[derive(serde::Deserialize)]
    /// struct User { name: String, age: u8 }
    ///
    /// let users: Vec<User> = db.query("SELECT name, age FROM user", ())?.deserialize()?;
    /// assert_eq!((users[0].name.as_str(), users[0].age), ("Ada", 36));
    /// # Ok(()) }
    /// ```
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.iter().map(|row| row.deserialize()).collect()
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        let (columns, cells) = (std::mem::take(&mut self.columns), std::mem::take(&mut self.cells));
        Spare { columns, cells, text: std::mem::take(&mut self.text) }.keep();
    }
}

impl fmt::Debug for Rows {
    /// Shape only: what is stored does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("columns", &self.columns)
            .field("len", &self.len())
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

/// One row of [`Rows`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
    index: usize,
    cells: &'a [Cell],
}

impl<'a> Row<'a> {
    /// The cell in this column, named or counted from 0, as a type of yours.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], naming column and row, if there is no such column or the cell is not of that type.
    pub fn get<T: FromValue<'a>>(&self, column: impl Column) -> Result<T> {
        let position = column.position(&self.rows.columns);
        let cell = position.and_then(|position| self.cells.get(position));
        let Some(cell) = cell else {
            return Err(self.error(format!("the answer has no column {column}")));
        };
        let value = self.value(*cell);
        T::from_value(value)
            .ok_or_else(|| self.error(format!("column {column} holds {}, not {}", value.type_name(), T::EXPECTED)))
    }

    /// The whole row as a type of yours: a struct by column names, a tuple by positions.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] with the row's position if the row does not fit the type.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(RowDeserializer(*self))
            .map_err(|NotThisType| self.error("the row does not fit the type asked for".to_owned()))
    }

    fn value(&self, cell: Cell) -> ValueRef<'a> {
        match cell {
            Cell::Null => ValueRef::Null,
            Cell::Integer(integer) => ValueRef::Integer(integer),
            Cell::Real(real) => ValueRef::Real(real),
            Cell::Text { start, end } => ValueRef::Text(self.rows.text.get(start..end).unwrap_or_default()),
            Cell::Blob { start, end } => ValueRef::Blob(self.rows.blobs.get(start..end).unwrap_or_default()),
        }
    }

    fn error(&self, message: String) -> Error {
        Error::new(ErrorKind::Corrupt, message).context("row", self.index)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("index", &self.index).finish_non_exhaustive()
    }
}

/// A way to name a column: its name, or its position counted from 0.
pub trait Column: fmt::Display {
    /// Where the column stands among these.
    fn position(&self, columns: &[String]) -> Option<usize>;
}

impl Column for usize {
    fn position(&self, columns: &[String]) -> Option<usize> {
        (*self < columns.len()).then_some(*self)
    }
}

impl Column for &str {
    fn position(&self, columns: &[String]) -> Option<usize> {
        columns.iter().position(|column| column == self)
    }
}

impl From<Row<'_>> for Vec<Value> {
    fn from(row: Row<'_>) -> Self {
        row.cells.iter().map(|cell| row.value(*cell).to_value()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Rows {
        let mut rows = Rows::with_columns(vec!["name".to_owned(), "age".to_owned()]);
        for (name, age) in [("Ada", Some(36)), ("Bob", None)] {
            rows.push(ValueRef::Text(name));
            rows.push(age.map_or(ValueRef::Null, ValueRef::Integer));
        }
        rows
    }

    #[test]
    fn a_cell_is_read_by_name_and_by_position() {
        let rows = people();
        assert_eq!(rows.len(), 2);
        let bob = rows.row(1).unwrap();
        assert_eq!(bob.get::<&str>("name").unwrap(), "Bob");
        assert_eq!(bob.get::<Option<i64>>(1).unwrap(), None);
        assert!(rows.row(2).is_none());
    }

    #[test]
    fn an_error_names_the_column_and_the_row_and_not_the_value() {
        let rows = people();
        let error = rows.first().unwrap().get::<i64>("name").unwrap_err();
        assert_eq!(error.to_string(), "column name holds text, not an integer (row: 0)");
        let error = rows.row(1).unwrap().get::<i64>("size").unwrap_err();
        assert_eq!(error.to_string(), "the answer has no column size (row: 1)");
    }

    #[test]
    fn rows_become_structs_and_tuples() {
        #[derive(serde::Deserialize, PartialEq, Debug)]
        struct Person {
            age: Option<u8>,
            name: String,
        }
        let people: Rows = people();
        let structs: Vec<Person> = people.deserialize().unwrap();
        assert_eq!(structs[0], Person { age: Some(36), name: "Ada".to_owned() });
        let tuples: Vec<(String, Option<u8>)> = people.deserialize().unwrap();
        assert_eq!(tuples[1], ("Bob".to_owned(), None));
        let error = people.deserialize::<(u8, u8)>().unwrap_err();
        assert_eq!(error.to_string(), "the row does not fit the type asked for (row: 0)");
    }

    #[test]
    fn a_statement_without_columns_has_no_rows() {
        let rows = Rows::default();
        assert_eq!((rows.len(), rows.iter().count(), rows.first().is_none()), (0, 0, true));
    }
}
