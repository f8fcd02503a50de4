"""Runs LangGraph's conformance suite for checkpointers: the capabilities that are named, or all."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import ProgressCallbacks

from . import results, storage
from .langgraph import BlockingSaver, PerSqlSaver

parser = argparse.ArgumentParser()
parser.add_argument("capabilities", nargs="*")
parser.add_argument("--layout", default="persql")
arguments = parser.parse_args()
told = results.open_results()


def on_test(capability: str, test: str, passed: bool, error: str | None) -> None:
    name = f"{capability}::{test}"
    results.tell(told, "collected", name)
    results.tell(told, "passed" if passed else "failed", name)
    if error is not None:
        print(f"{name}\n{error}", file=sys.stderr)


@checkpointer_test(name="PerSqlSaver")
async def saver() -> AsyncIterator[PerSqlSaver]:
    kind = BlockingSaver if storage.BLOCKING else PerSqlSaver
    ours = kind(storage.fresh(), layout=arguments.layout)
    yield ours
    ours.close()


asyncio.run(
    validate(
        saver,
        capabilities=set(arguments.capabilities) or None,
        progress=ProgressCallbacks(on_test_result=on_test),
    )
)
