"""`SQLiteSession`, `SQLAlchemySession` and ours on one file, at the same time, each in a process of its own."""

import asyncio
import importlib.util
from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from agents.extensions.memory import SQLAlchemySession
from persql_peers.child import Child
from persql_peers.openai_agents import PerSqlSession

pytestmark = pytest.mark.asyncio

# Of every type, and each that JSON has a corner for: what the script of the vectors stores too.
_script = Path(__file__).parents[4] / "vectors/openai_agents.py"
_spec = importlib.util.spec_from_file_location("vectors", _script)
_vectors = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_vectors)
ITEMS = [*_vectors.ITEMS.values()]

STORES = ["SQLiteSession", "SQLAlchemySession", "ours"]


class Theirs:
    """A session of the SDK's in a child, which opens the file when it is first used."""

    def __init__(self, kind: type, open_child: Callable[[], Child]) -> None:
        self.kind = kind
        self.child = cache(open_child)

    async def run(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.wrap_future(self.child().submit(function, *arguments))

    async def get_items(self, *limit: int) -> list[Any]:
        return await self.run(self.kind.get_items, *limit)

    async def add_items(self, items: list[Any]) -> None:
        await self.run(self.kind.add_items, items)

    async def pop_item(self) -> Any:
        return await self.run(self.kind.pop_item)

    async def clear_session(self) -> None:
        await self.run(self.kind.clear_session)

    async def add_turns(self, name: str, count: int) -> None:
        await self.run(add_turns, name, count)

    async def replace_newest(self, count: int, output: list[Any]) -> bool:
        return await self.run(replace_newest, count, output)


class Ours(PerSqlSession):
    """Ours in this process."""

    async def add_turns(self, name: str, count: int) -> None:
        await add_turns(self, name, count)

    async def replace_newest(self, count: int, output: list[Any]) -> bool:
        return await replace_newest(self, count, output)


def alchemy(session_id: str, path: str) -> SQLAlchemySession:
    url = f"sqlite+aiosqlite:///{path}"
    return SQLAlchemySession.from_url(session_id, url=url, create_tables=True)


async def add_turns(session: Any, name: str, count: int) -> None:
    for number in range(count):
        await session.add_items([{"by": name, "turn": number, "item": item} for item in range(4)])


async def replace_newest(session: Any, count: int, output: list[Any]) -> bool:
    """What compaction does to the end of a history."""
    snapshot = await session._get_compaction_snapshot(count)
    return await snapshot.replace_suffix(0, output)


@pytest.fixture
def stores(tmp_path: Path, child: Callable[..., Child]) -> Iterator[dict[str, Any]]:
    """The three on one new file."""
    session_id, path = "Grüße 😀 'ada'", str(tmp_path / "shared.db")
    ours = Ours(session_id, f"sqlite:{path}")
    yield {
        "SQLiteSession": Theirs(SQLiteSession, lambda: child("plain", SQLiteSession, session_id, path)),
        "SQLAlchemySession": Theirs(SQLAlchemySession, lambda: child("alchemy", alchemy, session_id, path)),
        "ours": ours,
    }
    ours.close()


async def all_read(stores: dict[str, Any], items: list[Any], *limit: int) -> None:
    """By their texts, since NaN is not equal to itself."""
    for name, store in stores.items():
        assert repr(await store.get_items(*limit)) == repr(items), name


@pytest.mark.parametrize("first", STORES)
async def test_what_any_of_them_adds_all_of_them_read(stores: dict[str, Any], first: str) -> None:
    # The first makes the tables.
    await stores[first].add_items(ITEMS)
    await all_read(stores, ITEMS)
    for store, item in zip(cycle(stores.values()), ITEMS):
        await store.add_items([item])
    await all_read(stores, ITEMS + ITEMS)
    await all_read(stores, ITEMS[-3:], 3)


@pytest.mark.parametrize("first", STORES)
async def test_what_any_of_them_pops_is_gone_for_all(stores: dict[str, Any], first: str) -> None:
    await stores[first].add_items(ITEMS)
    for store, item in zip(cycle(stores.values()), ITEMS[::-1]):
        assert repr(await store.pop_item()) == repr(item)
    await all_read(stores, [])
    for store in stores.values():
        assert await store.pop_item() is None


@pytest.mark.parametrize("clearing", STORES)
async def test_a_history_that_one_clears_is_empty_and_can_be_begun_anew(
    stores: dict[str, Any], clearing: str
) -> None:
    for store in stores.values():
        await store.add_items(ITEMS)
    await stores[clearing].clear_session()
    await all_read(stores, [])
    for store, item in zip(stores.values(), ITEMS):
        await store.add_items([item])
    await all_read(stores, ITEMS[:3])


@pytest.mark.parametrize("replacing", STORES)
async def test_what_one_compacts_all_of_them_read(stores: dict[str, Any], replacing: str) -> None:
    for store in stores.values():
        await store.add_items(ITEMS[:4])
    summary = [{"type": "compaction", "encrypted_content": "…"}, ITEMS[4]]
    assert await stores[replacing].replace_newest(5, summary)
    kept = (ITEMS[:4] * 3)[:-5] + summary
    await all_read(stores, kept)
    for store, item in zip(stores.values(), ITEMS):
        await store.add_items([item])
    await all_read(stores, kept + ITEMS[:3])


async def test_all_of_them_write_at_the_same_time_and_no_turn_is_torn(stores: dict[str, Any]) -> None:
    turns = 50
    # Opens them: when two make the tables at once, `SQLAlchemySession` fails, whoever the other is.
    await all_read(stores, [])
    await asyncio.gather(*(store.add_turns(name, turns) for name, store in stores.items()))
    read = await stores["ours"].get_items()
    assert len(read) == turns * 4 * len(stores)
    for start in range(0, len(read), 4):
        turn = read[start : start + 4]
        assert turn == [{**turn[0], "item": item} for item in range(4)]
    for name in stores:
        own = [item["turn"] for item in read if item["by"] == name]
        assert own == sorted(own)
    await all_read(stores, read)


async def test_rows_that_nobody_can_read_are_nobodys_items(stores: dict[str, Any]) -> None:
    ours = stores["ours"]
    await ours.add_items(ITEMS[:2])
    for text in ["not json", "", '{"role": "user"', "{} {}"]:
        sql = "INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)"
        ours.database.query(sql, ours.session_id, text)
        await all_read(stores, ITEMS[:2])
        await all_read(stores, ITEMS[1:2], 1)
    # Whoever pops takes them along.
    assert await ours.pop_item() == ITEMS[1]
    await all_read(stores, ITEMS[:1])
