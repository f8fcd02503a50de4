//! The SQL of the work done by hand: the tables and statements of the Agents SDK's own `SQLiteSession`.

/// As core sets up its connections.
pub(crate) const SET_UP: &str = "\
PRAGMA journal_mode=WAL;
PRAGMA journal_size_limit=16777216;
PRAGMA wal_autocheckpoint=4000;
PRAGMA foreign_keys=ON;";

pub(crate) const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS agent_sessions (
    session_id TEXT PRIMARY KEY,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS agent_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_data TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_agent_messages_session_id ON agent_messages (session_id, id);";

pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(crate) const COMMIT: &str = "COMMIT";

/// Waits for nobody.
pub(crate) const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(PASSIVE)";

pub(crate) const ADD_SESSION: &str = "INSERT OR IGNORE INTO agent_sessions (session_id) VALUES (?1)";

pub(crate) const ADD_ITEM: &str = "INSERT INTO agent_messages (session_id, message_data) VALUES (?1, ?2)";

pub(crate) const TOUCH_SESSION: &str = "UPDATE agent_sessions SET updated_at = CURRENT_TIMESTAMP WHERE session_id = ?1";

pub(crate) const ALL_ITEMS: &str = "SELECT message_data FROM agent_messages WHERE session_id = ?1 ORDER BY id ASC";

pub(crate) const NEWEST_ITEMS: &str =
    "SELECT message_data FROM agent_messages WHERE session_id = ?1 ORDER BY id DESC LIMIT ?2";

pub(crate) const TRIVIAL: &str = "SELECT 1";

/// The table of `persql-history`, which is that of PerSQL's Python package.
pub(crate) mod history {
    pub(crate) const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS agent_framework_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_data TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS idx_agent_framework_messages_session_id ON agent_framework_messages (session_id, id);";

    pub(crate) const NEWEST: &str =
        "SELECT message_data FROM agent_framework_messages WHERE session_id = ?1 ORDER BY id DESC LIMIT ?2";

    pub(crate) const NEWEST_ID: &str =
        "SELECT coalesce(max(id), 0) FROM agent_framework_messages WHERE session_id = ?1";

    pub(crate) const ADD: &str = "INSERT INTO agent_framework_messages (session_id, message_data) VALUES (?1, ?2)";

    pub(crate) const ALL: &str =
        "SELECT message_data FROM agent_framework_messages WHERE session_id = ?1 ORDER BY id ASC";

    pub(crate) const RESTORE: &str = "DELETE FROM agent_framework_messages WHERE session_id = ?1 AND id > ?2";
}

/// The messages' table of `persql-strands`.
pub(crate) mod strands {
    pub(crate) const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS strands_messages (
    session_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (session_id, agent_id, message_id)
);";

    pub(crate) const NOW: &str = "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00'";

    pub(crate) const ADD: &str = "\
INSERT INTO strands_messages (session_id, agent_id, message_id, data, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?5)";

    pub(crate) const ALL: &str =
        "SELECT data FROM strands_messages WHERE session_id = ?1 AND agent_id = ?2 ORDER BY message_id";

    pub(crate) const RESTORE: &str =
        "DELETE FROM strands_messages WHERE session_id = ?1 AND agent_id = ?2 AND message_id >= ?3";
}

/// The tables of `persql-checkpoint`.
pub(crate) mod checkpoint {
    pub(crate) const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS checkpoints (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    type TEXT,
    checkpoint TEXT,
    metadata TEXT,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
);
CREATE TABLE IF NOT EXISTS checkpoint_writes (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_path TEXT NOT NULL DEFAULT '',
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT,
    value TEXT,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);";

    pub(crate) const PUT: &str = "\
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
VALUES (?1, '', ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
DO UPDATE SET type = excluded.type, checkpoint = excluded.checkpoint, metadata = excluded.metadata";

    pub(crate) const PUT_WRITE: &str = "\
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
VALUES (?1, '', ?2, ?3, '', ?4, ?5, ?6, ?7)
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING";

    pub(crate) const NEWEST: &str = "\
SELECT checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints
WHERE thread_id = ?1 AND checkpoint_ns = '' ORDER BY checkpoint_id DESC LIMIT ?2";

    pub(crate) const WRITES: &str = "\
SELECT task_id, channel, type, value FROM checkpoint_writes
WHERE thread_id = ?1 AND checkpoint_ns = '' AND checkpoint_id = ?2 ORDER BY task_path, task_id, idx";

    pub(crate) const RESTORE: &str =
        "DELETE FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = '' AND checkpoint_id = ?2";
}
