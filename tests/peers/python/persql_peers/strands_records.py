"""Tests of ours: what the tests of `FileSessionManager` say about its files, said about rows."""

import json
import re
from typing import Any

import persql_native
import pytest
from strands.session.repository_session_manager import RepositorySessionManager
from strands.types.exceptions import SessionException
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from . import storage
from .strands import PerSqlSessionRepository

SESSION = Session(session_id="s1", session_type=SessionType.AGENT)
AGENT = SessionAgent(agent_id="a1", state={"key": "value"}, conversation_manager_state={})
TABLES = ("sessions", "agents", "messages", "multi_agents")


class State:
    """A graph, as far as a repository looks at it."""

    id = "g1"

    def serialize_state(self) -> dict[str, Any]:
        return {"id": self.id, "state": {"key": "value"}, "input": "é\ud800"}


@pytest.fixture
def ours() -> PerSqlSessionRepository:
    return PerSqlSessionRepository(storage.fresh())


def message(**members: Any) -> SessionMessage:
    return SessionMessage.from_message({"role": "user", "content": [{"text": "Hello"}], **members}, 0)


def rows(ours: PerSqlSessionRepository, table: str) -> list[Any]:
    return [json.loads(data) for (data,) in ours.database.query(f"SELECT data FROM strands_{table}")]


def test_create_session(ours: PerSqlSessionRepository) -> None:
    ours.create_session(SESSION)
    assert rows(ours, "sessions") == [SESSION.to_dict()]


def test_delete_session(ours: PerSqlSessionRepository) -> None:
    for session_id in ("s1", "s2"):
        ours.create_session(Session(session_id=session_id, session_type=SessionType.AGENT))
        ours.create_agent(session_id, AGENT)
        ours.create_message(session_id, "a1", message())
        ours.create_multi_agent(session_id, State())
    ours.delete_session("s1")
    for table in TABLES:
        assert ours.database.query(f"SELECT session_id FROM strands_{table}") == [("s2",)]


def test_create_agent(ours: PerSqlSessionRepository) -> None:
    ours.create_session(SESSION)
    ours.create_agent("s1", AGENT)
    assert rows(ours, "agents") == [AGENT.to_dict()]


def test_create_message(ours: PerSqlSessionRepository) -> None:
    sent = message(metadata={"custom": {"pinned": True}}, bytes=b"\x00\xff")
    ours.create_message("s1", "a1", sent)
    assert rows(ours, "messages") == [sent.to_dict()]
    assert ours.read_message("s1", "a1", 0) == sent


def test_message_durable_id_persists(ours: PerSqlSessionRepository) -> None:
    ours.create_message("s1", "a1", message(tracking_id="durable-1"))
    assert rows(ours, "messages")[0]["message"]["tracking_id"] == "durable-1"
    assert ours.read_message("s1", "a1", 0).to_message()["tracking_id"] == "durable-1"


def test_corrupted_row(ours: PerSqlSessionRepository) -> None:
    ours.create_session(SESSION)
    ours.database.query("UPDATE strands_sessions SET data = 'invalid json content'")
    with pytest.raises(SessionException, match="Invalid JSON") as raised:
        ours.read_session("s1")
    assert "invalid json content" not in str(raised.value)


def test_error_of_the_database_handling(ours: PerSqlSessionRepository) -> None:
    ours.create_session(SESSION)
    sql = "CREATE TRIGGER no BEFORE INSERT ON strands_agents BEGIN SELECT RAISE(ABORT, 'no'); END"
    ours.database.query(sql)
    with pytest.raises(SessionException) as raised:
        ours.create_agent("s1", AGENT)
    assert isinstance(raised.value.__cause__, persql_native.PerSqlError)
    assert rows(ours, "agents") == []


@pytest.mark.parametrize("session_id", ["a/../b", "a/b"])
def test_invalid_session_id(ours: PerSqlSessionRepository, session_id: str) -> None:
    refused = re.escape(f"session_id={session_id} | id cannot contain path separators")
    for refuses in (
        lambda: ours.create_session(Session(session_id=session_id, session_type=SessionType.AGENT)),
        lambda: ours.read_session(session_id),
        lambda: ours.create_agent(session_id, AGENT),
        lambda: ours.read_message(session_id, "a1", 0),
        lambda: RepositorySessionManager(session_id=session_id, session_repository=ours),
    ):
        with pytest.raises(ValueError, match=refused):
            refuses()


@pytest.mark.parametrize("agent_id", ["a/../b", "a/b"])
def test_invalid_agent_id(ours: PerSqlSessionRepository, agent_id: str) -> None:
    refused = re.escape(f"agent_id={agent_id} | id cannot contain path separators")
    for refuses in (
        lambda: ours.create_agent("s1", SessionAgent(agent_id, {}, {})),
        lambda: ours.read_agent("s1", agent_id),
        lambda: ours.create_message("s1", agent_id, message()),
        lambda: ours.list_messages("s1", agent_id),
        lambda: ours.read_multi_agent("s1", agent_id),
    ):
        with pytest.raises(ValueError, match=refused):
            refuses()


@pytest.mark.parametrize("message_id", ["../../../secret", "../escape", "path/traversal", "not_an_int", None, []])
def test_invalid_message_id(ours: PerSqlSessionRepository, message_id: Any) -> None:
    # Ours takes an integer and nothing else, so this is said by the class in between.
    with pytest.raises(ValueError, match=r"message_id=<.*> \| message id must be an integer"):
        ours.read_message("s1", "a1", message_id)
    with pytest.raises(ValueError, match=r"message_id=<.*> \| message id must be an integer"):
        ours.create_message("s1", "a1", SessionMessage({}, message_id))


def test_create_multi_agent(ours: PerSqlSessionRepository) -> None:
    ours.create_session(SESSION)
    ours.create_multi_agent("s1", State())
    assert rows(ours, "multi_agents") == [State().serialize_state()]
    assert ours.read_multi_agent("s1", "g1") == State().serialize_state()


def test_create_session_makes_the_tables(ours: PerSqlSessionRepository) -> None:
    assert ours.read_session("s1") is None
    ours.create_session(SESSION)
    for table in TABLES:
        assert len(rows(ours, table)) == (table == "sessions")
