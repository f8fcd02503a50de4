//! Every SQL text of this crate. The tables are those of the Agents SDK's own `SQLiteSession` (openai-agents 0.24).

use std::sync::{Arc, LazyLock};

use persql_core::{Error, Ident, Operation, Result, Schema, Sql};

/// Exactly as the SDK writes it, so that a file of ours and one of Python's are the same.
const CREATE_SESSIONS: &str = "\
CREATE TABLE IF NOT EXISTS {sessions} (
    session_id TEXT PRIMARY KEY,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
)";

/// Likewise. AUTOINCREMENT: the id of a deleted row is never used again.
const CREATE_MESSAGES: &str = "\
CREATE TABLE IF NOT EXISTS {messages} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_data TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (session_id) REFERENCES {sessions} (session_id) ON DELETE CASCADE
)";

/// Likewise.
const CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS {index} ON {messages} (session_id, id)";

/// Whoever deletes a session, Python's `clear_session` included, deletes the record of its operations, by primary key.
const CREATE_PURGE: &str = "\
CREATE TRIGGER IF NOT EXISTS {purge} AFTER DELETE ON {sessions} BEGIN
    DELETE FROM persql_operations WHERE scope = {scope} || OLD.session_id;
END";

/// By primary key: one row written, whether the session is new or not.
const TOUCH_SESSION: &str = "\
INSERT INTO {sessions} (session_id) VALUES (?1)
ON CONFLICT (session_id) DO UPDATE SET updated_at = CURRENT_TIMESTAMP";

/// By primary key.
const ENSURE_SESSION: &str = "INSERT INTO {sessions} (session_id) VALUES (?1) ON CONFLICT (session_id) DO NOTHING";

/// `SQLAlchemySession` orders by `(created_at, id)`, so a clock that was set back must not show in `created_at`. The
/// subselect is one step on the index (session_id, id). An INSERT ... SELECT that reads its own table goes through a
/// temporary one, which costs more than the insert; VALUES does not.
const INSERT_ITEM: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at)
VALUES (?1, ?2, max(CURRENT_TIMESTAMP, coalesce(
    (SELECT created_at FROM {messages} WHERE session_id = ?1 ORDER BY id DESC LIMIT 1), '')))";

/// The same for many. `json_each` gives an array's elements in their order.
const INSERT_ITEMS: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at)
SELECT ?1, item.value, max(CURRENT_TIMESTAMP, coalesce(
    (SELECT created_at FROM {messages} WHERE session_id = ?1 ORDER BY id DESC LIMIT 1), ''))
FROM json_each(?2) AS item";

/// By the index (session_id, id).
const ITEMS_AFTER: &str = "\
SELECT id, message_data FROM {messages} WHERE session_id = ?1 AND id > ?2 ORDER BY id ASC LIMIT ?3";

/// By the index (session_id, id).
const ITEMS_BEFORE: &str = "\
SELECT id, message_data FROM {messages} WHERE session_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

/// By the index (session_id, id).
const POP_NEWEST: &str = "\
DELETE FROM {messages}
WHERE id = (SELECT id FROM {messages} WHERE session_id = ?1 ORDER BY id DESC LIMIT 1)
RETURNING id, message_data";

/// Deletes the newest rows from ?2 on, if ?3 is still the newest. By the index (session_id, id).
const POP_FROM: &str = "\
DELETE FROM {messages}
WHERE session_id = ?1 AND id >= ?2
    AND (SELECT max(id) FROM {messages} WHERE session_id = ?1) = ?3
RETURNING id";

/// Fails with a not-null violation, and undoes its batch, unless ?2 is in the session and ?3 its newest row.
const GUARD_POP: &str = "\
INSERT INTO {messages} (session_id, message_data)
SELECT NULL, '' WHERE NOT (
    EXISTS (SELECT 1 FROM {messages} WHERE session_id = ?1 AND id = ?2)
    AND (SELECT max(id) FROM {messages} WHERE session_id = ?1) IS ?3)";

/// Fails with a not-null violation, and undoes its batch, unless the session has ?3 rows from ?2 on.
const GUARD_TAIL_LENGTH: &str = "\
INSERT INTO {messages} (session_id, message_data)
SELECT NULL, '' WHERE (SELECT count(*) FROM {messages} WHERE session_id = ?1 AND id >= ?2) <> ?3";

/// Fails likewise unless row ?2 holds ?3. A cast, since a row of others may hold its text as a blob. By primary key.
const GUARD_TAIL_ITEM: &str = "\
INSERT INTO {messages} (session_id, message_data)
SELECT NULL, '' WHERE (
    SELECT CAST(message_data AS TEXT) FROM {messages} WHERE session_id = ?1 AND id = ?2) IS NOT ?3";

/// The same for many, each as `id:text`: the cast to an integer reads up to the colon.
const GUARD_TAIL_ITEMS: &str = "\
INSERT INTO {messages} (session_id, message_data)
SELECT NULL, '' WHERE EXISTS (
    SELECT 1 FROM json_each(?2) AS wanted
    LEFT JOIN {messages} AS stored ON stored.id = CAST(wanted.value AS INTEGER) AND stored.session_id = ?1
    WHERE CAST(stored.message_data AS TEXT) IS NOT substr(wanted.value, instr(wanted.value, ':') + 1))";

/// By the index (session_id, id).
const DELETE_FROM: &str = "DELETE FROM {messages} WHERE session_id = ?1 AND id >= ?2";

/// By the index (session_id, id).
const DELETE_BEFORE: &str = "DELETE FROM {messages} WHERE session_id = ?1 AND id < ?2";

/// By the index (session_id, id).
const DELETE_ITEMS: &str = "DELETE FROM {messages} WHERE session_id = ?1";

/// By primary key.
const DELETE_SESSION: &str = "DELETE FROM {sessions} WHERE session_id = ?1";

/// By the primary key of the sessions; the count by the index of the messages. Every text comes after an empty ?1, and
/// before x'', which stands for no end.
const LIST_SESSIONS: &str = "\
SELECT session_id, created_at, updated_at,
    (SELECT count(*) FROM {messages} AS item WHERE item.session_id = listed.session_id) AS items
FROM {sessions} AS listed
WHERE session_id >= ?1 AND session_id < coalesce(?2, x'')
ORDER BY session_id LIMIT ?3";

/// Reads the primary key's index from end to end.
const COUNT_SESSIONS: &str = "SELECT count(*) FROM {sessions}";

/// Sessions that nothing was added to for ?1 seconds; at most ?2 of them. Reads every session until it has enough: the
/// SDK has no index for it, and a second one would cost every write.
const INACTIVE_SESSIONS: &str = "\
SELECT session_id FROM {sessions}
WHERE updated_at < datetime('now', '-' || ?1 || ' seconds') ORDER BY session_id LIMIT ?2";

/// Of the sessions that ?1 lists, the items of those that are still inactive. By primary key and by the index
/// (session_id, id).
const DELETE_INACTIVE_ITEMS: &str = "\
DELETE FROM {messages} WHERE session_id IN (
    SELECT session_id FROM {sessions} WHERE session_id IN (SELECT value FROM json_each(?1))
    AND updated_at < datetime('now', '-' || ?2 || ' seconds'))";

/// By primary key.
const DELETE_INACTIVE_SESSIONS: &str = "\
DELETE FROM {sessions} WHERE session_id IN (SELECT value FROM json_each(?1))
AND updated_at < datetime('now', '-' || ?2 || ' seconds')";

/// The table in which core records operations.
const OPERATIONS: &str = "persql_operations";

/// All texts with this session's table names in them, rendered once.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The tables, the record of operations and the trigger. Always all of them: another adapter may have made the
    /// record, and then nothing but the first write could make the trigger.
    pub(crate) schema: Schema,
    /// What the scope of this adapter's operations starts with.
    pub(crate) scope: String,
    pub(crate) touch_session: Sql,
    pub(crate) ensure_session: Sql,
    pub(crate) insert_item: Sql,
    pub(crate) insert_items: Sql,
    pub(crate) items_after: Sql,
    pub(crate) items_before: Sql,
    pub(crate) pop_newest: Sql,
    pub(crate) pop_from: Sql,
    pub(crate) guard_pop: Sql,
    pub(crate) guard_tail_length: Sql,
    pub(crate) guard_tail_item: Sql,
    pub(crate) guard_tail_items: Sql,
    pub(crate) delete_from: Sql,
    pub(crate) delete_before: Sql,
    pub(crate) delete_items: Sql,
    pub(crate) delete_session: Sql,
    pub(crate) list_sessions: Sql,
    pub(crate) count_sessions: Sql,
    pub(crate) inactive_sessions: Sql,
    pub(crate) delete_inactive: [Sql; 2],
}

/// The name as it stands in SQL. The SDK does not quote its own names, and the schema of a file is to be the same text.
fn written(name: &Ident) -> String {
    match name.as_str() {
        own @ (Texts::SESSIONS | Texts::MESSAGES | Texts::INDEX) => own.to_owned(),
        _ => name.to_string(),
    }
}

/// The names that stand in the texts.
struct Names {
    sessions: Ident,
    messages: Ident,
    index: Ident,
    purge: Ident,
}

impl Texts {
    /// The SDK's own names.
    pub(crate) const SESSIONS: &str = "agent_sessions";
    /// The SDK's own names.
    pub(crate) const MESSAGES: &str = "agent_messages";
    /// The SDK's own names.
    const INDEX: &str = "idx_agent_messages_session_id";

    /// The texts for the SDK's own names, rendered once for the process.
    pub(crate) fn default_names() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<Texts>> = LazyLock::new(|| {
            Arc::new(Texts::render(
                Names {
                    sessions: Ident::from_static(Texts::SESSIONS),
                    messages: Ident::from_static(Texts::MESSAGES),
                    index: Ident::from_static(Texts::INDEX),
                    purge: Ident::from_static("persql_operations_of_agent_messages"),
                },
                true,
            ))
        });
        Arc::clone(&DEFAULT)
    }

    pub(crate) fn new(sessions: &str, messages: &str, create_tables: bool) -> Result<Arc<Self>> {
        if sessions.eq_ignore_ascii_case(messages) {
            return Err(Error::invalid("sessions and items cannot be in one table").context("table", sessions));
        }
        let own = [sessions, messages].into_iter().find(|name| name.eq_ignore_ascii_case(OPERATIONS));
        if let Some(own) = own {
            return Err(Error::invalid("this table holds the record of operations").context("table", own));
        }
        let names = Names {
            sessions: Ident::new(sessions)?,
            messages: Ident::new(messages)?,
            index: Ident::new(&format!("idx_{messages}_session_id"))?,
            purge: Ident::new(&format!("{OPERATIONS}_of_{messages}"))?,
        };
        Ok(Arc::new(Self::render(names, create_tables)))
    }

    fn render(names: Names, create_tables: bool) -> Self {
        // In lower case, since SQLite takes names of tables so.
        let scope = format!("agents-session:{}:", names.messages.as_str().to_ascii_lowercase());
        let scope_literal = format!("'{}'", scope.replace('\'', "''"));
        let render = |template: &str| {
            Sql::render(
                template,
                &[
                    ("sessions", &written(&names.sessions)),
                    ("messages", &written(&names.messages)),
                    ("index", &written(&names.index)),
                    ("purge", &names.purge),
                    ("scope", &scope_literal),
                ],
            )
        };
        let tables = Schema::new(
            [names.sessions.clone(), names.messages.clone()],
            [CREATE_SESSIONS, CREATE_MESSAGES, CREATE_INDEX].map(render),
        );
        Self {
            schema: Operation::schema(&tables, [render(CREATE_PURGE)]).on_demand(create_tables),
            scope,
            touch_session: render(TOUCH_SESSION),
            ensure_session: render(ENSURE_SESSION),
            insert_item: render(INSERT_ITEM),
            insert_items: render(INSERT_ITEMS),
            items_after: render(ITEMS_AFTER),
            items_before: render(ITEMS_BEFORE),
            pop_newest: render(POP_NEWEST),
            pop_from: render(POP_FROM),
            guard_pop: render(GUARD_POP),
            guard_tail_length: render(GUARD_TAIL_LENGTH),
            guard_tail_item: render(GUARD_TAIL_ITEM),
            guard_tail_items: render(GUARD_TAIL_ITEMS),
            delete_from: render(DELETE_FROM),
            delete_before: render(DELETE_BEFORE),
            delete_items: render(DELETE_ITEMS),
            delete_session: render(DELETE_SESSION),
            list_sessions: render(LIST_SESSIONS),
            count_sessions: render(COUNT_SESSIONS),
            inactive_sessions: render(INACTIVE_SESSIONS),
            delete_inactive: [DELETE_INACTIVE_ITEMS, DELETE_INACTIVE_SESSIONS].map(render),
        }
    }
}
