"""Writes langgraph.json: values as LangGraph's serializer writes them.

Run with Python 3.11 as `python langgraph.py`, in an environment with

    langgraph==1.2.22 langgraph-checkpoint==4.3.2 langchain-core==1.7.2 ormsgpack==1.13.1 numpy==2.4.6
    pycryptodome==4.4.0

A case is a name, a tag, the bytes in hexadecimal, and under `value` what they are, in a language of its own: JSON, with
objects of one meaning for what JSON has no word for.

    {"int": "1"}  {"float": "<16 hexadecimal digits of the double>"}  {"bytes": "<hex>"}
    {"map": [[key, value], ...]}  {"ext": code, "of": value}  {"ext": code, "raw": "<hex>"}  {"repeat": ["x", 65536]}

Hexadecimal text is in words; `ff*1000` is a thousand times `ff`.
`of` is what the extension's bytes are in msgpack. Text, true, false, null and lists are themselves. `encrypted` cases
have a key. `read_only` cases are read and never written in this form. `refused` are bytes that Python refuses, `depths`
how deep it reads and writes. The same bytes, without the plainest, become the seeds of the fuzz target: a byte for the tag
(0 is JSON, 1 is msgpack), then the row. Some cases hold the time and random ids, so no two runs give the same file.
"""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import importlib.metadata
import ipaddress
import json
import math
import pathlib
import random
import re
import struct
import sys
import uuid
from typing import Annotated, TypedDict
from zoneinfo import ZoneInfo

# This file has the package's name, and stands before it.
sys.path.pop(0)

import numpy as np
import ormsgpack
from langchain_core.documents import Document
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.store.base import Item
from langgraph.types import Command, Interrupt, Overwrite, Send, TimeoutPolicy, interrupt
from pydantic import BaseModel, SecretStr

PINNED = ["langgraph", "langgraph-checkpoint", "langchain-core", "ormsgpack", "numpy", "pycryptodome"]
SERDE = JsonPlusSerializer()
KEY = b"0123456789abcdef"


class Color(enum.Enum):
    RED = "red"


class Model(BaseModel):
    x: int
    y: dict


@dataclasses.dataclass
class Point:
    a: int
    b: object


class V1:
    """What a model of Pydantic 1 looks like to the serializer."""

    def dict(self):
        return {"old": True}


Pair = collections.namedtuple("Pair", "p q")


@dataclasses.dataclass(frozen=True)
class Ext:
    code: int
    data: bytes


def described(data):
    """The description of msgpack bytes."""
    return describe(ormsgpack.unpackb(data, ext_hook=Ext, option=ormsgpack.OPT_NON_STR_KEYS))


def hexed(data):
    return re.sub(r"(..)\1{999,}", lambda run: f" {run[1]}*{len(run[0]) // 2} ", data.hex()).strip()


def unhexed(words):
    parts = [(word + "*1").split("*")[:2] for word in words.split()]
    return b"".join(bytes.fromhex(digits) * int(times) for digits, times in parts)


def describe(value):
    match value:
        case str() if len(value) > 1000 and value == value[0] * len(value):
            return {"repeat": [value[0], len(value)]}
        case None | bool() | str():
            return value
        case int():
            return {"int": str(value)}
        case float():
            return {"float": struct.pack(">d", value).hex()}
        case bytes() | bytearray():
            return {"bytes": hexed(bytes(value))}
        case list() | tuple():
            return [describe(item) for item in value]
        case dict():
            return {"map": [[describe(key), describe(item)] for key, item in value.items()]}
        case Ext(code, data) if code in range(8):
            return {"ext": code, "of": described(data)}
        case Ext(code, data):
            return {"ext": code, "raw": data.hex()}
    raise TypeError(type(value))


def scalars():
    powers = [2**bits + off for bits in (5, 7, 8, 15, 16, 31, 32, 62, 63) for off in (-1, 0, 1)]
    for number in sorted({0, 1, 2**64 - 1, *powers}):
        yield f"int {number}", number
        if 0 < number <= 2**63:
            yield f"int {-number}", -number
    for number in [0.0, -0.0, 1.0, 1.5, -2.25, 1e308, 5e-324, math.inf, -math.inf, math.nan, 0.1]:
        yield f"float {number}", number
    yield from {"none": None, "true": True, "false": False}.items()
    for length in [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536]:
        yield f"str of {length}", "x" * length
        yield f"bytes of {length} in a list", [b"\xff" * length]
        if length < 1000:
            yield f"list of {length}", [None] * length
            yield f"map of {length}", {str(n): n for n in range(length)}
    for length in [0, 1, 2, 3, 4, 7, 8, 14, 15, 16, 17, 251, 252, 253, 254, 65_530, 65_540]:
        yield f"snapshot of {length}", _DeltaSnapshot("x" * length)
    yield from {
        "unicode": "héllo \0 '\"; DROP TABLE checkpoints; -- 😀 \u2028\ufeff",
        "lone surrogates": {"s": "a\ud800b\udfff"},
        "bytes": b"\x00\x01",
        "bytearray in a map": {"b": bytearray(b"\x01")},
        "memoryview in a list": [memoryview(b"abc")],
        "tuple": (1, (2, ())),
        "keys of every kind": {None: 1, True: 2, 2: 3, 1.5: 4, "s": 5, b"b": 6, (3, ("t", None)): 7, -1: 8},
        "order": {"z": 1, "a": {"y": 1, "b": 2}, "": 3},
        "dict subclasses": [collections.OrderedDict(a=1), collections.defaultdict(int, b=2)],
    }.items()


def objects():
    zone = dt.timezone(dt.timedelta(hours=-3, minutes=-30))
    days = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)]
    nested = [{"days": [dt.date(2024, 5, 1), dt.date(2024, 5, 2)]}, {"u": [uuid.UUID(int=1), Send("n", {Color.RED})]}]
    yield from {
        "datetime": dt.datetime(2024, 5, 4, 6, 32, 42, 235444, tzinfo=dt.timezone.utc),
        "datetime without zone": dt.datetime(2024, 5, 4),
        "datetime of another zone": dt.datetime(2024, 5, 4, 6, 32, 42, tzinfo=zone),
        "date": dt.date(2024, 5, 4),
        "time": dt.time(6, 32, 42),
        "time with microseconds": dt.time(6, 32, 42, 7),
        "time with a zone": dt.time(6, 32, 42, tzinfo=dt.timezone.utc),
        "timedelta": dt.timedelta(days=-1, seconds=2, microseconds=3),
        "timezone": zone,
        "zoneinfo": ZoneInfo("UTC"),
        "uuid": uuid.UUID("1ef4f797-8335-6428-8001-8a1503f9b875"),
        "decimal": decimal.Decimal("1.10"),
        "set": {1},
        "empty set": set(),
        "frozenset": frozenset({"a"}),
        "deque": collections.deque([1, 2]),
        "ipv4": ipaddress.ip_address("127.0.0.1"),
        "ipv4 interface": ipaddress.ip_interface("10.0.0.1/8"),
        "ipv6 network": ipaddress.ip_network("fe80::/64"),
        "path": pathlib.Path("/a/b"),
        "relative path": pathlib.Path("a/b"),
        "regex": re.compile("a+", re.I),
        "enum": Color.RED,
        "namedtuple": Pair(1, 2),
        "dataclass": Point(1, {"z": Point(2, None)}),
        "pydantic 2": Model(x=1, y={"k": {2}}),
        "pydantic 1": V1(),
        "secret": SecretStr("hush"),
        "exception": ValueError("boom"),
        "item": Item(value={"a": 1}, key="k", namespace=("n", "s"), created_at=days[0], updated_at=days[1]),
        "ndarray": np.arange(4, dtype="<i4").reshape(2, 2),
        "ndarray by columns": np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)),
        "send": Send("node", {"a": 1}),
        "send with a timeout": Send("node", [Send("inner", None)], timeout=TimeoutPolicy(run_timeout=1.5)),
        "interrupt": Interrupt(value={"q": 1}, id="abc"),
        "command": Command(update={"a": 1}, resume="ok", goto=[Send("x", 1), "y"]),
        "overwrite": Overwrite([1]),
        "snapshot in a map": {"m": _DeltaSnapshot([{"a": 1}])},
        "objects in objects": nested,
    }.items()


def messages():
    call = {"name": "f", "args": {"x": 1, "y": [None, 2.5]}, "id": "c1"}
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    blocks = [{"type": "text", "text": "look: "}, {"type": "image_url", "image_url": {"url": "data:"}}, "here"]
    yield from {
        "human": HumanMessage("hi", id="m1"),
        "human without id": HumanMessage("hi"),
        "human with blocks": HumanMessage(blocks, id="m2", name="ada"),
        "ai": AIMessage("yo", id="m3"),
        "ai with a tool call": AIMessage("", id="m4", tool_calls=[call], usage_metadata=usage),
        "ai with a field of others": AIMessage("x", extra_field={"a": {1}}),
        "tool": ToolMessage("42", tool_call_id="c1", id="m5"),
        "tool with an artifact": ToolMessage("42", tool_call_id="c1", artifact={"a": 1}, name="f", status="error"),
        "system": SystemMessage("be kind"),
        "function": FunctionMessage("f", name="n"),
        "chat": ChatMessage("f", role="critic"),
        "remove": RemoveMessage(id="m1"),
        "ai chunk": AIMessageChunk("c"),
        "human chunk": HumanMessageChunk("c"),
        "document": Document("page", metadata={"a": 1}, id="7"),
    }.items()


def graph_rows():
    """All that a real graph stores: checkpoints of several steps with their writes, an interrupt and a resume."""

    def joined(old, new):
        return old + [item for items in new for item in items]

    class State(TypedDict):
        messages: Annotated[list, add_messages]
        log: Annotated[list, DeltaChannel(joined, list, snapshot_frequency=2)]
        due: dt.datetime

    def ask(state):
        answer = interrupt({"question": "sure?"})
        return {"messages": [AIMessage(answer, id="a1")], "log": ["asked"]}

    def fan(state):
        return [Send("work", {"n": n}) for n in range(2)]

    def work(task):
        message = ToolMessage(str(task["n"]), tool_call_id=f"c{task['n']}", id=f"t{task['n']}")
        return {"messages": [message], "log": [task["n"]]}

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("work", work)
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", fan, ["work"])
    builder.add_edge("work", END)
    rows = []

    class Recorder(InMemorySaver):
        def put(self, config, checkpoint, metadata, new_versions):
            rows.append((f"checkpoint {len(rows)}", *SERDE.dumps_typed(checkpoint)))
            return super().put(config, checkpoint, metadata, new_versions)

        def put_writes(self, config, writes, task_id, task_path=""):
            for channel, value in writes:
                rows.append((f"write {len(rows)} to {channel}", *SERDE.dumps_typed(value)))
            return super().put_writes(config, writes, task_id, task_path)

    graph = builder.compile(checkpointer=Recorder())
    config = {"configurable": {"thread_id": "1"}}
    start = {"messages": [HumanMessage("go", id="h1")], "log": ["start"], "due": dt.datetime(2024, 5, 4)}
    graph.invoke(start, config, durability="sync")
    graph.invoke(Command(resume="yes"), config, durability="sync")
    return rows


def old_checkpoints():
    seen = {"__input__": {}, "a": {"start:a": 3}}
    common = {"ts": "2024-05-04T06:32:42+00:00", "id": "1ef09b54-0000-6000-8000-000000000000"}
    values = {"messages": [HumanMessage("hi", id="1")]}
    ints = {"channel_values": values, "channel_versions": {"messages": 2, "start:a": 3}, "versions_seen": seen}
    text = "00000000000000000000000000000002.0.8577714679427765"
    strings = {"channel_values": {"a": 1}, "channel_versions": {"a": text}, "versions_seen": {}}
    floats = {"channel_values": {"a": 1}, "channel_versions": {"a": 1.5}, "versions_seen": {}}
    sends = [Send("a", {"x": 1})]
    yield "version 1", {"v": 1, **common, **ints, "pending_sends": sends, "updated_channels": None}
    yield "version 2", {"v": 2, **common, **ints, "pending_sends": [], "updated_channels": None}
    yield "version 3", {"v": 3, **common, **strings, "pending_sends": sends, "updated_channels": None}
    yield "version 4 with a key of others", {"v": 4, **common, **floats, "updated_channels": ["a"], "later": {"x": {1}}}


def encrypted():
    values = {"a map": {"a": 1}, "none": None, "bytes": b"x" * 40, "a list": list(range(100))}
    for size in (16, 24, 32):
        key = (KEY * 2)[:size]
        writer = EncryptedSerializer.from_pycryptodome_aes(SERDE, key=key, nonce=bytes(range(16)))
        reader = EncryptedSerializer.from_pycryptodome_aes(SERDE, key=key)
        for name, value in values.items():
            tag, data = writer.dumps_typed(value)
            assert reader.loads_typed((tag, data)) == value
            yield {"name": name, "tag": tag, "hex": data.hex(), "key": key.hex(), "value": describe(value)}


def read_only():
    """Rows of JavaScript, of Python before msgpack, and of other writers of msgpack."""
    message = ["langchain_core", "messages", "HumanMessage"]
    kwargs = {"content": "hi", "additional_kwargs": {}, "response_metadata": {}, "id": "1"}
    javascript = {
        "v": 4,
        "id": "1ef09b54-0000-6000-8000-000000000000",
        "ts": "2024-05-04T06:32:42.000Z",
        "channel_values": {
            "messages": [{"lc": 1, "type": "constructor", "id": message, "kwargs": kwargs}],
            "seen": {"lc": 2, "type": "constructor", "id": ["Set"], "args": [[1, 2]]},
        },
        "channel_versions": {"messages": 2},
        "versions_seen": {},
    }
    call = {"name": "f", "args": {"x": 1}, "id": "c1"}
    old = {"lc": 2, "type": "constructor", "id": ["uuid", "UUID"], "args": ["1ef4f7978335642880018a1503f9b875"]}
    texts = {
        "a checkpoint of JavaScript": json.dumps(javascript, separators=(",", ":")),
        "a message of langchain": json.dumps(dumpd(AIMessage("", id="m3", tool_calls=[call]))),
        "a constructor of old Python": json.dumps({"u": {**old, "method": None, "kwargs": None}}),
        "numbers": "[0, -0, 1.0, 1e400, -1E-2, 18446744073709551615, NaN, -Infinity, 12345678901234567890123]",
        "strings": '["\\u00e9\\ud83d\\ude00\\n\\/", "é😀", "\\ud800", "\\udc00x"]',
        "a key twice": '{"a": 1, "b": 2, "a": 3}',
        "white space": ' \r\n\t{ "a" : [ ] , "b" : { } } \n',
    }

    def in_order(pairs):
        return {"map": [[text(key), describe_json(value)] for key, value in pairs]}

    for name, json_text in texts.items():
        value = describe_json(json.loads(json_text, object_pairs_hook=in_order))
        assert SERDE.loads_typed(("json", json_text.encode())) is not None
        yield {"name": name, "tag": "json", "hex": json_text.encode().hex(), "value": value}
    yield {"name": "bytearray", "tag": "bytearray", "hex": "6162", "value": {"bytes": "6162"}}
    others = {
        "a longer integer": "cd0005",
        "a longer negative integer": "d3ffffffffffffffff",
        "a single float": "ca3fc00000",
        "a longer string": "db0000000161",
        "a longer list": "dc000105",
        "a longer map": "df00000001a16105",
        "an unknown extension": "d463c0",
        "a timestamp": "d6ff00000000",
    }
    for name, data in others.items():
        yield {"name": name, "tag": "msgpack", "hex": data, "value": described(bytes.fromhex(data))}


def text(value):
    """With `?` for lone surrogates, as the serializer writes them."""
    return value.encode("utf-8", "replace").decode()


def describe_json(value):
    """As `describe`; objects are described already."""
    match value:
        case dict():
            return value
        case list():
            return [describe_json(item) for item in value]
        case str():
            return text(value)
    return describe(value)


def refused():
    """Bytes that Python refuses: written by hand, and messages cut off somewhere."""
    by_hand = """
        92c0 c1 a1ff a3eda080 8180c0 819180c0 81d407c0c0 ddffffffff dbffffffff dfffffffff c6ffffffff c9ffffffff07 d907ff
        cb00 81a161 81 d4 c7
    """.split()
    seed = random.Random(1)
    whole = [SERDE.dumps_typed(value)[1] for _, value in messages()]
    cut = [data[: seed.randrange(len(data))].hex() for data in whole]
    for data in ["", *by_hand, *cut]:
        try:
            SERDE.loads_typed(("msgpack", bytes.fromhex(data)))
        except Exception:
            yield data
        else:
            raise AssertionError(data)


def deepest(works):
    """The greatest number that works."""
    low, high = 1, 5000
    while low < high:
        middle = (low + high + 1) // 2
        try:
            works(middle)
            low = middle
        except Exception:
            high = middle - 1
    return low


def nested(levels):
    value = None
    for _ in range(levels):
        value = [value]
    return value


def cases():
    rows = [(name, *SERDE.dumps_typed(value)) for group in (scalars, objects, messages) for name, value in group()]
    rows += graph_rows()
    rows += [(name, *SERDE.dumps_typed(value)) for name, value in old_checkpoints()]
    for name, tag, data in rows:
        value = {"msgpack": described, "null": lambda _: None, "bytes": describe}[tag](data)
        yield {"name": name, "tag": tag, "hex": hexed(data), "value": value}


def write_seeds(groups):
    directory = pathlib.Path(__file__).parent / "../../crates/persql-checkpoint/fuzz/seeds"
    directory.mkdir(exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    plain = re.compile(r"(int|float|str of|bytes of|list of|map of|snapshot of) ")
    rows = [(row["name"], row["tag"], unhexed(row["hex"])) for row in groups["cases"] + groups["read_only"]]
    rows += [(f"refused {number}", "msgpack", bytes.fromhex(row)) for number, row in enumerate(groups["refused"])]
    for name, tag, data in rows:
        if tag in ("json", "msgpack") and not plain.match(name):
            (directory / re.sub(r"\W+", "-", name)).write_bytes(bytes([tag == "msgpack"]) + data)


def main():
    versions = {name: importlib.metadata.version(name) for name in PINNED}
    depths = {
        "read": deepest(lambda levels: SERDE.loads_typed(("msgpack", b"\x91" * levels + b"\xc0"))),
        "written": deepest(lambda levels: SERDE.dumps_typed(nested(levels))),
    }
    lines = ["{", f' "versions": {json.dumps(versions)},', f' "depths": {json.dumps(depths)},']
    groups = {"cases": cases, "encrypted": encrypted, "read_only": read_only, "refused": refused}
    groups = {key: list(group()) for key, group in groups.items()}
    for key, group in groups.items():
        rows = ",\n".join("  " + json.dumps(row) for row in group)
        lines.append(f' "{key}": [\n{rows}\n ]' + ("," if key != "refused" else ""))
    pathlib.Path(__file__).with_suffix(".json").write_text("\n".join([*lines, "}", ""]))
    write_seeds(groups)


main()
