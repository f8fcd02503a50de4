//! `prune`: what goes, what stays, and what delta channels need.

use persql_checkpoint::{Config, Data, ErrorKind, ListOptions, Metadata, PerSqlSaver, PruneStrategy, serde::Map};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{Saver, at, chain, checkpoint, each_layout, id, numbers, snapshot, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_latest_of_each_namespace_stays_with_its_writes,
        the_newest_few_can_be_kept,
        nothing_is_kept_if_so_asked,
        pruning_nothing_is_no_error,
        a_delta_channel_keeps_its_ancestors_back_to_the_seed,
        a_delta_channel_without_counters_is_known_by_its_writes,
        a_delta_channel_without_a_seed_keeps_its_writes,
        an_empty_ordinary_channel_keeps_nothing,
        a_fork_keeps_the_branch_of_the_latest,
        a_delta_channel_of_a_subgraph_is_kept_too,
        a_chain_that_cannot_be_read_is_refused,
        a_checkpoint_stored_meanwhile_is_not_lost,
        writes_of_no_checkpoint_survive,
    ]
}

fn counters(channels: &[&str]) -> Data {
    let counters: Map = channels.iter().map(|channel| (*channel, Data::from_iter([1, 1]))).collect();
    counters.into()
}

/// Checkpoints with these parents in one namespace, each with a write to `d`, which has a snapshot at some of them.
fn delta(saver: &Saver, thread: &Config, parents: &[(u64, u64)], snapshots: &[u64], counted: bool) -> Outcome {
    for (number, parent) in parents {
        let mut config = thread.clone();
        config.checkpoint_id = (*parent > 0).then(|| id(*parent));
        let mut made = checkpoint(*number);
        made.channel_versions.insert("d", *number);
        made.channel_versions.insert("branch:to:x", *number);
        made.channel_versions.insert("__start__", 1);
        let mut metadata = Metadata::new("loop", 1);
        if snapshots.contains(number) {
            made.channel_values.insert("d", snapshot(&["s"]));
        } else if counted {
            metadata = metadata.with("counters_since_delta_snapshot", counters(&["d"]));
        }
        let stored = saver.put(&config, &made, &metadata)?;
        saver.put_writes(&stored, &[write("d", *number), write("other", 0)], "task", "")?;
    }
    Ok(())
}

/// Prunes, and checks that the channel is rebuilt from the same as before.
fn prune_and_compare(saver: &Saver, thread: &Config) -> Outcome {
    let before = saver.get_delta_channel_history(thread, &["d"])?;
    saver.prune(&[&thread.thread_id], PruneStrategy::KeepLatest)?;
    assert_eq!(saver.get_delta_channel_history(thread, &["d"])?, before);
    Ok(())
}

fn the_latest_of_each_namespace_stays_with_its_writes(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        for thread in ["a", "b", "c"] {
            chain(saver, thread, 1..=5)?;
            let mut child = Config::new(thread).namespace("child:1");
            for number in 6..=8 {
                child = saver.put(&child, &checkpoint(number), &Metadata::default())?;
            }
            for number in 4..=5 {
                saver.put_writes(&at(thread, number), &[write("x", number)], "task", "")?;
            }
        }
        let (requests, done) = db.counting(|| saver.prune(&["a", "b", "a"], PruneStrategy::KeepLatest));
        done?;
        assert_eq!(requests, 10, "for each thread: two looks, one for each namespace, one that deletes");
        for thread in ["a", "b"] {
            let tuples = saver.list(Some(&Config::new(thread)), ListOptions::default())?;
            assert_eq!(numbers(&tuples), [8, 5]);
            assert!(tuples.iter().all(|tuple| tuple.parent_config.is_none()));
            assert_eq!(tuples[1].pending_writes[0].value, 5.into());
        }
        assert_eq!(stored(saver, "c")?.len(), 8);
        let (requests, done) = db.counting(|| saver.prune(&["a"], PruneStrategy::KeepLatest));
        assert_eq!((requests, done?), (2, ()), "there is nothing left to do");
        Ok(())
    })
}

fn the_newest_few_can_be_kept(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    chain(&saver, "t", 1..=6)?;
    saver.prune(&["t"], PruneStrategy::KeepNewest(4))?;
    assert_eq!(stored(&saver, "t")?, [6, 5, 4, 3]);
    saver.prune(&["t"], PruneStrategy::KeepNewest(9))?;
    assert_eq!(stored(&saver, "t")?, [6, 5, 4, 3]);
    let error = saver.prune(&["t"], PruneStrategy::KeepNewest(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

fn nothing_is_kept_if_so_asked(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    for thread in ["a", "b", "c"] {
        chain(&saver, thread, 1..=2)?;
        saver.put_writes(&at(thread, 1), &[write("x", 1)], "task", "")?;
    }
    let (requests, done) = db.counting(|| saver.prune(&["a", "b"], PruneStrategy::Delete));
    assert_eq!((requests, done?), (1, ()));
    assert_eq!((stored(&saver, "a")?.len(), stored(&saver, "b")?.len(), stored(&saver, "c")?.len()), (0, 0, 2));
    Ok(())
}

fn pruning_nothing_is_no_error(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    for strategy in [PruneStrategy::KeepLatest, PruneStrategy::Delete] {
        saver.prune(&["t"], strategy)?;
        saver.prune(&[""; 0], strategy)?;
    }
    chain(&saver, "t", [1])?;
    saver.prune(&["other"], PruneStrategy::KeepLatest)?;
    assert_eq!(stored(&saver, "t")?, [1]);
    Ok(())
}

fn a_delta_channel_keeps_its_ancestors_back_to_the_seed(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let thread = Config::new("t");
        delta(saver, &thread, &[(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)], &[3], true)?;
        prune_and_compare(saver, &thread)?;
        assert_eq!(stored(saver, "t")?, [5, 4, 3]);
        // A snapshot at the latest needs nobody.
        let thread = Config::new("u");
        delta(saver, &thread, &[(1, 0), (2, 1), (3, 2)], &[1, 3], true)?;
        saver.prune(&["u"], PruneStrategy::KeepLatest)?;
        assert_eq!(stored(saver, "u")?, [3]);
        Ok(())
    })
}

fn a_delta_channel_without_counters_is_known_by_its_writes(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let thread = Config::new("t");
        delta(saver, &thread, &[(1, 0), (2, 1), (3, 2), (4, 3)], &[2], false)?;
        prune_and_compare(saver, &thread)?;
        assert_eq!(stored(saver, "t")?, [4, 3, 2]);
        Ok(())
    })
}

fn a_delta_channel_without_a_seed_keeps_its_writes(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let thread = Config::new("t");
        chain(saver, "t", 1..=2)?;
        delta(saver, &thread, &[(3, 2), (4, 3), (5, 4)], &[], false)?;
        prune_and_compare(saver, &thread)?;
        assert_eq!(stored(saver, "t")?, [5, 4, 3], "the first two wrote nothing to it");
        Ok(())
    })
}

fn an_empty_ordinary_channel_keeps_nothing(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    let mut config = Config::new("t");
    for number in 1..=4 {
        let mut made = checkpoint(number);
        made.channel_versions.insert("ephemeral", 2);
        if number == 2 {
            // What 1 wrote is the value at 2, and gone at 3.
            made.channel_values.insert("ephemeral", "once");
        }
        config = saver.put(&config, &made, &Metadata::default())?;
        if number == 1 {
            saver.put_writes(&config, &[write("ephemeral", "once")], "task", "")?;
        }
    }
    saver.prune(&["t"], PruneStrategy::KeepLatest)?;
    assert_eq!(stored(&saver, "t")?, [4]);
    Ok(())
}

fn a_fork_keeps_the_branch_of_the_latest(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let thread = Config::new("t");
        delta(saver, &thread, &[(1, 0), (2, 1), (3, 2), (4, 3), (5, 2), (6, 5)], &[1], true)?;
        prune_and_compare(saver, &thread)?;
        assert_eq!(stored(saver, "t")?, [6, 5, 2, 1]);
        Ok(())
    })
}

fn a_delta_channel_of_a_subgraph_is_kept_too(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let child = Config::new("t").namespace("child:7");
        chain(saver, "t", 1..=3)?;
        delta(saver, &child, &[(11, 0), (12, 11), (13, 12)], &[12], true)?;
        prune_and_compare(saver, &child)?;
        assert_eq!(stored(saver, "t")?, [13, 12, 3]);
        Ok(())
    })
}

fn a_chain_that_cannot_be_read_is_refused(world: &World) -> Outcome {
    let db = world.db()?;
    let key = persql_checkpoint::Serializer::aes(b"0123456789abcdef")?;
    let encrypted = PerSqlSaver::builder(db.clone()).serializer(key).build()?;
    let without_key = PerSqlSaver::new(db.clone());
    delta(&encrypted, &Config::new("t"), &[(1, 0), (2, 1), (3, 2), (4, 3)], &[2], true)?;
    let error = without_key.prune(&["t"], PruneStrategy::KeepLatest).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("nothing was deleted") && error.to_string().contains('t'), "{error}");
    assert_eq!(stored(&encrypted, "t")?.len(), 4);
    // A link in the middle is damaged.
    db.query("UPDATE checkpoints SET checkpoint = 'AAAA' WHERE checkpoint_id = ?1", [id(3)])?;
    assert_eq!(encrypted.prune(&["t"], PruneStrategy::KeepLatest).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(db.query("SELECT 1 FROM checkpoints", ())?.len(), 4);
    delta(&encrypted, &Config::new("u"), &[(1, 0), (2, 1), (3, 2), (4, 3)], &[3], true)?;
    prune_and_compare(&encrypted, &Config::new("u"))?;
    assert_eq!(stored(&encrypted, "u")?, [4, 3]);
    Ok(())
}

fn a_checkpoint_stored_meanwhile_is_not_lost(world: &World) -> Outcome {
    let pruner = PerSqlSaver::new(world.db()?);
    let writer = PerSqlSaver::new(world.other_db()?);
    let thread = Config::new("t");
    delta(&writer, &thread, &[(1, 0)], &[1], true)?;
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            (2..=60).try_for_each(|number| {
                delta(&writer, &thread, &[(number, number - 1)], &[], true).map_err(|error| format!("{error:?}"))
            })
        });
        while !writing.is_finished() {
            match pruner.prune(&["t"], PruneStrategy::KeepLatest) {
                Ok(()) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
            }
        }
        writing.join()
    });
    written.map_err(|_| "the writer panicked")??;
    let history = writer.get_delta_channel_history(&thread, &["d"])?;
    assert_eq!((history["d"].writes.len(), history["d"].seed.is_some()), (59, true));
    Ok(())
}

fn writes_of_no_checkpoint_survive(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    chain(&saver, "t", 1..=3)?;
    saver.put_writes(&at("t", 4), &[write("x", "early")], "task", "")?;
    saver.prune(&["t"], PruneStrategy::KeepLatest)?;
    saver.put(&at("t", 3), &checkpoint(4), &Metadata::default())?;
    assert_eq!(saver.get_tuple(&Config::new("t"))?.map(|tuple| tuple.pending_writes.len()), Some(1));
    Ok(())
}
