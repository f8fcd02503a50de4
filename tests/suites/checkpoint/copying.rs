//! `copy_thread` and `copy_thread_to`.

use persql_checkpoint::{Config, Data, ErrorKind, ListOptions, Metadata, PerSqlSaver, serde::Map};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{Saver, at, chain, checkpoint, each_layout, id, numbers, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_copy_has_everything_under_the_same_ids,
        a_source_that_is_not_there_leaves_the_target_empty,
        a_target_with_anything_in_it_is_refused,
        a_thread_is_not_copied_to_itself,
        a_copy_up_to_a_checkpoint_leaves_later_ones_and_other_branches,
        a_copy_up_to_a_checkpoint_takes_the_subgraphs_along,
        a_copy_up_to_what_is_not_there_is_refused,
        a_delta_channel_can_be_rebuilt_from_the_copy,
    ]
}

/// What a thread holds, without its name.
fn content(saver: &Saver, thread: &str) -> Result<String, Box<dyn std::error::Error>> {
    let tuples = saver.list(Some(&Config::new(thread)), ListOptions::default())?;
    Ok(format!("{tuples:?}").replace(&format!("thread_id: \"{thread}\""), ""))
}

fn a_copy_has_everything_under_the_same_ids(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        chain(saver, "a", 1..=3)?;
        saver.put_writes(&at("a", 2), &[write("x", "é"), write("__error__", 1)], "task", "~p")?;
        let child = Config::new("a").namespace("child:1");
        saver.put(&child, &checkpoint(4), &Metadata::default().with("nan", f64::NAN))?;
        let before = content(saver, "a")?;
        let (requests, done) = db.counting(|| saver.copy_thread("a", "b"));
        assert_eq!((requests, done?), (1, ()));
        assert_eq!((content(saver, "b")?, content(saver, "a")?), (before.clone(), before));
        saver.delete_thread("a")?;
        assert_eq!(stored(saver, "b")?, [4, 3, 2, 1]);
        Ok(())
    })
}

fn a_source_that_is_not_there_leaves_the_target_empty(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    saver.copy_thread("a", "b")?;
    assert_eq!(stored(&saver, "b")?, Vec::<u64>::new());
    Ok(())
}

fn a_target_with_anything_in_it_is_refused(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "a", [1])?;
        saver.copy_thread("a", "b")?;
        assert_eq!(saver.copy_thread("a", "b").unwrap_err().kind(), ErrorKind::Conflict);
        saver.put_writes(&at("c", 7), &[write("x", 1)], "task", "")?;
        assert_eq!(saver.copy_thread("a", "c").unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(saver.copy_thread_to(&at("a", 1), "c").unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(stored(saver, "c")?, Vec::<u64>::new());
        Ok(())
    })
}

fn a_thread_is_not_copied_to_itself(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let (requests, refused) = db.counting(|| saver.copy_thread("a", "a"));
    assert_eq!((requests, refused.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    Ok(())
}

fn a_copy_up_to_a_checkpoint_leaves_later_ones_and_other_branches(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        chain(saver, "a", 1..=3)?;
        // A branch from 2, newer than 3, and 6 after that.
        saver.put(&at("a", 2), &checkpoint(5), &Metadata::default())?;
        saver.put(&at("a", 5), &checkpoint(6), &Metadata::default())?;
        for number in 1..=6 {
            saver.put_writes(&at("a", number), &[write("x", number)], "task", "~p")?;
        }
        let (requests, done) = db.counting(|| saver.copy_thread_to(&at("a", 5), "b"));
        assert_eq!((requests, done?), (1, ()));
        let tuples = saver.list(Some(&Config::new("b")), ListOptions::default())?;
        assert_eq!(numbers(&tuples), [5, 2, 1]);
        assert!(tuples.iter().all(|tuple| tuple.pending_writes.len() == 1));
        assert_eq!(saver.get_tuple(&Config::new("b"))?.and_then(|tuple| tuple.parent_config), Some(at("b", 2)));
        assert_eq!(stored(saver, "a")?.len(), 5);
        Ok(())
    })
}

fn a_copy_up_to_a_checkpoint_takes_the_subgraphs_along(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "a", 1..=3)?;
        for (number, parent, ns) in [(10, 1, "child:1"), (11, 2, "child:2"), (12, 3, "child:3"), (13, 2, "child:2|x")] {
            let parents: Data = Map::from([("", id(parent))]).into();
            let metadata = Metadata::new("loop", 0).with("parents", parents);
            let stored = saver.put(&Config::new("a").namespace(ns), &checkpoint(number), &metadata)?;
            saver.put_writes(&stored, &[write("x", number)], "task", "")?;
        }
        saver.copy_thread_to(&at("a", 2), "b")?;
        let tuples = saver.list(Some(&Config::new("b")), ListOptions::default())?;
        assert_eq!(numbers(&tuples), [13, 11, 10, 2, 1]);
        assert_eq!(tuples.iter().filter(|tuple| tuple.pending_writes.len() == 1).count(), 3);
        Ok(())
    })
}

fn a_copy_up_to_what_is_not_there_is_refused(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    chain(&saver, "a", [1])?;
    assert_eq!(saver.copy_thread_to(&at("a", 2), "b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(saver.copy_thread_to(&at("other", 1), "b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(saver.copy_thread_to(&Config::new("a"), "b").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(stored(&saver, "b")?, Vec::<u64>::new());
    Ok(())
}

fn a_delta_channel_can_be_rebuilt_from_the_copy(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "a", 1..=5)?;
        for number in 1..=5 {
            saver.put_writes(&at("a", number), &[write("d", number)], "task", "")?;
        }
        saver.copy_thread_to(&at("a", 4), "b")?;
        let [a, b] = ["a", "b"].map(|thread| saver.get_delta_channel_history(&at(thread, 4), &["d"]));
        assert_eq!((b?["d"].writes.len(), a?["d"].writes.len()), (3, 3));
        Ok(())
    })
}
