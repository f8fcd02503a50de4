//! Every SQL text of this crate.
//!
//! `data` holds what the framework's dataclasses give as JSON (strands-agents 1.62). It is put together from texts and
//! never goes through SQLite's JSON functions on its way to a row: they would lose a `NaN`, explicit nulls and layout.

pub(crate) const CREATE_SESSIONS: &str = "\
CREATE TABLE IF NOT EXISTS {sessions} (
    session_id TEXT NOT NULL PRIMARY KEY,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
)";

pub(crate) const CREATE_AGENTS: &str = "\
CREATE TABLE IF NOT EXISTS {agents} (
    session_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (session_id, agent_id)
)";

pub(crate) const CREATE_MESSAGES: &str = "\
CREATE TABLE IF NOT EXISTS {messages} (
    session_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (session_id, agent_id, message_id)
)";

pub(crate) const CREATE_MULTI_AGENTS: &str = "\
CREATE TABLE IF NOT EXISTS {multi_agents} (
    session_id TEXT NOT NULL,
    multi_agent_id TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (session_id, multi_agent_id)
)";

/// A value larger than a row may be stands in several parts.
pub(crate) const CREATE_STORAGE: &str = "\
CREATE TABLE IF NOT EXISTS {storage} (
    key TEXT NOT NULL,
    part INTEGER NOT NULL,
    encoding TEXT NOT NULL,
    data TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (key, part)
)";

/// As Python's `datetime.now(timezone.utc).isoformat()` has it. It is the same wherever it stands in a statement.
pub(crate) const NOW: &str = "(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00')";

/// The rest of a record: from the text before its times, given as `{head}`, the times and what stands behind. No time
/// needs an escape. The parentheses save copies of what is long.
pub(crate) const DATA: &str = "\
{head} || ('\"' || {created} || '\",\"updated_at\":\"' || {updated} || '\"}')";

/// A time that may be given.
pub(crate) const TIME: &str = "coalesce({given}, {now})";

/// Fails with a unique violation if the session is there.
pub(crate) const CREATE_SESSION: &str = "\
INSERT INTO {sessions} (session_id, data, created_at, updated_at)
VALUES (?1, {data}, coalesce(?3, {now}), coalesce(?4, {now}))
RETURNING created_at, updated_at";

/// Does nothing if the session is there.
pub(crate) const ENSURE_SESSION: &str = "\
INSERT INTO {sessions} (session_id, data, created_at, updated_at)
VALUES (?1, {data}, coalesce(?3, {now}), coalesce(?4, {now}))
ON CONFLICT (session_id) DO NOTHING";

/// By primary key.
pub(crate) const READ_SESSION: &str = "SELECT data FROM {sessions} WHERE session_id = ?1";

/// Fails with a not-null violation, and undoes its batch, unless something of the session is there.
pub(crate) const GUARD_SESSION: &str = "\
INSERT INTO {sessions} (session_id, data) SELECT NULL, NULL WHERE NOT (
    EXISTS (SELECT 1 FROM {sessions} WHERE session_id = ?1)
    OR EXISTS (SELECT 1 FROM {agents} WHERE session_id = ?1)
    OR EXISTS (SELECT 1 FROM {messages} WHERE session_id = ?1)
    OR EXISTS (SELECT 1 FROM {multi_agents} WHERE session_id = ?1))";

/// By the primary key of each table, which starts with the session.
pub(crate) const DELETE_OF_SESSION: &str = "DELETE FROM {table} WHERE session_id = ?1";

/// Overwrites an agent that is there, as the framework's files do.
pub(crate) const CREATE_AGENT: &str = "\
INSERT INTO {agents} (session_id, agent_id, data, created_at, updated_at)
VALUES (?1, ?2, {data}, coalesce(?4, {now}), coalesce(?5, {now}))
ON CONFLICT (session_id, agent_id)
DO UPDATE SET data = excluded.data, created_at = excluded.created_at, updated_at = excluded.updated_at";

/// Fails with a unique violation if the agent is there.
pub(crate) const INSERT_AGENT: &str = "\
INSERT INTO {agents} (session_id, agent_id, data, created_at, updated_at)
VALUES (?1, ?2, {data}, coalesce(?4, {now}), coalesce(?5, {now}))";

/// Overwrites a message that is there, as the framework's files do.
pub(crate) const CREATE_MESSAGE: &str = "\
INSERT INTO {messages} (session_id, agent_id, message_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, {data}, coalesce(?5, {now}), coalesce(?6, {now}))
ON CONFLICT (session_id, agent_id, message_id)
DO UPDATE SET data = excluded.data, created_at = excluded.created_at, updated_at = excluded.updated_at";

/// Fails with a unique violation if an id is taken, so that no message is ever written over another. A parameter that
/// is not needed is NULL. The limit leaves nothing out: it keeps SQLite from making the time anew wherever it stands.
pub(crate) const INSERT_FEW: &str = "\
INSERT INTO {messages} (session_id, agent_id, message_id, data, created_at, updated_at)
SELECT ?1, ?2, ?3 + number, {data}, now, now FROM (
    SELECT column1 AS number, column2 AS head, {now} AS now FROM (VALUES
        (0, ?4), (1, ?5), (2, ?6), (3, ?7), (4, ?8), (5, ?9), (6, ?10), (7, ?11)) LIMIT 8)
WHERE head IS NOT NULL";

/// The same for texts in an array; `key` counts them from 0.
pub(crate) const INSERT_MANY: &str = "\
INSERT INTO {messages} (session_id, agent_id, message_id, data, created_at, updated_at)
SELECT ?1, ?2, ?3 + item.key, {data}, {now}, {now} FROM json_each(?4) AS item";

/// By primary key; the offset walks the index only.
pub(crate) const LIST_MESSAGES: &str = "\
SELECT message_id, data FROM {messages} WHERE session_id = ?1 AND agent_id = ?2 AND message_id > ?3
ORDER BY message_id LIMIT ?5 OFFSET ?4";

/// Everything that a restored agent needs: by the primary keys, the payloads in one pass and unsorted. The offset is
/// read from the agent's record where SQLite can read that; the caller checks it.
pub(crate) const RESTORE: &str = "\
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
pub(crate) const REMOVED: &str = "\
CASE WHEN json_valid(data) THEN
    max(0, coalesce(CAST(json_extract(data, '$.conversation_manager_state.removed_message_count') AS INTEGER), 0))
ELSE 0 END";

/// By primary key.
pub(crate) const READ_RECORD: &str = "SELECT data FROM {table} WHERE {record}";

/// Whether a row holds what we know and nothing else, so that it can be written anew without being read. What strict
/// JSON does not have makes this false, as does a `created_at` that is not the column's.
pub(crate) const PLAIN: &str = "\
CASE WHEN json_valid(data) THEN (
    SELECT total(key NOT IN ({fields})) = 0 AND count(*) = count(DISTINCT key)
        AND total(CASE WHEN key = 'created_at' THEN value IS created_at ELSE 0 END) = 1
    FROM json_each(data))
ELSE 0 END";

/// Fails with a not-null violation, and undoes its batch, unless the record is there and plain.
pub(crate) const GUARD_PLAIN: &str = "\
INSERT INTO {table} (session_id, data) SELECT NULL, NULL
WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {record} AND {plain})";

/// Keeps the time at which the record was made.
pub(crate) const REWRITE_PLAIN: &str = "\
UPDATE {table} SET data = ?4 || json_quote(created_at) || ',\"updated_at\":' || json_quote(coalesce(?5, {now})) || '}',
    updated_at = coalesce(?5, {now})
WHERE {record}";

/// Fails with a not-null violation, and undoes its batch, unless the record still holds ?4, as text or as its bytes.
pub(crate) const GUARD_SAME: &str = "\
INSERT INTO {table} (session_id, data) SELECT NULL, NULL
WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {record} AND CAST(data AS TEXT) = ?4)";

/// ?4 stands before the time of the change, ?6 behind it.
pub(crate) const REWRITE_SAME: &str = "\
UPDATE {table} SET data = ?4 || json_quote(coalesce(?5, {now})) || ?6, updated_at = coalesce(?5, {now})
WHERE {record}";

/// Overwrites a state that is there, as the framework's files do.
pub(crate) const CREATE_MULTI_AGENT: &str = "\
INSERT INTO {multi_agents} (session_id, multi_agent_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, {now}, {now})
ON CONFLICT (session_id, multi_agent_id)
DO UPDATE SET data = excluded.data, created_at = excluded.created_at, updated_at = excluded.updated_at";

/// Does nothing if the state is there.
pub(crate) const INSERT_MULTI_AGENT: &str = "\
INSERT INTO {multi_agents} (session_id, multi_agent_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, {now}, {now})
ON CONFLICT (session_id, multi_agent_id) DO NOTHING";

/// By primary key.
pub(crate) const READ_MULTI_AGENT: &str =
    "SELECT data FROM {multi_agents} WHERE session_id = ?1 AND multi_agent_id = ?2";

/// Fails with a not-null violation, and undoes its batch, unless the state is there.
pub(crate) const GUARD_MULTI_AGENT: &str = "\
INSERT INTO {multi_agents} (session_id, data) SELECT NULL, NULL
WHERE NOT EXISTS (SELECT 1 FROM {multi_agents} WHERE session_id = ?1 AND multi_agent_id = ?2)";

pub(crate) const UPDATE_MULTI_AGENT: &str = "\
UPDATE {multi_agents} SET data = ?3, updated_at = {now} WHERE session_id = ?1 AND multi_agent_id = ?2";

/// By the primary key of the sessions, from ?1 up to ?2; the counts by the keys of the others. Without an end it goes
/// up to the last, since a blob sorts behind all text.
pub(crate) const LIST_SESSIONS: &str = "\
SELECT session_id, created_at, updated_at,
    (SELECT count(*) FROM {agents} AS agent WHERE agent.session_id = listed.session_id),
    (SELECT count(*) FROM {messages} AS message WHERE message.session_id = listed.session_id)
FROM {sessions} AS listed
WHERE session_id >= ?1 AND session_id < coalesce(?2, x'') ORDER BY session_id LIMIT ?3";

pub(crate) const COUNT_SESSIONS: &str = "SELECT count(*) FROM {sessions}";

/// By primary key.
pub(crate) const LIST_AGENTS: &str = "\
SELECT agent_id, created_at, updated_at,
    (SELECT count(*) FROM {messages} AS message
     WHERE message.session_id = listed.session_id AND message.agent_id = listed.agent_id)
FROM {agents} AS listed WHERE session_id = ?1 AND (?2 IS NULL OR agent_id > ?2)
ORDER BY agent_id LIMIT ?3";

/// True for a session whose rows all say that nothing changed for so many seconds. A row whose time cannot be read keeps it.
pub(crate) const INACTIVE: &str = "\
coalesce(datetime(updated_at), '9999') < datetime('now', '-' || {seconds} || ' seconds')
AND NOT EXISTS (SELECT 1 FROM {agents} AS other WHERE other.session_id = session.session_id
    AND coalesce(datetime(other.updated_at), '9999') >= datetime('now', '-' || {seconds} || ' seconds'))
AND NOT EXISTS (SELECT 1 FROM {messages} AS other WHERE other.session_id = session.session_id
    AND coalesce(datetime(other.updated_at), '9999') >= datetime('now', '-' || {seconds} || ' seconds'))
AND NOT EXISTS (SELECT 1 FROM {multi_agents} AS other WHERE other.session_id = session.session_id
    AND coalesce(datetime(other.updated_at), '9999') >= datetime('now', '-' || {seconds} || ' seconds'))";

/// At most ?2 sessions. Walks all sessions: no index is kept for a rare question.
pub(crate) const INACTIVE_SESSIONS: &str =
    "SELECT session_id FROM {sessions} AS session WHERE {inactive} ORDER BY session_id LIMIT ?2";

/// Of the sessions that ?1 lists, the rows of those that are still inactive. The sessions' own rows go last.
pub(crate) const DELETE_INACTIVE: &str = "\
DELETE FROM {table} WHERE session_id IN (
    SELECT session_id FROM {sessions} AS session
    WHERE session_id IN (SELECT value FROM json_each(?1)) AND {inactive})";

/// By primary key.
pub(crate) const READ_VALUE: &str = "SELECT encoding, data FROM {storage} WHERE key = ?1 ORDER BY part";

/// By primary key.
pub(crate) const DELETE_VALUE: &str = "DELETE FROM {storage} WHERE key = ?1";

pub(crate) const WRITE_PART: &str =
    "INSERT INTO {storage} (key, part, encoding, data, updated_at) VALUES (?1, ?2, ?3, ?4, {now})";

/// By primary key, from ?1 (or behind ?2) up to ?3; without one up to the end, since a blob sorts behind all text.
pub(crate) const LIST_KEYS: &str = "\
SELECT key FROM {storage} WHERE key >= ?1 AND key > ?2 AND key < coalesce(?3, x'') AND part = 0
ORDER BY key LIMIT ?4";

/// Whole values in the order of their keys, with the bounds of `LIST_KEYS`: up to the value that the row behind the next
/// ?4 rows belongs to, or all if there is none. By primary key, the inner one by its index alone.
pub(crate) const LIST_VALUES: &str = "\
SELECT key, encoding, data FROM {storage}
WHERE key >= ?1 AND key > ?2 AND key < coalesce(?3, x'') AND key <= coalesce((
    SELECT key FROM {storage} WHERE key >= ?1 AND key > ?2 AND key < coalesce(?3, x'')
    ORDER BY key, part LIMIT 1 OFFSET ?4), x'')
ORDER BY key, part";

/// By primary key.
pub(crate) const DELETE_KEYS: &str = "DELETE FROM {storage} WHERE key >= ?1 AND key < coalesce(?2, x'')";

/// An agent's row; `?3` is there so that all records have the same parameters.
pub(crate) const AGENT_RECORD: &str = "session_id = ?1 AND agent_id = ?2 AND ?3 IS NULL";
pub(crate) const MESSAGE_RECORD: &str = "session_id = ?1 AND agent_id = ?2 AND message_id = ?3";
