"""A plugin of pytest: the SDK's own tests find `PerSqlSession` under the names of the SDK's stores.

Of the stores' insides the tests may see a connection of Python's to the same file, where there is a file.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

import aiosqlite
from agents.extensions.memory import SQLAlchemySession as TheirSQLAlchemySession
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from . import storage
from .openai_agents import PerSqlSession


class SQLiteSession(PerSqlSession):
    """Takes the arguments of the SDK's class of this name."""

    def __init__(
        self,
        session_id: str,
        db_path: Any = ":memory:",
        sessions_table: str = "agent_sessions",
        messages_table: str = "agent_messages",
        session_settings: Any = None,
    ) -> None:
        self.db_path = db_path
        self.sessions_table = sessions_table
        self.messages_table = messages_table
        self._url = storage.at(db_path)
        super().__init__(
            session_id,
            self._url,
            sessions_table=sessions_table,
            messages_table=messages_table,
            session_settings=session_settings,
        )

    @contextmanager
    def _locked_connection(self) -> Iterator[sqlite3.Connection]:
        self.create_tables()
        with closing(sqlite3.connect(storage.file_of(self._url))) as connection:
            yield connection


class AsyncSQLiteSession(SQLiteSession):
    """Likewise; it is closed by a coroutine."""

    connection: aiosqlite.Connection | None = None

    async def close(self) -> None:
        if self.connection is not None:
            await self.connection.close()
        super().close()

    async def _get_connection(self) -> aiosqlite.Connection:
        if self.connection is None:
            self.create_tables()
            self.connection = await aiosqlite.connect(storage.file_of(self._url))
        return self.connection


class SQLAlchemySession(PerSqlSession):
    """Likewise; an engine is only looked at for the file that it is for."""

    _engines: WeakKeyDictionary[AsyncEngine, str] = WeakKeyDictionary()

    def __init__(
        self,
        session_id: str,
        *,
        engine: AsyncEngine,
        ensure_ascii: bool = True,
        create_tables: bool = False,
        **options: Any,
    ) -> None:
        self._engine = engine
        self._ensure_ascii = ensure_ascii
        url = self._engines.get(engine) or storage.at(engine.url.database or ":memory:")
        self._engines[engine] = url
        super().__init__(session_id, url, create_tables=create_tables, **options)
        self._insides = TheirSQLAlchemySession(session_id, engine=engine)

    @classmethod
    def from_url(
        cls, session_id: str, *, url: str, engine_kwargs: Any = None, **options: Any
    ) -> "SQLAlchemySession":
        ours = storage.at(url.removeprefix("sqlite+aiosqlite:///"))
        if not storage.SERVER:
            url = f"sqlite+aiosqlite:///{storage.file_of(ours)}"
        engine = create_async_engine(url, **(engine_kwargs or {}))
        cls._engines[engine] = ours
        return cls(session_id, engine=engine, **options)

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    def _dumped(self, item: Any) -> str:
        return json.dumps(item, ensure_ascii=self._ensure_ascii, separators=(",", ":"))

    async def _ensure_tables(self) -> None:
        self.create_tables()

    @property
    def _session_factory(self) -> Any:
        return self._insides._session_factory

    @property
    def _messages(self) -> Any:
        return self._insides._messages


EXTENSIONS = "agents.extensions.memory"

for ours, modules in {
    SQLiteSession: ("agents", "agents.memory", "agents.memory.sqlite_session"),
    AsyncSQLiteSession: (EXTENSIONS, f"{EXTENSIONS}.async_sqlite_session"),
    SQLAlchemySession: (EXTENSIONS, f"{EXTENSIONS}.sqlalchemy_session"),
}.items():
    for module in modules:
        setattr(import_module(module), ours.__name__, ours)
