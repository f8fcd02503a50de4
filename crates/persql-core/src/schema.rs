//! What a database tells about itself.

/// A table and the number of its rows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TableInfo {
    /// The table's name.
    pub name: String,
    /// How many rows it has.
    pub row_count: u64,
}

/// The schema of a database, with the descriptions that its owner gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Description {
    /// What the database is for. Always `None` in local mode.
    pub database_description: Option<String>,
    /// The tables, by name.
    pub tables: Vec<TableDescription>,
}

/// The schema of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TableDescription {
    /// The table's name.
    #[serde(rename = "table")]
    pub name: String,
    /// What the table is for. Always `None` in local mode.
    pub description: Option<String>,
    /// The columns, in order.
    pub columns: Vec<ColumnDescription>,
    /// References to other tables.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ColumnDescription {
    /// The column's name.
    pub name: String,
    /// The type as declared; empty where none was.
    #[serde(rename = "type")]
    pub declared_type: String,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// The default, as an SQL expression.
    pub default_value: Option<String>,
    /// Whether the column belongs to the primary key.
    pub primary_key: bool,
}

/// A reference from a column to another table.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ForeignKey {
    /// The referring column.
    pub column: String,
    /// The table referred to.
    pub references_table: String,
    /// The column referred to; `None` means that table's primary key.
    pub references_column: Option<String>,
}
