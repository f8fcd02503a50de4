"""LangGraph's `SqliteSaver`, in a process of its own, and ours on one official file: each goes on where the other stopped."""

import asyncio
import datetime
import decimal
import enum
import ipaddress
import operator
import pathlib
import re
import sqlite3
import uuid
import zoneinfo
from collections import deque, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy
import pydantic
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, interrupt
from persql_peers import storage
from persql_peers.child import Child
from persql_peers.langgraph import PerSqlSaver


def extended(state: list[Any], writes: list[list[Any]]) -> list[Any]:
    return [*(state or []), *(item for write in writes for item in write)]


class Inner(TypedDict):
    messages: Annotated[list[Any], add_messages]
    draft: str


class State(TypedDict):
    messages: Annotated[list[Any], add_messages]
    found: Annotated[list[str], operator.add]
    # A delta channel: its value is never stored, only its writes.
    log: Annotated[list[Any], DeltaChannel(extended, snapshot_frequency=100_000)]
    kept: Any
    blob: Any


def ask(state: State) -> dict[str, Any]:
    turn = len(state["messages"])
    call = {"name": "search", "args": {"for": "日本 😀"}, "id": f"call-{turn}", "type": "tool_call"}
    said = AIMessage("", id=f"ask-{turn}", tool_calls=[call])
    return {"messages": [said], "log": [f"ask {turn}"]}


def search(state: dict[str, Any]) -> dict[str, Any]:
    return {"found": [state["term"].upper()], "log": [f"search {state['term']}"]}


def write_draft(state: Inner) -> dict[str, Any]:
    return {"draft": f"draft of {len(state['messages'])}"}


def confirm(state: Inner) -> dict[str, Any]:
    said = interrupt({"question": "Stimmt das? é", "draft": state["draft"]})
    return {"messages": [ToolMessage(said, id=f"tool-{said}", tool_call_id="call")]}


def answer(state: State) -> dict[str, Any]:
    said = interrupt("send it?")
    return {"messages": [AIMessage(f"sent: {said}", id=f"answer-{said}")], "log": [{"sent": said}]}


def graph(saver: Any) -> Any:
    """Messages, three parallel `Send`s, a subgraph that is interrupted, a node that is, a delta channel."""
    inner = StateGraph(Inner).add_sequence([write_draft, confirm]).add_edge(START, "write_draft")
    outer = StateGraph(State)
    outer.add_node(ask)
    outer.add_node(search)
    outer.add_node("inner", inner.compile())
    outer.add_node(answer)
    outer.add_edge(START, "ask")
    outer.add_conditional_edges("ask", lambda _: [Send("search", {"term": term}) for term in ("a", "ß", "c")])
    outer.add_edge("search", "inner")
    outer.add_edge("inner", "answer")
    outer.add_edge("answer", END)
    return outer.compile(checkpointer=saver)


def thread(thread_id: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id}, "metadata": {"Ort": "Köln", "score": 0.1, "tags": ["x"]}}


class Side:
    """The graph over a saver. What it reads is told as text: NaN is not equal to itself, nor are some classes' values."""

    def __init__(self, saver: Any) -> None:
        self.saver = saver
        self.graph = graph(saver)

    def run(self, thread_id: str, given: Any) -> None:
        self.graph.invoke(given, thread(thread_id))

    def update(self, thread_id: str, values: Any, count: int = 1) -> None:
        for _ in range(count):
            self.graph.update_state(thread(thread_id), values, as_node="answer")

    def fork(self, config: Any, values: Any) -> None:
        self.graph.update_state(config, values, as_node="answer")

    def put(self, number: int, metadata: dict[str, Any]) -> None:
        """Not through the graph, which keeps only some of a config's metadata."""
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        checkpoint = {"v": 4, "ts": "2026-11-21", "id": f"1f0c6a00-0000-6000-8000-{number:012}"}
        checkpoint |= {"channel_values": {}, "channel_versions": {}, "versions_seen": {}, "updated_channels": None}
        self.saver.put(config, checkpoint, metadata, {})

    def state(self, thread_id: str) -> str:
        return repr(self.graph.get_state(thread(thread_id), subgraphs=True))

    def values(self, thread_id: str) -> str:
        return repr(self.graph.get_state(thread(thread_id)).values)

    def history(self, thread_id: str) -> list[str]:
        return [*map(repr, self.graph.get_state_history(thread(thread_id)))]

    def tuples(self, thread_id: str | None, filter: Any = None, limit: int | None = None) -> list[str]:
        config = thread_id and {"configurable": {"thread_id": thread_id}}
        return [*map(repr, self.saver.list(config, filter=filter, limit=limit))]

    def config(self, thread_id: str, back: int) -> Any:
        return [*self.saver.list({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}, limit=back)][-1].config

    def delete(self, thread_id: str) -> None:
        self.saver.delete_thread(thread_id)


class AsyncSide(Side):
    """The same by the asynchronous methods."""

    def run(self, thread_id: str, given: Any) -> None:
        asyncio.run(self.graph.ainvoke(given, thread(thread_id)))

    def update(self, thread_id: str, values: Any, count: int = 1) -> None:
        async def update() -> None:
            for _ in range(count):
                await self.graph.aupdate_state(thread(thread_id), values, as_node="answer")

        asyncio.run(update())

    def fork(self, config: Any, values: Any) -> None:
        asyncio.run(self.graph.aupdate_state(config, values, as_node="answer"))

    def state(self, thread_id: str) -> str:
        return repr(asyncio.run(self.graph.aget_state(thread(thread_id), subgraphs=True)))

    def values(self, thread_id: str) -> str:
        return repr(asyncio.run(self.graph.aget_state(thread(thread_id))).values)

    def history(self, thread_id: str) -> list[str]:
        async def history() -> list[str]:
            return [repr(found) async for found in self.graph.aget_state_history(thread(thread_id))]

        return asyncio.run(history())

    def tuples(self, thread_id: str | None, filter: Any = None, limit: int | None = None) -> list[str]:
        config = thread_id and {"configurable": {"thread_id": thread_id}}

        async def tuples() -> list[str]:
            return [repr(found) async for found in self.saver.alist(config, filter=filter, limit=limit)]

        return asyncio.run(tuples())

    def delete(self, thread_id: str) -> None:
        asyncio.run(self.saver.adelete_thread(thread_id))


class Theirs:
    """The side in the child."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self.child.run(getattr(Side, name), *arguments)


def official(path: str) -> Side:
    return Side(SqliteSaver(sqlite3.connect(path, check_same_thread=False)))


@pytest.fixture
def sides(tmp_path: pathlib.Path, child: Callable[..., Child]) -> Iterator[dict[str, Any]]:
    """Both on one new file."""
    path = str(tmp_path / "official.db")
    saver = PerSqlSaver(f"sqlite:{path}", layout="sqlite_saver")
    ours = Side(saver) if storage.BLOCKING else AsyncSide(saver)
    yield {"theirs": Theirs(child("official", official, path)), "ours": ours}
    saver.close()


def both(sides: dict[str, Any], what: str, *arguments: Any) -> Any:
    """What both give, if it is the same."""
    theirs, ours = (getattr(sides[name], what)(*arguments) for name in ("theirs", "ours"))
    assert ours == theirs
    return ours


# A turn: it stops in the subgraph, then in the node `answer`, and ends.
TURN = [
    {"messages": [SystemMessage("Sei nett. \u2028", id="s"), HumanMessage("Grüße 😀", id="h")], "blob": b"\x00\xff"},
    Command(resume="ja, é"),
    Command(resume="ok"),
]
FIRST = pytest.mark.parametrize("first, second", [("theirs", "ours"), ("ours", "theirs")])


@FIRST
def test_a_turn_that_one_starts_the_other_goes_on_with(sides: dict[str, Any], first: str, second: str) -> None:
    in_memory = Side(InMemorySaver())
    for round, order in enumerate([(first, second, first), (second, first, second)]):
        for name, given in zip(order, TURN):
            sides[name].run("t", given)
            in_memory.run("t", given)
            state = both(sides, "state", "t")
            assert ("Interrupt(" in state) == (given is not TURN[-1])
            both(sides, "history", "t")
            assert both(sides, "values", "t") == in_memory.values("t")
        assert both(sides, "values", "t").count("'search ß'") == round + 1
    assert len(both(sides, "tuples", "t")) == 20
    assert len(both(sides, "tuples", "t", {"source": "loop"}, 5)) == 5
    # Of the subgraph too.
    assert any("'checkpoint_ns': 'inner:" in found for found in both(sides, "tuples", None))


@FIRST
def test_a_history_longer_than_a_page_is_read_by_both(sides: dict[str, Any], first: str, second: str) -> None:
    # A page has 256 checkpoints.
    in_memory = Side(InMemorySaver())
    for name in (first, second):
        for side in (sides[name], in_memory):
            side.update("t", {"log": [name], "kept": "k"}, 150)
    assert both(sides, "values", "t") == in_memory.values("t")
    assert len(both(sides, "tuples", "t")) == 300
    sides[first].run("t", TURN[0])
    both(sides, "state", "t")


@FIRST
def test_a_fork_from_the_others_checkpoint(sides: dict[str, Any], first: str, second: str) -> None:
    for given in TURN:
        sides[first].run("t", given)
    sides[second].fork(both(sides, "config", "t", 3), {"log": ["forked"], "kept": 1})
    assert "'forked'" in both(sides, "values", "t")
    sides[first].run("t", TURN[0])
    both(sides, "history", "t")


@FIRST
def test_what_one_deletes_is_gone_for_both(sides: dict[str, Any], first: str, second: str) -> None:
    for name in ("gone", "kept"):
        sides[first].run(name, TURN[0])
    sides[second].delete("gone")
    assert both(sides, "tuples", "gone") == []
    assert both(sides, "tuples", "kept") != []


def test_both_write_at_the_same_time(sides: dict[str, Any]) -> None:
    # Opens both.
    both(sides, "tuples", None)
    writing = sides["theirs"].child.submit(Side.update, "theirs", {"log": [1]}, 100)
    sides["ours"].update("ours", {"log": [2]}, 100)
    writing.result()
    for name, item in (("theirs", 1), ("ours", 2)):
        assert f"'log': {[item] * 100}" in both(sides, "values", name)


def test_the_official_saver_reads_what_only_ours_can_do(sides: dict[str, Any]) -> None:
    for given in TURN[:2]:
        sides["theirs"].run("t", given)
    saver = sides["ours"].saver
    saver.copy_thread("t", "copy")
    assert both(sides, "values", "copy") == both(sides, "values", "t")
    saver.prune(["copy"])
    assert both(sides, "values", "copy") == both(sides, "values", "t")
    assert len(both(sides, "tuples", "copy")) < len(both(sides, "tuples", "t"))
    for name in ("t", "copy"):
        sides["theirs"].run(name, TURN[2])
    assert both(sides, "values", "copy") == both(sides, "values", "t")


class Color(enum.Enum):
    RED = "rot"


@dataclass
class Point:
    x: float
    y: Any


class Model(pydantic.BaseModel):
    name: str
    at: datetime.datetime


Pair = namedtuple("Pair", "left right")

UTC = datetime.timezone.utc
VALUES = {
    "nothing": None,
    "truth": [True, False],
    "integers": [0, 127, 128, -33, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1],
    "floats": [1.0, -0.0, 0.1, 1e16, 5e-324, 1.7976931348623157e308],
    "not numbers": [float("nan"), float("inf"), -float("inf")],
    "text": ["", "Grüße 日本語 😀 \u2028 \u007f \u0000", "'\"\\", "x" * 70_000],
    "surrogate": "a\ud800b",
    "bytes": [b"", bytes(range(256)), bytearray(b"\xff"), b"\x00" * 70_000],
    "tuples": (1, (2, "zwei")),
    "keys": {1: "a", (2, 3): "b", None: "c", "ключ": "d", 1.5: "e", b"\xff": "f"},
    "deep": [[[[[[[[[[{"a": [{}]}]]]]]]]]]],
    "sets": [{1, 2, 3}, frozenset({"x"}), deque([1, "b"])],
    "times": [
        datetime.datetime(2026, 11, 21, 6, 0, 0, 123456, UTC),
        datetime.datetime(1, 1, 1),
        datetime.date(9999, 12, 31),
        datetime.time(23, 59, 59, 999999, datetime.timezone(datetime.timedelta(hours=5, minutes=30)), fold=1),
        datetime.timedelta(-1, 1, 1),
        UTC,
        zoneinfo.ZoneInfo("Europe/Berlin"),
    ],
    "numbers": [decimal.Decimal("0.10"), decimal.Decimal("NaN"), uuid.UUID(int=7)],
    "places": [ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"), pathlib.Path("/a/b")],
    "pattern": re.compile("ü+", re.IGNORECASE),
    "classes": [Color.RED, Point(1.0, b"\x00"), Model(name="é", at=datetime.datetime(2026, 1, 1, tzinfo=UTC)), Pair(1, 2)],
    "array": numpy.arange(6, dtype="<f4").reshape(2, 3),
    "sent": Send("search", {"term": "x"}),
    "said": [
        HumanMessage("é", id="1"),
        AIMessage([{"type": "text", "text": "😀"}], id="2", additional_kwargs={"score": 0.1}),
    ],
}


@FIRST
def test_values_of_every_type_are_read_by_both(sides: dict[str, Any], first: str, second: str) -> None:
    in_memory = Side(InMemorySaver())
    for thread_id, value in VALUES.items():
        # In the checkpoint and, by itself, among the writes, where bytes have a tag of their own.
        for name, values in [(first, {"kept": value, "blob": b"\xff", "log": [value]}), (second, {"blob": value})]:
            sides[name].update(thread_id, values)
            in_memory.update(thread_id, values)
            assert both(sides, "values", thread_id) == in_memory.values(thread_id)
            both(sides, "tuples", thread_id)


@FIRST
def test_metadata_of_every_type_is_read_by_both(sides: dict[str, Any], first: str, second: str) -> None:
    metadata = {
        "text": "Grüße 日本語 😀 \u2028 '\"\\",
        "integers": [0, -1, 2**53 + 1, 2**63, -(2**64), 10**30],
        "floats": [1.0, -0.0, 0.1, 1e16, 5e-324, float("nan"), float("inf")],
        "nested": {"none": None, "truth": True, "ключ": [{}]},
    }
    for number, name in enumerate([first, second]):
        sides[name].put(number, {**metadata, "step": number})
    assert len(both(sides, "tuples", "t")) == 2
    assert repr(metadata)[:-1] in both(sides, "tuples", "t")[0]
