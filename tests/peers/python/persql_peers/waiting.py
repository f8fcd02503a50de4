"""For callers that do not await: coroutines run to their end in a thread of their own."""

import asyncio
from collections.abc import Coroutine
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

_loop = asyncio.new_event_loop()
Thread(target=_loop.run_forever, daemon=True).start()


def wait(coroutine: Coroutine[None, None, T]) -> T:
    return asyncio.run_coroutine_threadsafe(coroutine, _loop).result()
