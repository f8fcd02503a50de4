"""Makes strands.json with the real framework: pip install strands-agents==1.62.0, then python strands_vectors.py.

What it holds is what strands-agents writes, calls, raises and restores; the suite `strands` checks the crate
persql-strands against it without Python.
"""

import asyncio
import json
import pathlib
import tempfile
from importlib.metadata import version

from strands import Agent
from strands.agent.conversation_manager import (
    NullConversationManager,
    SlidingWindowConversationManager,
    SummarizingConversationManager,
)
from strands.models.model import Model
from strands.multiagent import GraphBuilder, Swarm
from strands.session.file_session_manager import FileSessionManager
from strands.session.repository_session_manager import RepositorySessionManager
from strands.session.snapshot_session_manager import SnapshotSessionManager
from strands.storage import InMemoryStorage
from strands.storage.storage import _normalize_key, _normalize_prefix
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType, encode_bytes_values

assert version("strands-agents") == "1.62.0"


class Stub(Model):
    """Says what it is told, and can ask for a redaction first."""

    def __init__(self, redact=False):
        self.redact = redact

    def update_config(self, **config):
        pass

    def get_config(self):
        return {}

    async def structured_output(self, *args, **kwargs):
        raise NotImplementedError
        yield

    async def stream(self, messages, *args, **kwargs):
        if self.redact:
            yield {"redactContent": {"redactUserContentMessage": "[User input redacted.]"}}
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": "An answer: \u00e9\U0001f600"}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


CALLS = []


def traced(manager_class):
    class Traced(manager_class):
        pass

    for name in [
        "create_session", "read_session", "create_agent", "read_agent", "update_agent", "create_message",
        "read_message", "update_message", "list_messages", "create_multi_agent", "read_multi_agent",
        "update_multi_agent",
    ]:
        def call(self, *args, _name=name, **kwargs):
            CALLS.append(_name + (f"(offset={kwargs['offset']})" if "offset" in kwargs else ""))
            return getattr(manager_class, _name)(self, *args, **kwargs)

        setattr(Traced, name, call)
    return Traced


Traced = traced(FileSessionManager)


def take_calls():
    calls = list(CALLS)
    CALLS.clear()
    return calls


def files_of(directory):
    root = pathlib.Path(directory)
    return {str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in sorted(root.rglob("*.json"))}


def agent_of(manager, model=None, **more):
    return Agent(model=model or Stub(), agent_id="helper", session_manager=manager, callback_handler=None, **more)


def run(directory):
    """A session's life, step by step, and the files that it leaves."""
    trace = {}
    take_calls()
    manager = Traced("s1", storage_dir=directory)
    trace["new manager"] = take_calls()
    agent = agent_of(manager, state={"name": "Ada", "flags": [1, 2.5, None, True]})
    trace["new agent"] = take_calls()
    agent([{"text": "Look:"}, {"image": {"format": "png", "source": {"bytes": b"\x89PNG\x00\xff"}}}])
    trace["first turn, nothing changed but the first time"] = take_calls()
    agent("again")
    trace["second turn, nothing changed"] = take_calls()
    agent.state.set("name", "Bob")
    agent("changed")
    trace["third turn, state changed before"] = take_calls()
    agent.model = Stub(redact=True)
    agent("My PIN is 1234.")
    trace["turn with a redaction"] = take_calls()

    manager = Traced("s1", storage_dir=directory)
    agent = agent_of(manager)
    trace["restore"] = take_calls()
    restored = [encode_bytes_values(m) for m in agent.messages]

    manager = Traced("s2", storage_dir=directory)
    take_calls()
    agent_of(manager, messages=[{"role": "user", "content": [{"text": "one"}]},
                                {"role": "assistant", "content": [{"text": "two"}]}])
    trace["new agent with two messages"] = take_calls()

    manager = Traced("s3", storage_dir=directory)
    first = Agent(name="first", agent_id="first", model=Stub(), callback_handler=None)
    second = Agent(name="second", agent_id="second", model=Stub(), callback_handler=None)
    builder = GraphBuilder()
    builder.add_node(first, "first")
    builder.add_node(second, "second")
    builder.add_edge("first", "second")
    builder.set_graph_id("g1")
    builder.set_session_manager(manager)
    take_calls()
    graph = builder.build()
    trace["new graph"] = take_calls()
    graph([{"text": "Draw"}, {"image": {"format": "png", "source": {"bytes": b"\x00\x01"}}}])
    trace["graph of two nodes"] = take_calls()
    swarm = Swarm([Agent(name="solo", agent_id="solo", model=Stub(), callback_handler=None)], id="w1",
                  session_manager=manager)
    trace["new swarm"] = take_calls()
    swarm("Swim")
    trace["swarm of one node"] = take_calls()
    return {"trace": trace, "files": files_of(directory), "restored": restored}


def errors(directory):
    """What is raised, and whether it is a ValueError or a SessionException."""
    manager = FileSessionManager("e1", storage_dir=directory)
    found = {}

    def note(name, work):
        try:
            work()
            found[name] = None
        except Exception as error:
            found[name] = [type(error).__name__, str(error).replace(directory, "DIR")]

    agent = SessionAgent(agent_id="a", state={}, conversation_manager_state={})
    message = SessionMessage(message={"role": "user", "content": []}, message_id=7)

    class Multi:
        id = "m"

        def serialize_state(self):
            return {"id": "m"}

    note("create_session twice", lambda: manager.create_session(Session("e1", SessionType.AGENT)))
    note("create_agent without a session", lambda: manager.create_agent("none", agent))
    note("create_agent twice", lambda: manager.create_agent("none", agent))
    note("create_message without an agent", lambda: manager.create_message("none", "other", message))
    note("create_message twice", lambda: manager.create_message("none", "other", message))
    note("update_agent", lambda: manager.update_agent("e1", agent))
    note("update_message", lambda: manager.update_message("e1", "a", message))
    note("update_multi_agent", lambda: manager.update_multi_agent("e1", Multi()))
    note("delete_session", lambda: manager.delete_session("gone"))
    note("delete_session without a session record", lambda: manager.delete_session("none"))
    note("session id", lambda: manager.read_session("a/b"))
    note("agent id", lambda: manager.read_agent("e1", "a/b"))
    note("multi-agent id", lambda: manager.read_multi_agent("e1", "a/b"))

    live = agent_of(manager)
    note("the same agent twice", lambda: manager.initialize(live))
    note("redact nothing", lambda: manager.redact_latest_message({"role": "user", "content": []}, live))
    other = FileSessionManager("e1", storage_dir=directory)
    note("another conversation manager",
         lambda: agent_of(other, conversation_manager=NullConversationManager()))
    return found


def lists(directory):
    """Which ids a page holds."""
    manager = FileSessionManager("l1", storage_dir=directory)
    manager.create_agent("l1", SessionAgent(agent_id="a", state={}, conversation_manager_state={}))
    ids = [0, 2, 3, 10, 11, 100]
    for n in reversed(ids):
        manager.create_message("l1", "a", SessionMessage(message={"role": "user", "content": []}, message_id=n))
    pages = []
    for limit in [None, 0, 1, 2, 6, 9]:
        for offset in [0, 1, 5, 6, 9]:
            page = manager.list_messages("l1", "a", limit=limit, offset=offset)
            pages.append({"limit": limit, "offset": offset, "ids": [m.message_id for m in page]})
    return {"ids": ids, "pages": pages}


def restores(directory):
    """What an agent sees of five messages, by the state of its conversation manager."""
    found = []
    summary = {"role": "user", "content": [{"text": "The summary."}]}
    for number, (make, state) in enumerate([
        (SlidingWindowConversationManager, {"removed_message_count": 0}),
        (SlidingWindowConversationManager, {"removed_message_count": 2}),
        (SlidingWindowConversationManager, {"removed_message_count": 5}),
        (SlidingWindowConversationManager, {"removed_message_count": 9}),
        (SummarizingConversationManager, {"removed_message_count": 3, "summary_message": summary}),
        (SummarizingConversationManager, {"removed_message_count": 0, "summary_message": None}),
    ]):
        state = {**make().get_state(), **state}
        manager = FileSessionManager(f"r{number}", storage_dir=directory)
        manager.create_agent(manager.session_id,
                             SessionAgent(agent_id="helper", state={}, conversation_manager_state=state))
        stored = [{"role": ["user", "assistant"][n % 2], "content": [{"text": str(n)}]} for n in range(5)]
        for n, message in enumerate(stored):
            manager.create_message(manager.session_id, "helper", SessionMessage(message=message, message_id=n))
        manager = FileSessionManager(manager.session_id, storage_dir=directory)
        agent = agent_of(manager, conversation_manager=make())
        found.append({"conversation_manager_state": state, "stored": stored, "messages": agent.messages})
    return found


def use(*ids):
    return {"role": "assistant", "content": [{"toolUse": {"toolUseId": i, "name": "t", "input": {}}} for i in ids]}


def result(*ids, text=None):
    content = [{"toolResult": {"toolUseId": i, "status": "success", "content": [{"text": i}]}} for i in ids]
    return {"role": "user", "content": content + ([{"text": text}] if text else [])}


def say(text, role="user"):
    return {"role": role, "content": [{"text": text}]}


def repairs():
    """Broken histories and what is made of them."""
    broken = [
        [],
        [say("hi")],
        [use("1"), result("1"), say("bye", "assistant")],
        [use("1")],
        [use("1"), say("hi")],
        [use("1", "2"), result("2")],
        [use("1", "2"), result("2", text="and")],
        [use("1"), result("9"), say("hi", "assistant")],
        [use("1"), result("9", "1"), say("hi", "assistant")],
        [result("1"), say("hi", "assistant")],
        [result("1", text="kept"), say("hi", "assistant")],
        [say("hi"), result("1"), result("2"), use("3"), result("3")],
        [use("1"), use("2"), result("2")],
        [use("1"), {"role": "user", "content": []}, say("hi", "assistant")],
        [use("1"), say("hi", "assistant"), result("1")],
        [say("a"), use("1"), say("b"), use("2"), say("c"), use("3")],
        [use("1"), result("1"), result("1"), say("hi", "assistant")],
        [{"role": "user", "content": [{"toolUse": {"toolUseId": "1"}}]}, say("x", "assistant"), say("y")],
    ]
    cases = []
    for messages in broken:
        before = json.loads(json.dumps(messages))
        after = RepositorySessionManager._fix_broken_tool_use(None, messages)
        for message in after:
            # A message that is put in gets a random id, which is the agent's to give.
            message.pop("tracking_id", None)
        cases.append({"before": before, "after": after})
    return cases


async def snapshots():
    """The keys and bytes that the snapshot manager leaves."""
    storage = InMemoryStorage()
    manager = SnapshotSessionManager("s1", storage=storage, save_latest_on="message")
    agent = agent_of(manager, state={"name": "Ada"})
    await agent.invoke_async([{"text": "Look:"}, {"image": {"format": "png", "source": {"bytes": b"\x00\xff"}}}])
    snapshot_id = await manager.save_snapshot(agent, is_latest=False)
    node = Agent(name="solo", agent_id="solo", model=Stub(), callback_handler=None)
    swarm = Swarm([node], id="w1", session_manager=manager)
    await swarm.invoke_async("Swim")
    values = {key: (await storage.read(key)).decode() for key in await storage.list("")}
    ids = await manager.list_snapshot_ids(agent)
    return {"snapshot_id": snapshot_id, "listed": ids, "values": values}


def keys():
    cases = []
    for raw in ["a", "/a//b/", "a/b/", "", "/", "//", "a/../b", "..", "a\\b", "a/.", "...", "é/😀", "a/..b"]:
        case = {"raw": raw}
        for name, normalize in [("key", _normalize_key), ("prefix", _normalize_prefix)]:
            try:
                case[name] = normalize(raw)
            except Exception as error:
                case[name + "_error"] = str(error)
        cases.append(case)
    return cases


def namespaces():
    """What views of one storage see."""
    async def work():
        storage = InMemoryStorage()
        view = storage.namespace("session/")
        inner = view.namespace("/a//")
        await inner.write("x", b"1")
        await view.write("y", b"2")
        await storage.write("sessions", b"3")
        return {"storage": await storage.list(""), "view": await view.list(""), "inner": await inner.list(""),
                "view of a": await view.list("a"), "storage of session": await storage.list("session")}

    return asyncio.run(work())


def main():
    vectors = {"strands-agents": version("strands-agents")}
    for name, make in [("life", run), ("errors", errors), ("lists", lists), ("restores", restores)]:
        with tempfile.TemporaryDirectory() as directory:
            vectors[name] = make(directory)
    vectors["repairs"] = repairs()
    vectors["snapshots"] = asyncio.run(snapshots())
    vectors["keys"] = keys()
    vectors["namespaces"] = namespaces()
    here = pathlib.Path(__file__).parent / "strands.json"
    here.write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n")


main()
