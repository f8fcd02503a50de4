"""What LangGraph's own savers answer and store, for `persql-checkpoint` to agree with.

    pip install langgraph==1.2.22 langgraph-checkpoint==4.3.2 langgraph-checkpoint-sqlite==3.1.2 \
        langgraph-checkpoint-postgres==3.2.0 psycopg[binary]
    python tests/vectors/langgraph_saver.py > tests/vectors/langgraph_saver.json

Values are msgpack in hexadecimal, as the serializer writes them; metadata and filters are JSON, with NaN as Python
writes it. The clock and the random numbers are fixed, so that a second run gives the same file.
"""
import json
import random
import sqlite3
import sys
import uuid
from importlib.metadata import version

# A neighbour of this file has the package's name, and stands before it.
sys.path.pop(0)

import langgraph.checkpoint.base.id as ids
from langgraph.checkpoint.base import get_checkpoint_metadata
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.base import BasePostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Interrupt, Send

PINNED = {
    "langgraph": "1.2.22",
    "langgraph-checkpoint": "4.3.2",
    "langgraph-checkpoint-sqlite": "3.1.2",
    "langgraph-checkpoint-postgres": "3.2.0",
}
for package, pinned in PINNED.items():
    assert version(package) == pinned, f"{package} {version(package)} is not {pinned}"

serde = JsonPlusSerializer()
random.seed(7)


def packed(value):
    tag, data = serde.dumps_typed(value)
    return [tag, bytes(data).hex()]


def checkpoint(number, values=None, **rest):
    return {
        "v": 4,
        "ts": f"2026-11-21T06:00:{number:02}.000000+00:00",
        "id": f"1f0c6a00-0000-6000-8000-{number:012}",
        "channel_values": values or {},
        "channel_versions": rest.pop("versions", {}),
        "versions_seen": {"__input__": {}},
        "updated_channels": None,
        **rest,
    }


def config(thread, ns="", checkpoint_id=None, **rest):
    named = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ns, **named, **rest}}


# Filters: each answer is the positions of the rows that match, by InMemorySaver.
METADATA = [
    {"source": "input", "step": -1, "parents": {}},
    {"source": "loop", "step": 0, "parents": {}, "run_id": "r1", "flag": True},
    {"source": "loop", "step": 1, "parents": {"": "x"}, "flag": 1, "none": None},
    {"source": "update", "step": 1.0, "flag": 1.0, "nested": {"a": 1, "b": [1, 2, {"c": None}]}},
    {"nested": {"b": [1, 2, {"c": None}], "a": True}, "list": [1, "zwei", None], "flag": False},
    {"a.b": 1, "a": {"b": 2}, "with space": "x", "quo\"te": "y", "back\\slash": "z", "single'": "w"},
    {"stadt": "Köln", "straße": {"name": "Straße"}, "emoji": "😀", "ключ": 1},
    {"nan": float("nan"), "inf": float("inf"), "step": 3},
    {"big": 2**63, "exact": 2**53 + 1, "neg": -(2**63), "u64": 2**64 - 1, "zero": 0, "negzero": -0.0},
    {"half": 0.5, "text": "1", "empty": "", "line": "a\nb", "list": [], "nested": {}},
    {"step": "1", "source": None, "flag": "true", "list": [[1.0], [True]]},
]
FILTERS = [
    {},
    {"source": "loop"},
    {"source": "loop", "step": 1},
    {"step": 1},
    {"step": 1.0},
    {"step": True},
    {"step": "1"},
    {"flag": True},
    {"flag": 1},
    {"flag": False},
    {"flag": 0},
    {"flag": "true"},
    {"none": None},
    {"missing": None},
    {"source": None},
    {"missing": "x"},
    {"parents": {}},
    {"parents": {"": "x"}},
    {"nested": {"a": 1, "b": [1, 2, {"c": None}]}},
    {"nested": {"b": [1, 2, {"c": None}], "a": 1}},
    {"nested": {"a": 1}},
    {"nested": {}},
    {"nested": {"b": [2, 1, {"c": None}], "a": 1}},
    {"list": [1, "zwei", None]},
    {"list": []},
    {"list": [[1], [1]]},
    {"a.b": 1},
    {"a.b": 2},
    {"a": {"b": 2}},
    {"with space": "x"},
    {"quo\"te": "y"},
    {"back\\slash": "z"},
    {"single'": "w"},
    {"x' OR 1=1 --": 1},
    {"$": 1},
    {"": None},
    {"stadt": "Köln"},
    {"straße": {"name": "Straße"}},
    {"emoji": "😀"},
    {"ключ": 1},
    {"nan": float("nan")},
    {"nan": None},
    {"inf": float("inf")},
    {"step": 3},
    {"big": 2**63},
    {"big": float(2**63)},
    {"big": 2**63 - 1},
    {"exact": 2**53 + 1},
    {"exact": float(2**53)},
    {"neg": -(2**63)},
    {"u64": 2**64 - 1},
    {"u64": float(2**64)},
    {"zero": False},
    {"zero": -0.0},
    {"negzero": 0},
    {"half": 0.5},
    {"text": 1},
    {"text": "1"},
    {"empty": ""},
    {"empty": None},
    {"line": "a\nb"},
]


def filters():
    saver = InMemorySaver()
    for number, metadata in enumerate(METADATA):
        saver.put(config("t"), checkpoint(number), metadata, {})
    answers = []
    for wanted in FILTERS:
        found = [int(found.checkpoint["id"][-12:]) for found in saver.list(config("t"), filter=wanted)]
        answers.append({"filter": wanted, "rows": found})
    return {"metadata": METADATA, "answers": answers}


# Metadata as `put` stores it.
MERGES = [
    ({"configurable": {"thread_id": "t"}}, {"source": "loop", "step": 1, "parents": {}}),
    (
        {
            "configurable": {
                "thread_id": "t", "checkpoint_ns": "n", "checkpoint_id": "c", "checkpoint_map": {}, "user_id": "ada",
                "__private": 1, "number": 1.5, "flag": False, "dict": {"a": 1}, "list": [1], "none": None,
                "step": 9, "nul": "a\0b", "langgraph_step": 3, "both": "configurable", "große": "Zahl",
            },
            "metadata": {"both": "metadata", "run_id": "r", "langgraph_node": "x", "langgraph_path": "x", "tags": ["x"]},
        },
        {"source": "a\0b", "step": 1, "parents": {"": "x\0"}, "extra": {"deep": [1, None, True, 1e16, 1e-7, "\x7f\x1f\"\\"]}},
    ),
    ({"configurable": {"thread_id": "t", "x": float("inf")}, "metadata": None}, {"nan": float("nan"), "big": 2**64}),
]


def merges():
    cases = []
    for given, metadata in MERGES:
        merged = get_checkpoint_metadata(given, metadata)
        cases.append({
            "configurable": {k: v for k, v in given["configurable"].items()},
            "config_metadata": given.get("metadata"),
            "metadata": metadata,
            "stored": json.dumps(merged, ensure_ascii=False),
        })
    return cases


# Calls of put_writes, and the pending writes afterwards.
WRITES = [
    {"task": "t2", "path": "~__pregel_pull, b", "writes": [["x", 1], ["y", [1, "é"]]]},
    {"task": "t1", "path": "~__pregel_pull, b", "writes": [["x", 2]]},
    {"task": "t9", "path": "~__pregel_pull, a", "writes": [["x", 3], ["x", 4]]},
    {"task": "t2", "path": "~__pregel_pull, b", "writes": [["x", "kept out"], ["y", "kept out"], ["z", "new"]]},
    {"task": "t1", "path": "", "writes": [["__error__", "first"], ["x", "mixed"], ["__interrupt__", "first"]]},
    {"task": "t1", "path": "", "writes": [["__error__", "second"], ["x", "mixed"], ["__interrupt__", "second"]]},
    {"task": "00000000-0000-0000-0000-000000000000", "path": "", "writes": [["__resume__", ["yes"]]]},
    {"task": "00000000-0000-0000-0000-000000000000", "path": "", "writes": [["__resume__", ["yes", "no"]]]},
    {"task": "t3", "path": "~__pregel_push, 0000000001, 0000000000", "writes": [["__scheduled__", None], ["b", {}]]},
]


def writes():
    saver = InMemorySaver()
    at = saver.put(config("t"), checkpoint(1), {}, {})
    for call in WRITES:
        saver.put_writes(at, [tuple(write) for write in call["writes"]], call["task"], call["path"])
    pending = saver.get_tuple(at).pending_writes
    calls = [{**call, "writes": [[c, packed(v)] for c, v in call["writes"]]} for call in WRITES]
    return {"calls": calls, "pending": [[task, channel, packed(value)] for task, channel, value in pending]}


# Files of the official saver, row by row, and what it reads from them.
OLD = """
CREATE TABLE checkpoints (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));
CREATE TABLE writes (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL, idx INTEGER NOT NULL, channel TEXT NOT NULL, type TEXT, value BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));
"""


def cells(rows):
    return [[{"blob": cell.hex()} if isinstance(cell, bytes) else cell for cell in row] for row in rows]


def dump(connection):
    tables = {}
    for table in ("checkpoints", "writes"):
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")
        tables[table] = {
            "sql": connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0],
            "columns": [column[0] for column in cursor.description],
            "rows": cells(cursor),
        }
    return tables


def fill(saver):
    """A conversation with a subgraph, two branches, and writes of all kinds; the calls, for others to repeat."""
    calls = []

    def put(number, values, metadata, parent=None, ns="", **extra):
        at = config("t", ns, parent, **extra)
        made = checkpoint(number, values, versions={k: f"{number:032}.{random.random():016}" for k in values})
        saver.put(at, made, metadata, {})
        calls.append({"put": {"ns": ns, "parent": parent, "extra": extra, "checkpoint": packed(made), "metadata": metadata}})
        return made["id"]

    def put_writes(number, written, task, path="", ns=""):
        at = config("t", ns, f"1f0c6a00-0000-6000-8000-{number:012}")
        saver.put_writes(at, written, task, path)
        calls.append({"put_writes": {
            "ns": ns, "id": at["configurable"]["checkpoint_id"], "task": task, "path": path,
            "writes": [[channel, packed(value)] for channel, value in written],
        }})

    first = put(1, {"__start__": {"q": "hé"}}, {"source": "input", "step": -1, "parents": {}}, user_id="ada")
    put_writes(1, [("q", "hé"), ("branch:to:agent", None)], "task-1", "~__pregel_pull, __start__")
    second = put(2, {"q": "hé", "n": 1.5}, {"source": "loop", "step": 0, "parents": {}}, first)
    put_writes(2, [("__interrupt__", [Interrupt(value="ok?", id="i1")])], "task-2", "~__pregel_pull, agent")
    put_writes(2, [("__pregel_tasks", Send("tool", {"x": 1})), ("raw", b"\x00\xff"), ("n", None)], "task-0", "~b")
    put(3, {"inner": [1, 2]}, {"source": "loop", "step": 0, "parents": {"": second}}, ns="child:1")
    put_writes(3, [("inner", uuid.UUID(int=5))], "task-3", "~x", ns="child:1")
    put(4, {"q": "fork"}, {"source": "fork", "step": 1, "parents": {}, "nan": float("nan"), "große": [1, {"a": None}]}, first)
    put(5, {"q": "end", "d": _DeltaSnapshot([1, 2])}, {"source": "loop", "step": 1, "parents": {}}, second, run_id="r-1")
    put_writes(6, [("early", 1)], "task-6", "~early")
    return calls


def official():
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.setup()
    calls = fill(saver)
    new = dump(connection)
    old_connection = sqlite3.connect(":memory:", check_same_thread=False)
    old_connection.executescript(OLD)
    for row in connection.execute("SELECT * FROM checkpoints ORDER BY rowid"):
        old_connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    columns = "thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, value"
    for row in connection.execute(f"SELECT {columns} FROM writes ORDER BY rowid"):
        old_connection.execute(f"INSERT INTO writes ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    old = dump(old_connection)
    old_saver = SqliteSaver(old_connection)

    def tuples(from_saver):
        return [
            {
                "ns": found.config["configurable"]["checkpoint_ns"],
                "id": found.config["configurable"]["checkpoint_id"],
                "parent": found.parent_config and found.parent_config["configurable"]["checkpoint_id"],
                "checkpoint": packed(found.checkpoint),
                "metadata": found.metadata,
                "pending": [[task, channel, packed(value)] for task, channel, value in found.pending_writes],
            }
            for found in from_saver.list(config("t", ns=None))
        ]

    return {"calls": calls, "new": new, "old": old, "tuples": tuples(saver), "old_tuples": tuples(old_saver)}


# Delta channels: chains with a fork, a snapshot, a plain value, and a channel that was never written.
def delta():
    saver = SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))
    chain = [
        (1, None, {"plain": "seed"}),
        (2, 1, {}),
        (3, 2, {"d": _DeltaSnapshot(["s"])}),
        (4, 3, {}),
        (5, 2, {}),
        (6, 4, {}),
    ]
    calls = []
    for number, parent, values in chain:
        parent_id = parent and f"1f0c6a00-0000-6000-8000-{parent:012}"
        made = checkpoint(number, values, versions={"d": str(number), "plain": "1", "root": str(number)})
        saver.put(config("t", "", parent_id), made, {"step": number}, {})
        written = [("d", f"d{number}"), ("root", [number]), ("plain", number), ("d", f"d{number}b")]
        at = config("t", "", made["id"])
        for task, path in (("b", "~2"), ("a", "~3")):
            saver.put_writes(at, [(channel, [task, value]) for channel, value in written], task, path)
        calls.append({"parent": parent_id, "checkpoint": packed(made), "step": number})
    channels = ["d", "plain", "root", "never"]
    answers = []
    for number in (None, 1, 2, 3, 4, 5, 6, 99):
        at = config("t", "", number and f"1f0c6a00-0000-6000-8000-{number:012}")
        found = saver.get_delta_channel_history(config=at, channels=channels)
        answers.append({
            "id": at["configurable"].get("checkpoint_id"),
            "channels": {
                channel: {
                    "writes": [[task, name, packed(value)] for task, name, value in history["writes"]],
                    "seed": packed(history["seed"]) if "seed" in history else None,
                }
                for channel, history in found.items()
            },
        })
    return {"chain": calls, "channels": channels, "answers": answers}


# What a saver reads of versions before 4: the tasks' sends stand in the parent's writes. The rows are those of
# SqliteSaver, which reads them as they are; the answers are those of the Postgres saver, which moves the sends.
def sends():
    saver, postgres = SqliteSaver(sqlite3.connect(":memory:")), BasePostgresSaver()
    calls = []
    version = "00000000000000000000000000000002.0.5"
    for number, v, parent, tasks in [
        (1, 2, None, [("b", "~1", ["first"]), ("a", "~2", ["third", "fourth"]), ("a", "~1", ["second"])]),
        (2, 2, 1, []), (3, 3, 1, [("a", "", ["fifth"])]), (4, 4, 3, []), (5, 3, 2, []),
        (6, 3, 9, [("a", "", ["sixth"])]), (7, 1, 6, []),
    ]:
        versions = {} if number == 7 else {"n": version, "m": "00000000000000000000000000000001.0.7"}
        made = checkpoint(number, {"n": number}, versions=versions, v=v)
        if v == 1:
            made["pending_sends"] = []
            made["channel_versions"] = {"n": 3, "m": 2}
        named = f"1f0c6a00-0000-6000-8000-{parent:012}" if parent else None
        stored = saver.put(config("t", "", named), made, {}, {})
        writes = []
        for task, path, nodes in tasks:
            values = [("__pregel_tasks", Send(node, {"from": number})) for node in nodes]
            values.insert(1, ("n", "between"))
            saver.put_writes(stored, values, task, path)
            writes.append({"task": task, "path": path, "writes": [[name, packed(value)] for name, value in values]})
        calls.append({"parent": named, "checkpoint": packed(made), "writes": writes})
    answers = []
    for found in saver.list(config("t")):
        read, parent = found.checkpoint, found.parent_config
        if read["v"] < 4 and parent:
            sent = saver.conn.execute(
                "SELECT type, value FROM writes WHERE thread_id = 't' AND checkpoint_id = ? AND channel = '__pregel_tasks'"
                " ORDER BY task_path, task_id, idx",
                [parent["configurable"]["checkpoint_id"]],
            )
            moved = []
            postgres._migrate_pending_sends([(tag.encode(), value) for tag, value in sent], read, moved)
            read["channel_values"].update(postgres._load_blobs(moved))
        answers.append(packed(read))
    return {"calls": calls, "answers": answers}


def id_cases():
    cases = []
    for nanoseconds, node, step in [
        (1_722_456_859_804_150_100, 0x8A1503F9B875, 1), (1_795_240_000_000_000_000, 1, -1),
        (1_795_240_000_000_000_100, 2**48 - 1, -2), (0, 0, 0), (1_795_240_123_456_789_000, 5, 16_385),
    ]:
        ids._last_v6_timestamp = None
        ids.time.time_ns = lambda nanoseconds=nanoseconds: nanoseconds
        made = ids.uuid6(node=node, clock_seq=step)
        cases.append({"nanoseconds": nanoseconds, "node": node, "step": step, "id": str(made)})
    return cases


def versions():
    fractions = [0.5, 0.0, 0.1, 0.8577714679427765, 1e-4, 1.5e-5, 5e-17, 0.1 + 0.2, 1 - 2**-53]
    return [{"fraction": fraction, "text": f"{3:032}.{fraction:016}"} for fraction in fractions]


out = {
    "made_by": PINNED,
    "filters": filters(),
    "merges": merges(),
    "writes": writes(),
    "official": official(),
    "delta": delta(),
    "sends": sends(),
    "versions": versions(),
    "ids": id_cases(),
}
json.dump(out, sys.stdout, indent=1, ensure_ascii=False)
print()
