//! Bytes that nobody meant: a bounded run of the fuzz target, and the worst that we could think of.

use crate::check::check;
use std::{fs, path::Path};

use persql_checkpoint::serde::{Ext, MAX_DECODE_DEPTH, MAX_TYPED_DEPTH, from_data, to_data};
use persql_checkpoint::{Data, ErrorKind, Serializer};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde::Deserialize;

/// The seeds of the fuzz target, which the script of the vectors made of them.
fn seeds() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    // In an order that is the same on every machine.
    paths.sort();
    paths.iter().flat_map(fs::read).collect()
}

/// A change to some bytes: what fuzzers do, in small.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Drop(Index, Index),
    Repeat(Index, Index),
    Splice(Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let tags = prop_oneof![any::<u8>(), 0x80..0xa0u8, 0xc0..0xe0u8];
    prop_oneof![
        (any::<Index>(), tags.clone()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Drop(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (any::<Index>(), vec(tags, 1..12)).prop_map(|(at, bytes)| Change::Splice(at, bytes)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let span = |from: &Index, to: &Index| {
        let (one, two) = (from.index(bytes.len()), to.index(bytes.len()));
        one.min(two)..one.max(two)
    };
    match change {
        Change::Set(at, byte) => *at.get_mut(bytes) = *byte,
        Change::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
        Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Change::Drop(from, to) => drop(bytes.drain(span(from, to))),
        Change::Repeat(from, to) => {
            let span = span(from, to);
            bytes.extend_from_within(span);
        }
        Change::Splice(at, new) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, new.iter().copied());
        }
    }
}

/// A type whose values serde first puts into a form of its own.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Tree {
    Leaf(#[expect(dead_code, reason = "only read by serde")] i64),
    List(Vec<Tree>),
}

/// A run of so many cases that is the same each time.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

#[test]
fn every_seed_passes_the_fuzz_target() {
    let seeds = seeds();
    assert!(seeds.len() > 100);
    seeds.iter().for_each(|seed| check(seed));
}

#[test]
fn changed_seeds_pass_the_fuzz_target() {
    let seeds = seeds();
    let inputs = (any::<Index>(), vec(change(), 1..6));
    let run = runner(4000).run(&inputs, |(seed, changes)| {
        let mut bytes = seed.get(&seeds).clone();
        changes.iter().for_each(|change| apply(&mut bytes, change));
        check(&bytes);
        Ok(())
    });
    run.unwrap();
}

#[test]
fn random_bytes_pass_the_fuzz_target() {
    let inputs = vec(any::<u8>(), 0..60);
    runner(4000)
        .run(&inputs, |bytes| {
            check(&bytes);
            Ok(())
        })
        .unwrap();
}

fn any_data() -> impl Strategy<Value = Data> {
    let key = prop_oneof![
        Just(Data::Nil),
        any::<bool>().prop_map(Data::from),
        any::<i64>().prop_map(Data::from),
        any::<u64>().prop_map(Data::from),
        any::<i8>().prop_map(|n| i32::from(n).into()),
        any::<f64>().prop_map(Data::from),
        ".{0,40}".prop_map(Data::from),
        vec(any::<u8>(), 0..40).prop_map(Data::Bytes),
    ];
    let leaf = prop_oneof![
        key.clone(),
        (any::<i8>(), vec(any::<u8>(), 0..20)).prop_map(|(code, data)| Ext::new(code, data).into())
    ];
    leaf.prop_recursive(6, 200, 20, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Data::from),
            vec((key.clone(), inner), 0..20).prop_map(|pairs| Data::Map(pairs.into())),
        ]
    })
}

#[test]
fn any_value_is_read_as_it_was_written_and_passes_through_types() {
    let run = runner(300).run(&any_data(), |data| {
        let bytes = data.to_msgpack().unwrap();
        let read = Data::from_msgpack(&bytes).unwrap();
        // By bytes, since NaN is not equal to itself.
        prop_assert_eq!(&read.to_msgpack().unwrap(), &bytes);
        let typed: Data = from_data(&data).unwrap();
        prop_assert_eq!(&typed.to_msgpack().unwrap(), &bytes);
        prop_assert_eq!(&to_data(&data).unwrap().to_msgpack().unwrap(), &bytes);
        Ok(())
    });
    run.unwrap();
}

#[test]
fn the_deepest_value_that_is_read_can_be_used_in_every_way() {
    let data = Data::from_msgpack(&[vec![0x91; MAX_DECODE_DEPTH], vec![0xc0]].concat()).unwrap();
    assert_eq!(data.clone(), data);
    assert!(format!("{data:?}").len() > MAX_DECODE_DEPTH);
    assert_eq!(data.to_msgpack().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(from_data::<Data>(&data).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(to_data(&data).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(serde_json::to_string(&data).is_err());
}

#[test]
fn the_deepest_value_for_a_type_fits_on_a_threads_stack() {
    for (open, close) in [("[", "]"), (r#"{"k":"#, "}")] {
        let json = |levels| format!("{}0{}", open.repeat(levels), close.repeat(levels));
        let data = Serializer::new().loads_typed("json", json(MAX_TYPED_DEPTH).as_bytes()).unwrap();
        let value: serde_json::Value = from_data(&data).unwrap();
        assert_eq!(to_data(&value).unwrap(), data);
        assert_eq!(serde_json::to_string(&data).unwrap().len(), json(MAX_TYPED_DEPTH).len());
        let tree = from_data::<Tree>(&data);
        assert_eq!(tree.is_ok_and(|tree| matches!(tree, Tree::List(items) if items.len() == 1)), open == "[");
        let deeper = Serializer::new().loads_typed("json", json(MAX_TYPED_DEPTH + 1).as_bytes()).unwrap();
        assert_eq!(from_data::<serde_json::Value>(&deeper).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn objects_in_objects_end_somewhere() {
    let nested_objects = |levels, filler| {
        let innermost = Data::Bytes(vec![0; filler]);
        (0..levels).fold(innermost, |inner, _| Ext::new(7, inner.to_msgpack().unwrap()).into())
    };
    let few = nested_objects(20, 10);
    assert_eq!(from_data::<Vec<u8>>(&few).unwrap(), [0; 10]);
    assert_eq!(serde_json::to_string(&few).unwrap(), "[0,0,0,0,0,0,0,0,0,0]");
    for many in [nested_objects(1000, 10), nested_objects(1000, 1_000_000)] {
        assert_eq!(from_data::<serde_json::Value>(&many).unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(serde_json::to_string(&many).is_err());
        // As it is, it is only bytes.
        assert_eq!(from_data::<Data>(&many).unwrap(), many);
    }
}

#[test]
fn large_hostile_rows_are_refused_at_once() {
    let rows: [Vec<u8>; 6] = [
        vec![0x91; 2_000_000],
        [0xdd, 0x7f, 0xff, 0xff, 0xff].repeat(400_000),
        [0xdc, 0xff, 0xff].repeat(600_000),
        [0xdf, 0, 0, 0xff, 0xff].repeat(400_000),
        [vec![0xc9, 0xff, 0xff, 0xff, 0xff, 7], vec![0; 2_000_000]].concat(),
        [vec![0xdb, 0, 0x10, 0, 0], vec![0xff; 2_000_000]].concat(),
    ];
    for row in rows {
        assert_eq!(Serializer::new().loads_typed("msgpack", &row).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    for text in ["[".repeat(2_000_000), r#"{"a":"#.repeat(400_000), "9".repeat(2_000_000), "\"".repeat(3)] {
        assert_eq!(Serializer::new().loads_typed("json", text.as_bytes()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
