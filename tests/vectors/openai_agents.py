"""Writes openai_agents.json: what the sessions of the OpenAI Agents SDK store, and what they read.

    pip install openai-agents==0.24.0 SQLAlchemy==2.1.9 aiosqlite==0.22.1
    python openai_agents.py

`stores` holds, for each of the SDK's two session classes for SQLite, the tables that it creates and the rows that it
writes for the same items. `rows` holds rows that no session wrote, each with how many items `SQLiteSession` reads of it.
A value is left out where JSON proper cannot carry it.
"""

import asyncio
import json
import pathlib
import sqlite3
import tempfile
from importlib.metadata import version

from agents import SQLiteSession
from agents.extensions.memory import SQLAlchemySession

PACKAGES = {"openai-agents": "0.24.0", "SQLAlchemy": "2.1.9", "aiosqlite": "0.22.1"}

ITEMS = {
    "user message": {"role": "user", "content": "My name is Ada."},
    "user message with parts": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": "data:,x"}],
    },
    "assistant message": {
        "id": "msg_1",
        "content": [{"annotations": [], "text": "Hello, Ada.", "type": "output_text", "logprobs": []}],
        "role": "assistant",
        "status": "completed",
        "type": "message",
    },
    "reasoning": {"id": "rs_1", "summary": [{"text": "thinking", "type": "summary_text"}], "type": "reasoning"},
    "function call": {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a": 1}', "id": "fc_1"},
    "function call output": {"type": "function_call_output", "call_id": "c1", "output": "2"},
    "custom tool call": {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ls -l | wc"},
    "computer call": {"type": "computer_call", "call_id": "c3", "action": {"type": "click", "x": 1, "y": 2}},
    "compaction": {"type": "compaction", "encrypted_content": "gAAAAABl=="},
    "encrypted envelope": {"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAAABlU_EA"},
    "unicode": {"role": "user", "content": "Grüße 日本語 😀 \u2028 \u007f \u00a0 é"},
    "quotes and escapes": {"role": "user", "content": "'\"\\/\b\f\n\r\t\u0000\u001f; DROP TABLE agent_messages;--"},
    "keys out of order": {"z": 1, "a": {"z": None, "": True, "b": False}, "m": []},
    "floats": {"floats": [1.0, -0.0, 0.1, 1e16, 1e15, 1e-7, 1e-4, 1e100, 5e-324, 1.7976931348623157e308]},
    "integers": {"integers": [0, -1, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1]},
    "integer beyond 64 bits": {"integer": 2**64, "more": 10**30, "less": -(10**25)},
    "not a number": {"nan": float("nan"), "infinity": float("inf"), "less": [-float("inf")]},
    "lone surrogate": {"role": "user", "content": "a\ud800b"},
    "empty object": {},
    "deep": json.loads("[" * 100 + "]" * 100),
}

ROWS = {
    "not JSON": "not json at all",
    "empty": "",
    "cut off": '{"role": "user"',
    "trailing comma": '{"a": 1,}',
    "two values": "{} {}",
    "single quotes": "{'role': 'user'}",
    "byte order mark": "\ufeff{}",
    "raw control character": '"a\nb"',
    "number": "123",
    "string": '"text"',
    "null": "null",
    "array": "[1, 2]",
    "white space around": ' \t\r\n{"a": 1}\n ',
    "key twice": '{"a": 1, "a": 2}',
    "NaN": "NaN",
    "negative infinity": "-Infinity",
    "lower case nan": "nan",
    "huge exponent": "[1e999]",
    "lone surrogates": '"\\udc00\\ud800"',
    "leading zero": "01",
    "blob of JSON": '{"role": "user", "content": "é"}'.encode(),
    "blob with a byte order mark": '\ufeff{"a": 1}'.encode(),
    "blob that is not JSON": b"\x01\x02\x03\x04",
}


def proper(value):
    """The value if JSON proper can carry it, else nothing."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, UnicodeEncodeError):
        return {}
    return {"value": value}


def tables(path):
    rows = sqlite3.connect(path).execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    # `sqlite_sequence` is SQLite's own.
    return [sql for (sql,) in rows if "sqlite_sequence" not in sql]


async def store(session, path):
    await session.add_items(list(ITEMS.values()))
    read = await session.get_items()
    assert repr(read) == repr(list(ITEMS.values()))
    texts = [text for (text,) in sqlite3.connect(path).execute("SELECT message_data FROM agent_messages ORDER BY id")]
    items = zip(ITEMS.items(), texts, strict=True)
    return {
        "tables": tables(path),
        "items": [{"name": name, "text": text, **proper(item)} for (name, item), text in items],
    }


async def read_alone(directory, name, stored):
    path = directory / f"{name}.db"
    session = SQLiteSession("ada", path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO agent_sessions(session_id) VALUES ('ada')")
        connection.execute("INSERT INTO agent_messages(session_id, message_data) VALUES ('ada', ?)", (stored,))
    read = await session.get_items()
    session.close()
    row = {"blob": list(stored)} if isinstance(stored, bytes) else {"text": stored}
    return {"name": name, **row, "items": len(read), **(proper(read[0]) if read else {})}


async def main():
    for package, wanted in PACKAGES.items():
        assert version(package) == wanted, f"{package} {wanted} is needed, and this is {version(package)}"
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        plain, alchemy = directory / "plain.db", directory / "alchemy.db"
        url = f"sqlite+aiosqlite:///{alchemy}"
        vectors = {
            "packages": PACKAGES,
            "stores": {
                "SQLiteSession": await store(SQLiteSession("ada", plain), plain),
                "SQLAlchemySession": await store(
                    SQLAlchemySession.from_url("ada", url=url, create_tables=True), alchemy
                ),
            },
            "rows": [await read_alone(directory, name, row) for name, row in ROWS.items()],
        }
    target = pathlib.Path(__file__).with_suffix(".json")
    target.write_text(json.dumps(vectors, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
