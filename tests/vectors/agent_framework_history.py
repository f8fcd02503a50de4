"""Writes agent_framework_history.json beside it: what the real framework makes of messages, replays, flags and approvals.

Run with Python 3.11 in an environment that holds exactly this:
    agent-framework-core==1.23.0

The file is checked by `cargo test` without Python. The same seed gives the same file.
"""

import asyncio
import copy
import importlib.metadata
import json
import pathlib
import random
import warnings

import agent_framework._sessions as sessions
from agent_framework import AgentResponse, AgentSession, Content, HistoryProvider, Message, SessionContext

VERSION = "1.23.0"
assert importlib.metadata.version("agent-framework-core") == VERSION
warnings.simplefilter("ignore")
RANDOM = random.Random(20261121)


def text_of(message, **options):
    options = {"ensure_ascii": False, "separators": (",", ":"), **options}
    return json.dumps(message.to_dict(), **options)


def messages():
    """One message for each kind of content, and messages with everything else that a message may have."""
    call = Content.from_function_call("call_1", "weather", arguments='{"city": "Paris"}')
    made = {
        "text": Content.from_text("Grüße 😀 \"quoted\" \\ \u0000 \u2028", additional_properties={"k": [1, None, {"a": 1.0}]}),
        "text_reasoning": Content.from_text_reasoning(id="rs_1", text="hm", protected_data="c2VjcmV0"),
        "data": Content.from_data(b"abc", "image/png"),
        "uri": Content.from_uri("https://example.com/a.png", media_type="image/png"),
        "error": Content.from_error(message="no", error_code="E1", error_details="why"),
        "function_call": call,
        "function_call_object": Content.from_function_call("call_2", "f", arguments={"n": 2**53 + 1, "x": 1.0, "z": None}),
        "function_result": Content.from_function_result("call_1", result="sunny"),
        "function_result_failed": Content.from_function_result("call_1", result="x", exception="Traceback: secret"),
        "usage": Content.from_usage({"input_token_count": 3, "output_token_count": 4, "total_token_count": 7}),
        "hosted_file": Content.from_hosted_file("file_1"),
        "hosted_vector_store": Content.from_hosted_vector_store("vs_1"),
        "code_interpreter_tool_call": Content.from_code_interpreter_tool_call(call_id="c", inputs=[Content.from_text("1+1")]),
        "code_interpreter_tool_result": Content.from_code_interpreter_tool_result(call_id="c", outputs=[Content.from_text("2")]),
        "image_generation_tool_call": Content.from_image_generation_tool_call(image_id="i"),
        "image_generation_tool_result": Content.from_image_generation_tool_result(image_id="i", outputs=[Content.from_data(b"x", "image/png")]),
        "mcp_server_tool_call": Content.from_mcp_server_tool_call("c", "t", server_name="s", arguments={"a": 1}),
        "mcp_server_tool_result": Content.from_mcp_server_tool_result(call_id="c", output=[{"type": "text", "text": "no content"}]),
        "search_tool_call": Content.from_search_tool_call(call_id="c", tool_name="web", arguments={"q": "x"}),
        "search_tool_result": Content.from_search_tool_result(call_id="c", tool_name="web", result="r"),
        "shell_tool_call": Content.from_shell_tool_call(call_id="c", commands=["ls"], timeout_ms=5, max_output_length=9),
        "shell_tool_result": Content.from_shell_tool_result(call_id="c", outputs=[Content.from_shell_command_output(stdout="a", exit_code=0, timed_out=False)]),
        "shell_command_output": Content.from_shell_command_output(stdout="a", stderr="b", exit_code=1, timed_out=True),
        "computer_tool_call": Content.from_computer_tool_call(id="cu_1", call_id="c", actions=[{"type": "click"}]),
        "computer_tool_result": Content.from_computer_tool_result(call_id="c", screenshot=Content.from_uri("https://example.com/s.png", media_type="image/png")),
        "function_approval_request": Content.from_function_approval_request("ap_1", call),
        "function_approval_response": Content.from_function_approval_response(True, "ap_1", call),
        "oauth_consent_request": Content.from_oauth_consent_request("https://example.com/consent"),
        "not_finite": Content.from_function_call("c", "f", arguments={"n": float("nan"), "i": [float("inf"), float("-inf")]}),
        "lone_surrogate": Content.from_text("a\ud83d b"),
        "annotated": Content.from_text("x", annotations=[{"type": "citation", "title": "t", "url": "u", "annotated_regions": [{"type": "text_span", "start_index": 0, "end_index": 1}]}]),
        "merge_mode": Content("text", text="x", merge_mode="replace"),
    }
    roles = ["user", "assistant", "tool", "system", "developer"]
    found = []
    for position, (name, content) in enumerate(made.items()):
        found.append((name, Message(roles[position % 5], [content])))
    found += [
        ("empty", Message("assistant", [])),
        ("several", Message("assistant", ["one", call, "two"], author_name="Ada", message_id="msg_1")),
        ("marked", Message("user", ["x"], additional_properties={
            "_excluded": True, "_exclude_reason": "truncation",
            "_group": {"id": "g", "kind": "user", "index": 0, "has_reasoning": False, "token_count": 3, "token_count_basis": 2},
            "_summary_of_message_ids": ["a", "b"], "_attribution": {"source_id": "s", "source_type": "T"}})),
    ]
    listed = []
    for name, message in found:
        # What cannot be written as UTF-8 is written with escapes, as `json.dumps` does unless told otherwise.
        ascii_only = name == "lone_surrogate"
        listed.append({
            "name": name,
            "stored": text_of(message, ensure_ascii=ascii_only),
            "spaced": text_of(message, ensure_ascii=True, separators=(", ", ": ")),
            "role": message.role,
            "author_name": message.author_name,
            "message_id": message.message_id,
            "text": None if ascii_only else message.text,
            "kinds": [content.type for content in message.contents],
            "excluded": bool(message.additional_properties.get("_excluded", False)),
        })
    return listed


def excluded():
    values = [True, False, None, 0, 1, 0.0, -0.0, 0.5, "", "no", [], [0], {}, {"a": 0}, float("nan"), "absent"]
    listed = []
    for value in values:
        message = Message("user", ["x"], additional_properties={} if value == "absent" else {"_excluded": value})
        listed.append([text_of(message), bool(message.additional_properties.get("_excluded", False))])
    return listed


def identities():
    """Texts and the number of their identity: equal numbers, equal messages."""
    contents = [
        '{"type":"text","text":"a"}',
        '{"text":"a","type":"text","additional_properties":{}}',
        '{"type":"text","text":"\\u0061","additional_properties":null,"annotations":null}',
        '"a"',
        '{"type":"text","text":"b"}',
        '{"type":"text","text":null}', '{"type":"text","text":""}', '{"type":"text"}',
        '{"type":"text","text":"a","additional_properties":{"x":1,"y":2}}',
        '{"type":"text","text":"a","additional_properties":{"y":2,"x":1}}',
        '{"type":"text","text":"a","additional_properties":{"y":2.0,"x":1}}',
        '{"type":"text","text":"a","additional_properties":{"y":2,"x":1,"z":null}}',
        '{"type":"text","text":"a","additional_properties":{"y":3,"y":2,"x":1}}',
        '{"type":"text","text":"a","additional_properties":{"n":1e2}}',
        '{"type":"text","text":"a","additional_properties":{"n":100.0}}',
        '{"type":"text","text":"a","additional_properties":{"n":100}}',
        '{"type":"text","text":"a","additional_properties":{"n":-0}}',
        '{"type":"text","text":"a","additional_properties":{"n":0}}',
        '{"type":"text","text":"a","additional_properties":{"n":-0.0}}',
        '{"type":"text","text":"a","additional_properties":{"n":0.0}}',
        '{"type":"text","text":"a","additional_properties":{"n":NaN}}',
        '{"type":"text","text":"a","additional_properties":{"n": NaN }}',
        '{"type":"text","text":"a","additional_properties":{"n":1e999}}',
        '{"type":"text","text":"a","additional_properties":{"n":Infinity}}',
        '{"type":"text","text":"a","additional_properties":{"n":-Infinity}}',
        '{"type":"text","text":"a","additional_properties":{"n":9007199254740993}}',
        '{"type":"text","text":"a","additional_properties":{"n":9007199254740992}}',
        '{"type":"text","text":"a","additional_properties":{"n":123456789012345678901234567890}}',
        '{"type":"text","text":"\\ud83d\\ude00"}', '{"type":"text","text":"😀"}', '{"type":"text","text":"\\ud83d"}',
        '{"type":"text","text":"\\uD83D"}', '{"type":"text","text":"\\ude00\\ud83d"}', '{"type":"text","text":"/"}',
        '{"type":"text","text":"\\/"}', '{"type":"text","text":"\\u002f"}', '{"type":"text","text":"\\n"}',
        '{"type":"text","text":"\\u000a"}', '{"type":"text","text":"\\\\n"}', '{"type":"text","text":"\\u0022"}',
        '{"type":"text","text":"\\""}', '{"type":"text","text":"\\u0000"}',
        '{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}',
        '{"type":"function_call","call_id":"c","name":"f","arguments":"{}","hosted":false,"informational_only":false}',
        '{"type":"function_call","call_id":"c","name":"f","arguments":"{}","hosted":true}',
        '{"type":"function_call","call_id":"c","name":"f","arguments":{}}',
        '{"type":"function_call","call_id":"c","name":"f","arguments":"{}","informational_only":true}',
        '{"type":"function_call","call_id":"c","name":"f","arguments":"{}","additional_properties":{"server_label":"s"}}',
        '{"type":"function_call","call_id":"c","name":"f","arguments":"{}","hosted":true,"server_name":"s","additional_properties":{"server_label":"s"}}',
        '{"type":"text","text":"a","informational_only":true}',
        '{"type":"function_result","call_id":"c","result":"r"}',
        '{"type":"function_result","call_id":"c","result":"r","exception":"one"}',
        '{"type":"function_result","call_id":"c","result":"r","exception":"FunctionInvocationError"}',
        '{"type":"function_result","call_id":"c","result":"r","items":[{"type":"text","text":"r"}]}',
        '{"type":"function_result","call_id":"c","result":"r","items":[{"type":"text","text":"r","additional_properties":{}}]}',
        '{"type":"function_result","call_id":"c","result":"r","items":[]}',
        '{"type":"function_approval_request","id":"i","function_call":{"type":"function_call","call_id":"c","name":"f"}}',
        '{"type":"function_approval_request","id":"i","function_call":{"hosted":false,"name":"f","call_id":"c","type":"function_call","additional_properties":{}}}',
        '{"type":"function_approval_response","id":"i"}', '{"type":"function_approval_response","id":"i","approved":false}',
        '{"type":"function_approval_response","id":"i","approved":"yes"}', '{"type":"function_approval_response","id":"i","approved":true}',
        '{"type":"mcp_server_tool_result","call_id":"c","output":{"b":null,"a":[1,{"d":2,"c":3}]}}',
        '{"type":"mcp_server_tool_result","call_id":"c","output":{"a":[1,{"c":3,"d":2}],"b":null}}',
        '{"type":"code_interpreter_tool_result","call_id":"c","outputs":[{"type":"text","text":"2"}]}',
        '{"type":"code_interpreter_tool_result","call_id":"c","outputs":[{"type":"text","text":"2","additional_properties":{}}]}',
        '{"type":"computer_tool_result","call_id":"c","screenshot":{"type":"uri","uri":"u","media_type":"m"}}',
        '{"type":"computer_tool_result","call_id":"c","screenshot":{"type":"uri","uri":"u","media_type":"m","additional_properties":{}}}',
    ]
    texts = ['{"type":"message","role":"user","contents":[%s]}' % content for content in contents]
    texts += [
        '{"type":"message","role":"assistant","contents":[{"type":"text","text":"a"}]}',
        '{"type":"message","role":"user","contents":[{"type":"text","text":"a"}],"additional_properties":{"_excluded":true},"author_name":"A"}',
        '{"type":"message","role":"user","contents":[null,{"type":"text","text":"a"}],"message_id":null}',
        '{"type":"message","role":"user","contents":"a"}',
        '{"role":"user","contents":["a"]}',
        '{"type":"message","role":"user","contents":[]}', '{"type":"message","role":"user"}',
        '{"type":"message","role":"user","contents":null}',
        '{"type":"message","role":"user","contents":["a"],"message_id":"1"}',
        '{"type":"message","role":"assistant","contents":["b"],"message_id":"1"}',
        '{"type":"message","role":"user","contents":["a"],"message_id":"\\u0031"}',
        '{"type":"message","role":"user","contents":["a"],"message_id":1}',
        '{"type":"message","role":"user","contents":["a"],"message_id":"2"}',
        '{"type":"message","role":"user","contents":["a"],"message_id":""}',
        '{"type":"message","role":"user","contents":["a","a"]}',
        '{"type":"message","role":"user","contents":["aa"]}',
    ]
    numbers, listed = {}, []
    for text in texts:
        identity = sessions.get_message_identity(Message.from_dict(json.loads(text)))
        listed.append([text, numbers.setdefault(identity, len(numbers))])
    return listed


def ids_only(message):
    """The identity of `by_id_only`: a message without an id is like no other."""
    identity = sessions.get_message_identity(message)
    return identity if identity[0] == "id" else ("none", object())


def kept(stored, incoming):
    """How many of the incoming messages are dropped: in `upstream`, and in `by_id_only`."""
    found = []
    original = sessions._get_message_hash
    for identity in (original, ids_only):
        sessions._get_message_hash = identity
        new = sessions.filter_new_messages(stored, incoming)
        assert [id(m) for m in new] == [id(m) for m in incoming[len(incoming) - len(new):]]
        found.append(len(incoming) - len(new))
    sessions._get_message_hash = original
    return found


def dedup():
    pool, texts = {}, []

    def make(short):
        """`u1` is a user's text without an id, `a2#` an assistant's with one."""
        role = {"u": "user", "a": "assistant", "s": "system", "t": "tool"}[short[0]]
        message = Message(role, ["text " + short[1]], message_id=short if short.endswith("#") else None)
        if short not in pool:
            pool[short] = len(texts)
            texts.append(text_of(message))
        return message

    table = [
        ("nothing stored", "", "u1 a1"), ("a new turn", "u1 a1", "u2 a2"), ("the transcript and a new turn", "u1 a1", "u1 a1 u2 a2"),
        ("the transcript", "u1 a1", "u1 a1"), ("one stored user message without an id", "u1", "u1 a1"),
        ("one stored user message with an id", "u1#", "u1# a1"), ("the last user message without an id", "u1 a1 u2", "u2 a2"),
        ("the last user message with an id", "u1 a1 u2#", "u2# a2"), ("the last answer", "u1 a1", "a1 u2"),
        ("the last turn", "u1 a1 u2 a2", "u2 a2 u3"), ("a system message before the transcript", "u1 a1", "s1 u1 a1 u2"),
        ("the same text with another id", "u1#", "u2#"), ("an id against none", "u1#", "u1"), ("none against an id", "u1", "u1#"),
        ("the same exchange again", "u1 a1", "u1 a1"), ("nothing incoming", "u1 a1", ""),
        ("a transcript that lost its start", "u1 a1 u2 a2", "a1 u2 a2 u3"), ("only an older part", "u1 a1 u2 a2", "u1 a1"),
        ("one stored answer", "a1", "a1 u1"), ("one stored answer later", "a1", "u1 a1 u2"),
        ("one stored user message later", "u1", "s1 u1 a1"), ("an id-less user message repeated", "u1", "u1"),
        ("twice the same", "u1 u1", "u1 u1 u1"), ("ids for answers only", "u1 a1#", "u1 a1# u2"),
    ]
    cases = [(name, stored.split(), incoming.split()) for name, stored, incoming in table]
    alphabets = ["u1 a1", "u1 a1 u1# a1#", "u1 u2 a1 a2 t1 u1# a1# a2#", "u1# a1# u2# a2#", "u1 a1 u2 a2 u3 a3 s1 t1"]
    for number in range(2400):
        letters = RANDOM.choice(alphabets).split()
        stored = [RANDOM.choice(letters) for _ in range(RANDOM.randrange(0, 8))]
        kind = RANDOM.randrange(4)
        fresh = [RANDOM.choice(letters) for _ in range(RANDOM.randrange(0, 5))]
        if kind == 0:
            incoming = fresh
        elif kind == 1:
            incoming = stored + fresh
        elif kind == 2:
            incoming = stored[RANDOM.randrange(0, len(stored) + 1):] + fresh
        else:
            incoming = [RANDOM.choice(letters) for _ in range(RANDOM.randrange(0, 3))] + stored + fresh
        cases.append((None, stored, incoming))
    listed, seen = [], set()
    for name, stored, incoming in cases:
        key = (tuple(stored), tuple(incoming))
        if name is None and key in seen:
            continue
        seen.add(key)
        dropped = kept([make(short) for short in stored], [make(short) for short in incoming])
        case = [[pool[short] for short in stored], [pool[short] for short in incoming], *dropped]
        listed.append(case if name is None else [*case, name])
    return {"messages": texts, "cases": listed}


def approvals():
    """Sequences of approval contents, and for each message the positions that a run is still shown, if any are."""

    def call(number, **options):
        return Content.from_function_call(f"call_{number}", "f", arguments="{}", **options)

    def one():
        number = RANDOM.randrange(2)
        occurrence = RANDOM.choice([{}, {}, {"id": f"fc_{RANDOM.randrange(2)}"}])
        hosted = RANDOM.choice([{}, {}, {}, {"hosted": True}])
        kind = RANDOM.randrange(8)
        if kind <= 1:
            properties = RANDOM.choice([None, None, {"_replacement_approval_request": True}])
            return Content.from_function_approval_request(f"ap_{RANDOM.randrange(3)}", call(number, **occurrence, **hosted), additional_properties=properties)
        if kind <= 3:
            which = RANDOM.choice([f"ap_{RANDOM.randrange(3)}", f"fc_{RANDOM.randrange(2)}"])
            return Content.from_function_approval_response(RANDOM.choice([True, False]), which, call(number, **occurrence, **hosted))
        if kind <= 5:
            return Content.from_function_result(f"call_{number}", result="r")
        if kind == 6:
            return Content.from_text("x")
        return RANDOM.choice([
            call(number), Content("function_approval_request", id="ap_0"),
            Content.from_computer_tool_call(id="cu_1", call_id=f"call_{number}", actions=[{"type": "wait"}]),
        ])

    listed = []
    for _ in range(320):
        stored = [Message(RANDOM.choice(["user", "assistant", "tool"]), [one() for _ in range(RANDOM.choice([1, 1, 1, 2, 3]))])
                  for _ in range(RANDOM.randrange(1, 8))]
        if RANDOM.randrange(20) == 0:
            stored.append(Message("assistant", []))
        # As a provider has them: read from what is stored.
        stored = [Message.from_dict(json.loads(text_of(message))) for message in stored]
        shown = {id(content) for message in sessions._filter_approval_control_messages(stored) for content in message.contents}
        positions = [[n for n, content in enumerate(message.contents) if id(content) in shown] for message in stored]
        listed.append([[text_of(message) for message in stored], positions])
    return listed


class Provider(HistoryProvider):
    stored = ()

    async def get_messages(self, session_id, *, state=None, **kwargs):
        return list(self.stored)

    async def save_messages(self, session_id, messages, *, state=None, **kwargs):
        self.saved = list(messages)


def runs():
    """What a run stores with each combination of flags."""
    listed = []
    sources = [None, [], ["rag"], ["rag", "memory"], ["own"], ["own", "rag"], ["absent"]]
    for load in (True, False):
        for inputs in (True, False):
            for outputs in (True, False):
                for context_too in (True, False):
                    for only in sources:
                        provider = Provider("own", load_messages=load, store_inputs=inputs, store_outputs=outputs,
                                            store_context_messages=context_too, store_context_from=None if only is None else set(only))
                        provider.stored = [Message("user", ["u0"]), Message("assistant", ["a0"])]
                        provider.saved = []
                        context = SessionContext(session_id="s", input_messages=[Message("user", ["u1"])])
                        session = AgentSession(session_id="s")
                        if load:
                            asyncio.run(provider.before_run(agent=None, session=session, context=context, state={}))
                        shown = [text_of(m) for m in context.context_messages.get("own", [])]
                        context.extend_messages("rag", [Message("system", ["r1"]), Message("system", ["r2"])])
                        context.extend_messages("memory", [Message("user", ["m1"])])
                        context._response = AgentResponse(messages=[Message("assistant", ["a1"]), Message("assistant", ["a2"])])
                        asyncio.run(provider.after_run(agent=None, session=session, context=context, state={}))
                        listed.append({
                            "load_messages": load, "store_inputs": inputs, "store_outputs": outputs,
                            "store_context_messages": context_too, "store_context_from": only,
                            "shown": len(shown), "saved": [message.text for message in provider.saved],
                        })
    return listed


class PerSqlHistoryProvider:
    source_id = "own"


def attributions():
    """What a message is marked with when it is loaded."""
    listed = []
    for existing in [{}, {"k": 1.0}, {"_attribution": {"source_id": "other"}}, {"_attribution": {"extra": [1]}, "z": None},
                     {"_attribution": None}, {"_attribution": "x"}, {"_attribution": {}}]:
        context = SessionContext(session_id="s", input_messages=[])
        message = Message("user", ["x"], additional_properties=copy.deepcopy(existing))
        context.extend_messages(PerSqlHistoryProvider(), [message])
        listed.append([text_of(message), text_of(context.context_messages["own"][0])])
    return listed


def loads():
    """Which payloads are messages."""
    texts = [
        '{"type":"message","role":"user","contents":[]}', '{"role":"user","contents":[]}', '{"role":"user"}', '{"type":"","role":"user"}',
        '{"type":null,"role":"user"}', '{"type":"chat_message","role":"user"}', '{"type":"agent_response","role":"user"}',
        '[]', '3', 'null', '"message"', '{"type":"message"}', '{"type":"message","role":"x","contents":[{"text":"no type"}]}',
        '{"type":"message","role":"x","contents":["a",null]}', '{"type":"message","role":"x","contents":[3]}',
    ]
    listed = []
    for text in texts:
        payload = json.loads(text)
        try:
            assert isinstance(payload, dict)
            Message.from_dict(payload)
            listed.append([text, True])
        except Exception:
            listed.append([text, False])
    return listed


golden = {
    "framework": f"agent-framework-core {VERSION}",
    "messages": messages(), "excluded": excluded(), "identities": identities(), "dedup": dedup(), "approvals": approvals(),
    "runs": runs(), "attributions": attributions(), "loads": loads(),
}
lines = ",\n".join(
    f"{json.dumps(key)}: " + (
        "[\n" + ",\n".join(json.dumps(item, ensure_ascii=True) for item in value) + "]" if isinstance(value, list) else json.dumps(value))
    for key, value in golden.items())
pathlib.Path(__file__).with_suffix(".json").write_text("{" + lines + "}\n", encoding="ascii")
