"""History providers of Agent Framework."""

import warnings
from collections.abc import Callable
from typing import Any

# The provider of files is marked as experimental.
warnings.simplefilter("ignore")

from agent_framework import FileHistoryProvider, InMemoryHistoryProvider, Message

from ..agent_framework import PerSqlHistoryProvider
from .work import Case, Work, all_there

# Turns after which a new session is begun where none is stored before.
TURNS = 25


class Session:
    """One history."""

    def __init__(self, provider: Any, name: str) -> None:
        self.provider = provider
        self.name = name
        self.begun = self.turns = 0
        self.begin()

    def begin(self) -> None:
        self.begun += 1
        self.session_id = f"{self.name}-{self.begun}"
        # Where the provider in memory keeps it.
        self.state: dict[str, Any] = {}

    async def save(self, messages: list[Message]) -> None:
        await self.provider.save_messages(self.session_id, messages, state=self.state)

    async def read(self) -> list[Message]:
        return await self.provider.get_messages(self.session_id, state=self.state)

    def rest(self) -> None:
        self.turns += 1
        if self.turns % TURNS == 0:
            self.begin()


def opened(store: str, path: str) -> Any:
    """Files are not synced: a commit of ours is not either."""
    if store == "FileHistoryProvider":
        return FileHistoryProvider(path)
    if store == "InMemoryHistoryProvider":
        return InMemoryHistoryProvider()
    return PerSqlHistoryProvider(f"sqlite:{path}")


def set_up(run: Callable[[Any], Any], store: str, case: Case) -> Work:
    provider = opened(store, case.path)
    sessions = [Session(provider, f"session-{number}") for number in range(case.callers)]
    stored = [Message.from_dict(message) for message in case.data["history"][: case.count]]
    if stored:
        run(sessions[0].save(stored))

    def caller(session: Session) -> Callable[[], Any]:
        said = 0

        async def save() -> None:
            nonlocal said
            said += 4
            names = [f"{session.name}-{said + number}" for number in range(4)]
            turn = [{**message, "message_id": name} for message, name in zip(case.data["history"], names)]
            await session.save([*map(Message.from_dict, turn)])

        async def read() -> None:
            all_there(len(await session.read()), case.count)

        return save if case.operation == "save" else read

    renewed = case.operation == "save" and case.callers == 1 and not stored
    return Work([*map(caller, sessions)], awaits=True, restore=sessions[0].rest if renewed else None)
