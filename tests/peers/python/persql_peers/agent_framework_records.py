"""Tests of ours: what the tests of the file, Redis and Cosmos providers say about files, keys and documents, said about
rows."""

import asyncio
import json
from typing import Any

import pytest
from agent_framework import AgentResponse, Message, SessionContext

from . import storage
from .agent_framework import PerSqlHistoryProvider

pytestmark = pytest.mark.asyncio

TABLE = "agent_framework_messages"


def user(text: str, **members: Any) -> Message:
    return Message(role="user", contents=[text], **members)


def assistant(text: str, **members: Any) -> Message:
    return Message(role="assistant", contents=[text], **members)


def rows(ours: PerSqlHistoryProvider) -> list[tuple[str, Any]]:
    found = ours.database.query(f"SELECT session_id, message_data FROM {TABLE} ORDER BY id")
    return [(session_id, json.loads(text)) for session_id, text in found]


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


async def run(ours: PerSqlHistoryProvider, inputs: list[Message], outputs: list[Message]) -> SessionContext:
    context = SessionContext(session_id="s1", input_messages=inputs)
    await ours.before_run(context=context)
    context._response = AgentResponse(messages=outputs)
    await ours.after_run(context=context)
    return context


@pytest.fixture
def ours() -> PerSqlHistoryProvider:
    return PerSqlHistoryProvider(storage.fresh())


async def test_stores_and_loads_messages(ours: PerSqlHistoryProvider) -> None:
    question, answer = user("hello", author_name="ada"), assistant("hi there", message_id="m1")
    await run(ours, [question], [answer])
    assert rows(ours) == [("s1", question.to_dict()), ("s1", answer.to_dict())]
    context = await run(ours, [user("again")], [])
    assert texts(context.context_messages[ours.source_id]) == ["hello", "hi there"]


async def test_none_session_id_uses_the_default_session(ours: PerSqlHistoryProvider) -> None:
    await ours.save_messages(None, [user("hello")])
    assert [session_id for session_id, _ in rows(ours)] == ["default"]
    assert texts(await ours.get_messages(None)) == texts(await ours.get_messages("default")) == ["hello"]


@pytest.mark.parametrize("session_id", ["../unsafe/session", "CON", "a'; --", "é/\u0000", "x" * 500, "S1", "s1 "])
async def test_any_session_id_is_taken_as_it_is(ours: PerSqlHistoryProvider, session_id: str) -> None:
    await ours.save_messages("s1", [user("another")])
    await ours.save_messages(session_id, [user("hello")])
    assert rows(ours)[1][0] == session_id
    assert texts(await ours.get_messages(session_id)) == ["hello"]


async def test_reads_existing_stdlib_non_finite_json(ours: PerSqlHistoryProvider) -> None:
    await ours.save_messages("s1", [user("first")])
    written = json.dumps(user("hello", additional_properties={"value": float("inf")}).to_dict())
    assert "Infinity" in written
    ours.database.query(f"INSERT INTO {TABLE} (session_id, message_data) VALUES ('legacy', ?)", written)
    assert (await ours.get_messages("legacy"))[0].additional_properties["value"] == float("inf")


@pytest.mark.parametrize("broken", ["{not-json}", "[1, 2, 3]", "", '{"type": "other", "role": "user"}', '{"contents": []}'])
async def test_a_row_that_is_no_message_raises(ours: PerSqlHistoryProvider, broken: str) -> None:
    await ours.save_messages("s1", [user("hello")])
    ours.database.query(f"UPDATE {TABLE} SET message_data = ?", broken)
    with pytest.raises(ValueError, match="row"):
        await ours.get_messages("s1")


async def test_concurrent_writes_for_same_session_are_all_kept(ours: PerSqlHistoryProvider) -> None:
    said = [f"message {number}" for number in range(20)]
    await asyncio.gather(*(ours.save_messages("s1", [user(text)]) for text in said))
    assert sorted(texts(await ours.get_messages("s1"))) == sorted(said)


async def test_empty_messages_noop(ours: PerSqlHistoryProvider) -> None:
    await ours.save_messages("s1", [])
    assert await ours.get_messages("s1") == []
    assert await ours.list_sessions() == []


@pytest.mark.parametrize(("limit", "kept"), [(None, 15), (20, 15), (10, 10), (1, 1), (0, 0)])
async def test_max_messages_trimming(limit: int | None, kept: int) -> None:
    ours = PerSqlHistoryProvider(storage.fresh(), max_messages=limit)
    said = [f"message {number}" for number in range(15)]
    for text in said:
        await ours.save_messages("s1", [user(text)])
    assert texts(await ours.get_messages("s1")) == said[len(said) - kept :]


async def test_clear_deletes_the_session_alone(ours: PerSqlHistoryProvider) -> None:
    for session_id in ("s1", "s10"):
        await ours.save_messages(session_id, [user("hello"), assistant("hi")])
    await ours.clear("s1")
    assert await ours.get_messages("s1") == []
    assert len(await ours.get_messages("s10")) == 2


async def test_list_sessions_returns_unique_sorted_ids(ours: PerSqlHistoryProvider) -> None:
    for session_id in ("s2", "s1", "s2", "s10"):
        await ours.save_messages(session_id, [user("hello")])
    assert await ours.list_sessions() == ["s1", "s10", "s2"]


async def test_a_batch_of_any_size_is_stored_in_its_order(ours: PerSqlHistoryProvider) -> None:
    said = [f"message {number}" for number in range(1_000)]
    await ours.save_messages("s1", [user(text) for text in said])
    assert texts(await ours.get_messages("s1")) == said


async def test_after_run_skips_when_no_messages() -> None:
    ours = PerSqlHistoryProvider(storage.fresh(), store_inputs=False, store_outputs=False)
    await run(ours, [user("hi")], [assistant("hello")])
    assert await ours.list_sessions() == []


async def test_loaded_messages_are_the_callers_own(ours: PerSqlHistoryProvider) -> None:
    await run(ours, [user("hello")], [])
    context = await run(ours, [], [])
    context.context_messages[ours.source_id][0].additional_properties["mine"] = True
    assert (await ours.get_messages("s1"))[0].additional_properties == {}
