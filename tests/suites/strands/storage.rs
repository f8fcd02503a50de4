//! Bytes under keys.

use std::collections::BTreeMap;

use persql_conformance::{Case, Outcome, World, cases};
use persql_strands::{ErrorKind, PerSqlStorage, SnapshotKeys};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::{number, storage, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        what_is_written_is_read,
        what_is_not_there_is_none_and_can_be_deleted,
        bytes_of_any_kind_and_size_come_back,
        values_over_the_limit_are_refused_before_anything_is_sent,
        keys_are_listed_by_prefix_in_order,
        a_long_list_of_keys_comes_in_pages,
        bad_keys_are_refused_before_anything_is_sent,
        several_values_are_written_together_or_not_at_all,
        a_namespace_shows_its_keys_only,
        a_session_is_deleted_with_one_request,
        snapshot_ids_are_listed_from_a_cursor,
        every_operation_of_a_storage_is_one_request,
        two_handles_share_a_storage,
        another_prefix_is_another_storage,
        a_stored_value_that_is_not_ours_is_corrupt,
        behaves_as_a_map,
    ]
}

fn what_is_written_is_read(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    storage.write("a/b", "one")?;
    assert_eq!(storage.read("/a//b/")?.as_deref(), Some(&b"one"[..]));
    storage.write("//a/b", "two")?;
    assert_eq!(storage.read("a/b")?.as_deref(), Some(&b"two"[..]));
    assert_eq!(storage.list("")?, ["a/b"]);
    storage.delete("a/b")?;
    assert_eq!(storage.read("a/b")?, None);
    Ok(())
}

fn what_is_not_there_is_none_and_can_be_deleted(world: &World) -> Outcome {
    let db = world.db()?;
    let storage = storage(&db);
    for tables in [false, true] {
        assert_eq!(storage.read("a")?, None);
        assert_eq!(storage.list("")?, [""; 0]);
        storage.delete("a")?;
        storage.delete_all("")?;
        if !tables {
            assert!(db.tables().map_or(true, |tables| tables.is_empty()));
            storage.create_tables()?;
        }
    }
    let without = PerSqlStorage::builder(world.db_named("acme/other")?).create_tables(false).build_storage()?;
    assert!(without.write("a", "x").is_err());
    Ok(())
}

fn bytes_of_any_kind_and_size_come_back(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    let values: [Vec<u8>; 9] = [
        vec![],
        b"{\"a\": \"\xc3\xa9\"}".to_vec(),
        vec![0],
        vec![0xff],
        (0..=255).collect(),
        "nul\0'\"\\".into(),
        "é😀".repeat(700_000).into(),
        vec![b'x'; 1_990_000],
        vec![0xfe; 3_000_001],
    ];
    for value in &values {
        storage.write("k", value)?;
        assert_eq!(storage.read("k")?.as_ref(), Some(value), "{} bytes", value.len());
    }
    // A smaller value leaves nothing of a larger one.
    storage.write("k", "small")?;
    assert_eq!(storage.read("k")?.as_deref(), Some(&b"small"[..]));
    Ok(())
}

fn values_over_the_limit_are_refused_before_anything_is_sent(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    let large = vec![b'x'; 31_840_001];
    let (requests, result) = db.counting(|| storage.write("k", &large));
    let error = result.unwrap_err();
    assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
    assert!(error.to_string().contains("31840000"), "{error}");
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let values: Vec<(&str, &[u8])> = many.iter().map(|key| (key.as_str(), &b"x"[..])).collect();
    let (requests, result) = db.counting(|| storage.write_all(&values));
    assert_eq!((requests, result.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    storage.write_all(&values[..50])?;
    assert_eq!(storage.list("")?.len(), 50);
    Ok(())
}

fn keys_are_listed_by_prefix_in_order(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    for key in ["b", "a/2", "a/10", "a", "ab", "A/x", "a/é", "a/\u{10ffff}z", "a0", "%", "_", "a/1/x"] {
        storage.write(key, key)?;
    }
    assert_eq!(storage.list("")?.len(), 12);
    assert_eq!(storage.list("a/")?, ["a/1/x", "a/10", "a/2", "a/é", "a/\u{10ffff}z"]);
    assert_eq!(storage.list("a/1")?, ["a/1/x", "a/10"]);
    assert_eq!(storage.list("a/\u{10ffff}")?, ["a/\u{10ffff}z"]);
    assert_eq!(storage.list("A")?, ["A/x"]);
    assert_eq!(storage.list("%")?, ["%"]);
    assert_eq!(storage.list("zz")?, [""; 0]);
    let all = storage.list("")?;
    assert!(all.is_sorted(), "{all:?}");
    Ok(())
}

fn a_long_list_of_keys_comes_in_pages(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    db.query(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
         INSERT INTO strands_storage SELECT printf('k/%05d', i), 0, 'utf8', 'x', '' FROM n",
        (),
    )?;
    let (requests, keys) = db.counting(|| storage.list("k/"));
    let keys = keys?;
    assert_eq!((requests, keys.len()), (2, 5_000));
    assert!(keys.is_sorted());
    assert_eq!(keys.last().map(String::as_str), Some("k/04999"));
    Ok(())
}

fn bad_keys_are_refused_before_anything_is_sent(world: &World) -> Outcome {
    let db = world.db()?;
    let storage = storage(&db);
    let (requests, ()) = db.counting(|| {
        for bad in ["", "/", "a/../b", "..", "a\\b", &"x".repeat(4_097)] {
            for error in [
                storage.write(bad, "x").unwrap_err(),
                storage.read(bad).map(drop).unwrap_err(),
                storage.delete(bad).unwrap_err(),
                storage.write_all(&[("fine", b"x"), (bad, b"x")]).unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
            }
        }
        for bad in ["..", "a/../b", "a\\b"] {
            assert!(storage.list(bad).is_err() && storage.delete_all(bad).is_err() && storage.namespace(bad).is_err());
        }
    });
    assert_eq!(requests, 0);
    Ok(())
}

fn several_values_are_written_together_or_not_at_all(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    let (requests, written) = db.counting(|| storage.write_all(&[("a", b"1"), ("b", &[0xff]), ("a", b"2")]));
    written?;
    assert_eq!(requests, 1);
    assert_eq!(storage.read("a")?.as_deref(), Some(&b"2"[..]));
    db.query(
        "CREATE TRIGGER no BEFORE INSERT ON strands_storage WHEN NEW.key = 'd' BEGIN SELECT RAISE(ABORT, 'no'); END",
        (),
    )?;
    assert!(storage.write_all(&[("c", b"1"), ("a", b"3"), ("d", b"1")]).is_err());
    assert_eq!(storage.read("c")?, None);
    assert_eq!(storage.read("a")?.as_deref(), Some(&b"2"[..]));
    let (requests, nothing) = db.counting(|| storage.write_all(&[]));
    nothing?;
    assert_eq!(requests, 0);
    Ok(())
}

fn a_namespace_shows_its_keys_only(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    let view = storage.namespace("/session//")?;
    let inner = view.namespace("a")?;
    inner.write("x", "1")?;
    view.write("y", "2")?;
    storage.write("sessions", "3")?;
    assert_eq!(inner.list("")?, ["x"]);
    assert_eq!(view.list("")?, ["a/x", "y"]);
    assert_eq!(view.read("a/x")?.as_deref(), Some(&b"1"[..]));
    assert_eq!(storage.list("session")?, ["session/a/x", "session/y", "sessions"]);
    view.delete_all("")?;
    assert_eq!(storage.list("")?, ["sessions"]);
    assert_eq!(storage.namespace("")?.list("")?, ["sessions"]);
    Ok(())
}

fn a_session_is_deleted_with_one_request(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    let (one, two) = (SnapshotKeys::new("s1")?, SnapshotKeys::new("s10")?);
    for keys in [&one, &two] {
        storage.write(&keys.latest("a")?, "{}")?;
        storage.write(&keys.immutable("a", "019aa3b4-8f6b-7a21-9c1e-0123456789ab")?, "{}")?;
        storage.write(&keys.multi_agent_latest("g")?, vec![0xff; 4_000_000])?;
        storage.write(&keys.stashed("a", "tool-1_0")?, "[]")?;
    }
    let (requests, deleted) = db.counting(|| storage.delete_session(&one));
    deleted?;
    assert_eq!(requests, 1);
    assert_eq!(storage.list(one.session())?, [""; 0]);
    assert_eq!(storage.list("")?.len(), 4);
    assert_eq!(storage.list(two.stash())?, ["context/s10/scopes/agent/a/tool-1_0"]);
    let history = storage.list(&two.history("a")?)?;
    assert_eq!(SnapshotKeys::snapshot_id(&history[0]), Some("019aa3b4-8f6b-7a21-9c1e-0123456789ab"));
    Ok(())
}

fn snapshot_ids_are_listed_from_a_cursor(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    let ids = ["1", "2", "3"].map(|n| format!("019aa3b4-8f6b-7a21-9c1e-00000000000{n}"));
    let view = storage.namespace("mine")?;
    for (storage, keys) in [(&storage, SnapshotKeys::new("s1")?), (&view, SnapshotKeys::in_namespace("s1")?)] {
        let list = |after, limit| storage.list_snapshot_ids(&keys, "a", after, limit);
        assert_eq!(list(None, None)?, [""; 0]);
        storage.write(&keys.latest("a")?, "{}")?;
        storage.write(&format!("{}notes.json", keys.history("a")?), "{}")?;
        storage.write(&keys.immutable("b", &ids[0])?, "{}")?;
        for id in ids.iter().rev() {
            storage.write(&keys.immutable("a", id)?, "{}")?;
        }
        assert_eq!(list(None, None)?, ids);
        assert_eq!(list(None, Some(2))?, ids[..2]);
        assert_eq!(list(Some(&ids[0]), Some(1))?, ids[1..2]);
        assert_eq!(list(Some(&ids[2]), None)?, [""; 0]);
        let (requests, none) = db.counting(|| list(None, Some(0)));
        assert_eq!((requests, none?), (0, vec![]));
        let (requests, refused) = db.counting(|| list(Some("x"), None));
        assert_eq!((requests, refused.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    }
    Ok(())
}

fn every_operation_of_a_storage_is_one_request(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    let one = |name: &str, requests: usize| assert_eq!(requests, 1, "{name}");
    one("write", db.counting(|| storage.write("a", "x").unwrap()).0);
    one("write of parts", db.counting(|| storage.write("b", vec![0xff; 5_000_000]).unwrap()).0);
    one("read of parts", db.counting(|| storage.read("b").unwrap()).0);
    one("list", db.counting(|| storage.list("").unwrap()).0);
    one("delete", db.counting(|| storage.delete("a").unwrap()).0);
    Ok(())
}

fn two_handles_share_a_storage(world: &World) -> Outcome {
    let (one, two) = (storage(&world.db()?), storage(&world.other_db()?));
    one.write("k", "1")?;
    two.write("k", "2")?;
    assert_eq!(one.read("k")?.as_deref(), Some(&b"2"[..]));
    two.delete("k")?;
    assert_eq!(one.read("k")?, None);
    Ok(())
}

fn another_prefix_is_another_storage(world: &World) -> Outcome {
    let db = world.db()?;
    let other = PerSqlStorage::builder(db.clone()).table_prefix("b_").build_storage()?;
    storage(&db).write("k", "1")?;
    assert_eq!(other.read("k")?, None);
    other.write("k", "2")?;
    assert_eq!(storage(&db).read("k")?.as_deref(), Some(&b"1"[..]));
    Ok(())
}

fn a_stored_value_that_is_not_ours_is_corrupt(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    for (encoding, data) in [("base64", "secret!"), ("zip", "x")] {
        db.query("INSERT OR REPLACE INTO strands_storage VALUES ('k', 0, ?1, ?2, '')", (encoding, data))?;
        let error = storage.read("k").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(!format!("{error:?}").contains("secret"));
    }
    assert_eq!(number(&db, "SELECT count(*) FROM strands_storage")?, 1);
    Ok(())
}

#[derive(Clone, Debug)]
enum Step {
    Write(String, Vec<u8>),
    Delete(String),
    Read(String),
    List(String),
}

fn behaves_as_a_map(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let key = || "[ab%_é😀]{1,2}(/[ab]){0,2}";
    let step = prop_oneof![
        3 => (key(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(key, value)| Step::Write(key, value)),
        1 => key().prop_map(Step::Delete),
        1 => key().prop_map(Step::Read),
        1 => "[ab%_é😀]{0,2}/?".prop_map(Step::List),
    ];
    let cases = if world.mode().is_cheap() { 64 } else { 16 };
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    runner.run(&prop::collection::vec(step, 1..30), |steps| {
        let storage = storage(&db);
        storage.delete_all("").unwrap();
        let mut model: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Write(key, value) => {
                    storage.write(&key, &value).unwrap();
                    model.insert(key, value);
                }
                Step::Delete(key) => {
                    storage.delete(&key).unwrap();
                    model.remove(&key);
                }
                Step::Read(key) => {
                    let read = storage.read(&key).unwrap();
                    prop_assert_eq!(read.as_ref(), model.get(&key));
                }
                Step::List(prefix) => {
                    let normal = if prefix == "/" { "" } else { prefix.as_str() };
                    let expected: Vec<&String> = model.keys().filter(|key| key.starts_with(normal)).collect();
                    let listed = storage.list(&prefix).unwrap();
                    prop_assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}
