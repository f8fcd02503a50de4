"""Tests of ours: what is stored of replayed messages, beside what the framework's own function keeps of them."""

import json
import random
from typing import Any

import pytest
from agent_framework import AgentResponse, Content, Message, SessionContext
from agent_framework._sessions import filter_new_messages

from . import storage
from .agent_framework import PerSqlHistoryProvider, dumped, loaded

pytestmark = pytest.mark.asyncio

SAVES = 40
ROLES = ["user", "user", "assistant", "tool", "system", "custom"]


def contents(rng: random.Random) -> list[Content]:
    """Few enough that many are alike."""
    number = rng.choice([1, 1.0, True, 10**20, -0.0, 1e-7, float("nan"), None])
    keys = rng.sample([("b", number), ("a", "é\ud800"), ("A", {"y": 1, "x": [number]})], 3)
    call = Content.from_function_call(call_id="c1", name="tool", arguments=rng.choice([dict(keys), '{"a": 1}', ""]))
    kinds: list[Any] = [
        lambda: Content.from_text(text=rng.choice(["yes", "no", "", "\u2028é", "yes "])),
        lambda: Content.from_text(text="yes", additional_properties=dict(keys)),
        lambda: call,
        lambda: Content.from_function_result(call_id="c1", result=rng.choice(["1", "1.0", "é"])),
        lambda: Content.from_function_approval_request(id="a1", function_call=call),
        lambda: Content.from_uri(uri="https://example.com/x.png", media_type="image/png"),
        lambda: Content.from_data(data=rng.choice([b"\x00", b"\xff"]), media_type="image/png"),
        lambda: Content.from_usage(usage_details={"input_token_count": rng.choice([1, 2])}),
    ]
    return [rng.choice(kinds)() for _ in range(rng.choice([0, 1, 1, 1, 2]))]


def message(rng: random.Random) -> Message:
    if rng.random() < 0.5:
        made: list[Any] = [rng.choice(["yes", "no"])]
    else:
        made = contents(rng)
    message_id = rng.choice([None, None, "m1", "m2", "", "é", f"id-{rng.randrange(6)}"])
    author = rng.choice([None, "ada"])
    return Message(role=rng.choice(ROLES), contents=made, message_id=message_id, author_name=author)


def incoming(rng: random.Random, stored: list[Message]) -> list[Message]:
    """New messages, a replay of the end, of the whole or of some of the history, and mixtures."""
    new = [message(rng) for _ in range(rng.randrange(4))]
    start = rng.choice([0, len(stored), max(0, len(stored) - rng.randrange(5)), rng.randrange(len(stored) + 1)])
    end = rng.choice([len(stored), len(stored), rng.randrange(start, len(stored) + 1)])
    before = [message(rng) for _ in range(rng.choice([0, 0, 0, 1]))]
    return before + stored[start:end] + new


def stored_form(messages: list[Message]) -> list[Message]:
    """As a provider of the framework reads them again."""
    return [Message.from_dict(json.loads(json.dumps(message.to_dict()))) for message in messages]


async def save(rng: random.Random, ours: PerSqlHistoryProvider, messages: list[Message]) -> None:
    """By the one method or the other: behind what a run has loaded, or behind what is read for it."""
    if rng.random() < 0.5:
        return await ours.save_messages("s1", messages)
    inputs = rng.randrange(len(messages) + 1)
    context = SessionContext(session_id="s1", input_messages=messages[:inputs])
    if rng.random() < 0.5:
        await ours.before_run(context=context)
    context._response = AgentResponse(messages=messages[inputs:])
    await ours.after_run(context=context)


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.filterwarnings("ignore")
async def test_stores_what_the_framework_keeps(seed: int) -> None:
    rng = random.Random(seed)
    ours = PerSqlHistoryProvider(storage.fresh())
    stored: list[Message] = []
    for _ in range(SAVES):
        messages = loaded(dumped(incoming(rng, stored))) if rng.random() < 0.5 else incoming(rng, stored)
        await save(rng, ours, messages)
        stored += stored_form(filter_new_messages(stored, messages))
        assert dumped(await ours.get_messages("s1")) == dumped(stored)
        if rng.random() < 0.1:
            await ours.clear("s1")
            stored = []
