"""`PerSqlHistoryProvider` as a history provider of Agent Framework.

Also the ends of a run go to ours, and not through the two methods that the framework's base class would call: what is
shown and what is stored are decided there.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import persql_native
from agent_framework import HistoryProvider, Message, SessionContext

from . import storage


class PerSqlHistoryProvider(HistoryProvider):
    """Messages cross as the JSON of their dictionaries."""

    def __init__(
        self,
        url: str,
        source_id: str = "persql_history",
        *,
        skip_excluded: bool = False,
        dedup: str = "upstream",
        max_messages: int | None = None,
        **flags: Any,
    ) -> None:
        super().__init__(source_id, **flags)
        self.database = persql_native.Database(url)
        sources = self.store_context_from
        self._provider = persql_native.Provider(
            self.database,
            source_id,
            asynchronous=not storage.BLOCKING,
            load_messages=self.load_messages,
            store_inputs=self.store_inputs,
            store_context_messages=self.store_context_messages,
            store_context_from=None if sources is None else [*sources],
            store_outputs=self.store_outputs,
            skip_excluded=skip_excluded,
            dedup=dedup,
            max_messages=max_messages,
        )
        self._runs: WeakKeyDictionary[SessionContext, Any] = WeakKeyDictionary()

    async def get_messages(self, session_id: str | None, **_: Any) -> list[Message]:
        return loaded(await self._run(self._provider.get_messages, session_id))

    async def save_messages(self, session_id: str | None, messages: Sequence[Message], **_: Any) -> None:
        await self._run(self._provider.save_messages, session_id, dumped(messages))

    async def clear(self, session_id: str | None) -> None:
        await self._run(self._provider.clear, session_id)

    async def list_sessions(self) -> list[str]:
        return await self._run(self._provider.list_sessions)

    async def before_run(self, *, context: SessionContext, **_: Any) -> None:
        run = await self._before_run(context)
        self._runs[context] = run
        context.extend_messages(self, loaded(run.messages))

    async def after_run(self, *, context: SessionContext, **_: Any) -> None:
        run = self._runs.pop(context, None) or await self._before_run(context)
        others = [
            (source_id, dumped(messages))
            for source_id, messages in context.context_messages.items()
            if source_id != self.source_id
        ]
        outputs = context.response.messages if context.response else []
        await self._run(self._provider.after_run, run, others, dumped(outputs))

    async def _before_run(self, context: SessionContext) -> Any:
        return await self._run(self._provider.before_run, context.session_id, dumped(context.input_messages))

    async def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await storage.called(call, *arguments)
        except persql_native.PerSqlError as error:
            raise ValueError(error.args[1]) from error


def dumped(messages: Sequence[Message]) -> list[str]:
    return [json.dumps(message.to_dict()) for message in messages]


def loaded(texts: list[str]) -> list[Message]:
    return [Message.from_dict(json.loads(text)) for text in texts]
