//! Types of Rust from what Python wrote, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use persql_checkpoint::serde::{Class, Ext, Interrupt, Map, Message, Object, Send, from_data, python, to_data, with};
use persql_checkpoint::{Checkpoint, Data, ErrorKind, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::vectors::{VECTORS, golden};

#[test]
fn our_messages_are_pythons_byte_for_byte() {
    let args = Map::from([("x", Data::from(1)), ("y", Data::List(vec![Data::Nil, 2.5.into()]))]);
    let usage = Map::from([("input_tokens", 1), ("output_tokens", 2), ("total_tokens", 3)]);
    let artifact = Map::from([("a", 1)]);
    let tool = Message::tool("42", "c1").with("artifact", artifact).with("name", "f").with("status", "error");
    let cases = [
        ("human", Message::human("hi").with_id("m1")),
        ("human without id", Message::human("hi")),
        ("ai", Message::ai("yo").with_id("m3")),
        (
            "ai with a tool call",
            Message::ai("").with_id("m4").with_tool_call("f", args, "c1").with("usage_metadata", usage),
        ),
        ("tool", Message::tool("42", "c1").with_id("m5")),
        ("tool with an artifact", tool),
        ("system", Message::system("be kind")),
        ("remove", Message::remove("m1")),
    ];
    for (name, message) in cases {
        assert_eq!(message.to_data().unwrap(), golden(name), "{name}");
        assert_eq!(Message::from_data(&golden(name)).unwrap(), message, "{name}");
    }
}

#[test]
fn every_message_that_python_wrote_is_read_and_kept() {
    let kinds = [
        ("human with blocks", "human", "look: here"),
        ("ai with a field of others", "ai", "x"),
        ("function", "function", "f"),
        ("chat", "chat", "f"),
        ("ai chunk", "AIMessageChunk", "c"),
        ("human chunk", "HumanMessageChunk", "c"),
    ];
    for (name, kind, text) in kinds {
        let message = Message::from_data(&golden(name)).unwrap();
        assert_eq!((message.kind(), message.text().as_str()), (kind, text), "{name}");
        assert_eq!(to_data(&message).unwrap(), golden(name));
    }
    let ai = Message::from_data(&golden("ai with a tool call")).unwrap();
    let calls = ai.tool_calls();
    assert_eq!((calls.len(), calls[0].name, calls[0].id, calls[0].args.len()), (1, "f", Some("c1"), 2));
    let named = Message::from_data(&golden("human with blocks")).unwrap();
    assert_eq!((named.name(), named.id(), named.content().is_some()), (Some("ada"), Some("m2"), true));
    assert_eq!(Message::from_data(&golden("tool")).unwrap().tool_call_id(), Some("c1"));
    for name in ["document", "uuid", "send", "none", "order"] {
        assert_eq!(Message::from_data(&golden(name)).unwrap_err().kind(), ErrorKind::Corrupt, "{name}");
    }
}

#[test]
fn values_of_pythons_own_types_are_its_own_byte_for_byte() {
    let cases = [
        ("uuid", python::uuid("1EF4F797-8335-6428-8001-8a1503f9b875")),
        ("datetime", python::datetime("2024-05-04T06:32:42.235444Z")),
        ("datetime without zone", python::datetime("2024-05-04 00:00:00.000")),
        ("datetime of another zone", python::datetime("2024-05-04T06:32:42-03:30")),
        ("date", python::date(2024, 5, 4)),
        ("timedelta", python::timedelta(-1, 2, 3)),
        ("decimal", python::decimal("1.10")),
        ("set", python::set(vec![1.into()])),
        ("empty set", python::set(vec![])),
        ("frozenset", python::frozenset(vec!["a".into()])),
        ("deque", python::deque(vec![1.into(), 2.into()])),
        ("send", Send::new("node", Map::from([("a", 1)])).to_data()),
        ("interrupt", Interrupt::new(Map::from([("q", 1)]), "abc").to_data()),
    ];
    for (name, data) in cases {
        assert_eq!(data.unwrap(), golden(name), "{name}");
    }
    assert_eq!(Send::from_data(&golden("send")).unwrap().arg, Map::from([("a", 1)]).into());
    let timed = Send::from_data(&golden("send with a timeout")).unwrap();
    assert_eq!((timed.timeout.is_some(), timed.to_data().unwrap()), (true, golden("send with a timeout")));
    assert_eq!(Interrupt::from_data(&golden("interrupt")).unwrap().id.as_deref(), Some("abc"));
}

#[test]
fn objects_become_the_usual_types() {
    let text = |name| from_data::<String>(&golden(name)).unwrap();
    assert_eq!(text("uuid"), "1ef4f797-8335-6428-8001-8a1503f9b875");
    assert_eq!(text("datetime"), "2024-05-04T06:32:42.235444+00:00");
    assert_eq!(text("date"), "2024-05-04");
    assert_eq!(text("time"), "06:32:42");
    assert_eq!(text("time with microseconds"), "06:32:42.000007");
    assert_eq!((text("decimal"), text("enum"), text("zoneinfo")), ("1.10".into(), "red".into(), "UTC".into()));
    assert_eq!((text("secret"), text("exception")), ("hush".into(), "ValueError('boom')".into()));
    assert_eq!(from_data::<PathBuf>(&golden("path")).unwrap(), PathBuf::from("/a/b"));
    assert_eq!(from_data::<PathBuf>(&golden("relative path")).unwrap(), PathBuf::from("a/b"));
    assert_eq!(from_data::<IpAddr>(&golden("ipv4")).unwrap(), IpAddr::from([127, 0, 0, 1]));
    assert_eq!(from_data::<BTreeSet<u8>>(&golden("set")).unwrap(), BTreeSet::from([1]));
    assert_eq!(from_data::<Vec<u8>>(&golden("deque")).unwrap(), [1, 2]);
    assert_eq!(from_data::<(i32, u32, u32)>(&golden("timedelta")).unwrap(), (-1, 2, 3));
    assert_eq!(from_data::<(String, u32)>(&golden("regex")).unwrap(), ("a+".to_owned(), 34));
    assert_eq!(from_data::<BTreeMap<String, u8>>(&golden("namedtuple")).unwrap()["q"], 2);
    let snapshot: BTreeMap<String, Vec<BTreeMap<String, u8>>> = from_data(&golden("snapshot in a map")).unwrap();
    assert_eq!(snapshot["m"][0]["a"], 1);
    #[derive(Debug, Deserialize, PartialEq)]
    struct Point {
        a: i64,
        b: BTreeMap<String, Option<Box<Point>>>,
    }
    let json = serde_json::to_value(golden("dataclass")).unwrap();
    assert_eq!(json, json!({"a": 1, "b": {"z": {"a": 2, "b": null}}}));
    assert!(from_data::<Point>(&golden("dataclass")).is_err(), "the inner b is None, which is no map");
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
    }
    assert_eq!(from_data::<Color>(&golden("enum")).unwrap(), Color::Red);
}

#[test]
fn other_formats_get_the_usual_forms() {
    let cases = [
        (
            "objects in objects",
            json!([{"days": ["2024-05-01", "2024-05-02"]}, {"u": ["00000000-0000-0000-0000-000000000001", {"node": "n", "arg": ["red"]}]}]),
        ),
        ("snapshot in a map", json!({"m": [{"a": 1}]})),
        (
            "ndarray",
            json!({"dtype": "<i4", "shape": [2, 2], "order": "C", "data": [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]}),
        ),
        ("command", json!({"graph": null, "update": {"a": 1}, "resume": "ok", "goto": [{"node": "x", "arg": 1}, "y"]})),
    ];
    for (name, json) in cases {
        assert_eq!(serde_json::to_value(golden(name)).unwrap(), json, "{name}");
    }
    let value: serde_json::Value = from_data(&golden("command")).unwrap();
    assert_eq!(value["goto"], json!([{"node": "x", "arg": 1}, "y"]));
    assert_eq!(serde_json::to_string(&Data::from(Ext::new(99, [1]))).unwrap(), r#"{"ext":[1]}"#);
    let json: Data = serde_json::from_str(r#"{"b": [1, -1, 1.5, null, "x"], "a": true}"#).unwrap();
    assert_eq!(serde_json::to_string(&json).unwrap(), r#"{"b":[1,-1,1.5,null,"x"],"a":true}"#);
}

#[test]
fn a_struct_keeps_what_it_holds_as_data() {
    #[derive(Deserialize, Serialize)]
    struct State {
        messages: Vec<Message>,
        sends: Vec<Send>,
        asked: Option<Interrupt>,
        anything: Data,
        all: Map,
    }
    let all = ["ndarray", "pydantic 2", "command", "regex", "time with a zone", "keys of every kind"];
    let all: Map = all.into_iter().map(|name| (name, golden(name))).collect();
    let state = Map::from([
        ("messages", Data::from_iter([golden("human"), golden("ai with a field of others")])),
        ("sends", Data::from_iter([golden("send")])),
        ("asked", golden("interrupt")),
        ("anything", Ext::new(-5, [0xc1]).into()),
        ("all", all.into()),
    ]);
    let data = Data::from(state);
    let read: State = from_data(&data).unwrap();
    assert_eq!((read.messages.len(), read.sends.len(), read.asked.is_some()), (2, 1, true));
    assert_eq!(to_data(&read).unwrap(), data);
}

#[test]
fn fields_are_written_as_pythons_types_and_read_from_either_form() {
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct State {
        #[serde(with = "with::uuid")]
        uuid: String,
        #[serde(with = "with::datetime")]
        datetime: Option<String>,
        #[serde(with = "with::datetime")]
        never: Option<String>,
        #[serde(with = "with::decimal")]
        decimal: String,
        #[serde(with = "with::set")]
        set: BTreeSet<u8>,
        #[serde(with = "with::bytes")]
        bytes: Vec<u8>,
    }
    let state = State {
        uuid: "1ef4f797-8335-6428-8001-8a1503f9b875".into(),
        datetime: Some("2024-05-04T06:32:42.235444+00:00".into()),
        never: None,
        decimal: "1.10".into(),
        set: BTreeSet::from([1]),
        bytes: vec![0, 1],
    };
    let data = to_data(&state).unwrap();
    for name in ["uuid", "datetime", "decimal", "set", "bytes"] {
        assert_eq!(data.get(name), Some(&golden(name)), "{name}");
    }
    assert_eq!(data.get("never"), Some(&Data::Nil));
    assert_eq!(from_data::<State>(&data).unwrap(), state);
    let plain: Data = serde_json::from_value(serde_json::to_value(&data).unwrap()).unwrap();
    assert_eq!(from_data::<State>(&plain).unwrap(), state, "text and lists are read too");
    let wrong = State { uuid: "no".into(), ..from_data(&data).unwrap() };
    let error = to_data(&wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().ends_with("a UUID has 32 hexadecimal digits"), "{error}");
}

#[test]
fn enums_options_and_keys_of_any_kind_pass_through() {
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Step {
        Start,
        Wait(u64),
        Pair(i8, f32),
        Go { to: char, by: Option<Box<Step>> },
    }
    let steps = vec![
        (Step::Start, ()),
        (Step::Wait(u64::MAX), ()),
        (Step::Pair(-1, 0.5), ()),
        (Step::Go { to: 'x', by: Some(Box::new(Step::Start)) }, ()),
    ];
    let data = to_data(&steps).unwrap();
    assert_eq!(from_data::<Vec<(Step, ())>>(&data).unwrap(), steps);
    assert_eq!(Data::from_msgpack(&data.to_msgpack().unwrap()).unwrap(), data);
    let keys = BTreeMap::from([(-1i64, Some(true)), (7, None)]);
    assert_eq!(from_data::<BTreeMap<i64, Option<bool>>>(&to_data(&keys).unwrap()).unwrap(), keys);
    assert_eq!(from_data::<i128>(&Data::Int(1 << 70)).unwrap(), 1 << 70);
    assert_eq!(to_data(&(1u128 << 127)).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn an_error_of_a_type_says_what_was_expected_and_quotes_nothing() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[expect(dead_code, reason = "only read by serde")]
        count: u8,
    }
    let hush = || Data::from("hush");
    let cases = [
        from_data::<u8>(&hush()).unwrap_err(),
        from_data::<u8>(&(-1).into()).unwrap_err(),
        from_data::<Strict>(&Map::from([("hush", 1)]).into()).unwrap_err(),
        from_data::<Strict>(&Map::new().into()).unwrap_err(),
        from_data::<Strict>(&Map::from([("count", hush())]).into()).unwrap_err(),
        from_data::<IpAddr>(&hush()).unwrap_err(),
        from_data::<(u8, u8)>(&Data::from_iter([1, 2, 3])).unwrap_err(),
        from_data::<String>(&Ext::new(99, *b"hush").into()).unwrap_err(),
        from_data::<String>(&Ext::new(0, *b"hush").into()).unwrap_err(),
        from_data::<Vec<Message>>(&Data::from_iter(["hush"])).unwrap_err(),
        from_data::<Send>(&hush()).unwrap_err(),
    ];
    for error in cases {
        let text = format!("{error} {error:?}");
        assert!(error.kind() == ErrorKind::Corrupt && !text.contains("hush"), "{text}");
    }
    let error = from_data::<Strict>(&Map::from([("count", hush())]).into()).unwrap_err();
    assert!(error.to_string().ends_with("a string where u8 is expected"), "{error}");
    let error = from_data::<Vec<Message>>(&Data::from_iter(["hush"])).unwrap_err();
    assert!(error.to_string().ends_with("a stored value is not a message"), "{error}");
}

#[test]
fn rows_of_javascript_are_messages_and_sets_too() {
    let case = VECTORS.read_only.iter().find(|case| case.name.contains("JavaScript")).unwrap();
    let checkpoint = Serializer::new().loads_checkpoint(&case.tag, &case.bytes).unwrap();
    let messages: Vec<Message> = checkpoint.channel("messages").unwrap().unwrap();
    assert_eq!((messages[0].kind(), messages[0].text().as_str(), messages[0].id()), ("human", "hi", Some("1")));
    assert_eq!(messages[0].class, Class::new("langchain_core.messages.human", "HumanMessage"));
    #[derive(Deserialize)]
    struct Seen(#[serde(with = "with::set")] BTreeSet<u8>);
    assert_eq!(checkpoint.channel::<Seen>("seen").unwrap().unwrap().0, BTreeSet::from([1, 2]));
    let old = VECTORS.read_only.iter().find(|case| case.name.contains("old Python")).unwrap();
    let old = Serializer::new().loads_typed(&old.tag, &old.bytes).unwrap();
    assert!(
        matches!(Object::of(old.get("u").unwrap()).unwrap(), Some(Object::Positional { class, .. }) if class.is("uuid", "UUID"))
    );
}

#[test]
fn a_channel_that_does_not_fit_is_named() {
    let mut checkpoint = Checkpoint::new("1ef09b54", "2024-05-04T06:32:42+00:00");
    checkpoint.channel_values.insert("count", "hush");
    assert_eq!(checkpoint.channel::<u8>("none").unwrap(), None);
    let error = checkpoint.channel::<u8>("count").unwrap_err();
    assert!(error.to_string().ends_with("(checkpoint: 1ef09b54, channel: count)"), "{error}");
    let mut bytes = checkpoint.into_data().to_msgpack().unwrap();
    let at = bytes.windows(4).position(|four| four == b"hush").unwrap();
    bytes[at] = 0xff;
    let error = Serializer::new().loads_checkpoint("msgpack", &bytes).unwrap_err();
    assert!(error.to_string().contains("UTF-8") && error.to_string().ends_with("(channel: count)"), "{error}");
}

#[test]
fn pending_sends_move_to_where_version_4_has_them() {
    let load = |name| Checkpoint::from_data(golden(name)).unwrap();
    let mut one = load("version 1");
    one.migrate(vec![]).unwrap();
    assert_eq!(one.channel::<Vec<Send>>("__pregel_tasks").unwrap().unwrap().len(), 1);
    assert_eq!(one.channel_versions.get("__pregel_tasks"), Some(&3.into()), "the greatest version");
    let mut two = load("version 2");
    two.migrate(vec![]).unwrap();
    assert!(!two.channel_values.contains_key("__pregel_tasks"));
    two.migrate(vec![golden("send")]).unwrap();
    assert_eq!(two.channel::<Vec<Send>>("__pregel_tasks").unwrap().unwrap()[0].node, "node");
    let mut three = load("version 3");
    three.migrate(vec![]).unwrap();
    assert_eq!(three.channel_versions.get("__pregel_tasks"), three.channel_versions.get("a"));
    let mut four = load("version 4 with a key of others");
    let before = four.clone();
    four.migrate(vec![golden("send")]).unwrap();
    assert_eq!(four, before);
    assert!(four.rest.contains_key("later"));
    let mut empty = Checkpoint::new("a", "b");
    empty.v = 1;
    empty.clone().migrate(vec![golden("send")]).unwrap();
    empty.channel_versions.extend([("a", Data::from(1)), ("b", "2".into())]);
    assert_eq!(empty.max_version(), None);
    assert_eq!(empty.migrate(vec![golden("send")]).unwrap_err().kind(), ErrorKind::Corrupt);
    let mixed = [("a", Data::from(2)), ("b", 2.5.into()), ("c", (-1).into())];
    one.channel_versions = mixed.into();
    assert_eq!(one.max_version(), Some(&2.5.into()));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let good = Checkpoint::new("a", "b").into_data().into_map().unwrap();
    for key in ["v", "ts", "id", "channel_values", "channel_versions", "versions_seen"] {
        let mut missing = good.clone();
        missing.remove(key);
        assert_eq!(Checkpoint::from_data(missing.into()).unwrap_err().kind(), ErrorKind::Corrupt, "{key}");
        let mut wrong = good.clone();
        wrong.insert(key, 1.5);
        assert_eq!(Checkpoint::from_data(wrong.into()).unwrap_err().kind(), ErrorKind::Corrupt, "{key}");
    }
    for (key, value) in [("updated_channels", Data::from(1)), ("pending_sends", "x".into())] {
        let mut wrong = good.clone();
        wrong.insert(key, value);
        assert_eq!(Checkpoint::from_data(wrong.into()).unwrap_err().kind(), ErrorKind::Corrupt, "{key}");
    }
    let mut newer = good;
    newer.insert("v", 5);
    assert_eq!(Checkpoint::from_data(newer.into()).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(Checkpoint::from_data(Data::Nil).unwrap_err().kind(), ErrorKind::Corrupt);
}
