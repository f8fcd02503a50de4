"""Checkpointers of LangGraph."""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite
import persql_native
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ..langgraph import PerSqlSaver
from .work import Case, Work, all_there

THREADS = ["other-1", "other-2", "other-3", "thread-0"]
RESTORE = "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = '' AND checkpoint_id = ?"


def identifier(number: int) -> str:
    return f"1f0c6a00-{number:04x}-6000-8000-0242ac120002"


def checkpoint(number: int, texts: list[str]) -> Any:
    """What a chat graph stores after a step."""

    def version(of: int) -> str:
        return f"{of:032}.0.4857319028374651"

    said = [(AIMessage if at % 2 else HumanMessage)(text, id=f"msg_{at:024}") for at, text in enumerate(texts)]
    return {
        "v": 4,
        "ts": "2026-11-21T06:00:00.123456+00:00",
        "id": identifier(number),
        "channel_values": {"messages": said, "branch:to:agent": None},
        "channel_versions": {"__start__": version(2), "messages": version(number + 2)},
        "versions_seen": {"__input__": {}, "agent": {"messages": version(number + 1)}},
        "updated_channels": ["messages"],
    }


def config(thread: str, number: int | None = None) -> Any:
    named = {} if number is None else {"checkpoint_id": identifier(number)}
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **named}}


def fill(saver: Any, count: int, texts: list[str]) -> None:
    for number in range(count):
        for thread in THREADS:
            parent = config(thread, number - 1 if number else None)
            saver.put(parent, checkpoint(number, texts), {"source": "loop", "step": number, "parents": {}}, {})


def set_up(run: Callable[[Any], Any], store: str, case: Case) -> Work:
    operation, _, size = case.operation.partition(" ")
    texts = case.data["texts"][: {"2 KB": 4, "20 KB": 44}[size]]
    saver, restore = opened(run, store, case, texts)
    awaits = store in ("AsyncSqliteSaver", "async bridge")
    new, metadata = checkpoint(case.count, texts), {"source": "loop", "step": case.count, "parents": {}}

    def caller(number: int) -> Callable[[], Any]:
        thread = THREADS[-1] if case.callers == 1 else f"caller-{number}"
        parent = config(thread, case.count - 1 if case.count else None)

        def put() -> None:
            saver.put(parent, new, metadata, {})

        async def aput() -> None:
            await saver.aput(parent, new, metadata, {})

        def get() -> None:
            all_there(len(saver.get_tuple(config(thread)).checkpoint["channel_values"]["messages"]), len(texts))

        async def aget() -> None:
            found = await saver.aget_tuple(config(thread))
            all_there(len(found.checkpoint["channel_values"]["messages"]), len(texts))

        def list_some() -> None:
            all_there(len([*saver.list(config(thread), limit=case.limit)]), case.limit)

        async def alist_some() -> None:
            all_there(len([found async for found in saver.alist(config(thread), limit=case.limit)]), case.limit)

        each = {"put": (put, aput), "get": (get, aget), "list": (list_some, alist_some)}
        return each[operation][awaits]

    callers = [caller(number) for number in range(case.callers)]
    return Work(callers, awaits, restore if operation == "put" and case.callers == 1 else None)


def opened(run: Callable[[Any], Any], store: str, case: Case, texts: list[str]) -> tuple[Any, Callable[[], None]]:
    """The saver, on a file with so many checkpoints in each of four threads; and what deletes the one that is put."""
    put = (THREADS[-1], identifier(case.count))
    if "bridge" in store:
        url = f"sqlite:{case.path}"
        filling = PerSqlSaver(url)
        fill(filling, case.count, texts)
        filling.close()
        saver = PerSqlSaver(persql_native.Database(url, durability="full"))
        return saver, lambda: saver.database.query(RESTORE, *put)
    filling = SqliteSaver(sqlite3.connect(case.path, check_same_thread=False))
    filling.conn.execute("PRAGMA synchronous=OFF")
    filling.setup()
    fill(filling, case.count, texts)
    filling.conn.close()
    # Theirs leave `synchronous` at FULL.
    if store == "SqliteSaver":
        saver = SqliteSaver(sqlite3.connect(case.path, check_same_thread=False))
        return saver, lambda: (saver.conn.execute(RESTORE, put), saver.conn.commit())

    async def open_async() -> AsyncSqliteSaver:
        return AsyncSqliteSaver(await aiosqlite.connect(case.path))

    async def restore() -> None:
        await saver.conn.execute(RESTORE, put)
        await saver.conn.commit()

    saver = run(open_async())
    return saver, lambda: run(restore())
