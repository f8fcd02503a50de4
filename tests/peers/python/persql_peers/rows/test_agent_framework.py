"""Agent Framework's messages on one file: by Python's own SQLite, in a process of its own, and by ours."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from agent_framework import HistoryProvider, Message
from agent_framework._sessions import filter_new_messages
from persql_peers.agent_framework import PerSqlHistoryProvider
from persql_peers.child import Child

pytestmark = pytest.mark.asyncio

# One for each kind of content, and for what else a message may have.
_vectors = Path(__file__).parents[4] / "vectors/agent_framework_history.json"
MESSAGES = [json.loads(made["stored"]) for made in json.loads(_vectors.read_text("ascii"))["messages"]]

# As docs/tables.md describes it.
TABLE = """
CREATE TABLE IF NOT EXISTS agent_framework_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, message_data TEXT NOT NULL, created_at TEXT NOT NULL)
"""
ALL = "SELECT message_data FROM agent_framework_messages WHERE session_id = ? ORDER BY id"
ADD = """
INSERT INTO agent_framework_messages (session_id, message_data, created_at) VALUES (?, ?, datetime('now'))
"""


class Rows(HistoryProvider):
    """A row a message, `to_dict()` as JSON in it."""

    def __init__(self, path: str) -> None:
        super().__init__("rows")
        self.sqlite = sqlite3.connect(path)
        self.sqlite.execute("PRAGMA journal_mode = WAL")
        self.sqlite.execute(TABLE)

    async def get_messages(self, session_id: str | None, **_: Any) -> list[Message]:
        rows = self.sqlite.execute(ALL, [session_id or "default"])
        return [Message.from_dict(json.loads(text)) for (text,) in rows]

    async def save_messages(self, session_id: str | None, messages: Any, **_: Any) -> None:
        new = filter_new_messages(await self.get_messages(session_id), messages)
        with self.sqlite:
            rows = [(session_id or "default", json.dumps(message.to_dict())) for message in new]
            self.sqlite.executemany(ADD, rows)


class Side:
    """A provider. What it reads is told as text: NaN is not equal to itself."""

    def __init__(self, provider: HistoryProvider) -> None:
        self.provider = provider

    async def save(self, session_id: str | None, *messages: Any) -> None:
        await self.provider.save_messages(session_id, [*map(Message.from_dict, messages)])

    async def save_each(self, session_id: str | None, *messages: Any) -> None:
        for message in messages:
            await self.save(session_id, message)

    async def read(self, session_id: str | None) -> list[str]:
        return [repr(message.to_dict()) for message in await self.provider.get_messages(session_id)]


class Theirs:
    """The side in the child, which opens the file when it is first used."""

    def __init__(self, open_child: Callable[[], Child]) -> None:
        self.child = cache(open_child)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: asyncio.wrap_future(self.child().submit(getattr(Side, name), *arguments))


def rows(path: str) -> Side:
    return Side(Rows(path))


@pytest.fixture
def sides(tmp_path: Path, child: Callable[..., Child]) -> Iterator[dict[str, Any]]:
    """Both on one new file."""
    path = str(tmp_path / "shared.db")
    provider = PerSqlHistoryProvider(f"sqlite:{path}")
    yield {"theirs": Theirs(lambda: child("rows", rows, path)), "ours": Side(provider)}
    provider.database.close()


async def both_read(sides: dict[str, Any], session_id: str | None, messages: list[Any]) -> None:
    expected = [repr(Message.from_dict(message).to_dict()) for message in messages]
    for name, side in sides.items():
        assert await side.read(session_id) == expected, name


FIRST = pytest.mark.parametrize("first, second", [("theirs", "ours"), ("ours", "theirs")])


def said(number: int) -> dict[str, Any]:
    """A message with an id."""
    contents = [{"type": "text", "text": f"Grüße {number} 😀", "additional_properties": {"n": 2**53 + 1}}]
    role = "assistant" if number % 2 else "user"
    rest = {"message_id": f"m-{number}", "additional_properties": {"score": 1.0}}
    return {"type": "message", "role": role, "contents": contents, **rest}


@FIRST
async def test_messages_of_every_kind_are_read_by_both(sides: dict[str, Any], first: str, second: str) -> None:
    for number, message in enumerate(MESSAGES):
        session_id = f"Grüße 'ada' {number}"
        await sides[first].save(session_id, message)
        await sides[second].save(session_id, said(1))
        await both_read(sides, session_id, [message, said(1)])
    await sides[second].save("all", *MESSAGES)
    await both_read(sides, "all", MESSAGES)


@FIRST
async def test_a_history_that_one_starts_the_other_goes_on_with(
    sides: dict[str, Any], first: str, second: str
) -> None:
    history = [said(number) for number in range(12)]
    await sides[first].save("s", *history[:4])
    await both_read(sides, "s", history[:4])
    # Callers say again what is stored already, by whomever.
    await sides[second].save("s", *history[:6])
    await both_read(sides, "s", history[:6])
    await sides[first].save("s", *history[4:8])
    await sides[second].save("s", *history[:8])
    await both_read(sides, "s", history[:8])
    await sides[first].save("s", *history[8:])
    await both_read(sides, "s", history)


@FIRST
async def test_without_a_session_both_mean_the_same(sides: dict[str, Any], first: str, second: str) -> None:
    await sides[first].save(None, said(0))
    await sides[second].save(None, said(1))
    await both_read(sides, None, [said(0), said(1)])
    await both_read(sides, "default", [said(0), said(1)])


async def test_both_write_at_the_same_time(sides: dict[str, Any]) -> None:
    messages = [said(number) for number in range(100)]
    for side in sides.values():
        await side.read("s")
    await asyncio.gather(*(side.save_each(name, *messages) for name, side in sides.items()))
    for name in sides:
        await both_read(sides, name, messages)
