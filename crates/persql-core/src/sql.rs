//! The SQL of core itself: the record of operations that must not be applied twice.

/// The record of operations. `scope` says whose operation it is, `digest` what was asked, `result` what was answered.
pub(crate) const CREATE_OPERATIONS: &str = "\
    CREATE TABLE IF NOT EXISTS persql_operations (
        scope TEXT NOT NULL,
        operation_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        result TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        PRIMARY KEY (scope, operation_id))";

/// Fails with a unique violation, and undoes the batch that it opens, if the operation was applied already.
pub(crate) const RECORD_OPERATION: &str =
    "INSERT INTO persql_operations (scope, operation_id, digest, result) VALUES (?1, ?2, ?3, ?4)";

/// By primary key.
pub(crate) const FIND_OPERATION: &str =
    "SELECT digest, result FROM persql_operations WHERE scope = ?1 AND operation_id = ?2";
