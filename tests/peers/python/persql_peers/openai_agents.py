"""`PerSqlSession` as a session of the OpenAI Agents SDK."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import persql_native
from agents.memory import SessionABC, SessionSettings
from agents.memory.session import _await_mutation, _CompactionSnapshot
from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

from . import storage


class PerSqlSession(SessionABC):
    """The four methods, and the hook by which compaction replaces the end of a history."""

    def __init__(
        self,
        session_id: str,
        url: str,
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
        self.database = persql_native.Database(url)
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
        try:
            tail = await self._run(self._session.tail, limit)
        except persql_native.PerSqlError as error:
            if error.args[0] == "Corrupt":
                return None
            raise
        items = [*map(json.loads, tail.items)]

        async def replace_suffix(start: int, output: list[Any]) -> bool:
            if start >= len(items):
                return False
            texts = [self._dumped(item) for item in output]
            try:
                await _await_mutation(self._run(self._session.replace_tail, tail, start, texts))
            except persql_native.PerSqlError as error:
                if error.args[0] == "Conflict":
                    return False
                raise
            return True

        return _CompactionSnapshot(items, tail.complete, replace_suffix)

    def _dumped(self, item: Any) -> str:
        return json.dumps(item)

    async def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            if storage.BLOCKING:
                return await asyncio.to_thread(call, *arguments)
            return await call(*arguments)
        except persql_native.PerSqlError as error:
            if error.args[0] == "Closed":
                raise RuntimeError(f"{type(self).__name__} is closed") from error
            raise
