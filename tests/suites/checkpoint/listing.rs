//! `list`: scope, filter, before, limit, pages.

use persql_checkpoint::{Config, Data, ErrorKind, ListOptions, Metadata, PerSqlSaver, serde::Map};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{at, chain, checkpoint, each_layout, numbers, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_thread_comes_newest_first_with_its_writes,
        the_scope_is_what_the_config_names,
        before_and_limit_narrow_the_list,
        a_filter_and_a_limit_work_together,
        a_long_list_comes_in_pages_of_256,
        large_checkpoints_make_short_pages,
        a_filter_that_only_rust_can_answer_pages_on,
        no_filter_reaches_the_sql,
        a_list_of_nothing_is_empty,
        metadata_that_is_not_json_is_an_error_that_names_the_checkpoint,
        copies_of_one_thread_do_not_hide_each_other,
    ]
}

fn a_thread_comes_newest_first_with_its_writes(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        chain(saver, "t", 1..=5)?;
        saver.put_writes(&at("t", 3), &[write("x", "three")], "task", "")?;
        saver.put_writes(&at("t", 5), &[write("x", "five")], "task", "")?;
        let (requests, tuples) = db.counting(|| saver.list(Some(&Config::new("t")), ListOptions::default()));
        let tuples = tuples?;
        assert_eq!((requests, numbers(&tuples)), (1, vec![5, 4, 3, 2, 1]));
        assert_eq!(tuples[0].pending_writes[0].value, "five".into());
        assert_eq!(tuples[2].pending_writes[0].value, "three".into());
        assert_eq!(tuples[1].parent_config, Some(at("t", 3)));
        assert_eq!((tuples[1].config.clone(), tuples[1].metadata.step()), (at("t", 4), Some(4)));
        Ok(())
    })
}

fn the_scope_is_what_the_config_names(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "a", [1, 4])?;
        chain(saver, "b", [2])?;
        saver.put(&Config::new("a").namespace("child"), &checkpoint(3), &Metadata::default())?;
        let list = |config: Option<Config>| -> Result<Vec<u64>, Box<dyn std::error::Error>> {
            Ok(numbers(&saver.list(config.as_ref(), ListOptions::default())?))
        };
        assert_eq!(list(None)?, [4, 3, 2, 1]);
        assert_eq!(list(Some(Config::new("a")))?, [4, 3, 1]);
        assert_eq!(list(Some(Config::new("a").namespace("")))?, [4, 1]);
        assert_eq!(list(Some(Config::new("a").namespace("child")))?, [3]);
        assert_eq!(list(Some(at("a", 1)))?, [1]);
        assert_eq!(list(Some(at("a", 9)))?, Vec::<u64>::new());
        Ok(())
    })
}

fn before_and_limit_narrow_the_list(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", 1..=6)?;
    for config in [Some(Config::new("t")), Some(Config::new("t").namespace("")), None] {
        let list = |options: ListOptions| saver.list(config.as_ref(), options).map(|tuples| numbers(&tuples));
        assert_eq!(list(ListOptions::default().limit(2))?, [6, 5]);
        assert_eq!(list(ListOptions::default().before(&at("t", 4)))?, [3, 2, 1]);
        assert_eq!(list(ListOptions::default().before(&at("t", 4)).limit(1))?, [3]);
        assert_eq!(list(ListOptions::default().before(&Config::new("t")))?.len(), 6);
        assert_eq!(list(ListOptions::default().before(&at("t", 1)))?, Vec::<u64>::new());
        let (requests, none) = db.counting(|| list(ListOptions::default().limit(0)));
        assert_eq!((requests, none?.len()), (0, 0));
    }
    Ok(())
}

fn a_filter_and_a_limit_work_together(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        for number in 1..=40 {
            let metadata = Metadata::new(if number % 10 == 0 { "update" } else { "loop" }, 1);
            saver.put(&Config::new("t"), &checkpoint(number), &metadata)?;
        }
        let options = ListOptions::default().filter("source", "update").limit(3);
        let (requests, tuples) = db.counting(|| saver.list(Some(&Config::new("t")), options.clone()));
        assert_eq!((requests, numbers(&tuples?)), (1, vec![40, 30, 20]), "SQL answers it alone");
        let before = options.before(&at("t", 30));
        assert_eq!(numbers(&saver.list(None, before)?), [20, 10]);
        Ok(())
    })
}

fn a_long_list_comes_in_pages_of_256(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", 1..=600)?;
    for config in [Some(Config::new("t")), Some(Config::new("t").namespace("")), None] {
        let (requests, tuples) = db.counting(|| saver.list(config.as_ref(), ListOptions::default()));
        assert_eq!((requests, numbers(&tuples?)), (3, (1..=600).rev().collect()));
        let (requests, tuples) = db.counting(|| saver.list(config.as_ref(), ListOptions::default().limit(256)));
        assert_eq!((requests, tuples?.len()), (1, 256));
    }
    Ok(())
}

fn large_checkpoints_make_short_pages(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        for number in 1..=8 {
            let mut large = checkpoint(number);
            large.channel_values.insert("text", "x".repeat(1_000_000));
            saver.put(&Config::new("t"), &large, &Metadata::default())?;
            saver.put_writes(&at("t", number), &[write("x", "y".repeat(400_000))], "task", "")?;
        }
        let (requests, tuples) = db.counting(|| saver.list(Some(&Config::new("t")), ListOptions::default()));
        let tuples = tuples?;
        assert_eq!(numbers(&tuples), [8, 7, 6, 5, 4, 3, 2, 1]);
        assert!(tuples.iter().all(|tuple| tuple.pending_writes.len() == 1));
        assert!((3..=4).contains(&requests), "{requests} pages of 4 MB");
        Ok(())
    })
}

fn a_filter_that_only_rust_can_answer_pages_on(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    for number in 1..=300 {
        let metadata = Metadata::default().with("stadt", if number == 3 { "Köln" } else { "Ulm" });
        saver.put(&Config::new("t"), &checkpoint(number), &metadata)?;
    }
    let options = ListOptions::default().filter("stadt", "Köln").limit(1);
    let (requests, tuples) = db.counting(|| saver.list(Some(&Config::new("t")), options));
    assert_eq!((requests, numbers(&tuples?)), (2, vec![3]));
    Ok(())
}

fn no_filter_reaches_the_sql(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let keys = ["a' OR 1=1 --", "$.x", "x\"]", "[0]", "\\", "\0", "%s", "?1", "'; DROP TABLE checkpoints; --", "."];
        for (number, key) in (1..).zip(keys) {
            saver.put(&Config::new("t"), &checkpoint(number), &Metadata::default().with(key, "yes"))?;
        }
        for (number, key) in (1..).zip(keys) {
            for value in [Data::from("yes"), Data::from("' OR ''='")] {
                let expected: &[u64] = if value.as_str() == Some("yes") { &[number] } else { &[] };
                let found = saver.list(None, ListOptions::default().filter(key, value))?;
                assert_eq!(numbers(&found), expected, "{key:?}");
            }
        }
        assert_eq!(stored(saver, "t")?.len(), keys.len());
        Ok(())
    })
}

fn a_list_of_nothing_is_empty(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        assert_eq!(saver.list(None, ListOptions::default())?.len(), 0);
        chain(saver, "t", [1])?;
        assert_eq!(saver.list(Some(&Config::new("other")), ListOptions::default())?.len(), 0);
        assert_eq!(saver.list(None, ListOptions::default().filter("step", 9))?.len(), 0);
        Ok(())
    })
}

fn metadata_that_is_not_json_is_an_error_that_names_the_checkpoint(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", [1, 2])?;
    db.query("UPDATE checkpoints SET metadata = '{' WHERE checkpoint_id = ?1", [crate::support::id(1)])?;
    let error = saver.list(None, ListOptions::default().filter("step", 2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(&crate::support::id(1)), "{error}");
    db.query("UPDATE checkpoints SET metadata = NULL", ())?;
    let found = saver.list(None, ListOptions::default().filter("step", Data::Nil))?;
    assert_eq!((found.len(), found[0].metadata.entries()), (2, &Map::new()));
    Ok(())
}

fn copies_of_one_thread_do_not_hide_each_other(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "a", 1..=150)?;
    for copy in ["b", "c"] {
        saver.copy_thread("a", copy)?;
    }
    // Pages end between checkpoints of one id.
    let tuples = saver.list(None, ListOptions::default())?;
    assert_eq!(tuples.len(), 450);
    assert_eq!(numbers(&tuples), (1..=150).rev().flat_map(|number| [number; 3]).collect::<Vec<_>>());
    Ok(())
}
