//! `delete_thread` and `delete_for_runs`.

use persql_checkpoint::{Config, ErrorKind, ListOptions, Metadata, PerSqlSaver};
use persql_conformance::{Any, Case, Outcome, World, cases};

use crate::support::{Saver, at, chain, checkpoint, each_layout, numbers, snapshot, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_deleted_thread_is_gone_in_all_namespaces_and_others_stay,
        deleting_what_is_not_there_is_no_error,
        a_deleted_run_is_gone_in_all_threads,
        a_run_in_the_middle_leaves_no_dangling_parent,
        a_run_that_a_delta_channel_needs_is_refused,
        a_run_behind_a_snapshot_can_go,
        a_run_is_refused_if_the_need_for_it_cannot_be_read,
        run_ids_are_compared_as_they_are,
        writes_that_belong_to_no_checkpoint_stay,
    ]
}

/// How many rows a table has.
fn count(db: &Any, table: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let tables = db.tables()?;
    Ok(tables.iter().find(|info| info.name == table).map_or(0, |info| info.row_count))
}

fn put_run(saver: &Saver, thread: &str, parent: Option<u64>, number: u64, run: &str) -> Outcome {
    let config = parent.map_or(Config::new(thread), |parent| at(thread, parent)).with("run_id", run);
    saver.put(&config, &checkpoint(number), &Metadata::new("loop", 1))?;
    saver.put_writes(&at(thread, number), &[write("x", number)], "task", "")?;
    Ok(())
}

fn a_deleted_thread_is_gone_in_all_namespaces_and_others_stay(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        for thread in ["a", "b", "a' OR 1=1"] {
            chain(saver, thread, [1, 2])?;
            let child = saver.put(&Config::new(thread).namespace("child"), &checkpoint(3), &Metadata::default())?;
            saver.put_writes(&child, &[write("x", 1)], "task", "")?;
        }
        let (requests, done) = db.counting(|| saver.delete_thread("a"));
        assert_eq!((requests, done?), (1, ()));
        assert_eq!(stored(saver, "a")?, Vec::<u64>::new());
        assert_eq!(stored(saver, "b")?, [3, 2, 1]);
        saver.delete_thread("a' OR 1=1")?;
        assert_eq!((count(db, "checkpoints")?, stored(saver, "b")?.len()), (3, 3));
        chain(saver, "a", [1])?;
        assert_eq!(saver.get_tuple(&Config::new("a"))?.map(|tuple| tuple.pending_writes.len()), Some(0));
        Ok(())
    })
}

fn deleting_what_is_not_there_is_no_error(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        saver.delete_thread("t")?;
        saver.delete_for_runs(&["r"])?;
        let (requests, done) = db.counting(|| saver.delete_for_runs(&[""; 0]));
        assert_eq!((requests, done?), (0, ()));
        chain(saver, "t", [1])?;
        saver.delete_thread("other")?;
        saver.delete_for_runs(&["r"])?;
        assert_eq!(stored(saver, "t")?, [1]);
        Ok(())
    })
}

fn a_deleted_run_is_gone_in_all_threads(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        for thread in ["a", "b"] {
            put_run(saver, thread, None, 1, "keep")?;
            put_run(saver, thread, Some(1), 2, "r1")?;
            put_run(saver, thread, Some(2), 3, "r2")?;
            let child = Config::new(thread).namespace("child:1").with("run_id", "r2");
            saver.put(&child, &checkpoint(4), &Metadata::default())?;
        }
        let (requests, done) = db.counting(|| saver.delete_for_runs(&["r1", "r2", "unknown"]));
        done?;
        assert_eq!(requests, 5, "find, look at the threads, children in each, delete");
        assert_eq!((stored(saver, "a")?, stored(saver, "b")?), (vec![1], vec![1]));
        assert_eq!(saver.get_tuple(&Config::new("a"))?.map(|tuple| tuple.pending_writes.len()), Some(1));
        let writes = if count(db, "writes")? > 0 { "writes" } else { "checkpoint_writes" };
        assert_eq!((count(db, "checkpoints")?, count(db, writes)?), (2, 2));
        Ok(())
    })
}

fn a_run_in_the_middle_leaves_no_dangling_parent(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        put_run(saver, "t", None, 1, "a")?;
        put_run(saver, "t", Some(1), 2, "b")?;
        put_run(saver, "t", Some(2), 3, "c")?;
        saver.delete_for_runs(&["b"])?;
        let tuples = saver.list(Some(&Config::new("t")), ListOptions::default())?;
        assert_eq!(numbers(&tuples), [3, 1]);
        assert_eq!(tuples[0].parent_config, None);
        Ok(())
    })
}

/// Checkpoints 1 to 4, of runs r1 to r4, with a delta channel `d`; those named have a snapshot of it.
fn delta_chain(saver: &Saver, snapshots: &[u64]) -> Outcome {
    for number in 1..=4 {
        let config = if number > 1 { at("t", number - 1) } else { Config::new("t") };
        let mut made = checkpoint(number);
        made.channel_versions.insert("d", number);
        if snapshots.contains(&number) {
            made.channel_values.insert("d", snapshot(&["s"]));
        }
        saver.put(&config.with("run_id", format!("r{number}")), &made, &Metadata::new("loop", 1))?;
        saver.put_writes(&at("t", number), &[write("d", number)], "task", "")?;
    }
    Ok(())
}

fn a_run_that_a_delta_channel_needs_is_refused(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        delta_chain(saver, &[])?;
        for run in ["r1", "r3"] {
            let error = saver.delete_for_runs(&[run]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.to_string().contains("delta channel"), "{error}");
        }
        assert_eq!(stored(saver, "t")?.len(), 4);
        // The newest are nobody's ancestors.
        saver.delete_for_runs(&["r3", "r4"])?;
        assert_eq!(stored(saver, "t")?, [2, 1]);
        let history = saver.get_delta_channel_history(&at("t", 2), &["d"])?;
        assert_eq!(history["d"].writes.len(), 1);
        Ok(())
    })
}

fn a_run_behind_a_snapshot_can_go(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        delta_chain(saver, &[3])?;
        let before = saver.get_delta_channel_history(&at("t", 4), &["d"])?;
        saver.delete_for_runs(&["r1", "r2"])?;
        assert_eq!(stored(saver, "t")?, [4, 3]);
        assert_eq!(saver.get_delta_channel_history(&at("t", 4), &["d"])?, before);
        Ok(())
    })
}

fn a_run_is_refused_if_the_need_for_it_cannot_be_read(world: &World) -> Outcome {
    let db = world.db()?;
    let key = persql_checkpoint::Serializer::aes(b"0123456789abcdef")?;
    let encrypted = PerSqlSaver::builder(db.clone()).serializer(key).build()?;
    let without_key = PerSqlSaver::new(db);
    delta_chain(&encrypted, &[3])?;
    let error = without_key.delete_for_runs(&["r1"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("nothing was deleted"), "{error}");
    assert_eq!(encrypted.delete_for_runs(&["r3"]).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(stored(&encrypted, "t")?.len(), 4);
    encrypted.delete_for_runs(&["r1", "r2"])?;
    assert_eq!(stored(&encrypted, "t")?, [4, 3]);
    Ok(())
}

fn run_ids_are_compared_as_they_are(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    for (number, run) in (1..).zip(["1", "é\"'", "x", "%"]) {
        put_run(&saver, "t", None, number, run)?;
    }
    saver.put(&Config::new("t").with("run_id", 1), &checkpoint(9), &Metadata::default())?;
    saver.delete_for_runs(&["1", "é\"'", "X", "_"])?;
    assert_eq!(stored(&saver, "t")?, [9, 4, 3], "a number is no text");
    Ok(())
}

fn writes_that_belong_to_no_checkpoint_stay(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    put_run(&saver, "t", None, 1, "r")?;
    saver.put_writes(&at("t", 2), &[write("x", "early")], "task", "")?;
    saver.delete_for_runs(&["r"])?;
    chain(&saver, "t", [2])?;
    assert_eq!(saver.get_tuple(&at("t", 2))?.map(|tuple| tuple.pending_writes.len()), Some(1));
    Ok(())
}
