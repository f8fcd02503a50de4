"""A plugin of pytest: the SDK's own tests find `PerSqlSession` under the names of the SDK's stores.

Of the stores' insides the tests may use a connection, to look at rows and to break them: its SQL goes through our
client, and each statement is a transaction.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

# Encrypted sessions have a way of their own with the SDK's store, and must not take ours for it.
from agents.extensions.memory import EncryptedSession as _
from agents.extensions.memory import SQLAlchemySession as TheirSQLAlchemySession
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from . import storage
from .openai_agents import PerSqlSession


class Cursor:
    """The rows of one statement."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = iter(rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [*self._rows]


class Connection:
    """What the tests use of `sqlite3.Connection`.

    Theirs do not enforce foreign keys, so the tests do not care for the row of the session.
    """

    in_transaction = False

    def __init__(self, session: PerSqlSession) -> None:
        session.create_tables()
        self._database = session.database
        sql = f"INSERT OR IGNORE INTO {session.sessions_table} (session_id) VALUES (?)"
        self._database.query(sql, session.session_id)

    def execute(self, sql: str, params: Any = ()) -> Cursor:
        return Cursor(self._database.query(sql, *params))

    def commit(self) -> None:
        pass


class AsyncCursor(Cursor):
    async def fetchone(self) -> tuple[Any, ...] | None:
        return super().fetchone()

    async def fetchall(self) -> list[tuple[Any, ...]]:
        return super().fetchall()

    async def close(self) -> None:
        pass


class AsyncConnection(Connection):
    """What the tests use of `aiosqlite.Connection`."""

    async def execute(self, sql: str, params: Any = ()) -> AsyncCursor:
        return AsyncCursor(self._database.query(sql, *params))

    async def commit(self) -> None:
        pass


class AlchemySession(Connection):
    """What the tests use of SQLAlchemy's `AsyncSession`."""

    async def execute(self, statement: Any, params: Any = None) -> IteratorResult[Any]:
        if params is not None:
            statement = statement.bindparams(**params)
        text = statement.compile(dialect=dialect(), compile_kwargs={"literal_binds": True})
        columns = [column.name for column in getattr(statement, "selected_columns", ())]
        return IteratorResult(SimpleResultMetaData(columns), iter(self._database.query(str(text))))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[None]:
        yield

    async def commit(self) -> None:
        pass


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
        super().__init__(
            session_id,
            storage.at(db_path),
            sessions_table=sessions_table,
            messages_table=messages_table,
            session_settings=session_settings,
        )

    @contextmanager
    def _locked_connection(self) -> Iterator[Connection]:
        yield Connection(self)


class AsyncSQLiteSession(SQLiteSession):
    """Likewise; it is closed by a coroutine."""

    async def close(self) -> None:
        super().close()

    async def _get_connection(self) -> AsyncConnection:
        return AsyncConnection(self)


class SQLAlchemySession(PerSqlSession):
    """Likewise; an engine only says which database is meant."""

    _databases: WeakKeyDictionary[AsyncEngine, str] = WeakKeyDictionary()

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
        url = self._databases.setdefault(engine, storage.at(engine.url.database or ":memory:"))
        super().__init__(session_id, url, create_tables=create_tables, **options)
        self._messages = TheirSQLAlchemySession(session_id, engine=engine)._messages

    @classmethod
    def from_url(
        cls, session_id: str, *, url: str, engine_kwargs: Any = None, **options: Any
    ) -> "SQLAlchemySession":
        return cls(session_id, engine=create_async_engine(url, **(engine_kwargs or {})), **options)

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    def _dumped(self, item: Any) -> str:
        return json.dumps(item, ensure_ascii=self._ensure_ascii, separators=(",", ":"))

    async def _ensure_tables(self) -> None:
        self.create_tables()

    @asynccontextmanager
    async def _session_factory(self) -> AsyncIterator[AlchemySession]:
        yield AlchemySession(self)


EXTENSIONS = "agents.extensions.memory"

for ours, modules in {
    SQLiteSession: ("agents", "agents.memory", "agents.memory.sqlite_session"),
    AsyncSQLiteSession: (EXTENSIONS, f"{EXTENSIONS}.async_sqlite_session"),
    SQLAlchemySession: (EXTENSIONS, f"{EXTENSIONS}.sqlalchemy_session"),
}.items():
    for module in modules:
        setattr(import_module(module), ours.__name__, ours)
