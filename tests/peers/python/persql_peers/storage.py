"""Where the suites keep their databases: files of their own, or databases of a server."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

SERVER = os.environ.get("PERSQL_PEERS_STORAGE") == "server"
BLOCKING = os.environ.get("PERSQL_PEERS_HANDLE") == "blocking"

_databases: dict[str, str] = {}
_directory = tempfile.mkdtemp(prefix="persql-peers-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)


def fresh() -> str:
    """The URL of a database that nobody used before. `PERSQL_TOKEN` and `PERSQL_API_URL` name the server."""
    name = uuid4().hex
    return f"persql://peers/{name}" if SERVER else f"sqlite:{_directory}/{name}.db"


def at(path: str | os.PathLike[str]) -> str:
    """The URL of the database that a test keeps in this file: at a server, one with the same life in this process."""
    path = os.fspath(path)
    if path == ":memory:":
        return fresh()
    path = str(Path(path).resolve())
    return _databases.setdefault(path, fresh()) if SERVER else f"sqlite:{path}"


def file_of(url: str) -> str:
    """The file of a local database."""
    return url.removeprefix("sqlite:")
