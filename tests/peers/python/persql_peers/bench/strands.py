"""Session managers of Strands."""

from collections.abc import Callable
from typing import Any

from strands import Agent
from strands.session.file_session_manager import FileSessionManager
from strands.session.repository_session_manager import RepositorySessionManager
from strands.types.session import SessionMessage

from .. import storage
from ..strands import PerSqlSessionRepository
from ..strands_model import Stub
from .work import Case, Work, all_there

# Nobody awaits a repository.
storage.BLOCKING = True

# Turns after which a new session is begun, for the cost of theirs grows with what is stored.
TURNS = 25


class Conversation:
    """An agent with a session, as the framework's hooks use it: each message is appended, and the agent compared."""

    def __init__(self, open_session: Callable[[str], Any], messages: list[Any]) -> None:
        self.open_session = open_session
        self.turn = messages[:4]
        self.begun = self.turns = 0
        self.name = str(id(self))
        self.begin()

    def begin(self) -> None:
        self.begun += 1
        self.manager = self.open_session(f"session-{self.name}-{self.begun}")
        self.agent = Agent(model=Stub(), agent_id="helper", session_manager=self.manager, callback_handler=None)

    def append(self) -> None:
        for message in self.turn:
            self.manager.append_message(message, self.agent)
            self.manager.sync_agent(self.agent)

    def rest(self) -> None:
        self.turns += 1
        if self.turns % TURNS == 0:
            self.begin()

    def read(self, case: Case) -> None:
        offset = case.count - case.limit if case.limit else 0
        session_id = self.manager.session_id
        found = self.manager.session_repository.list_messages(session_id, "helper", limit=case.limit, offset=offset)
        all_there(len(found), case.limit or case.count)


def opened(store: str, path: str) -> Callable[[str], Any]:
    """What opens a session. Files are not synced: a commit of ours is not either."""
    if store == "FileSessionManager":
        return lambda session_id: FileSessionManager(session_id, storage_dir=path)
    repository = PerSqlSessionRepository(f"sqlite:{path}")
    return lambda session_id: RepositorySessionManager(session_id, session_repository=repository)


def set_up(run: Callable[[Any], Any], store: str, case: Case) -> Work:
    open_session = opened(store, case.path)
    messages = case.data["strands"]
    conversations = [Conversation(open_session, messages) for _ in range(case.callers)]
    if case.operation == "append":
        restore = conversations[0].rest if case.callers == 1 else None
        return Work([conversation.append for conversation in conversations], awaits=False, restore=restore)
    lone = conversations[0]
    for number in range(case.count):
        message = SessionMessage(messages[number], number)
        lone.manager.session_repository.create_message(lone.manager.session_id, "helper", message)
    return Work([lambda: lone.read(case)], awaits=False)
