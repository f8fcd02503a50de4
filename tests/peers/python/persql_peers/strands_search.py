"""Tests of ours: the search of a storage beside the framework's own search, which reads all values one by one."""

import random

import pytest
from strands.storage.search import KeywordSearchStrategy

from . import storage
from .strands import PerSqlStorage

pytestmark = pytest.mark.asyncio

WORDS = (
    "dark Mode the what settings snake_case 42 3.14 naïve ΣΊΣΥΦΟΣ ß İstanbul 日本語 привет don't e\u0301 ﬁ Ⅷ ½ x² Straße"
    " \U0001f600 \ud7ff _ __init__ a.b a-b A\u00a0B \x00 nbsp\u2003end"
).split(" ")
BYTES = [b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\x00"]
KEYS = ["notes/{}.md", "{}", "{}/.hidden", "a.b/{}", "{}.tar.gz", "x/{}.", "é/{}.MD"]


def entry(rng: random.Random) -> bytes:
    parts = [rng.choice(WORDS).encode() for _ in range(rng.randrange(8))]
    if rng.random() < 0.3:
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(BYTES))
    return rng.choice([b" ", b", ", b"\n", b""]).join(parts)


@pytest.mark.parametrize("seed", range(10))
async def test_finds_what_the_framework_finds(seed: int) -> None:
    rng = random.Random(seed)
    ours = PerSqlStorage(storage.fresh())
    view = ours.namespace("memory/dark")
    for _ in range(40):
        key = rng.choice(KEYS).format(rng.choice(["dark", "mode", "naïve", "42", "ΣΊΣΥΦΟΣ", "x"]))
        await rng.choice([ours, view]).write(key, entry(rng))
    for _ in range(40):
        query = rng.choice([" ", "-", "?! "]).join(rng.sample(WORDS, rng.randrange(5)))
        if rng.random() < 0.5:
            query = rng.choice([str.upper, str.lower, str.title])(query)
        for scope in (ours, view):
            assert await scope.search(query) == await KeywordSearchStrategy().search(scope, query), query
