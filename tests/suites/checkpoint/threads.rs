//! `list_threads` and retention.

use std::time::{Duration, SystemTime};

use persql_checkpoint::{Checkpoint, Config, ListThreads, Metadata, PerSqlSaver, checkpoint_time, new_checkpoint_id};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{at, chain, each_layout, id, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        threads_are_listed_by_id_with_their_newest_checkpoint,
        a_prefix_and_a_page_narrow_the_list,
        a_database_without_threads_lists_none,
        inactive_threads_are_deleted_and_active_ones_stay,
        threads_with_ids_of_other_kinds_have_no_age,
    ]
}

fn threads_are_listed_by_id_with_their_newest_checkpoint(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        chain(saver, "b", 1..=3)?;
        chain(saver, "a", 4..=5)?;
        let (requests, threads) = db.counting(|| saver.list_threads(ListThreads::default()));
        let threads = threads?;
        assert_eq!((requests, threads.len()), (1, 2));
        assert_eq!((threads[0].thread_id.as_str(), threads[0].checkpoints), ("a", 2));
        assert_eq!((threads[1].thread_id.as_str(), threads[1].newest_checkpoint_id.clone()), ("b", id(3)));
        assert_eq!(threads[1].updated_at, checkpoint_time(&id(3)));
        Ok(())
    })
}

fn a_prefix_and_a_page_narrow_the_list(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    for thread in ["user:1", "user:2", "user:é", "job:1", "user_%"] {
        chain(&saver, thread, [1])?;
    }
    let list = |options: ListThreads| -> Result<Vec<String>, persql_checkpoint::Error> {
        Ok(saver.list_threads(options)?.into_iter().map(|thread| thread.thread_id).collect())
    };
    assert_eq!(list(ListThreads::default().prefix("user:"))?, ["user:1", "user:2", "user:é"]);
    assert_eq!(list(ListThreads::default().prefix("user_"))?, ["user_%"]);
    let page = ListThreads::default().limit(2);
    assert_eq!(list(page.clone())?, ["job:1", "user:1"]);
    assert_eq!(list(page.after("user:1"))?, ["user:2", "user:é"]);
    Ok(())
}

fn a_database_without_threads_lists_none(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    assert_eq!(saver.list_threads(ListThreads::default())?, []);
    assert_eq!(saver.delete_inactive_threads(Duration::ZERO)?, 0);
    Ok(())
}

fn inactive_threads_are_deleted_and_active_ones_stay(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        // Of 2024, and of now.
        let old = "1ef4f797-8335-6428-8001-8a1503f9b875";
        for (thread, ids) in [("old", vec![old.to_owned()]), ("new", vec![old.to_owned(), new_checkpoint_id(0)])] {
            for id in ids {
                let stored = saver.put(&Config::new(thread), &Checkpoint::new(id, ""), &Metadata::default())?;
                saver.put_writes(&stored, &[write("x", 1)], "task", "")?;
            }
        }
        let day = Duration::from_secs(24 * 3600);
        let age = SystemTime::now().duration_since(checkpoint_time(old).ok_or("no time")?)?;
        assert_eq!(saver.delete_inactive_threads(age + day)?, 0);
        assert_eq!(saver.delete_inactive_threads(Duration::MAX)?, 0);
        let (requests, deleted) = db.counting(|| saver.delete_inactive_threads(age - day));
        assert_eq!((requests, deleted?), (3, 1));
        assert_eq!(saver.list_threads(ListThreads::default())?[0].thread_id, "new");
        assert_eq!(saver.get_tuple(&Config::new("new"))?.map(|tuple| tuple.pending_writes.len()), Some(1));
        saver.put(&Config::new("old"), &Checkpoint::new(old, ""), &Metadata::default())?;
        let tuple = saver.get_tuple(&Config::new("old"))?;
        assert_eq!(tuple.map(|tuple| tuple.pending_writes.len()), Some(0), "its writes went too");
        Ok(())
    })
}

fn threads_with_ids_of_other_kinds_have_no_age(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    for id in ["0", "00000000-0000-4000-8000-000000000000"] {
        saver.put(&Config::new("t").namespace(id), &Checkpoint::new(id, ""), &Metadata::default())?;
    }
    chain(&saver, "u", [1])?;
    assert_eq!(saver.list_threads(ListThreads::default())?[0].updated_at, None);
    assert_eq!(saver.delete_inactive_threads(Duration::from_secs(1))?, 1);
    assert_eq!(saver.list(None, Default::default())?.len(), 2);
    assert_eq!(saver.get(&at("u", 1))?, None);
    assert_eq!(stored(&saver, "u")?, Vec::<u64>::new());
    Ok(())
}
