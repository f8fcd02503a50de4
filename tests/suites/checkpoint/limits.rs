//! What does not fit, and what only looks as if it would not.

use persql_checkpoint::{Config, Data, ErrorKind, Layout, ListOptions, Metadata, PerSqlSaver, serde::Map};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{at, chain, checkpoint, each_layout, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_large_checkpoint_is_stored_and_a_larger_one_refused,
        a_large_write_is_stored_and_a_larger_one_refused_with_its_position,
        metadata_that_json_cannot_hold_is_refused,
        deep_values_are_stored_as_deep_as_python_reads_them,
        hostile_ids_are_only_ids,
        ids_have_a_limit,
        keys_of_any_kind_survive_in_metadata,
    ]
}

/// The largest text that a row of this layout has room for, about.
fn room(layout: Layout) -> usize {
    if layout == Layout::PerSql { 1_900_000 / 4 * 3 } else { 1_900_000 }
}

fn a_large_checkpoint_is_stored_and_a_larger_one_refused(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        let mut large = checkpoint(1);
        large.channel_values.insert("text", "x".repeat(room(saver.layout())));
        saver.put(&Config::new("t"), &large, &Metadata::default())?;
        assert_eq!(saver.get(&Config::new("t"))?, Some(large.clone()));
        assert_eq!(saver.list(None, ListOptions::default())?[0].checkpoint, large);
        saver.copy_thread("t", "copy")?;
        let mut larger = checkpoint(2);
        larger.channel_values.insert("text", "x".repeat(room(saver.layout()) / 19 * 21));
        let (requests, refused) = db.counting(|| saver.put(&at("t", 1), &larger, &Metadata::default()));
        let error = refused.unwrap_err();
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
        assert!(error.to_string().contains("2000000"), "{error}");
        assert_eq!(stored(saver, "t")?, [1]);
        Ok(())
    })
}

fn a_large_write_is_stored_and_a_larger_one_refused_with_its_position(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        chain(saver, "t", [1])?;
        let large = write("x", "x".repeat(room(saver.layout())));
        saver.put_writes(&at("t", 1), &[large.clone(), large.clone()], "task", "")?;
        assert_eq!(saver.get_tuple(&at("t", 1))?.map(|tuple| tuple.pending_writes.len()), Some(2));
        let larger = write("y", "x".repeat(room(saver.layout()) / 19 * 21));
        let writes = [write("x", 1), large, larger];
        let (requests, refused) = db.counting(|| saver.put_writes(&at("t", 1), &writes, "other", ""));
        let error = refused.unwrap_err();
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
        assert!(error.to_string().contains("write: 2"), "{error}");
        assert_eq!(saver.get_tuple(&at("t", 1))?.map(|tuple| tuple.pending_writes.len()), Some(2));
        Ok(())
    })
}

fn metadata_that_json_cannot_hold_is_refused(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let nested = |depth: usize| (0..depth).fold(Data::Nil, |inner, _| Data::List(vec![inner]));
    chain(&saver, "t", [1])?;
    let bad = [b"x".as_slice().into(), crate::support::snapshot(&[]), nested(1_000)];
    for value in bad {
        let metadata = Metadata::default().with("x", value);
        let (requests, refused) = db.counting(|| saver.put(&Config::new("t"), &checkpoint(2), &metadata));
        assert_eq!((requests, refused.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    }
    let deep = Metadata::default().with("x", nested(999));
    saver.put(&Config::new("t"), &checkpoint(2), &deep)?;
    assert_eq!(saver.get_tuple(&at("t", 2))?.map(|tuple| tuple.metadata), Some(deep));
    assert_eq!(saver.list(None, ListOptions::default().filter("x", nested(999)))?.len(), 1);
    assert_eq!(saver.list(None, ListOptions::default().filter("x", nested(998)))?.len(), 0);
    Ok(())
}

fn deep_values_are_stored_as_deep_as_python_reads_them(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", [1])?;
    let nested = |depth: usize| (0..depth).fold(Data::Nil, |inner, _| Data::List(vec![inner]));
    saver.put_writes(&at("t", 1), &[write("x", nested(200))], "task", "")?;
    let tuple = saver.get_tuple(&at("t", 1))?.ok_or("no tuple")?;
    assert_eq!(tuple.pending_writes[0].value, nested(200));
    let (requests, refused) = db.counting(|| saver.put_writes(&at("t", 1), &[write("x", nested(1_001))], "task", ""));
    assert_eq!((requests, refused.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    Ok(())
}

/// Names that mean something to SQL, to JSON, or to careless string handling.
const HOSTILE: [&str; 9] = [
    "'; DROP TABLE checkpoints; --",
    "\"quoted\\\"",
    "nul\0inside",
    "😀é\u{202e}",
    "%_[a-z]*?",
    "null",
    "{\"a\":1}",
    "~__pregel_pull, agent",
    " ",
];

fn hostile_ids_are_only_ids(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        for hostile in HOSTILE {
            let mut made = checkpoint(1);
            made.id = hostile.to_owned();
            let config = Config::new(hostile).namespace(hostile).with("run_id", hostile);
            let stored = saver.put(&config, &made, &Metadata::default())?;
            saver.put_writes(&stored, &[write(hostile, hostile), write("x", 1)], hostile, hostile)?;
            let tuple = saver.get_tuple(&stored)?.ok_or("no tuple")?;
            assert_eq!((&tuple.checkpoint, tuple.pending_writes.len()), (&made, 2), "{hostile:?}");
            assert_eq!((&*tuple.pending_writes[0].channel, &*tuple.pending_writes[0].task_id), (hostile, hostile));
            assert_eq!(saver.list(Some(&Config::new(hostile)), ListOptions::default())?.len(), 1, "{hostile:?}");
        }
        assert_eq!(saver.list(None, ListOptions::default())?.len(), HOSTILE.len());
        for hostile in HOSTILE {
            let mut child = checkpoint(2);
            child.id = format!("{hostile}2");
            let parent = Config::new(hostile).namespace(hostile).checkpoint(hostile);
            saver.put(&parent, &child, &Metadata::default())?;
            let history = saver.get_delta_channel_history(&Config::new(hostile).namespace(hostile), &[hostile, "x"])?;
            assert_eq!(history["x"].writes.len(), 1, "{hostile:?}");
            saver.prune(&[hostile], persql_checkpoint::PruneStrategy::KeepLatest)?;
            let left = saver.list(Some(&Config::new(hostile)), ListOptions::default())?;
            assert_eq!((left.len(), &left[0].checkpoint.id), (1, &child.id), "{hostile:?}");
            saver.delete_thread(hostile)?;
        }
        assert_eq!(saver.list(None, ListOptions::default())?.len(), 0);
        Ok(())
    })
}

fn ids_have_a_limit(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let (fits, long) = ("x".repeat(4_096), "x".repeat(4_097));
    saver.put(&Config::new(fits.as_str()), &checkpoint(1), &Metadata::default())?;
    assert_eq!(stored(&saver, &fits)?, [1]);
    let (requests, refusals) = db.counting(|| {
        [
            saver.put(&Config::new(long.as_str()), &checkpoint(1), &Metadata::default()).map(|_| ()),
            saver.put(&Config::new("t").namespace(long.as_str()), &checkpoint(1), &Metadata::default()).map(|_| ()),
            saver.get(&Config::new("t").checkpoint(long.as_str())).map(|_| ()),
            saver.put_writes(&at("t", 1), &[write(&long, 1)], "task", ""),
            saver.put_writes(&at("t", 1), &[write("x", 1)], &long, ""),
            saver.copy_thread("t", &long),
        ]
    });
    assert_eq!(requests, 0);
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    Ok(())
}

fn keys_of_any_kind_survive_in_metadata(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let entries: Map = HOSTILE.iter().map(|key| (*key, Data::from(key.replace('\0', "")))).collect();
        let metadata = Metadata::from(entries).with("", 2f64.powi(53)).with("i", Data::Int((1 << 53) + 1));
        saver.put(&Config::new("t"), &checkpoint(1), &metadata)?;
        assert_eq!(saver.get_tuple(&at("t", 1))?.map(|tuple| tuple.metadata), Some(metadata));
        Ok(())
    })
}
