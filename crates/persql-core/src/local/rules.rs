//! What SQL may do on our connections: never our transactions, and under `strict_limits` only what the service allows.

#[cfg(feature = "server")]
use std::sync::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::{
    Connection, Result,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

use super::Options;
#[cfg(feature = "server")]
use crate::database::lock;
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

/// Tables of the engine's own that tell what others do and store.
const ENGINE_TABLES: [&str; 5] = ["dbstat", "sqlite_dbpage", "sqlite_stmt", "bytecode", "tables_used"];

/// How the service's own tables begin.
const RECORDS: &str = "_persql_";

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

/// How our own statements begin that are kept prepared and change or read rows.
const OUR_COMMENT: &str = "/*persql*/";

/// Refuses statements that must not even be prepared.
pub(super) fn check_texts(request: &Request, options: Options) -> crate::Result<()> {
    let Request::Batch(batch) = request else { return Ok(()) };
    let is_text_refused = |sql: &str| {
        tokens::begins_with(sql, &REFUSED_WORDS)
            || sql.starts_with(OUR_COMMENT)
            || (options.hides_records && renames_to_a_record(sql))
    };
    let is_refused = |statement: &Statement| {
        let sql = statement.sql();
        is_text_refused(sql)
            || sql.in_two().is_some_and(|(guard, write)| is_text_refused(guard) || is_text_refused(write))
    };
    match batch.statements().iter().position(is_refused) {
        Some(index) => Err(Error::new(ErrorKind::Denied, "the statement is not allowed")
            .with_sql(SqlDetail::new(SqlErrorKind::Unknown))
            .context("statement", index + 1)),
        None => Ok(()),
    }
}

/// SQLite tells nobody what a table is renamed to. A record of the user's own making could answer for the service's.
fn renames_to_a_record(sql: &str) -> bool {
    tokens::begins_with(sql, &["alter"]) && sql.to_ascii_lowercase().contains(RECORDS)
}

/// What is asked of SQLite at the moment, as far as the rules need to know.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Whether it is ours: for the transactions that we begin and end.
    pub(super) ours: AtomicBool,
    /// Whether the schema must stay as it is.
    #[cfg(feature = "server")]
    pub(super) keeps_schema: AtomicBool,
    #[cfg(feature = "server")]
    touched: Mutex<Option<Vec<Touched>>>,
}

/// A table that a statement changes.
#[cfg(feature = "server")]
#[derive(Debug)]
pub(super) struct Touched {
    pub(super) table: String,
    /// Whether what is stored there may be gone afterwards.
    pub(super) clears: bool,
}

#[cfg(feature = "server")]
impl Asked {
    /// Prepares a statement, and says which tables it changes: its own first, then those that follow by triggers and
    /// foreign keys.
    pub(super) fn watch(&self, prepare: impl FnOnce() -> Result<()>) -> Result<Vec<Touched>> {
        *lock(&self.touched) = Some(Vec::new());
        let prepared = prepare();
        let touched = lock(&self.touched).take().unwrap_or_default();
        prepared.map(|()| touched)
    }

    fn note(&self, action: &AuthAction<'_>) {
        let Some(touched) = &mut *lock(&self.touched) else { return };
        let (table, clears) = match action {
            AuthAction::Insert { table_name } => (table_name, false),
            AuthAction::Update { table_name, .. }
            | AuthAction::Delete { table_name }
            | AuthAction::DropTable { table_name }
            | AuthAction::AlterTable { table_name, .. } => (table_name, true),
            _ => return,
        };
        touched.push(Touched { table: (*table).to_owned(), clears });
    }
}

/// Puts the rules on a connection. They rest for what is ours.
pub(super) fn apply(connection: &mut Connection, options: Options, asked: &Arc<Asked>) -> Result<()> {
    let strict = options.strict_limits;
    let asked = Arc::clone(asked);
    let authorize = move |context: AuthContext<'_>| {
        #[cfg(feature = "server")]
        asked.note(&context.action);
        #[cfg(feature = "server")]
        if asked.keeps_schema.load(Ordering::Relaxed) && alters(&context.action) {
            return Authorization::Deny;
        }
        let allowed = !creates_in_temp(&context)
            && is_allowed(&context.action, strict)
            && !(options.hides_records && names_a_record(&context.action));
        if asked.ours.load(Ordering::Relaxed) || allowed { Authorization::Allow } else { Authorization::Deny }
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

/// Whether the action changes the schema.
#[cfg(feature = "server")]
fn alters(action: &AuthAction<'_>) -> bool {
    matches!(
        action,
        AuthAction::CreateTable { .. }
            | AuthAction::CreateIndex { .. }
            | AuthAction::CreateTrigger { .. }
            | AuthAction::CreateView { .. }
            | AuthAction::CreateVtable { .. }
            | AuthAction::DropTable { .. }
            | AuthAction::DropIndex { .. }
            | AuthAction::DropTrigger { .. }
            | AuthAction::DropView { .. }
            | AuthAction::DropVtable { .. }
            | AuthAction::AlterTable { .. }
            | AuthAction::Reindex { .. }
            | AuthAction::Analyze { .. }
    )
}

/// Whether the action is about one of the service's own tables, or one that would show them.
fn names_a_record(action: &AuthAction<'_>) -> bool {
    let (AuthAction::Read { table_name, .. }
    | AuthAction::Insert { table_name }
    | AuthAction::Update { table_name, .. }
    | AuthAction::Delete { table_name }
    | AuthAction::CreateTable { table_name }
    | AuthAction::DropTable { table_name }
    | AuthAction::AlterTable { table_name, .. }
    | AuthAction::CreateIndex { table_name, .. }
    | AuthAction::DropIndex { table_name, .. }
    | AuthAction::CreateTrigger { table_name, .. }
    | AuthAction::DropTrigger { table_name, .. }
    | AuthAction::CreateVtable { table_name, .. }
    | AuthAction::DropVtable { table_name, .. }
    | AuthAction::CreateView { view_name: table_name }) = action
    else {
        return false;
    };
    table_name.get(..RECORDS.len()).is_some_and(|start| start.eq_ignore_ascii_case(RECORDS))
        || ENGINE_TABLES.iter().any(|name| name.eq_ignore_ascii_case(table_name))
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
