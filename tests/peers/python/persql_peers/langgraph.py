"""`PerSqlSaver` as a checkpointer of LangGraph."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import persql_native
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    Checkpoint,
    CheckpointTuple,
    DeltaChannelHistory,
)

from . import storage

Typed = tuple[str, bytes]


class PerSqlSaver(BaseCheckpointSaver[str]):
    """Each method twice: on a blocking handle, and on an asynchronous one to the same database."""

    def __init__(
        self, database: str | persql_native.Database, *, layout: str = "persql", serde: Any = None
    ) -> None:
        super().__init__(serde=serde)
        self.database = storage.opened(database)
        self.sync = persql_native.Saver(self.database, asynchronous=False, layout=layout)
        self.later = persql_native.Saver(self.database, asynchronous=True, layout=layout)

    def close(self) -> None:
        self.database.close()

    def get_tuple(self, config: Any) -> CheckpointTuple | None:
        return self._tuple(self.sync.get_tuple(config))

    async def aget_tuple(self, config: Any) -> CheckpointTuple | None:
        return self._tuple(await self.later.get_tuple(config))

    def list(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: int | None = None
    ) -> Iterator[CheckpointTuple]:
        yield from map(self._tuple, self.sync.list(config, filter, before, limit))

    async def alist(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: int | None = None
    ) -> AsyncIterator[CheckpointTuple]:
        for found in await self.later.list(config, filter, before, limit):
            yield self._tuple(found)

    def put(self, config: Any, checkpoint: Checkpoint, metadata: Any, new_versions: Any) -> Any:
        return self.sync.put(config, self.serde.dumps_typed(checkpoint), metadata)

    async def aput(self, config: Any, checkpoint: Checkpoint, metadata: Any, new_versions: Any) -> Any:
        return await self.later.put(config, self.serde.dumps_typed(checkpoint), metadata)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        self.sync.put_writes(config, self._dumped(writes), task_id, task_path)

    async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        await self.later.put_writes(config, self._dumped(writes), task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        self.sync.delete_thread(thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        await self.later.delete_thread(thread_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        self.sync.delete_for_runs(run_ids)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self.later.delete_for_runs(run_ids)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self.sync.copy_thread(source_thread_id, target_thread_id)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self.later.copy_thread(source_thread_id, target_thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self.sync.prune(thread_ids, strategy)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await self.later.prune(thread_ids, strategy)

    def get_delta_channel_history(
        self, *, config: Any, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._histories(self.sync.get_delta_channel_history(config, channels))

    async def aget_delta_channel_history(
        self, *, config: Any, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._histories(await self.later.get_delta_channel_history(config, channels))

    def get_next_version(self, current: str | None, channel: None) -> str:
        return self.sync.get_next_version(current)

    def _dumped(self, writes: Sequence[tuple[str, Any]]) -> Any:
        return [(channel, self.serde.dumps_typed(value)) for channel, value in writes]

    def _loaded(self, writes: Sequence[tuple[str, str, Typed]]) -> Any:
        return [(task, channel, self.serde.loads_typed(value)) for task, channel, value in writes]

    def _tuple(self, found: tuple[Any, ...] | None) -> CheckpointTuple | None:
        if found is None:
            return None
        config, checkpoint, metadata, parent, writes = found
        return CheckpointTuple(
            config, self.serde.loads_typed(checkpoint), metadata, parent, self._loaded(writes)
        )

    def _histories(self, found: Mapping[str, Any]) -> Mapping[str, DeltaChannelHistory]:
        histories: dict[str, DeltaChannelHistory] = {}
        for channel, (writes, seed) in found.items():
            histories[channel] = {"writes": self._loaded(writes)}
            if seed is not None:
                histories[channel]["seed"] = self.serde.loads_typed(seed)
        return histories


class BlockingSaver(PerSqlSaver):
    """The asynchronous methods on threads, with the blocking handle: for suites that only call those."""

    async def aget_tuple(self, config: Any) -> CheckpointTuple | None:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(self, config: Any, **options: Any) -> AsyncIterator[CheckpointTuple]:
        for found in await asyncio.to_thread(lambda: [*self.list(config, **options)]):
            yield found

    async def aput(self, *arguments: Any) -> Any:
        return await asyncio.to_thread(self.put, *arguments)

    async def aput_writes(self, *arguments: Any, **options: Any) -> None:
        await asyncio.to_thread(self.put_writes, *arguments, **options)

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)

    async def aget_delta_channel_history(
        self, *, config: Any, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await asyncio.to_thread(
            self.get_delta_channel_history, config=config, channels=channels
        )
