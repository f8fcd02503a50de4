//! The tables of an adapter, and whether they are there yet.

use std::sync::Arc;

use crate::{Batch, Error, Ident, Plan, Request, Sql, SqlErrorKind, Statement};

/// The tables of an adapter: their names, and the statements that create them if they are not there.
#[derive(Clone, Debug)]
pub struct Schema {
    tables: Arc<[Ident]>,
    create: Arc<[Sql]>,
    on_demand: bool,
}

impl Schema {
    /// Tables that these idempotent statements create.
    pub fn new(tables: impl IntoIterator<Item = Ident>, create: impl IntoIterator<Item = Sql>) -> Self {
        Self { tables: tables.into_iter().collect(), create: create.into_iter().collect(), on_demand: true }
    }

    /// Whether the first write may create the tables. Without it, a missing table is an error of the write.
    #[must_use]
    pub fn on_demand(mut self, on_demand: bool) -> Self {
        self.on_demand = on_demand;
        self
    }

    /// The same schema with more tables and the statements that create them.
    #[must_use]
    pub fn with(&self, tables: impl IntoIterator<Item = Ident>, create: impl IntoIterator<Item = Sql>) -> Self {
        Self {
            tables: self.tables.iter().cloned().chain(tables).collect(),
            create: self.create.iter().cloned().chain(create).collect(),
            on_demand: self.on_demand,
        }
    }

    /// Whether the first write may create the tables.
    pub fn is_on_demand(&self) -> bool {
        self.on_demand
    }

    /// Creates the tables that are not there.
    pub fn create(&self) -> Plan<()> {
        let statements = self.create.iter().cloned().map(Statement::from);
        Plan::send(Request::Batch(Batch::schema(statements))).map(|_| ())
    }

    /// Whether the error says that one of these tables, or the whole database, is not there.
    pub fn is_missing(&self, error: &Error) -> bool {
        let Some(detail) = error.sql() else { return false };
        match (detail.kind, &detail.table) {
            (SqlErrorKind::UnknownDatabase, _) => true,
            (SqlErrorKind::UnknownTable, Some(table)) => {
                // SQLite may or may not put the schema before the name, and a name may begin like that itself.
                let names = [Some(table.as_str()), table.strip_prefix("main.")];
                let is_named = |own: &Ident| names.iter().flatten().any(|name| own.as_str().eq_ignore_ascii_case(name));
                self.tables.iter().any(is_named)
            }
            _ => false,
        }
    }
}
