"""Runs LangGraph's conformance suite for checkpointers; arguments name the capabilities, none means all."""

import asyncio
import sys
from collections.abc import AsyncIterator

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import ProgressCallbacks

from . import results, storage
from .langgraph import BlockingSaver, PerSqlSaver

told = results.open_results()


def on_test(capability: str, test: str, passed: bool, error: str | None) -> None:
    name = f"{capability}::{test}"
    results.tell(told, "collected", name)
    results.tell(told, "passed" if passed else "failed", name)
    if error is not None:
        print(f"{name}\n{error}", file=sys.stderr)


@checkpointer_test(name="PerSqlSaver")
async def saver() -> AsyncIterator[PerSqlSaver]:
    ours = (BlockingSaver if storage.BLOCKING else PerSqlSaver)(storage.fresh())
    yield ours
    ours.close()


asyncio.run(
    validate(
        saver,
        capabilities=set(sys.argv[1:]) or None,
        progress=ProgressCallbacks(on_test_result=on_test),
    )
)
