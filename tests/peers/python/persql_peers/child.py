"""Processes of their own for the frameworks' stores. Also a plugin of pytest, with a fixture that gives such.

Python's SQLite and ours must not open one file in one process: when either closes it, the other loses its locks on it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest


class Child:
    """A process with one store at a time."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, get_context("spawn"))

    def open(self, make: Callable[..., Any], *arguments: Any) -> "Child":
        """Makes a store there, in the place of the one before."""
        self._pool.submit(_open, make, arguments).result()
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Calls a function of a module, or a method of the store's class, with the store and these arguments."""
        return self._pool.submit(_call, function, arguments)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Likewise, and waits for what it gives."""
        return self.submit(function, *arguments).result()

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture(scope="session")
def child() -> Iterator[Callable[..., Child]]:
    """Opens a store in the process of a name. To start one and import a framework takes longer than a test."""
    children: defaultdict[str, Child] = defaultdict(Child)
    yield lambda name, make, *arguments: children[name].open(make, *arguments)
    for one in children.values():
        one.close()


_loop = asyncio.new_event_loop()
_stores: list[Any] = []


def _open(make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    _stores[:] = [make(*arguments)]


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    given = function(_stores[0], *arguments)
    return _loop.run_until_complete(given) if asyncio.iscoroutine(given) else given
