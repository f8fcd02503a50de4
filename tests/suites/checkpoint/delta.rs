//! `get_delta_channel_history` beyond what the golden file has.

use persql_checkpoint::{Config, ErrorKind, Metadata, PerSqlSaver};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{at, chain, checkpoint, each_layout, id, snapshot, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        nothing_asked_or_nothing_there_is_an_empty_history,
        a_short_chain_is_one_request,
        a_long_chain_comes_in_pages,
        a_ring_in_the_chain_ends_the_walk,
        a_history_that_cannot_be_read_is_an_error,
        channels_end_where_each_has_its_value,
    ]
}

fn nothing_asked_or_nothing_there_is_an_empty_history(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let (requests, none) = db.counting(|| saver.get_delta_channel_history(&Config::new("t"), &[""; 0]));
    assert_eq!((requests, none?.len()), (0, 0));
    let empty = saver.get_delta_channel_history(&Config::new("t"), &["d"])?;
    assert_eq!((empty["d"].writes.len(), &empty["d"].seed), (0, &None));
    chain(&saver, "t", [1])?;
    saver.put_writes(&at("t", 1), &[write("d", 1)], "task", "")?;
    let own = saver.get_delta_channel_history(&Config::new("t"), &["d"])?;
    assert_eq!(own["d"].writes.len(), 0, "the checkpoint's own writes are not part of it");
    Ok(())
}

fn a_short_chain_is_one_request(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        chain(saver, "t", 1..=30)?;
        for number in 1..=30 {
            saver.put_writes(&at("t", number), &[write("d", number), write("x", 0)], "task", "")?;
        }
        let (requests, history) = db.counting(|| saver.get_delta_channel_history(&Config::new("t"), &["d", "d"]));
        let history = history?;
        assert_eq!((requests, history.len()), (1, 1));
        let values: Vec<_> = history["d"].writes.iter().filter_map(|write| write.value.as_u64()).collect();
        assert_eq!(values, (1..=29).collect::<Vec<_>>());
        Ok(())
    })
}

fn a_long_chain_comes_in_pages(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let text = "x".repeat(700_000);
    chain(&saver, "t", 1..=9)?;
    for number in 1..=9 {
        saver.put_writes(&at("t", number), &[write("d", text.as_str())], "task", "")?;
    }
    let (requests, history) = db.counting(|| saver.get_delta_channel_history(&Config::new("t"), &["d"]));
    assert_eq!((requests, history?["d"].writes.len()), (2, 8));
    Ok(())
}

fn a_ring_in_the_chain_ends_the_walk(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", 1..=3)?;
    // As the official saver leaves it when a checkpoint is stored again under another parent.
    db.query("UPDATE checkpoints SET parent_checkpoint_id = ?1 WHERE checkpoint_id = ?2", (id(3), id(1)))?;
    for number in 1..=3 {
        saver.put_writes(&at("t", number), &[write("d", number)], "task", "")?;
    }
    let history = saver.get_delta_channel_history(&at("t", 3), &["d"])?;
    assert_eq!(history["d"].writes.len(), 2);
    saver.prune(&["t"], persql_checkpoint::PruneStrategy::KeepLatest)?;
    saver.copy_thread_to(&at("t", 3), "u")?;
    Ok(())
}

fn a_history_that_cannot_be_read_is_an_error(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", 1..=3)?;
    db.query("UPDATE checkpoints SET checkpoint = 'AAAA' WHERE checkpoint_id = ?1", [id(1)])?;
    let error = saver.get_delta_channel_history(&Config::new("t"), &["d"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(&id(1)), "{error}");
    Ok(())
}

fn channels_end_where_each_has_its_value(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let mut config = Config::new("t");
        for number in 1..=5 {
            let mut made = checkpoint(number);
            if number == 2 {
                made.channel_values.insert("far", snapshot(&["f"]));
            }
            if number == 4 {
                made.channel_values.insert("near", persql_checkpoint::Data::Nil);
            }
            config = saver.put(&config, &made, &Metadata::default())?;
            saver.put_writes(&config, &[write("far", number), write("near", number)], "task", "")?;
        }
        let history = saver.get_delta_channel_history(&Config::new("t"), &["far", "near"])?;
        assert_eq!((history["far"].writes.len(), history["near"].writes.len()), (3, 1));
        assert_eq!(history["far"].seed, Some(snapshot(&["f"])));
        assert_eq!(history["near"].seed, Some(persql_checkpoint::Data::Nil), "None is a value");
        Ok(())
    })
}
