//! What SQL may do on our connections: never our transactions, and under `strict_limits` only what the service allows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::{
    Connection, Result,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

use crate::{Error, ErrorKind, Request, SqlDetail, SqlErrorKind, Statement, limits, tokens};

/// Pragmas that the service's engine answers.
const SERVICE_PRAGMAS: [&str; 9] = [
    "table_info",
    "table_list",
    "index_list",
    "foreign_key_check",
    "foreign_keys",
    "defer_foreign_keys",
    "quick_check",
    "optimize",
    "data_version",
];

/// Pragmas that may have an argument here: it asks about something, or it changes the database and not the connection.
const PRAGMAS_WITH_ARGUMENT: [&str; 15] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "defer_foreign_keys",
    "quick_check",
    "integrity_check",
    "optimize",
    "wal_checkpoint",
    "user_version",
    "application_id",
];

/// Functions that tell about the engine or reach outside of the database.
const REFUSED_FUNCTIONS: [&str; 6] = [
    "load_extension",
    "fts3_tokenizer",
    "sqlite_version",
    "sqlite_source_id",
    "sqlite_compileoption_get",
    "sqlite_compileoption_used",
];

/// Statements that are refused by their first word. SQLite asks nobody about VACUUM; and the others we prepare
/// ourselves and keep, so that a user's statement of the same text would find them prepared.
const REFUSED_WORDS: [&str; 7] = ["vacuum", "begin", "commit", "end", "rollback", "savepoint", "release"];

/// Refuses statements that must not even be prepared.
pub(super) fn check_texts(request: &Request) -> crate::Result<()> {
    let Request::Batch(batch) = request else { return Ok(()) };
    let is_refused = |statement: &Statement| tokens::begins_with(statement.sql(), &REFUSED_WORDS);
    match batch.statements().iter().position(is_refused) {
        Some(index) => Err(Error::new(ErrorKind::Denied, "the statement is not allowed")
            .with_sql(SqlDetail::new(SqlErrorKind::Unknown))
            .context("statement", index + 1)),
        None => Ok(()),
    }
}

/// Puts the rules on a connection. They rest while `ours` is set: for the transactions that we begin and end.
pub(super) fn apply(connection: &mut Connection, strict: bool, ours: &Arc<AtomicBool>) -> Result<()> {
    let ours = Arc::clone(ours);
    let authorize = move |context: AuthContext<'_>| {
        let allowed = !creates_in_temp(&context) && is_allowed(&context.action, strict);
        if ours.load(Ordering::Relaxed) || allowed { Authorization::Allow } else { Authorization::Deny }
    };
    connection.authorizer(Some(authorize)).settled()?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).settled()?;
    if strict {
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_LENGTH, limits::ROW_BYTES),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, limits::SQL_BYTES),
            (Limit::SQLITE_LIMIT_COLUMN, limits::COLUMNS),
            (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, limits::PARAMETERS),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits::LIKE_PATTERN_BYTES),
            (Limit::SQLITE_LIMIT_FUNCTION_ARG, limits::FUNCTION_ARGUMENTS),
        ] {
            connection.set_limit(limit, i32::try_from(value).unwrap_or(i32::MAX)).settled()?;
        }
    }
    Ok(())
}

/// `CREATE TABLE temp.x` comes without the word TEMP, and as an ordinary table in another database.
fn creates_in_temp(context: &AuthContext<'_>) -> bool {
    let creates = matches!(
        context.action,
        AuthAction::CreateTable { .. }
            | AuthAction::CreateIndex { .. }
            | AuthAction::CreateTrigger { .. }
            | AuthAction::CreateView { .. }
            | AuthAction::CreateVtable { .. }
    );
    creates && context.database_name.is_some_and(|database| database.eq_ignore_ascii_case("temp"))
}

fn is_allowed(action: &AuthAction<'_>, strict: bool) -> bool {
    match action {
        // A transaction is one request; a connection is shared, so nothing may stay on it.
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. } => false,
        AuthAction::Pragma { pragma_name, pragma_value } => is_pragma_allowed(pragma_name, *pragma_value, strict),
        AuthAction::Function { function_name } => {
            let refused = if strict { REFUSED_FUNCTIONS.len() } else { 2 };
            !REFUSED_FUNCTIONS.iter().take(refused).any(|name| name.eq_ignore_ascii_case(function_name))
        }
        AuthAction::CreateVtable { module_name, .. } if strict => {
            ["fts5", "fts5vocab"].iter().any(|name| name.eq_ignore_ascii_case(module_name))
        }
        AuthAction::Unknown { .. } => !strict,
        _ => true,
    }
}

fn is_pragma_allowed(name: &str, argument: Option<&str>, strict: bool) -> bool {
    let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if strict && !is_in(&SERVICE_PRAGMAS) {
        return false;
    }
    argument.is_none() || is_in(&PRAGMAS_WITH_ARGUMENT)
}

/// rusqlite's oldest version in our range answers with nothing, or with a number, where the newest has a `Result`.
pub(super) trait Settled {
    fn settled(self) -> Result<()>;
}

impl Settled for () {
    fn settled(self) -> Result<()> {
        Ok(())
    }
}

impl Settled for i32 {
    fn settled(self) -> Result<()> {
        Ok(())
    }
}

impl<T> Settled for Result<T> {
    fn settled(self) -> Result<()> {
        self.map(|_| ())
    }
}
