"""Strands' records on one file: by Python's own SQLite, in a process of its own, and by ours."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from persql_peers.child import Child
from persql_peers.strands import PerSqlSessionRepository
from persql_peers.strands_model import Stub
from strands import Agent
from strands.session.repository_session_manager import RepositorySessionManager
from strands.session.session_repository import SessionRepository
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType, encode_bytes_values

# As docs/tables.md describes them.
TABLES = """
CREATE TABLE IF NOT EXISTS strands_sessions (
    session_id TEXT NOT NULL PRIMARY KEY, data TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS strands_agents (
    session_id TEXT NOT NULL, agent_id TEXT NOT NULL, data TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, PRIMARY KEY (session_id, agent_id));
CREATE TABLE IF NOT EXISTS strands_messages (
    session_id TEXT NOT NULL, agent_id TEXT NOT NULL, message_id INTEGER NOT NULL, data TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (session_id, agent_id, message_id));
CREATE TABLE IF NOT EXISTS strands_multi_agents (
    session_id TEXT NOT NULL, multi_agent_id TEXT NOT NULL, data TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, PRIMARY KEY (session_id, multi_agent_id));
"""


class Rows(SessionRepository):
    """A row a record, `to_dict()` as JSON in it; nothing else that a repository should do."""

    def __init__(self, path: str) -> None:
        # The framework calls from several threads, never from two at once.
        self.sqlite = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.sqlite.execute("PRAGMA journal_mode = WAL")
        self.sqlite.executescript(TABLES)

    def put(self, table: str, key: dict[str, Any], record: dict[str, Any]) -> None:
        row = {**key, "data": json.dumps(record)}
        row |= {name: record.get(name, "2026-11-21T06:00:00+00:00") for name in ("created_at", "updated_at")}
        marks = ", ".join("?" * len(row))
        self.sqlite.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])

    def found(self, table: str, key: dict[str, Any], rest: str = "") -> list[dict[str, Any]]:
        where = " AND ".join(f"{name} = ?" for name in key)
        rows = self.sqlite.execute(f"SELECT data FROM {table} WHERE {where} {rest}", [*key.values()])
        return [json.loads(data) for (data,) in rows]

    def create_session(self, session: Session, **_: Any) -> Session:
        self.put("strands_sessions", {"session_id": session.session_id}, session.to_dict())
        return session

    def read_session(self, session_id: str, **_: Any) -> Session | None:
        return next(map(Session.from_dict, self.found("strands_sessions", {"session_id": session_id})), None)

    def create_agent(self, session_id: str, session_agent: SessionAgent, **_: Any) -> None:
        key = {"session_id": session_id, "agent_id": session_agent.agent_id}
        self.put("strands_agents", key, session_agent.to_dict())

    def read_agent(self, session_id: str, agent_id: str, **_: Any) -> SessionAgent | None:
        key = {"session_id": session_id, "agent_id": agent_id}
        return next(map(SessionAgent.from_dict, self.found("strands_agents", key)), None)

    def update_agent(self, session_id: str, session_agent: SessionAgent, **_: Any) -> None:
        session_agent.created_at = self.read_agent(session_id, session_agent.agent_id).created_at
        self.create_agent(session_id, session_agent)

    def create_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **_: Any) -> None:
        key = {"session_id": session_id, "agent_id": agent_id, "message_id": session_message.message_id}
        self.put("strands_messages", key, session_message.to_dict())

    def read_message(self, session_id: str, agent_id: str, message_id: int, **_: Any) -> SessionMessage | None:
        key = {"session_id": session_id, "agent_id": agent_id, "message_id": message_id}
        return next(map(SessionMessage.from_dict, self.found("strands_messages", key)), None)

    def update_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **_: Any) -> None:
        before = self.read_message(session_id, agent_id, session_message.message_id)
        session_message.created_at = before.created_at
        self.create_message(session_id, agent_id, session_message)

    def list_messages(
        self, session_id: str, agent_id: str, limit: int | None = None, offset: int = 0, **_: Any
    ) -> list[SessionMessage]:
        key = {"session_id": session_id, "agent_id": agent_id}
        rows = self.found("strands_messages", key, "ORDER BY message_id")
        return [*map(SessionMessage.from_dict, rows)][offset:][:limit]

    def create_multi_agent(self, session_id: str, multi_agent: Any, **_: Any) -> None:
        key = {"session_id": session_id, "multi_agent_id": multi_agent.id}
        self.put("strands_multi_agents", key, multi_agent.serialize_state())

    def read_multi_agent(self, session_id: str, multi_agent_id: str, **_: Any) -> dict[str, Any] | None:
        key = {"session_id": session_id, "multi_agent_id": multi_agent_id}
        return next(iter(self.found("strands_multi_agents", key)), None)

    def update_multi_agent(self, session_id: str, multi_agent: Any, **_: Any) -> None:
        self.create_multi_agent(session_id, multi_agent)


class Team:
    """What a repository asks of a graph or a swarm."""

    id = "team"

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def serialize_state(self) -> dict[str, Any]:
        return {"type": "graph", "id": self.id, **self.state}


class Side:
    """Agents over a repository. What it reads is told as text: NaN is not equal to itself."""

    def __init__(self, repository: SessionRepository) -> None:
        self.repository = repository

    def agent(self, session_id: str, redact: bool = False) -> Agent:
        manager = RepositorySessionManager(session_id, session_repository=self.repository)
        model = Stub(redact)
        return Agent(model=model, agent_id="helper", session_manager=manager, callback_handler=None)

    def talk(self, session_id: str, said: Any, state: dict[str, Any], redact: bool = False) -> None:
        agent = self.agent(session_id, redact)
        for key, value in state.items():
            agent.state.set(key, value)
        agent(said)

    def restored(self, session_id: str) -> str:
        agent = self.agent(session_id)
        return repr((encode_bytes_values(agent.messages), agent.state.get()))

    def records(self, session_id: str) -> list[str]:
        records = [self.repository.read_session(session_id), self.repository.read_agent(session_id, "helper")]
        return [*map(repr, records + self.repository.list_messages(session_id, "helper"))]

    def page(self, session_id: str, limit: int, offset: int) -> str:
        return repr(self.repository.list_messages(session_id, "helper", limit, offset))

    def create(self, session_id: str, state: dict[str, Any], messages: list[Any]) -> None:
        self.repository.create_session(Session(session_id, SessionType.AGENT))
        self.repository.create_agent(session_id, SessionAgent("helper", state, {}))
        for number, message in enumerate(messages):
            self.repository.create_message(session_id, "helper", SessionMessage(message, number))

    def change(self, session_id: str, state: dict[str, Any], number: int, redacted: Any) -> None:
        agent = self.repository.read_agent(session_id, "helper")
        agent.state = state
        self.repository.update_agent(session_id, agent)
        message = self.repository.read_message(session_id, "helper", number)
        message.redact_message = redacted
        self.repository.update_message(session_id, "helper", message)

    def put_team(self, session_id: str, state: dict[str, Any]) -> None:
        known = self.repository.read_multi_agent(session_id, "team") is not None
        put = self.repository.update_multi_agent if known else self.repository.create_multi_agent
        put(session_id, Team(state))

    def team(self, session_id: str) -> str:
        return repr(self.repository.read_multi_agent(session_id, "team"))


class Theirs:
    """The side in the child, which opens the file when it is first used."""

    def __init__(self, open_child: Callable[[], Child]) -> None:
        self.child = cache(open_child)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self.child().run(getattr(Side, name), *arguments)


def rows(path: str) -> Side:
    return Side(Rows(path))


@pytest.fixture
def sides(tmp_path: Path, child: Callable[..., Child]) -> Iterator[dict[str, Any]]:
    """Both on one new file."""
    path = str(tmp_path / "shared.db")
    repository = PerSqlSessionRepository(f"sqlite:{path}")
    yield {"theirs": Theirs(lambda: child("rows", rows, path)), "ours": Side(repository)}
    repository.database.close()


def both(sides: dict[str, Any], what: str, *arguments: Any) -> Any:
    """What both give, if it is the same."""
    theirs, ours = (getattr(sides[name], what)(*arguments) for name in ("theirs", "ours"))
    assert ours == theirs
    return ours


FIRST = pytest.mark.parametrize("first, second", [("theirs", "ours"), ("ours", "theirs")])

# Of every type that JSON has, and bytes, which the framework writes as base64.
VALUES = {
    "text": "Grüße 日本語 😀 \u2028 \u007f \u0000 '\"\\/ \ud800",
    "integers": [0, -1, 2**53 + 1, 2**63, -(2**64), 10**30],
    "floats": [1.0, -0.0, 0.1, 1e16, 1e-7, 5e-324, 1.7976931348623157e308],
    "not numbers": [float("nan"), float("inf"), -float("inf")],
    "nothing": [None, True, False, {}, [], ""],
    "out of order": {"z": {"ключ": 1}, "a": {"": None}},
}
DOCUMENT = {"format": "pdf", "name": "Ü", "source": {"bytes": bytes(range(256))}}
TOOL = {"toolUseId": "t", "name": "search", "input": VALUES, "reasoningSignature": "s"}
CONTENTS = [
    {"text": VALUES["text"]},
    {"image": {"format": "png", "source": {"bytes": b"\x89PNG\x00\xff"}}},
    {"document": DOCUMENT},
    {"toolUse": TOOL},
    {"toolResult": {"toolUseId": "t", "status": "success", "content": [{"json": VALUES}, {"document": DOCUMENT}]}},
    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}, "redactedContent": b"\x00"}},
    {"cachePoint": {"type": "default", "ttl": "5m"}},
    {"ours to keep": VALUES},
]
MESSAGES = [
    {"role": "assistant" if number % 2 else "user", "content": [content], "metadata": {"custom": {"score": 0.1}}}
    for number, content in enumerate(CONTENTS)
]


@FIRST
def test_a_conversation_that_one_starts_the_other_goes_on_with(
    sides: dict[str, Any], first: str, second: str
) -> None:
    said = [{"text": "Was ist das? 😀"}, {"image": {"format": "png", "source": {"bytes": b"\x89PNG\x00\xff"}}}]
    turns = [(first, said), (second, "again"), (first, "My PIN is 1234."), (second, "and?")]
    for number, (name, prompt) in enumerate(turns):
        redact = "PIN" in prompt
        sides[name].talk("s", prompt, {"turn": number, "text": "é", "float": 1.0}, redact)
        both(sides, "records", "s")
        restored = both(sides, "restored", "s")
        assert restored.count("'role'") == 2 * (number + 1)
        assert f"'turn': {number}" in restored
    assert "1234" not in both(sides, "restored", "s")


@FIRST
def test_records_of_every_type_are_read_by_both(sides: dict[str, Any], first: str, second: str) -> None:
    sides[first].create("Grüße 'ada' 😀", VALUES, MESSAGES)
    records = both(sides, "records", "Grüße 'ada' 😀")
    assert records[1].count(repr(VALUES)) == 1
    for message, record in zip(MESSAGES, records[2:], strict=True):
        assert repr(message) in record
    assert both(sides, "page", "Grüße 'ada' 😀", 3, 2).count("SessionMessage(") == 3


@FIRST
def test_what_one_updates_the_other_reads(sides: dict[str, Any], first: str, second: str) -> None:
    sides[first].create("s", {}, MESSAGES)
    for name, number in [(second, 1), (first, 2)]:
        before = both(sides, "records", "s")
        sides[name].change("s", {"by": name, **VALUES}, number, MESSAGES[-1])
        after = both(sides, "records", "s")
        assert repr(MESSAGES[-1]) in after[2 + number] and repr({"by": name, **VALUES}) in after[1]
        assert before[3 + number :] == after[3 + number :]


@FIRST
def test_the_state_of_several_agents_is_read_by_both(sides: dict[str, Any], first: str, second: str) -> None:
    sides[first].create("s", {}, [])
    for number, name in enumerate([first, second, first]):
        sides[name].put_team("s", {"step": number, **VALUES})
        assert both(sides, "team", "s") == repr({"type": "graph", "id": "team", "step": number, **VALUES})


def test_both_write_at_the_same_time(sides: dict[str, Any]) -> None:
    for name in ("theirs", "ours"):
        sides[name].create(name, {}, [])
    writing = sides["theirs"].child().submit(Side.create, "theirs", {}, MESSAGES * 20)
    sides["ours"].create("ours-too", {}, MESSAGES * 20)
    writing.result()
    for session_id in ("theirs", "ours-too"):
        assert len(both(sides, "records", session_id)) == 2 + len(MESSAGES) * 20
