"""`PerSqlSessionRepository` and `PerSqlStorage` as the repository and the storage of Strands."""

import copy
import json
from collections.abc import Callable
from typing import Any

import persql_native
from strands.session.session_repository import SessionRepository
from strands.storage.storage import _NAMESPACED, StorageSearchResult
from strands.types.exceptions import SessionException, StorageError
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from . import storage
from .waiting import wait


class PerSqlSessionRepository(SessionRepository):
    """Records cross as their fields, JSON as text."""

    def __init__(self, url: str) -> None:
        self.database = persql_native.Database(url)
        self._repository = persql_native.Repository(self.database, asynchronous=not storage.BLOCKING)

    def create_session(self, session: Session, **_: Any) -> Session:
        fields = (session.session_id, SessionType(session.session_type).value, session.created_at, session.updated_at)
        return Session(*_run(self._repository.create_session, fields))

    def read_session(self, session_id: str, **_: Any) -> Session | None:
        fields = _run(self._repository.read_session, session_id)
        return None if fields is None else Session(*fields)

    def delete_session(self, session_id: str, **_: Any) -> None:
        _run(self._repository.delete_session, session_id)

    def create_agent(self, session_id: str, session_agent: SessionAgent, **_: Any) -> None:
        _run(self._repository.create_agent, session_id, _agent(session_agent))

    def read_agent(self, session_id: str, agent_id: str, **_: Any) -> SessionAgent | None:
        fields = _run(self._repository.read_agent, session_id, agent_id)
        if fields is None:
            return None
        agent_id, *states, created_at, updated_at = fields
        states = map(json.loads, states)
        return SessionAgent.from_dict(dict(zip(AGENT, (agent_id, *states, created_at, updated_at), strict=True)))

    def update_agent(self, session_id: str, session_agent: SessionAgent, **_: Any) -> None:
        _run(self._repository.update_agent, session_id, _agent(session_agent))

    def create_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **_: Any) -> None:
        _run(self._repository.create_message, session_id, agent_id, _message(session_message))

    def read_message(self, session_id: str, agent_id: str, message_id: int, **_: Any) -> SessionMessage | None:
        fields = _run(self._repository.read_message, session_id, agent_id, _integer(message_id))
        return None if fields is None else _read_message(fields)

    def update_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **_: Any) -> None:
        _run(self._repository.update_message, session_id, agent_id, _message(session_message))

    def list_messages(
        self, session_id: str, agent_id: str, limit: int | None = None, offset: int = 0, **_: Any
    ) -> list[SessionMessage]:
        found = _run(self._repository.list_messages, session_id, agent_id, limit, offset)
        return [*map(_read_message, found)]

    def create_multi_agent(self, session_id: str, multi_agent: Any, **_: Any) -> None:
        _run(self._repository.create_multi_agent, session_id, json.dumps(multi_agent.serialize_state()))

    def read_multi_agent(self, session_id: str, multi_agent_id: str, **_: Any) -> dict[str, Any] | None:
        text = _run(self._repository.read_multi_agent, session_id, multi_agent_id)
        return None if text is None else json.loads(text)

    def update_multi_agent(self, session_id: str, multi_agent: Any, **_: Any) -> None:
        _run(self._repository.update_multi_agent, session_id, json.dumps(multi_agent.serialize_state()))


AGENT = ("agent_id", "state", "conversation_manager_state", "_internal_state", "created_at", "updated_at")
MESSAGE = ("message", "message_id", "redact_message", "created_at", "updated_at")


def _agent(agent: SessionAgent) -> tuple[Any, ...]:
    agent_id, *states, created_at, updated_at = map(agent.to_dict().get, AGENT)
    return (agent_id, *map(json.dumps, states), created_at, updated_at)


def _message(message: SessionMessage) -> tuple[Any, ...]:
    text, message_id, redacted, created_at, updated_at = map(message.to_dict().get, MESSAGE)
    redacted = None if redacted is None else json.dumps(redacted)
    return json.dumps(text), _integer(message_id), redacted, created_at, updated_at


def _integer(message_id: Any) -> int:
    """Ours takes nothing else."""
    if not isinstance(message_id, int):
        raise ValueError(f"message_id=<{message_id}> | message id must be an integer")
    return message_id


def _read_message(fields: tuple[Any, ...]) -> SessionMessage:
    text, message_id, redacted, created_at, updated_at = fields
    redacted = None if redacted is None else json.loads(redacted)
    values = (json.loads(text), message_id, redacted, created_at, updated_at)
    return SessionMessage.from_dict(dict(zip(MESSAGE, values, strict=True)))


def _run(call: Callable[..., Any], *arguments: Any) -> Any:
    async def awaited() -> Any:
        return await call(*arguments)

    try:
        if storage.BLOCKING:
            return call(*arguments)
        return wait(awaited())
    except persql_native.PerSqlError as error:
        kind, message = error.args
        raise (ValueError if kind == "InvalidInput" else SessionException)(message) from error


class PerSqlStorage:
    """The framework's protocol has no class to derive from."""

    def __init__(self, url: str) -> None:
        self._storage = persql_native.Storage(
            persql_native.Database(url), asynchronous=not storage.BLOCKING
        )

    async def write(self, key: str, data: bytes) -> None:
        await self._run("write", key, bytes(data))

    async def read(self, key: str) -> bytes | None:
        return await self._run("read", key)

    async def delete(self, key: str) -> None:
        await self._run("delete", key)

    async def search(self, query: str) -> list[StorageSearchResult]:
        return [StorageSearchResult(*found) for found in await self._run("search", query)]

    async def list(self, query: str = "") -> list[str]:
        return await self._run("list", query)

    def namespace(self, prefix: str) -> "PerSqlStorage":
        view = copy.copy(self)
        try:
            view._storage = self._storage.namespace(prefix)
        except persql_native.PerSqlError as error:
            raise StorageError(error.args[1]) from error
        view._namespaced = _NAMESPACED
        return view

    async def _run(self, operation: str, *arguments: Any) -> Any:
        call = getattr(self._storage, operation)
        try:
            return await storage.called(call, *arguments)
        except persql_native.PerSqlError as error:
            raise StorageError(error.args[1]) from error
