"""A plugin of pytest: Agent Framework's own tests find `PerSqlHistoryProvider` under the names of its providers."""

import json
from collections.abc import Sequence
from typing import Any

import agent_framework
from agent_framework import Message, SessionContext, _sessions

from . import storage
from .agent_framework import PerSqlHistoryProvider
from .waiting import wait

# The session of those tests that name one to the context only.
SESSION = "s1"


class Rows(PerSqlHistoryProvider):
    """What the tests look at: everything that is stored."""

    @property
    def stored(self) -> list[Message]:
        self._tables()
        rows = self.database.query("SELECT message_data FROM agent_framework_messages ORDER BY id")
        return [Message.from_dict(json.loads(text)) for (text,) in rows]

    def _tables(self) -> None:
        async def created() -> None:
            await self._run(self._provider.create_tables)

        wait(created())


class ConcreteHistoryProvider(Rows):
    """Takes the arguments of the class of this name in the tests."""

    def __init__(self, source_id: str, stored_messages: Sequence[Message] = (), **flags: Any) -> None:
        super().__init__(storage.fresh(), source_id, **flags)
        wait(self.save_messages(SESSION, stored_messages))


class FileHistoryProvider(PerSqlHistoryProvider):
    """Likewise; a directory only says which database is meant."""

    def __init__(self, storage_path: Any, *, source_id: str = "file_history", **options: Any) -> None:
        super().__init__(storage.at(storage_path), source_id, **options)


class InMemoryHistoryProvider(PerSqlHistoryProvider):
    """Likewise; what the tests put into the state is stored when it is asked for."""

    def __init__(self, source_id: str = "in_memory", **options: Any) -> None:
        super().__init__(storage.fresh(), source_id, **options)

    async def get_messages(self, session_id: str | None, *, state: Any = None, **_: Any) -> list[Message]:
        await self.save_messages(session_id, (state or {}).get("messages", []))
        return await super().get_messages(session_id)


class _PscSpyHistoryProvider(Rows):
    """Likewise; counts what the class of this name counts, at the ends of a run."""

    def __init__(self, source_id: str = "spy_history", **flags: Any) -> None:
        super().__init__(storage.fresh(), source_id, dedup="off", **flags)
        self.get_calls = 0
        self.saved_batches: list[list[Message]] = []

    @property
    def save_calls(self) -> int:
        return len(self.saved_batches)

    @property
    def stored_messages(self) -> list[Message]:
        return self.stored

    async def before_run(self, **ends: Any) -> None:
        self.get_calls += 1
        await super().before_run(**ends)

    async def after_run(self, **ends: Any) -> None:
        before = len(self.stored)
        await super().after_run(**ends)
        if batch := self.stored[before:]:
            self.saved_batches.append(batch)


def _filter_approval_control_messages(messages: Sequence[Message]) -> list[Message]:
    """What of a stored history a run is shown."""

    async def shown() -> list[Message]:
        ours = PerSqlHistoryProvider(storage.fresh(), dedup="off")
        await ours.save_messages(SESSION, messages)
        context = SessionContext(session_id=SESSION, input_messages=[])
        await ours.before_run(context=context)
        return context.context_messages[ours.source_id]

    return wait(shown())


for ours in (FileHistoryProvider, InMemoryHistoryProvider):
    for module in (agent_framework, _sessions):
        setattr(module, ours.__name__, ours)
_sessions._filter_approval_control_messages = _filter_approval_control_messages


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Puts ours in the place of providers that the tests define."""
    for module in {item.module for item in items}:
        for ours in (ConcreteHistoryProvider, _PscSpyHistoryProvider):
            if hasattr(module, ours.__name__):
                setattr(module, ours.__name__, ours)
