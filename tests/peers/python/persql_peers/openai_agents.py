"""`PerSqlSession` as a session of the OpenAI Agents SDK."""

import json
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import persql_native
from agents.memory import SessionABC, SessionSettings
from agents.memory.session import _await_mutation, _CompactionSnapshot
from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

from . import storage

# More than any history has.
WHOLE = 1 << 30


class PerSqlSession(SessionABC):
    """The four methods, and the hook by which compaction replaces the end of a history."""

    def __init__(
        self,
        session_id: str,
        database: str | persql_native.Database,
        *,
        sessions_table: str = "agent_sessions",
        messages_table: str = "agent_messages",
        session_settings: Any = None,
        create_tables: bool = True,
    ) -> None:
        self.session_id = session_id
        self.sessions_table = sessions_table
        self.messages_table = messages_table
        settings = session_settings if session_settings is not None else SessionSettings()
        self.session_settings = coerce_session_settings(settings)
        self.database = storage.opened(database)
        self._sync, self._session = (
            persql_native.Session(
                self.database,
                session_id,
                asynchronous=asynchronous,
                sessions_table=sessions_table,
                messages_table=messages_table,
                create_tables=create_tables,
            )
            for asynchronous in (False, not storage.BLOCKING)
        )

    def create_tables(self) -> None:
        self._sync.create_tables()

    async def get_items(self, limit: int | None = None) -> list[Any]:
        limit = resolve_session_limit(limit, self.session_settings)
        if limit is not None and limit < 0:
            # SQLite's LIMIT, by which the SDK's stores say everything.
            limit = None
        return [*map(json.loads, await self._run(self._session.get_items, limit))]

    async def add_items(self, items: list[Any]) -> None:
        texts = [self._dumped(item) for item in items]
        await _await_mutation(self._run(self._session.add_items, texts))

    async def pop_item(self) -> Any:
        text = await _await_mutation(self._run(self._session.pop_item))
        return None if text is None else json.loads(text)

    async def clear_session(self) -> None:
        await _await_mutation(self._run(self._session.clear_session))

    def close(self) -> None:
        self.database.close()

    async def _get_compaction_snapshot(
        self, limit: int, *, prune_prefix: Callable[[Any], bool] | None = None
    ) -> _CompactionSnapshot | None:
        tail = await self._tail(limit)
        if tail is None:
            return None
        items = [*map(json.loads, tail.items)]

        async def replace_suffix(start: int, output: list[Any]) -> bool:
            if start >= len(items):
                return False
            texts = [self._dumped(item) for item in output]
            whole = await self._tail(WHOLE) if prune_prefix is not None else None
            if whole is None:
                return await self._replace(tail, start, texts)
            # What is not old enough is written again, so that all is one transaction.
            replaced = tail.items[start:]
            before, newest = whole.items[: -len(replaced)], whole.items[-len(replaced) :]
            expired = [*takewhile(prune_prefix, map(json.loads, before))]
            if newest != replaced or not expired:
                return await self._replace(tail, start, texts)
            return await self._replace(whole, 0, before[len(expired) :] + texts)

        return _CompactionSnapshot(items, tail.complete, replace_suffix)

    async def _tail(self, limit: int) -> Any:
        """The newest items, or nothing if one of them is not JSON."""
        return await self._unless("Corrupt", self._session.tail, limit)

    async def _replace(self, tail: Any, start: int, texts: list[str]) -> bool:
        replacing = self._unless("Conflict", self._session.replace_tail, tail, start, texts)
        return await _await_mutation(replacing) is not None

    async def _unless(self, kind: str, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await self._run(call, *arguments) or True
        except persql_native.PerSqlError as error:
            if error.args[0] == kind:
                return None
            raise

    def _dumped(self, item: Any) -> str:
        return json.dumps(item)

    async def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await storage.called(call, *arguments)
        except persql_native.PerSqlError as error:
            if error.args[0] == "Closed":
                raise RuntimeError(f"{type(self).__name__} is closed") from error
            raise
