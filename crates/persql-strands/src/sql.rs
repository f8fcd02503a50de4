//! Every SQL text of this crate.
//!
//! `data` holds what the framework's dataclasses give as JSON (strands-agents 1.62). It is put together from texts and
//! never goes through SQLite's JSON functions on its way to a row: they would lose a `NaN`, explicit nulls and layout.

use std::sync::{Arc, LazyLock};

use persql_core::{Error, Ident, Result, Schema, Sql};

use crate::{SessionAgent, SessionMessage};

const CREATE_SESSIONS: &str = "\
CREATE TABLE IF NOT EXISTS {sessions} (
    session_id TEXT NOT NULL PRIMARY KEY,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
)";

const CREATE_AGENTS: &str = "\
CREATE TABLE IF NOT EXISTS {agents} (
    session_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (session_id, agent_id)
)";

const CREATE_MESSAGES: &str = "\
CREATE TABLE IF NOT EXISTS {messages} (
    session_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (session_id, agent_id, message_id)
)";

const CREATE_MULTI_AGENTS: &str = "\
CREATE TABLE IF NOT EXISTS {multi_agents} (
    session_id TEXT NOT NULL,
    multi_agent_id TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (session_id, multi_agent_id)
)";

/// A value larger than a row may be stands in several parts.
const CREATE_STORAGE: &str = "\
CREATE TABLE IF NOT EXISTS {storage} (
    key TEXT NOT NULL,
    part INTEGER NOT NULL,
    encoding TEXT NOT NULL,
    data TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (key, part)
)";

/// As Python's `datetime.now(timezone.utc).isoformat()` has it. It is the same wherever it stands in a statement.
const NOW: &str = "(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00')";

/// The rest of a record: from the text before its times, given as `{head}`, the times and what stands behind.
const DATA: &str = "\
{head} || json_quote(coalesce({created}, {now})) || ',\"updated_at\":' || json_quote(coalesce({updated}, {now})) || '}'";

/// Fails with a unique violation if the session is there.
const CREATE_SESSION: &str = "\
INSERT INTO {sessions} (session_id, data, created_at, updated_at)
VALUES (?1, {data}, coalesce(?3, {now}), coalesce(?4, {now}))
RETURNING created_at, updated_at";

/// Does nothing if the session is there.
const ENSURE_SESSION: &str = "\
INSERT INTO {sessions} (session_id, data, created_at, updated_at)
VALUES (?1, {data}, coalesce(?3, {now}), coalesce(?4, {now}))
ON CONFLICT (session_id) DO NOTHING";

/// By primary key.
const READ_SESSION: &str = "SELECT data FROM {sessions} WHERE session_id = ?1";

/// Fails with a not-null violation, and undoes its batch, unless something of the session is there.
const GUARD_SESSION: &str = "\
INSERT INTO {sessions} (session_id, data) SELECT NULL, NULL WHERE NOT (
    EXISTS (SELECT 1 FROM {sessions} WHERE session_id = ?1)
    OR EXISTS (SELECT 1 FROM {agents} WHERE session_id = ?1)
    OR EXISTS (SELECT 1 FROM {messages} WHERE session_id = ?1)
    OR EXISTS (SELECT 1 FROM {multi_agents} WHERE session_id = ?1))";

/// By the primary key of each table, which starts with the session.
const DELETE_OF_SESSION: &str = "DELETE FROM {table} WHERE session_id = ?1";

/// Overwrites an agent that is there, as the framework's files do.
const CREATE_AGENT: &str = "\
INSERT INTO {agents} (session_id, agent_id, data, created_at, updated_at)
VALUES (?1, ?2, {data}, coalesce(?4, {now}), coalesce(?5, {now}))
ON CONFLICT (session_id, agent_id)
DO UPDATE SET data = excluded.data, created_at = excluded.created_at, updated_at = excluded.updated_at";

/// Fails with a unique violation if the agent is there.
const INSERT_AGENT: &str = "\
INSERT INTO {agents} (session_id, agent_id, data, created_at, updated_at)
VALUES (?1, ?2, {data}, coalesce(?4, {now}), coalesce(?5, {now}))";

/// Overwrites a message that is there, as the framework's files do.
const CREATE_MESSAGE: &str = "\
INSERT INTO {messages} (session_id, agent_id, message_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, {data}, coalesce(?5, {now}), coalesce(?6, {now}))
ON CONFLICT (session_id, agent_id, message_id)
DO UPDATE SET data = excluded.data, created_at = excluded.created_at, updated_at = excluded.updated_at";

/// Fails with a unique violation if the id is taken, so that no message is ever written over another.
const INSERT_MESSAGE: &str = "\
INSERT INTO {messages} (session_id, agent_id, message_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, {data}, {now}, {now})";

/// The same for texts in an array; `key` counts them from 0.
const INSERT_MESSAGES: &str = "\
INSERT INTO {messages} (session_id, agent_id, message_id, data, created_at, updated_at)
SELECT ?1, ?2, ?3 + item.key, {data}, {now}, {now} FROM json_each(?4) AS item";

/// By primary key; the offset walks the index only.
const LIST_MESSAGES: &str = "\
SELECT message_id, data FROM {messages} WHERE session_id = ?1 AND agent_id = ?2 AND message_id > ?3
ORDER BY message_id LIMIT ?4 OFFSET ?5";

/// Everything that a restored agent needs: by the primary keys, the payloads in one pass and unsorted. The offset is
/// read from the agent's record where SQLite can read that; the caller checks it.
const RESTORE: &str = "\
SELECT 'session' AS kind, 0 AS number, data FROM {sessions} WHERE session_id = ?1
UNION ALL
SELECT 'agent', {removed}, data FROM {agents} WHERE session_id = ?1 AND agent_id = ?2
UNION ALL
SELECT 'newest', max(message_id), NULL FROM {messages} WHERE session_id = ?1 AND agent_id = ?2
UNION ALL
SELECT 'message', message_id, data FROM (
    SELECT message_id, data FROM {messages} WHERE session_id = ?1 AND agent_id = ?2
    ORDER BY message_id LIMIT ?3
    OFFSET coalesce((SELECT {removed} FROM {agents} WHERE session_id = ?1 AND agent_id = ?2), 0))";

/// How many of the oldest messages are left out.
const REMOVED: &str = "\
CASE WHEN typeof(data) = 'text' AND json_valid(data) THEN
    max(0, coalesce(CAST(json_extract(data, '$.conversation_manager_state.removed_message_count') AS INTEGER), 0))
ELSE 0 END";

/// By primary key.
const READ_RECORD: &str = "SELECT data FROM {table} WHERE {record}";

/// Whether a row holds what we know and nothing else, so that it can be written anew without being read. What strict
/// JSON does not have makes this false, as does a `created_at` that is not the column's.
const PLAIN: &str = "\
CASE WHEN typeof(data) = 'text' AND json_valid(data) THEN (
    SELECT total(key NOT IN ({fields})) = 0 AND count(*) = count(DISTINCT key)
        AND total(CASE WHEN key = 'created_at' THEN value IS created_at ELSE 0 END) = 1
    FROM json_each(data))
ELSE 0 END";

/// Fails with a not-null violation, and undoes its batch, unless the record is there and plain.
const GUARD_PLAIN: &str = "\
INSERT INTO {table} (session_id, data) SELECT NULL, NULL
WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {record} AND {plain})";

/// Keeps the time at which the record was made.
const REWRITE_PLAIN: &str = "\
UPDATE {table} SET data = ?4 || json_quote(created_at) || ',\"updated_at\":' || json_quote(coalesce(?5, {now})) || '}',
    updated_at = coalesce(?5, {now})
WHERE {record}";

/// Fails with a not-null violation, and undoes its batch, unless the record still holds ?4, as text or as its bytes.
const GUARD_SAME: &str = "\
INSERT INTO {table} (session_id, data) SELECT NULL, NULL
WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {record} AND CAST(data AS TEXT) = ?4)";

/// ?4 stands before the time of the change, ?6 behind it.
const REWRITE_SAME: &str = "\
UPDATE {table} SET data = ?4 || json_quote(coalesce(?5, {now})) || ?6, updated_at = coalesce(?5, {now})
WHERE {record}";

/// Overwrites a state that is there, as the framework's files do.
const CREATE_MULTI_AGENT: &str = "\
INSERT INTO {multi_agents} (session_id, multi_agent_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, {now}, {now})
ON CONFLICT (session_id, multi_agent_id)
DO UPDATE SET data = excluded.data, created_at = excluded.created_at, updated_at = excluded.updated_at";

/// Does nothing if the state is there.
const INSERT_MULTI_AGENT: &str = "\
INSERT INTO {multi_agents} (session_id, multi_agent_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, {now}, {now})
ON CONFLICT (session_id, multi_agent_id) DO NOTHING";

/// By primary key.
const READ_MULTI_AGENT: &str = "SELECT data FROM {multi_agents} WHERE session_id = ?1 AND multi_agent_id = ?2";

/// Fails with a not-null violation, and undoes its batch, unless the state is there.
const GUARD_MULTI_AGENT: &str = "\
INSERT INTO {multi_agents} (session_id, data) SELECT NULL, NULL
WHERE NOT EXISTS (SELECT 1 FROM {multi_agents} WHERE session_id = ?1 AND multi_agent_id = ?2)";

const UPDATE_MULTI_AGENT: &str = "\
UPDATE {multi_agents} SET data = ?3, updated_at = {now} WHERE session_id = ?1 AND multi_agent_id = ?2";

/// By the primary key of the sessions, from ?2 and behind ?1 up to ?3; the counts by the keys of the others. Without an
/// end it goes up to the last, since a blob sorts behind all text.
const LIST_SESSIONS: &str = "\
SELECT session_id, created_at, updated_at,
    (SELECT count(*) FROM {agents} AS agent WHERE agent.session_id = listed.session_id),
    (SELECT count(*) FROM {messages} AS message WHERE message.session_id = listed.session_id)
FROM {sessions} AS listed
WHERE session_id >= ?2 AND session_id < coalesce(?3, x'') AND (?1 IS NULL OR session_id > ?1)
ORDER BY session_id LIMIT ?4";

const COUNT_SESSIONS: &str = "SELECT count(*) FROM {sessions}";

/// By primary key.
const LIST_AGENTS: &str = "\
SELECT agent_id, created_at, updated_at,
    (SELECT count(*) FROM {messages} AS message
     WHERE message.session_id = listed.session_id AND message.agent_id = listed.agent_id)
FROM {agents} AS listed WHERE session_id = ?1 AND (?2 IS NULL OR agent_id > ?2)
ORDER BY agent_id LIMIT ?3";

/// True for a session whose rows all say that nothing changed for ?2 seconds. A row whose time cannot be read keeps it.
const INACTIVE: &str = "\
coalesce(datetime(updated_at), '9999') < datetime('now', '-' || ?2 || ' seconds')
AND NOT EXISTS (SELECT 1 FROM {agents} AS other WHERE other.session_id = session.session_id
    AND coalesce(datetime(other.updated_at), '9999') >= datetime('now', '-' || ?2 || ' seconds'))
AND NOT EXISTS (SELECT 1 FROM {messages} AS other WHERE other.session_id = session.session_id
    AND coalesce(datetime(other.updated_at), '9999') >= datetime('now', '-' || ?2 || ' seconds'))
AND NOT EXISTS (SELECT 1 FROM {multi_agents} AS other WHERE other.session_id = session.session_id
    AND coalesce(datetime(other.updated_at), '9999') >= datetime('now', '-' || ?2 || ' seconds'))";

/// At most ?1 sessions. Walks all sessions: no index is kept for a rare question.
const INACTIVE_SESSIONS: &str =
    "SELECT session_id FROM {sessions} AS session WHERE {inactive} ORDER BY session_id LIMIT ?1";

/// Of the sessions that ?1 lists, the rows of those that are still inactive. The sessions' own rows go last.
const DELETE_INACTIVE: &str = "\
DELETE FROM {table} WHERE session_id IN (
    SELECT session_id FROM {sessions} AS session
    WHERE session_id IN (SELECT value FROM json_each(?1)) AND {inactive})";

/// By primary key.
const READ_VALUE: &str = "SELECT encoding, data FROM {storage} WHERE key = ?1 ORDER BY part";

/// By primary key.
const DELETE_VALUE: &str = "DELETE FROM {storage} WHERE key = ?1";

const WRITE_PART: &str = "INSERT INTO {storage} (key, part, encoding, data, updated_at) VALUES (?1, ?2, ?3, ?4, {now})";

/// By primary key, from ?1 (or behind ?2) up to ?3; without one up to the end, since a blob sorts behind all text.
const LIST_KEYS: &str = "\
SELECT key FROM {storage} WHERE key >= ?1 AND key > ?2 AND key < coalesce(?3, x'') AND part = 0
ORDER BY key LIMIT ?4";

/// By primary key.
const DELETE_KEYS: &str = "DELETE FROM {storage} WHERE key >= ?1 AND key < coalesce(?2, x'')";

/// The texts for records of one kind, all with `?1` session, `?2` agent and `?3` message id.
#[derive(Debug)]
pub(crate) struct RecordTexts {
    pub(crate) read: Sql,
    pub(crate) guard_plain: Sql,
    pub(crate) rewrite_plain: Sql,
    pub(crate) guard_same: Sql,
    pub(crate) rewrite_same: Sql,
}

/// All texts with this repository's table names in them, rendered once.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) schema: Schema,
    pub(crate) storage_schema: Schema,
    pub(crate) agent: RecordTexts,
    pub(crate) message: RecordTexts,
    pub(crate) create_session: Sql,
    pub(crate) ensure_session: Sql,
    pub(crate) read_session: Sql,
    pub(crate) guard_session: Sql,
    /// Messages, agents, multi-agent states and sessions.
    pub(crate) delete_of_session: [Sql; 4],
    pub(crate) create_agent: Sql,
    pub(crate) insert_agent: Sql,
    pub(crate) create_message: Sql,
    pub(crate) insert_message: Sql,
    pub(crate) insert_messages: Sql,
    pub(crate) list_messages: Sql,
    pub(crate) restore: Sql,
    pub(crate) create_multi_agent: Sql,
    pub(crate) insert_multi_agent: Sql,
    pub(crate) read_multi_agent: Sql,
    pub(crate) guard_multi_agent: Sql,
    pub(crate) update_multi_agent: Sql,
    pub(crate) list_sessions: Sql,
    pub(crate) count_sessions: Sql,
    pub(crate) list_agents: Sql,
    pub(crate) inactive_sessions: Sql,
    /// Messages, agents, multi-agent states and sessions.
    pub(crate) delete_inactive: [Sql; 4],
    pub(crate) read_value: Sql,
    pub(crate) delete_value: Sql,
    pub(crate) write_part: Sql,
    pub(crate) list_keys: Sql,
    pub(crate) delete_keys: Sql,
}

/// The names that stand in the texts.
struct Names {
    sessions: Ident,
    agents: Ident,
    messages: Ident,
    multi_agents: Ident,
    storage: Ident,
}

impl Texts {
    /// What the names of PerSQL's own package start with.
    pub(crate) const PREFIX: &str = "strands_";

    /// The texts for the usual names, rendered once for the process.
    pub(crate) fn default_names() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<Texts>> = LazyLock::new(|| {
            let names = Names {
                sessions: Ident::from_static("strands_sessions"),
                agents: Ident::from_static("strands_agents"),
                messages: Ident::from_static("strands_messages"),
                multi_agents: Ident::from_static("strands_multi_agents"),
                storage: Ident::from_static("strands_storage"),
            };
            Arc::new(Texts::render(&names, true))
        });
        Arc::clone(&DEFAULT)
    }

    pub(crate) fn new(prefix: &str, create_tables: bool) -> Result<Arc<Self>> {
        let name = |table: &str| {
            Ident::new(&format!("{prefix}{table}"))
                .map_err(|error: Error| error.context("table_prefix", format_args!("{prefix:?}")))
        };
        let names = Names {
            sessions: name("sessions")?,
            agents: name("agents")?,
            messages: name("messages")?,
            multi_agents: name("multi_agents")?,
            storage: name("storage")?,
        };
        Ok(Arc::new(Self::render(&names, create_tables)))
    }

    fn render(names: &Names, create_tables: bool) -> Self {
        let render = |template: &str| names.render(template, &[]);
        let record = |template: &str, data: [&str; 3]| names.record(template, data);
        let of_each = |template: &str| {
            let inactive = render(INACTIVE).to_string();
            [&names.messages, &names.agents, &names.multi_agents, &names.sessions]
                .map(|table| names.render(template, &[("table", &table.to_string()), ("inactive", &inactive)]))
        };
        let removed = [("removed", REMOVED)];
        let schema = Schema::new(
            [&names.sessions, &names.agents, &names.messages, &names.multi_agents].map(Ident::clone),
            [CREATE_SESSIONS, CREATE_AGENTS, CREATE_MESSAGES, CREATE_MULTI_AGENTS].map(render),
        );
        let storage_schema = Schema::new([names.storage.clone()], [render(CREATE_STORAGE)]);
        let inactive = render(INACTIVE).to_string();
        Self {
            schema: schema.on_demand(create_tables),
            storage_schema: storage_schema.on_demand(create_tables),
            agent: RecordTexts::new(names, &names.agents, AGENT_RECORD, &SessionAgent::FIELDS),
            message: RecordTexts::new(names, &names.messages, MESSAGE_RECORD, &SessionMessage::FIELDS),
            create_session: record(CREATE_SESSION, ["?2", "?3", "?4"]),
            ensure_session: record(ENSURE_SESSION, ["?2", "?3", "?4"]),
            read_session: render(READ_SESSION),
            guard_session: render(GUARD_SESSION),
            delete_of_session: of_each(DELETE_OF_SESSION),
            create_agent: record(CREATE_AGENT, ["?3", "?4", "?5"]),
            insert_agent: record(INSERT_AGENT, ["?3", "?4", "?5"]),
            create_message: record(CREATE_MESSAGE, ["?4", "?5", "?6"]),
            insert_message: record(INSERT_MESSAGE, ["?4", "NULL", "NULL"]),
            insert_messages: record(INSERT_MESSAGES, ["item.value", "NULL", "NULL"]),
            list_messages: render(LIST_MESSAGES),
            restore: names.render(RESTORE, &removed),
            create_multi_agent: render(CREATE_MULTI_AGENT),
            insert_multi_agent: render(INSERT_MULTI_AGENT),
            read_multi_agent: render(READ_MULTI_AGENT),
            guard_multi_agent: render(GUARD_MULTI_AGENT),
            update_multi_agent: render(UPDATE_MULTI_AGENT),
            list_sessions: render(LIST_SESSIONS),
            count_sessions: render(COUNT_SESSIONS),
            list_agents: render(LIST_AGENTS),
            inactive_sessions: names.render(INACTIVE_SESSIONS, &[("inactive", &inactive)]),
            delete_inactive: of_each(DELETE_INACTIVE),
            read_value: render(READ_VALUE),
            delete_value: render(DELETE_VALUE),
            write_part: render(WRITE_PART),
            list_keys: render(LIST_KEYS),
            delete_keys: render(DELETE_KEYS),
        }
    }
}

/// An agent's row; `?3` is there so that all records have the same parameters.
const AGENT_RECORD: &str = "session_id = ?1 AND agent_id = ?2 AND ?3 IS NULL";
const MESSAGE_RECORD: &str = "session_id = ?1 AND agent_id = ?2 AND message_id = ?3";

impl RecordTexts {
    fn new(names: &Names, table: &Ident, record: &str, fields: &[&str]) -> Self {
        let fields: Vec<String> = fields.iter().map(|field| format!("'{field}'")).collect();
        let plain = names.render(PLAIN, &[("fields", &fields.join(", "))]).to_string();
        let table = table.to_string();
        let render =
            |template: &str| names.render(template, &[("table", &table), ("record", record), ("plain", &plain)]);
        Self {
            read: render(READ_RECORD),
            guard_plain: render(GUARD_PLAIN),
            rewrite_plain: render(REWRITE_PLAIN),
            guard_same: render(GUARD_SAME),
            rewrite_same: render(REWRITE_SAME),
        }
    }
}

impl Names {
    /// Puts table names, the present time and these texts into a template.
    fn render(&self, template: &str, more: &[(&str, &str)]) -> Sql {
        let mut names: Vec<(&str, &dyn std::fmt::Display)> = vec![
            ("sessions", &self.sessions),
            ("agents", &self.agents),
            ("messages", &self.messages),
            ("multi_agents", &self.multi_agents),
            ("storage", &self.storage),
            ("now", &NOW),
        ];
        names.extend(more.iter().map(|(name, text)| (*name, text as &dyn std::fmt::Display)));
        Sql::render(template, &names)
    }

    /// The same for a text that makes a record from these parameters: what stands before its times, and the times.
    fn record(&self, template: &str, [head, created, updated]: [&str; 3]) -> Sql {
        let data = self.render(DATA, &[("head", head), ("created", created), ("updated", updated)]).to_string();
        self.render(template, &[("data", &data)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left() {
        let texts = format!("{:?}", Texts::default_names());
        for (at, _) in texts.match_indices('{') {
            let after = texts.get(at + 1..).unwrap_or_default();
            assert!(!after.starts_with(|c: char| c.is_ascii_lowercase()), "{}", after.get(..30).unwrap_or(after));
        }
    }

    #[test]
    fn a_prefix_is_checked() {
        assert!(Texts::new("a\"b; ", true).is_ok());
        for bad in ["sqlite_", "_persql_", "a\0", &"x".repeat(130)] {
            assert!(Texts::new(bad, true).unwrap_err().to_string().contains("table_prefix"), "{bad:?}");
        }
    }
}
