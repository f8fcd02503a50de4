"""Sessions of the OpenAI Agents SDK."""

from collections.abc import Callable
from typing import Any

import persql_native
from agents import SQLiteSession
from agents.extensions.memory import SQLAlchemySession
from sqlalchemy.ext.asyncio import create_async_engine

from ..openai_agents import PerSqlSession
from .work import Case, Work, all_there


def opened(store: str, path: str) -> Callable[[str], Any]:
    """What makes a session; all on one file, and with each commit on the disk, as both of theirs have it."""
    if store == "SQLiteSession":
        return lambda session_id: SQLiteSession(session_id, path)
    if store == "SQLAlchemySession":
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        return lambda session_id: SQLAlchemySession(session_id, engine=engine, create_tables=True)
    database = persql_native.Database(f"sqlite:{path}", durability="full")
    return lambda session_id: PerSqlSession(session_id, database)


def set_up(run: Callable[[Any], Any], store: str, case: Case) -> Work:
    session = opened(store, case.path)
    sessions = [session(f"session-{number}") for number in range(max(case.callers, 4))]
    items = case.data["items"]

    async def fill() -> None:
        # Parts of four sessions in turns, and the tables in any case.
        for start in range(0, case.count, 100):
            for each in sessions[:4]:
                await each.add_items(items[start : min(start + 100, case.count)])
        for each in sessions:
            await each.get_items(limit=1)

    run(fill())
    turn = items[:4]

    def caller(own: Any) -> Callable[[], Any]:
        async def append() -> None:
            await own.add_items(turn)

        async def read() -> None:
            all_there(len(await own.get_items(limit=case.limit)), case.limit or case.count)

        return append if case.operation == "append" else read

    return Work([*map(caller, sessions[: case.callers])], awaits=True)
