//! What a database tells about itself.

use super::{connection::Conn, error::translate};
use crate::{ColumnDescription, Description, ForeignKey, Result, TableDescription, TableInfo};

const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT LIKE '\\_persql\\_%' ESCAPE '\\' ORDER BY name";
const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value, pk > 0 FROM pragma_table_info(?1) ORDER BY cid";
const FOREIGN_KEYS: &str = "SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";

impl Conn {
    /// The user's tables and their sizes, by name; the system's own are left out.
    pub(super) fn tables(&self) -> Result<Vec<TableInfo>> {
        self.at_one_moment(|| self.count_tables())
    }

    /// The schema of the user's tables, by name.
    pub(super) fn describe(&self) -> Result<Description> {
        self.at_one_moment(|| self.describe_tables())
    }

    /// Several reads of one state of the database.
    fn at_one_moment<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        self.control("BEGIN")?;
        self.finish(read())
    }

    fn count_tables(&self) -> Result<Vec<TableInfo>> {
        self.table_names()?
            .into_iter()
            .map(|name| {
                // The name comes from the schema, so it only needs quoting.
                let quoted = name.replace('"', "\"\"");
                let count = format!("SELECT count(*) FROM \"{quoted}\"");
                let row_count = self.sqlite.query_row(&count, [], |row| row.get::<_, i64>(0)).map_err(translate)?;
                Ok(TableInfo { name, row_count: row_count.try_into().unwrap_or(0) })
            })
            .collect()
    }

    fn describe_tables(&self) -> Result<Description> {
        let tables = self
            .table_names()?
            .into_iter()
            .map(|name| {
                let columns = self.rows(COLUMNS, &name, |row| {
                    Ok(ColumnDescription {
                        name: row.get(0)?,
                        declared_type: row.get(1)?,
                        not_null: row.get(2)?,
                        default_value: row.get(3)?,
                        primary_key: row.get(4)?,
                    })
                })?;
                let foreign_keys = self.rows(FOREIGN_KEYS, &name, |row| {
                    Ok(ForeignKey {
                        column: row.get(0)?,
                        references_table: row.get(1)?,
                        references_column: row.get(2)?,
                    })
                })?;
                Ok(TableDescription { name, description: None, columns, foreign_keys })
            })
            .collect::<Result<_>>()?;
        Ok(Description { database_description: None, tables })
    }

    fn table_names(&self) -> Result<Vec<String>> {
        self.as_ours(|sqlite| {
            let mut statement = sqlite.prepare(TABLES)?;
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
        })
        .map_err(translate)
    }

    fn rows<T>(
        &self,
        sql: &str,
        table: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.as_ours(|sqlite| sqlite.prepare(sql)?.query_map([table], read)?.collect::<rusqlite::Result<_>>())
            .map_err(translate)
    }
}
