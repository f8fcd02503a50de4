"""What is asked for, and what a store makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Case:
    """The operation, and where the store is to keep its data."""

    operation: str
    path: str
    # How much is stored before, how much is read, and how many call.
    count: int
    limit: int | None
    callers: int
    data: dict[str, Any]


@dataclass
class Work:
    """A function for each caller, which does the operation once; coroutine functions if `awaits`."""

    callers: list[Callable[[], Any]]
    awaits: bool
    restore: Callable[[], None] | None = None


def all_there(found: int, expected: int) -> None:
    """A store that reads less than the others would win."""
    if found != expected:
        raise ValueError(f"{found} instead of {expected}")
