//! Every SQL text of this crate. The table is the one that PerSQL documents for its Python package
//! (agent-framework-persql 0.1).

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use persql_core::{Error, Ident, Operation, Result, Schema, Sql};

use crate::identity::MARKED;

/// AUTOINCREMENT: the id of a deleted row is never used again, so the same newest id means the same end of a history.
const CREATE_MESSAGES: &str = "\
CREATE TABLE IF NOT EXISTS {messages} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_data TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

/// What every text here goes by.
const CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS {index} ON {messages} (session_id, id)";

/// Whoever deletes a session's last message, Python's `clear` included, deletes what its operations answered. The look
/// for another message is one step on the index (session_id, id).
const CREATE_PURGE: &str = "\
CREATE TRIGGER IF NOT EXISTS {purge} AFTER DELETE ON {messages}
WHEN NOT EXISTS (SELECT 1 FROM {messages} WHERE session_id = OLD.session_id) BEGIN
    DELETE FROM persql_operations WHERE scope = {scope} || OLD.session_id;
END";

/// By the index (session_id, id).
const MESSAGES_AFTER: &str = "\
SELECT id, message_data FROM {messages} WHERE session_id = ?1 AND id > ?2 ORDER BY id ASC LIMIT ?3";

/// By the index (session_id, id).
const MESSAGES_BEFORE: &str = "\
SELECT id, message_data FROM {messages} WHERE session_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

/// Whether ?2 is the session's newest row and ?3, the oldest that is known, is still there: a step on the index
/// (session_id, id), and one on the primary key.
const ENDS_AS_KNOWN: &str = "\
SELECT (SELECT max(id) FROM {messages} WHERE session_id = ?1) IS ?2
    AND (SELECT id FROM {messages} WHERE session_id = ?1 AND id = ?3) IS ?3";

/// Whether the session is empty, or its newest message is surely none of those that are marked in ?2, a line each: by an
/// id, or by the beginning of a text. A row that has neither, or that SQLite cannot read, may be any of them. (Of equal
/// keys it reads the first, and Python the last; nobody writes such messages.)
const ENDS_OTHERWISE: &str = "\
SELECT coalesce((SELECT coalesce(instr(?2, char(10) || CASE WHEN json_valid(message_data, 2) THEN
            CASE coalesce(json_type(message_data, '$.message_id'), 'null')
                WHEN 'text' THEN 'i' || (message_data ->> '$.message_id')
                WHEN 'null' THEN CASE json_type(message_data, '$.contents[0].text')
                    WHEN 'text' THEN 't' || substr(message_data ->> '$.contents[0].text', 1, {marked}) END
            END END || char(10)), 1)
        FROM {messages} WHERE session_id = ?1 ORDER BY id DESC LIMIT 1), 0) = 0";

/// Fails with a not-null violation, and inserts nothing, unless the condition holds. There is a text for each small number
/// of rows. No RETURNING: it takes a temporary table, and the rowid of the last insert says the same.
const APPEND_FEW: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at)
VALUES (CASE WHEN ({condition}) THEN ?1 END, ?{parameter}, {time})";

/// The same in two: the condition, and the insert. An insert of several rows keeps a copy of each page that it changes as
/// long as the guard is open, if it may fail halfway: if it calls a function, or is not to undo all of its transaction.
const GUARD: &str = "SELECT CURRENT_TIMESTAMP WHERE ({condition})";
const APPEND_GUARDED: &str = "\
INSERT OR ROLLBACK INTO {messages} (session_id, message_data, created_at) VALUES (?1, ?{parameter}, {time})";

/// The rows of both behind the first.
const APPEND_ANOTHER: &str = ", (?1, ?{parameter}, {time})";

/// The same as for few, for many. `json_each` gives an array's elements in their order.
const APPEND_MANY: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at)
SELECT CASE WHEN ({condition}) THEN ?1 END, message.value, CURRENT_TIMESTAMP FROM json_each(?4) AS message";

/// Inserts whatever is stored.
const INSERT_MESSAGE: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at) VALUES (?1, ?2, CURRENT_TIMESTAMP)";

/// The same for many.
const INSERT_MESSAGES: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at)
SELECT ?1, message.value, CURRENT_TIMESTAMP FROM json_each(?2) AS message";

/// Fails with a not-null violation, and undoes its batch, unless ?2 is the session's newest row and ?3 is still there.
const GUARD_NEWEST: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at)
SELECT NULL, NULL, CURRENT_TIMESTAMP
WHERE (SELECT max(id) FROM {messages} WHERE session_id = ?1) IS NOT ?2
    OR (SELECT id FROM {messages} WHERE session_id = ?1 AND id = ?3) IS NOT ?3";

/// Fails likewise unless the session has ?2 rows and ?3 is the newest.
const GUARD_WHOLE: &str = "\
INSERT INTO {messages} (session_id, message_data, created_at)
SELECT NULL, NULL, CURRENT_TIMESTAMP
WHERE (SELECT count(*) FROM {messages} WHERE session_id = ?1) <> ?2
    OR (SELECT max(id) FROM {messages} WHERE session_id = ?1) IS NOT ?3";

/// Deletes what is older than the newest ?2 + 1 rows: steps on the index (session_id, id), as many as rows are kept.
const TRIM: &str = "\
DELETE FROM {messages} WHERE session_id = ?1
    AND id < (SELECT id FROM {messages} WHERE session_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";

/// By the index (session_id, id).
const DELETE_BETWEEN: &str = "DELETE FROM {messages} WHERE session_id = ?1 AND id BETWEEN ?2 AND ?3";

/// By the index (session_id, id).
const DELETE_SESSION: &str = "DELETE FROM {messages} WHERE session_id = ?1";

/// By the index (session_id, id).
const COUNT_MESSAGES: &str = "SELECT count(*) FROM {messages} WHERE session_id = ?1";

/// From session to session along the index (session_id, id), one step each, as no table of sessions exists.
const COUNT_SESSIONS: &str = "\
WITH RECURSIVE found(session_id) AS (
    SELECT min(session_id) FROM {messages}
    UNION ALL
    SELECT (SELECT min(session_id) FROM {messages} WHERE session_id > found.session_id)
    FROM found WHERE found.session_id IS NOT NULL)
SELECT count(session_id) FROM found";

/// Likewise, from ?1 to before ?2; x'', which comes after every text, stands for no end.
const LIST_SESSIONS: &str = "\
WITH RECURSIVE found(session_id) AS (
    SELECT min(session_id) FROM {messages} WHERE session_id >= ?1 AND session_id < coalesce(?2, x'')
    UNION ALL
    SELECT (SELECT min(session_id) FROM {messages} WHERE session_id > found.session_id AND session_id < coalesce(?2, x''))
    FROM found WHERE found.session_id IS NOT NULL)
SELECT session_id,
    (SELECT count(*) FROM {messages} AS message WHERE message.session_id = found.session_id) AS messages,
    (SELECT created_at FROM {messages} AS message WHERE message.session_id = found.session_id
        ORDER BY id ASC LIMIT 1) AS created_at,
    (SELECT created_at FROM {messages} AS message WHERE message.session_id = found.session_id
        ORDER BY id DESC LIMIT 1) AS updated_at
FROM found WHERE session_id IS NOT NULL LIMIT ?3";

/// Likewise, the sessions whose newest message is older than ?1 seconds; at most ?2 of them.
const INACTIVE_SESSIONS: &str = "\
WITH RECURSIVE found(session_id) AS (
    SELECT min(session_id) FROM {messages}
    UNION ALL
    SELECT (SELECT min(session_id) FROM {messages} WHERE session_id > found.session_id)
    FROM found WHERE found.session_id IS NOT NULL)
SELECT session_id FROM found
WHERE (SELECT unixepoch(created_at) FROM {messages} AS message WHERE message.session_id = found.session_id
    ORDER BY id DESC LIMIT 1) < unixepoch('now') - ?1
LIMIT ?2";

/// Of the sessions that ?1 lists, the messages of those that are still inactive.
const DELETE_INACTIVE: &str = "\
DELETE FROM {messages} WHERE session_id IN (
    SELECT listed.value FROM json_each(?1) AS listed
    WHERE (SELECT unixepoch(created_at) FROM {messages} AS message WHERE message.session_id = listed.value
        ORDER BY id DESC LIMIT 1) < unixepoch('now') - ?2)";

/// So many messages are bound one by one, which costs half of what an array does.
pub(crate) const FEW: usize = 8;

/// The table in which core records operations.
const OPERATIONS: &str = "persql_operations";

/// All texts with this provider's table name in them, rendered once.
#[derive(Debug)]
pub(crate) struct Texts {
    /// With the record of operations: a trigger on the messages belongs to it, which must be there before the first.
    pub(crate) schema: Schema,
    /// What the scope of this adapter's operations starts with.
    pub(crate) scope: String,
    pub(crate) messages_after: Sql,
    pub(crate) messages_before: Sql,
    /// Behind an end that is known: for one row, for two, and so on.
    pub(crate) append_few: Vec<Sql>,
    pub(crate) append_many: Sql,
    /// The same as for few, behind an end of which nothing is known.
    pub(crate) append_others: Vec<Sql>,
    pub(crate) insert_message: Sql,
    pub(crate) insert_messages: Sql,
    pub(crate) guard_newest: Sql,
    pub(crate) guard_whole: Sql,
    pub(crate) trim: Sql,
    pub(crate) delete_between: Sql,
    pub(crate) delete_session: Sql,
    pub(crate) count_messages: Sql,
    pub(crate) count_sessions: Sql,
    pub(crate) list_sessions: Sql,
    pub(crate) inactive_sessions: Sql,
    pub(crate) delete_inactive: Sql,
}

/// The names that stand in the texts.
struct Names {
    messages: Ident,
    index: Ident,
    purge: Ident,
}

/// An insert on a condition.
struct Append<'a> {
    messages: &'a Ident,
    condition: &'a str,
}

impl Append<'_> {
    /// For one row, for two, and so on. `first` is the parameter that holds the first message.
    fn few(&self, first: usize) -> Vec<Sql> {
        let guard = self.render(GUARD);
        let rows = |head: &str, last: usize, time: &str| {
            let row = |template: &str, parameter| self.render_row(template, parameter, time);
            let others = (first + 1..=last).map(|parameter| row(APPEND_ANOTHER, parameter));
            Sql::from(std::iter::once(row(head, first)).chain(others).collect::<String>())
        };
        let text = |last: usize| {
            let write = rows(APPEND_GUARDED, last, &format!("?{}", last + 1));
            rows(APPEND_FEW, last, "CURRENT_TIMESTAMP").guarded(guard.clone(), write)
        };
        (first..first + FEW).map(text).collect()
    }

    fn render(&self, template: &str) -> Sql {
        Sql::render(template, &[("messages", self.messages), ("condition", &self.condition)])
    }

    fn render_row(&self, template: &str, parameter: usize, time: &str) -> String {
        let Self { messages, condition } = self;
        let names: [(&str, &dyn fmt::Display); 4] =
            [("messages", messages), ("condition", condition), ("parameter", &parameter), ("time", &time)];
        Sql::render(template, &names).to_string()
    }
}

impl Texts {
    /// The name that PerSQL's own package uses.
    pub(crate) const MESSAGES: &str = "agent_framework_messages";

    /// The texts for that name, rendered once for the process.
    pub(crate) fn default_names() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<Texts>> = LazyLock::new(|| {
            Arc::new(Texts::render(
                Names {
                    messages: Ident::from_static(Texts::MESSAGES),
                    index: Ident::from_static("idx_agent_framework_messages_session_id"),
                    purge: Ident::from_static("persql_operations_of_agent_framework_messages"),
                },
                true,
            ))
        });
        Arc::clone(&DEFAULT)
    }

    pub(crate) fn new(messages: &str, create_tables: bool) -> Result<Arc<Self>> {
        if messages.eq_ignore_ascii_case(OPERATIONS) {
            return Err(Error::invalid("this table holds the record of operations").context("table", messages));
        }
        let names = Names {
            messages: Ident::new(messages)?,
            index: Ident::new(&format!("idx_{messages}_session_id"))?,
            purge: Ident::new(&format!("{OPERATIONS}_of_{messages}"))?,
        };
        Ok(Arc::new(Self::render(names, create_tables)))
    }

    fn render(names: Names, create_tables: bool) -> Self {
        let scope = format!("history:{}:", names.messages.as_str());
        let scope_literal = format!("'{}'", scope.replace('\'', "''"));
        let render = |template: &str| {
            Sql::render(
                template,
                &[
                    ("messages", &names.messages),
                    ("index", &names.index),
                    ("purge", &names.purge),
                    ("scope", &scope_literal),
                    ("marked", &MARKED),
                ],
            )
        };
        let (as_known, otherwise) = (render(ENDS_AS_KNOWN), render(ENDS_OTHERWISE));
        let behind_known = Append { messages: &names.messages, condition: &as_known };
        let behind_others = Append { messages: &names.messages, condition: &otherwise };
        let messages = Schema::new([names.messages.clone()], [CREATE_MESSAGES, CREATE_INDEX].map(render));
        Self {
            schema: Operation::schema(&messages, [render(CREATE_PURGE)]).on_demand(create_tables),
            scope,
            messages_after: render(MESSAGES_AFTER),
            messages_before: render(MESSAGES_BEFORE),
            append_few: behind_known.few(4),
            append_many: behind_known.render(APPEND_MANY),
            append_others: behind_others.few(3),
            insert_message: render(INSERT_MESSAGE),
            insert_messages: render(INSERT_MESSAGES),
            guard_newest: render(GUARD_NEWEST),
            guard_whole: render(GUARD_WHOLE),
            trim: render(TRIM),
            delete_between: render(DELETE_BETWEEN),
            delete_session: render(DELETE_SESSION),
            count_messages: render(COUNT_MESSAGES),
            count_sessions: render(COUNT_SESSIONS),
            list_sessions: render(LIST_SESSIONS),
            inactive_sessions: render(INACTIVE_SESSIONS),
            delete_inactive: render(DELETE_INACTIVE),
        }
    }
}
