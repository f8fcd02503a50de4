//! Every SQL text of this crate. The columns are those of LangGraph's own SQLite saver (langgraph-checkpoint-sqlite
//! 3.1); the two layouts differ in table names and in the types of three columns.
//!
//! Both tables have a primary key that begins with `(thread_id, checkpoint_ns, checkpoint_id)`, and no other index:
//! "by the key" below means that. `{bytes}` is the type of values, TEXT or BLOB.

pub(crate) const CREATE_CHECKPOINTS: &str = "\
CREATE TABLE IF NOT EXISTS {checkpoints} (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    type TEXT,
    checkpoint {bytes},
    metadata {bytes},
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
)";

/// No foreign key: a write may be stored before its checkpoint is.
pub(crate) const CREATE_WRITES: &str = "\
CREATE TABLE IF NOT EXISTS {writes} (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_path TEXT NOT NULL DEFAULT '',
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT,
    value {bytes},
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
)";

/// Files from before langgraph-checkpoint-sqlite 3.1.2, and those of JavaScript, lack the column.
pub(crate) const ADD_TASK_PATH: &str = "ALTER TABLE {writes} ADD COLUMN task_path TEXT NOT NULL DEFAULT ''";

/// A row of a checkpoint `c`. `AnyRow` reads these columns, and those of `WRITE_ROW`, by their places. No name stands
/// twice in a row, and none is longer than it must be: a text is hashed and copied each time it is run.
pub(crate) const CHECKPOINT_ROW: &str = "\
SELECT 0 AS kind, c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id, NULL AS task_id,
    NULL AS task_path, {depth} AS idx, NULL AS channel, c.type, c.checkpoint, c.metadata";

/// A row of a write `w`.
pub(crate) const WRITE_ROW: &str = "\
SELECT 1, w.thread_id, w.checkpoint_ns, w.checkpoint_id, NULL AS parent, w.task_id, {task_path}, w.idx, w.channel,
    w.type, w.value, NULL";

/// The path of a write.
pub(crate) const OWN_PATH: &str = "w.task_path";
/// The path in an official file, which may have no such column: then `own` has no such name, and `FALLBACK` has.
pub(crate) const OFFICIAL_PATH: &str = "(SELECT task_path FROM {writes} AS own WHERE own.rowid = w.rowid)";
/// Stands beside `w` wherever `OFFICIAL_PATH` does.
pub(crate) const FALLBACK: &str = "CROSS JOIN (SELECT '' AS task_path) AS fallback";

/// The rows of the checkpoints that `page` names, then those of their writes, unsorted: a sort would carry the values.
pub(crate) const ROWS_OF_PAGE: &str = "\
{checkpoint_row}
FROM page CROSS JOIN {checkpoints} AS c ON c.rowid = page.row
UNION ALL
{write_row}
FROM page {fallback} CROSS JOIN {writes} AS w
    ON w.thread_id = page.thread_id AND w.checkpoint_ns = page.checkpoint_ns AND w.checkpoint_id = page.checkpoint_id";

/// The latest checkpoint by the key, backwards. It is found twice, which costs less than a table that would keep it, or a
/// subquery that both halves read.
pub(crate) const GET_LATEST: &str = "\
{checkpoint_row}
FROM {checkpoints} AS c WHERE c.rowid = (SELECT rowid FROM {checkpoints}
    WHERE thread_id = ?1 AND checkpoint_ns = ?2 ORDER BY checkpoint_id DESC LIMIT 1)
UNION ALL
{write_row}
FROM {writes} AS w {fallback} WHERE w.thread_id = ?1 AND w.checkpoint_ns = ?2 AND w.checkpoint_id = (
    SELECT max(checkpoint_id) FROM {checkpoints} WHERE thread_id = ?1 AND checkpoint_ns = ?2)";

/// One checkpoint by the key. Writes may be there before it is.
pub(crate) const GET_BY_ID: &str = "\
{checkpoint_row}
FROM {checkpoints} AS c WHERE c.thread_id = ?1 AND c.checkpoint_ns = ?2 AND c.checkpoint_id = ?3
UNION ALL
{write_row}
FROM {writes} AS w {fallback} WHERE w.thread_id = ?1 AND w.checkpoint_ns = ?2 AND w.checkpoint_id = ?3";

/// A page, newest first: at most ?8 checkpoints, and no more after 4 MB of values. Lengths are read without the values.
///
/// ?3 is the one checkpoint asked for, ?4 what all must come before, ?5 to ?7 the last of the page before; x'' is
/// greater than any text. ?9 lists paths and values of metadata; what is not JSON to SQLite passes, and is looked at
/// in Rust. The last row, of kind 2, says how many there are, up to one more than the page may have.
///
/// `found` is the only table that is made for it: its order is known, so that a page of it needs no sort, and the sum
/// over its rows, which needs tables, is asked for only where there is too much.
pub(crate) const LIST: &str = "\
WITH found AS MATERIALIZED (
    SELECT c.rowid AS row, thread_id, checkpoint_ns, checkpoint_id, coalesce(octet_length(checkpoint), 0) + coalesce((
        SELECT sum(octet_length(w.value)) FROM {writes} AS w WHERE w.thread_id = c.thread_id
        AND w.checkpoint_ns = c.checkpoint_ns AND w.checkpoint_id = c.checkpoint_id), 0) AS size
    FROM {checkpoints} AS c
    WHERE {scope} AND (?3 IS NULL OR checkpoint_id = ?3)
        AND checkpoint_id < coalesce(?4, x'')
        AND (checkpoint_id, thread_id, checkpoint_ns) < (coalesce(?5, x''), ?6, ?7)
        AND (?9 IS NULL OR CASE WHEN json_valid(CAST(metadata AS TEXT), 2) THEN NOT EXISTS (
            SELECT 1 FROM json_each(?9) AS wanted
            WHERE json_extract(CAST(metadata AS TEXT), wanted.value ->> 0) IS NOT (wanted.value ->> 1)) ELSE 1 END)
    ORDER BY checkpoint_id DESC, thread_id DESC, checkpoint_ns DESC LIMIT ?8 + 1),
page AS NOT MATERIALIZED (
    SELECT row, thread_id, checkpoint_ns, checkpoint_id FROM found
    ORDER BY checkpoint_id DESC, thread_id DESC, checkpoint_ns DESC
    LIMIT CASE WHEN (SELECT sum(size) FROM found) < 4000000 THEN ?8 ELSE min(?8, (
        SELECT count(*) FROM (SELECT sum(size) OVER newest - size AS size_before FROM found
            WINDOW newest AS (ORDER BY checkpoint_id DESC, thread_id DESC, checkpoint_ns DESC ROWS UNBOUNDED PRECEDING))
        WHERE size_before < 4000000)) END)
{rows}
UNION ALL
SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, count(*), NULL, NULL, NULL, NULL FROM found";

/// By the key, in its order.
pub(crate) const SCOPE_NS: &str = "thread_id = ?1 AND checkpoint_ns = ?2";
/// By the first column of the key; the thread's ids are sorted.
pub(crate) const SCOPE_THREAD: &str = "thread_id = ?1 AND ?2 IS NULL";
/// The whole table.
pub(crate) const SCOPE_ALL: &str = "?1 IS NULL AND ?2 IS NULL";

/// Whether the newest row is of the other layout. The newest by rowid, which is one step. NULL if there is none.
pub(crate) const IS_FOREIGN: &str = "(SELECT {foreign} FROM {checkpoints} ORDER BY rowid DESC LIMIT 1)";
/// How a row looks in an official file.
pub(crate) const IS_OFFICIAL: &str = "typeof(checkpoint) = 'blob'";
/// How it looks in ours. JavaScript's rows are bytes too, but nothing forbids them to be text.
pub(crate) const IS_PERSQL: &str = "typeof(checkpoint) = 'text' AND type <> 'json'";

/// Fails with a not-null violation of `channel` if the newest row is of the other layout. A database of the other layout
/// has no table of this name for writes, and fails before anything is written.
pub(crate) const GUARD_LAYOUT: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel) SELECT '', '', '', '', 0, NULL
WHERE {is_foreign}";

/// Fails with a not-null violation of `task_id` unless ?3 is the latest checkpoint, or ?4 is stored and has that parent
/// already. By the key.
pub(crate) const GUARD_PARENT: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel) SELECT '', '', '', NULL, 0, ''
WHERE NOT ((SELECT max(checkpoint_id) FROM {checkpoints} WHERE thread_id = ?1 AND checkpoint_ns = ?2) IS ?3
    OR EXISTS (SELECT 1 FROM {checkpoints} WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?4
        AND parent_checkpoint_id IS ?3))";

/// A checkpoint that is stored again keeps its place in the chain. The namespace is NULL, and so fails, where
/// `GUARD_LAYOUT` would: most puts need no other statement.
pub(crate) const PUT: &str = "\
INSERT INTO {checkpoints} (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
VALUES (?1, CASE WHEN {is_foreign} OR EXISTS (SELECT 1 FROM {writes} WHERE false) THEN NULL ELSE ?2 END,
    ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
DO UPDATE SET type = excluded.type, checkpoint = excluded.checkpoint, metadata = excluded.metadata";

/// One write. ?1 to ?5 say whose, ?6 its idx, ?7 the channel, ?8 and ?9 the value.
pub(crate) const PUT_WRITE: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) {on_conflict}";

/// Many writes: ?6 is an array of texts, each of them an array of idx, channel, type and value.
pub(crate) const PUT_WRITES: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
SELECT ?1, ?2, ?3, ?4, ?5, one.value ->> 0, one.value ->> 1, one.value ->> 2, {packed_value}
FROM json_each(?6) AS one WHERE true {on_conflict}";

/// The value of a packed write.
pub(crate) const PACKED_TEXT: &str = "one.value ->> 3";
/// The same where values are bytes, which travel as hexadecimal digits.
pub(crate) const PACKED_BYTES: &str = "unhex(one.value ->> 3)";

/// An ordinary write stays what it was first.
pub(crate) const KEEP: &str = "ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING";
/// A special one becomes what it is now.
pub(crate) const REPLACE: &str = "\
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE SET
task_path = excluded.task_path, channel = excluded.channel, type = excluded.type, value = excluded.value";

/// Of the threads that ?1 lists. By the first column of the key.
pub(crate) const DELETE_THREADS: &str =
    "DELETE FROM {checkpoints} WHERE thread_id IN (SELECT value FROM json_each(?1))";
/// Likewise.
pub(crate) const DELETE_THREADS_WRITES: &str =
    "DELETE FROM {writes} WHERE thread_id IN (SELECT value FROM json_each(?1))";

/// The chain from a checkpoint back: ?3 or, if that is NULL, the latest. At most ?4 of them, and no more after 4 MB of
/// values, with the writes to the channels that ?5 lists. By the key, one step for each ancestor; `links` has each but
/// once where the official saver has made a ring of the chain.
pub(crate) const CHAIN: &str = "\
WITH RECURSIVE chain(depth, row, checkpoint_id, parent) AS (
    SELECT 0, rowid, checkpoint_id, parent_checkpoint_id FROM {checkpoints}
    WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = coalesce(?3,
        (SELECT max(checkpoint_id) FROM {checkpoints} WHERE thread_id = ?1 AND checkpoint_ns = ?2))
    UNION ALL
    SELECT depth + 1, c.rowid, c.checkpoint_id, c.parent_checkpoint_id FROM chain CROSS JOIN {checkpoints} AS c
        ON c.thread_id = ?1 AND c.checkpoint_ns = ?2 AND c.checkpoint_id = chain.parent
    LIMIT ?4),
links AS (SELECT min(depth) AS depth, row, checkpoint_id FROM chain GROUP BY row),
sized AS MATERIALIZED (
    SELECT links.depth, links.row, links.checkpoint_id, coalesce(octet_length(c.checkpoint), 0) + coalesce((
        SELECT sum(octet_length(w.value)) FROM {writes} AS w WHERE w.thread_id = ?1 AND w.checkpoint_ns = ?2
        AND w.checkpoint_id = links.checkpoint_id AND w.channel IN (SELECT value FROM json_each(?5))), 0) AS size
    FROM links CROSS JOIN {checkpoints} AS c ON c.rowid = links.row),
summed AS (
    SELECT *, sum(size) OVER (ORDER BY depth ROWS UNBOUNDED PRECEDING) - size AS size_before FROM sized),
page AS MATERIALIZED (SELECT depth, row, checkpoint_id FROM summed WHERE size_before < 4000000)
{checkpoint_row}
FROM page CROSS JOIN {checkpoints} AS c ON c.rowid = page.row
UNION ALL
{write_row}
FROM page {fallback} CROSS JOIN {writes} AS w
    ON w.thread_id = ?1 AND w.checkpoint_ns = ?2 AND w.checkpoint_id = page.checkpoint_id
    AND w.channel IN (SELECT value FROM json_each(?5))";

/// What tasks of the checkpoints that ?1 lists have sent; each is a text, an array of thread, namespace and id. By the
/// key: the writes of so many checkpoints.
pub(crate) const SENDS: &str = "\
{write_row}
FROM json_each(?1) AS parent {fallback} CROSS JOIN {writes} AS w ON w.thread_id = parent.value ->> 0
    AND w.checkpoint_ns = parent.value ->> 1 AND w.checkpoint_id = parent.value ->> 2 AND w.channel = '__pregel_tasks'";

/// What a thread looks like, to see later whether somebody changed it. By the first column of the key.
pub(crate) const SHAPES: &str = "\
SELECT wanted.value, count(c.rowid), max(c.checkpoint_id), max(c.rowid)
FROM json_each(?1) AS wanted LEFT JOIN {checkpoints} AS c ON c.thread_id = wanted.value GROUP BY wanted.value";

/// Fails with a not-null violation of `checkpoint_id` unless the threads look as they did. ?1 is an array of texts,
/// each of them an array as `SHAPES` answers.
pub(crate) const GUARD_SHAPES: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel) SELECT '', '', NULL, '', 0, ''
WHERE EXISTS (SELECT 1 FROM json_each(?1) AS seen WHERE
    (SELECT count(*) FROM {checkpoints} WHERE thread_id = seen.value ->> 0) IS NOT (seen.value ->> 1)
    OR (SELECT max(checkpoint_id) FROM {checkpoints} WHERE thread_id = seen.value ->> 0) IS NOT (seen.value ->> 2)
    OR (SELECT max(rowid) FROM {checkpoints} WHERE thread_id = seen.value ->> 0) IS NOT (seen.value ->> 3))";

/// The keys of a thread's checkpoints behind (?2, ?3), by the key.
pub(crate) const KEYS: &str = "\
SELECT checkpoint_ns, checkpoint_id FROM {checkpoints}
WHERE thread_id = ?1 AND (checkpoint_ns, checkpoint_id) > (?2, ?3) ORDER BY checkpoint_ns, checkpoint_id LIMIT ?4";

/// Checkpoints of the runs that ?1 lists, behind (?2, ?3, ?4). The whole table in the order of the key: metadata has no
/// index. What is not JSON to SQLite passes, and is looked at in Rust. The table of writes is named, here and below, so
/// that a database of the other layout, which has none of that name, fails.
pub(crate) const OF_RUNS: &str = "\
SELECT thread_id, checkpoint_ns, checkpoint_id, metadata FROM {checkpoints}
WHERE (thread_id, checkpoint_ns, checkpoint_id) > (?2, ?3, ?4)
    AND NOT EXISTS (SELECT 1 FROM {writes} WHERE false)
    AND CASE WHEN json_valid(CAST(metadata AS TEXT), 2)
        THEN json_extract(CAST(metadata AS TEXT), '$.run_id') IN (SELECT value FROM json_each(?1)) ELSE 1 END
ORDER BY thread_id, checkpoint_ns, checkpoint_id LIMIT ?5";

/// Children of the checkpoints that ?2 lists as texts, each an array of namespace and id. By the first column of the
/// key, since parents have no index.
pub(crate) const CHILDREN: &str = "\
SELECT checkpoint_ns, checkpoint_id FROM {checkpoints} WHERE thread_id = ?1
    AND (checkpoint_ns, parent_checkpoint_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))";

/// Deletes the writes of the checkpoints that ?2 lists likewise. By the key.
pub(crate) const DELETE_WRITES: &str = "\
DELETE FROM {writes} WHERE rowid IN (
    SELECT w.rowid FROM json_each(?2) AS gone CROSS JOIN {writes} AS w ON w.thread_id = ?1
    AND w.checkpoint_ns = gone.value ->> 0 AND w.checkpoint_id = gone.value ->> 1)";

/// Deletes the checkpoints themselves. By the key.
pub(crate) const DELETE_CHECKPOINTS: &str = "\
DELETE FROM {checkpoints} WHERE rowid IN (
    SELECT c.rowid FROM json_each(?2) AS gone CROSS JOIN {checkpoints} AS c ON c.thread_id = ?1
    AND c.checkpoint_ns = gone.value ->> 0 AND c.checkpoint_id = gone.value ->> 1)";

/// What is left has no parent among them. By the first column of the key.
pub(crate) const FORGET_PARENTS: &str = "\
UPDATE {checkpoints} SET parent_checkpoint_id = NULL WHERE thread_id = ?1
    AND (checkpoint_ns, parent_checkpoint_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))";

/// Fails with a not-null violation of `thread_id` if the thread has anything. By the key.
pub(crate) const GUARD_EMPTY: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel) SELECT NULL, '', '', '', 0, ''
WHERE EXISTS (SELECT 1 FROM {checkpoints} WHERE thread_id = ?1) OR EXISTS (SELECT 1 FROM {writes} WHERE thread_id = ?1)";

/// Fails with a not-null violation of `idx` unless the checkpoint is there. By the key.
pub(crate) const GUARD_EXISTS: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel) SELECT '', '', '', '', NULL, ''
WHERE NOT EXISTS (SELECT 1 FROM {checkpoints} WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id = ?3)";

/// By the first column of the key. The values go over as they are.
pub(crate) const COPY_CHECKPOINTS: &str = "\
INSERT INTO {checkpoints} (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
SELECT ?2, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
FROM {checkpoints} WHERE thread_id = ?1";

/// Likewise.
pub(crate) const COPY_WRITES: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
SELECT ?2, w.checkpoint_ns, w.checkpoint_id, w.task_id, {task_path}, w.idx, w.channel, w.type, w.value
FROM {writes} AS w {fallback} WHERE w.thread_id = ?1";

/// A checkpoint (?3, ?4) with its ancestors, and what subgraphs stored while these ran: their metadata names the
/// checkpoint that they belong to. By the key, and for the subgraphs by its first column.
pub(crate) const COPY_CHECKPOINTS_TO: &str = "\
WITH RECURSIVE chain(checkpoint_id, parent) AS (
    SELECT checkpoint_id, parent_checkpoint_id FROM {checkpoints}
    WHERE thread_id = ?1 AND checkpoint_ns = ?3 AND checkpoint_id = ?4
    UNION
    SELECT c.checkpoint_id, c.parent_checkpoint_id FROM chain CROSS JOIN {checkpoints} AS c
        ON c.thread_id = ?1 AND c.checkpoint_ns = ?3 AND c.checkpoint_id = chain.parent)
INSERT INTO {checkpoints} (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
SELECT ?2, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM {checkpoints}
WHERE thread_id = ?1 AND CASE WHEN checkpoint_ns = ?3
    THEN checkpoint_id IN (SELECT checkpoint_id FROM chain)
    ELSE CASE WHEN json_valid(CAST(metadata AS TEXT), 2) THEN EXISTS (
        SELECT 1 FROM json_each(CAST(metadata AS TEXT), '$.parents') AS parent
        WHERE parent.key = ?3 AND parent.value IN (SELECT checkpoint_id FROM chain)) ELSE 0 END END";

/// The writes of the checkpoints that the target thread ?2 has by now. By the key.
pub(crate) const COPY_WRITES_TO: &str = "\
INSERT INTO {writes} (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
SELECT ?2, w.checkpoint_ns, w.checkpoint_id, w.task_id, {task_path}, w.idx, w.channel, w.type, w.value
FROM {checkpoints} AS c {fallback} CROSS JOIN {writes} AS w
    ON w.thread_id = ?1 AND w.checkpoint_ns = c.checkpoint_ns AND w.checkpoint_id = c.checkpoint_id
WHERE c.thread_id = ?2";

/// Threads behind ?1 that begin with ?2, in order, by the key alone.
pub(crate) const THREADS: &str = "\
SELECT thread_id, count(*), max(checkpoint_id) FROM {checkpoints}
WHERE thread_id > ?1 AND thread_id >= ?2 AND substr(thread_id, 1, length(?2)) = ?2
    AND NOT EXISTS (SELECT 1 FROM {writes} WHERE false)
GROUP BY thread_id ORDER BY thread_id LIMIT ?3";

/// Threads whose newest checkpoint is older than ?1 seconds; at most ?2. An id that is no UUID of version 6 tells no
/// time, and its thread stays. The time in an id: 28 of its 60 bits are below the first eight digits.
pub(crate) const INACTIVE: &str = "\
SELECT thread_id FROM {checkpoints} GROUP BY thread_id
HAVING max(checkpoint_id) < {horizon} AND min({is_uuid6}) ORDER BY thread_id LIMIT ?2";

/// Of the threads that ?2 lists, those that are still inactive; see `INACTIVE`.
pub(crate) const DELETE_INACTIVE_WRITES: &str = "\
DELETE FROM {writes} WHERE thread_id IN (
    SELECT thread_id FROM {checkpoints} WHERE thread_id IN (SELECT value FROM json_each(?2))
    GROUP BY thread_id HAVING max(checkpoint_id) < {horizon} AND min({is_uuid6}))";

/// Likewise.
pub(crate) const DELETE_INACTIVE: &str = "\
DELETE FROM {checkpoints} WHERE thread_id IN (
    SELECT thread_id FROM {checkpoints} WHERE thread_id IN (SELECT value FROM json_each(?2))
    GROUP BY thread_id HAVING max(checkpoint_id) < {horizon} AND min({is_uuid6}))";

/// The first 13 characters of an id made ?1 seconds ago: 48 bits of 100 ns since 1582.
pub(crate) const HORIZON: &str = "\
(SELECT printf('%08x-%04x', ticks >> 28, (ticks >> 12) & 65535) FROM (
    SELECT (unixepoch('now') - ?1 + 12219292800) * 10000000 AS ticks))";

/// The form of a UUID of version 6.
pub(crate) const IS_UUID6: &str = "length(checkpoint_id) = 36 AND substr(checkpoint_id, 14, 2) = '-6'";

/// Rows of the checkpoints' table behind (?1, ?2, ?3), in the order of the key, at most ?4 and 4 MB.
pub(crate) const EXPORT_CHECKPOINTS: &str = "\
WITH found AS MATERIALIZED (
    SELECT rowid AS row, thread_id, checkpoint_ns, checkpoint_id, coalesce(octet_length(checkpoint), 0) AS size
    FROM {checkpoints} WHERE (thread_id, checkpoint_ns, checkpoint_id) > (?1, ?2, ?3)
        AND NOT EXISTS (SELECT 1 FROM {writes} WHERE false)
    ORDER BY thread_id, checkpoint_ns, checkpoint_id LIMIT ?4),
page AS MATERIALIZED (SELECT * FROM (
    SELECT *, sum(size) OVER (ORDER BY thread_id, checkpoint_ns, checkpoint_id ROWS UNBOUNDED PRECEDING) - size AS size_before
    FROM found) WHERE size_before < 4000000)
{checkpoint_row}
FROM page CROSS JOIN {checkpoints} AS c ON c.rowid = page.row";

/// Rows of the writes' table behind (?1, ?2, ?3, ?4, ?5), likewise; at most ?6.
pub(crate) const EXPORT_WRITES: &str = "\
WITH found AS MATERIALIZED (
    SELECT rowid AS row, thread_id, checkpoint_ns, checkpoint_id, task_id, idx, coalesce(octet_length(value), 0) AS size
    FROM {writes} WHERE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) > (?1, ?2, ?3, ?4, ?5)
    ORDER BY thread_id, checkpoint_ns, checkpoint_id, task_id, idx LIMIT ?6),
page AS MATERIALIZED (SELECT * FROM (
    SELECT *, sum(size) OVER (ORDER BY thread_id, checkpoint_ns, checkpoint_id, task_id, idx ROWS UNBOUNDED PRECEDING) - size
        AS size_before
    FROM found) WHERE size_before < 4000000)
{write_row}
FROM page {fallback} CROSS JOIN {writes} AS w ON w.rowid = page.row";

/// A checkpoint that is there already stays.
pub(crate) const IMPORT_CHECKPOINT: &str = "\
INSERT INTO {checkpoints} (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO NOTHING";
