//! Checkpoints of versions before 4, whose sends stand in their parents' writes.

use persql_checkpoint::{Checkpoint, Config, ErrorKind, ListOptions, Metadata, PruneStrategy, serde::Send};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{
    Saver, at, checkpoint, each_layout, items, member, put_writes, stored, text, unpack, vectors, write,
};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        sends_are_moved_as_the_postgres_saver_moves_them,
        copies_and_pages_have_their_sends,
        a_parent_that_holds_the_sends_of_the_latest_is_kept,
        sends_without_versions_to_compare_are_an_error,
    ]
}

const TASKS: &str = "__pregel_tasks";

fn sends_are_moved_as_the_postgres_saver_moves_them(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        let vectors = vectors()?;
        let sends = member(&vectors, "sends");
        for call in items(member(sends, "calls")) {
            let mut config = Config::new("t");
            config.checkpoint_id = member(call, "parent").as_str().map(str::to_owned);
            let made = Checkpoint::from_data(unpack(member(call, "checkpoint"))?)?;
            let put = saver.put(&config, &made, &Metadata::default())?;
            for writes in items(member(call, "writes")) {
                put_writes(saver, &put, writes)?;
            }
        }
        // The same ids elsewhere, whose sends are not those of this graph.
        for config in [Config::new("other"), Config::new("t").namespace("child:1")] {
            let stored = saver.put(&config, &checkpoint(1), &Metadata::default())?;
            saver.put_writes(&stored, &[write(TASKS, "elsewhere")], "task", "")?;
        }
        let (requests, tuples) =
            db.counting(|| saver.list(Some(&Config::new("t").namespace("")), ListOptions::default()));
        let (tuples, answers) = (tuples?, items(member(sends, "answers")));
        assert_eq!((requests, tuples.len()), (2, answers.len()), "one for the page, one for all its sends");
        for (tuple, answer) in tuples.iter().zip(answers) {
            let expected = Checkpoint::from_data(unpack(answer)?)?;
            assert_eq!(tuple.checkpoint, expected, "{}", expected.id);
            let (requests, found) = db.counting(|| saver.get_tuple(&tuple.config));
            assert_eq!(found?.as_ref(), Some(tuple));
            let old = tuple.checkpoint.v < 4 && tuple.parent_config.is_some();
            assert_eq!(requests, if old { 2 } else { 1 }, "{}", text(&expected.id.into()));
        }
        Ok(())
    })
}

/// A chain of checkpoints of this version, each of which has sent to a node of its own number.
fn sending(saver: &Saver, v: i64, numbers: std::ops::RangeInclusive<u64>) -> Outcome {
    let mut config = Config::new("t");
    for number in numbers {
        let mut made = checkpoint(number);
        made.v = v;
        config = saver.put(&config, &made, &Metadata::default())?;
        let send = Send::new(format!("node{number}"), number).to_data()?;
        saver.put_writes(&config, &[write("n", 0), write(TASKS, send)], "task", "")?;
    }
    Ok(())
}

fn nodes(saver: &Saver, config: &Config) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let found = saver.get(config)?.ok_or("no checkpoint")?;
    let sends = found.channel::<Vec<Send>>(TASKS)?.unwrap_or_default();
    Ok(sends.into_iter().map(|send| send.node).collect())
}

fn copies_and_pages_have_their_sends(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        sending(saver, 3, 1..=3)?;
        saver.copy_thread("t", "whole")?;
        saver.copy_thread_to(&at("t", 2), "part")?;
        assert_eq!(nodes(saver, &Config::new("whole"))?, ["node2"]);
        assert_eq!(nodes(saver, &Config::new("part"))?, ["node1"]);
        let limited = saver.list(Some(&Config::new("t")), ListOptions::default().limit(1))?;
        assert_eq!(limited[0].checkpoint.channel::<Vec<Send>>(TASKS)?.map(|sends| sends.len()), Some(1));
        Ok(())
    })
}

fn a_parent_that_holds_the_sends_of_the_latest_is_kept(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        for (v, left) in [(3, vec![4, 3]), (4, vec![4])] {
            sending(saver, v, 1..=4)?;
            let before = nodes(saver, &Config::new("t"))?;
            saver.prune(&["t"], PruneStrategy::KeepLatest)?;
            assert_eq!((stored(saver, "t")?, nodes(saver, &Config::new("t"))?), (left, before));
            saver.delete_thread("t")?;
        }
        // Nothing was sent, so nothing is kept.
        let mut config = Config::new("t");
        for number in 1..=3 {
            let mut made = checkpoint(number);
            made.v = 3;
            config = saver.put(&config, &made, &Metadata::default())?;
        }
        saver.prune(&["t"], PruneStrategy::KeepLatest)?;
        assert_eq!(stored(saver, "t")?, [3]);
        Ok(())
    })
}

fn sends_without_versions_to_compare_are_an_error(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        sending(saver, 3, 1..=1)?;
        let mut made = checkpoint(2);
        made.v = 3;
        made.channel_versions.insert("m", 1);
        saver.put(&at("t", 1), &made, &Metadata::default())?;
        let error = saver.get(&Config::new("t")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("thread: t") && error.to_string().contains(&made.id), "{error}");
        Ok(())
    })
}
