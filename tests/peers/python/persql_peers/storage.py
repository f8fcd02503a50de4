"""Where the suites keep their databases: files of their own, or databases of a server."""

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import persql_native

SERVER = os.environ.get("PERSQL_PEERS_STORAGE") == "server"
BLOCKING = os.environ.get("PERSQL_PEERS_HANDLE") == "blocking"

_databases: dict[str, str] = {}
_directory = tempfile.mkdtemp(prefix="persql-peers-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)


def fresh() -> str:
    """The URL of a database that nobody used before. `PERSQL_TOKEN` and `PERSQL_API_URL` name the server."""
    name = uuid4().hex
    return f"persql://peers/{name}" if SERVER else f"sqlite:{_directory}/{name}.db"


def opened(database: str | persql_native.Database) -> persql_native.Database:
    """The database of a URL, or one that is open already."""
    return persql_native.Database(database) if isinstance(database, str) else database


def at(path: object) -> str:
    """The URL of the database that stands for this file of a test, as long as this process lives.

    Never the file itself: Python's SQLite and ours are two libraries in one process, and when either closes a file, the
    other loses its locks on it.
    """
    if str(path) == ":memory:":
        return fresh()
    return _databases.setdefault(str(Path(str(path)).resolve()), fresh())


async def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a method of ours gives: one that blocks does so on a thread of its own."""
    if BLOCKING:
        return await asyncio.to_thread(function, *arguments)
    return await function(*arguments)
