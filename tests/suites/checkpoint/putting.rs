//! `put`, `get`, `get_tuple`, ids and versions.

use persql_checkpoint::{Checkpoint, Config, Data, ErrorKind, Metadata, PerSqlSaver, new_checkpoint_id};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{at, chain, checkpoint, each_layout, id, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_checkpoint_comes_back_with_all_that_belongs_to_it,
        the_latest_is_the_one_with_the_greatest_id,
        what_is_not_there_is_none,
        the_first_write_creates_the_tables_and_each_later_call_is_one_request,
        a_checkpoint_that_is_stored_again_keeps_its_parent,
        namespaces_are_apart,
        metadata_takes_what_the_config_says,
        a_config_with_an_id_comes_back_as_it_was,
        a_checkpoint_without_an_id_is_refused,
        two_writers_fork_silently_unless_the_latest_parent_is_expected,
        the_expected_parent_may_be_none_and_a_retry_is_no_conflict,
        many_writers_of_one_thread_lose_nothing,
        of_many_writers_that_expect_the_latest_one_wins,
        without_creation_a_write_needs_tables,
        the_tables_can_be_made_up_front,
        tables_can_have_other_names,
        versions_are_strings_that_grow,
        an_encrypted_saver_reads_its_own_rows_only,
        a_url_gives_a_saver_that_owns_its_client,
        debug_shows_no_stored_text,
    ]
}

fn a_checkpoint_comes_back_with_all_that_belongs_to_it(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let mut first = checkpoint(1);
        first.channel_values.insert("messages", Data::from_iter(["hi", "é😀\0"]));
        first.updated_channels = Some(vec!["messages".to_owned()]);
        let metadata = Metadata::new("input", -1).with("run_id", "r");
        let stored = saver.put(&Config::new("t"), &first, &metadata)?;
        assert_eq!(stored, at("t", 1));
        let second = saver.put(&stored, &checkpoint(2), &Metadata::new("loop", 0))?;

        let tuple = saver.get_tuple(&stored)?.ok_or("no tuple")?;
        assert_eq!((&tuple.checkpoint, &tuple.metadata), (&first, &metadata));
        assert_eq!((tuple.parent_config, tuple.pending_writes.len()), (None, 0));
        let tuple = saver.get_tuple(&Config::new("t"))?.ok_or("no tuple")?;
        assert_eq!((tuple.config, tuple.parent_config), (second, Some(stored)));
        assert_eq!(saver.get(&at("t", 1))?, Some(first));
        Ok(())
    })
}

fn the_latest_is_the_one_with_the_greatest_id(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    for number in [2, 9, 5] {
        saver.put(&Config::new("t"), &checkpoint(number), &Metadata::default())?;
    }
    assert_eq!(saver.get(&Config::new("t"))?.map(|found| found.id), Some(id(9)));
    assert_eq!(saver.get(&Config::new("t").checkpoint(""))?.map(|found| found.id), Some(id(9)));
    let made: Vec<String> = (0..100).map(new_checkpoint_id).collect();
    assert!(made.is_sorted_by(|a, b| a < b));
    Ok(())
}

fn what_is_not_there_is_none(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        let (requests, found) = db.counting(|| saver.get_tuple(&Config::new("t")));
        assert_eq!((requests, found?), (1, None));
        db.query("CREATE TABLE other(a)", ())?;
        let (requests, found) = db.counting(|| saver.get_tuple(&Config::new("t")));
        assert_eq!((requests, found?), (2, None), "the second asks whether there are tables of the other layout");
        assert_eq!(saver.get(&at("t", 1))?, None);
        assert_eq!(db.tables()?.len(), 1, "a read creates nothing");
        let (requests, done) = db.counting(|| chain(saver, "t", [1]));
        done?;
        assert_eq!(requests, 4, "the write, a look at what is there, the tables, the write");
        let (requests, found) = db.counting(|| saver.get_tuple(&at("t", 2)));
        assert_eq!((requests, found?), (1, None));
        assert_eq!(saver.get_tuple(&Config::new("other"))?, None);
        assert_eq!(saver.get_tuple(&Config::new("t").namespace("other"))?, None);
        Ok(())
    })
}

fn the_first_write_creates_the_tables_and_each_later_call_is_one_request(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        let (requests, done) = db.counting(|| chain(saver, "t", [1]));
        done?;
        assert_eq!(requests, 4, "the write, a look at what is there, the tables, the write");
        let (requests, done) = db.counting(|| chain(saver, "t", [2]));
        done?;
        assert_eq!(requests, 1);
        let writes: Vec<_> = (0..101).map(|n| write("x", n)).collect();
        let (requests, done) = db.counting(|| saver.put_writes(&at("t", 2), &writes, "task", ""));
        done?;
        assert_eq!(requests, 1);
        let (requests, tuple) = db.counting(|| saver.get_tuple(&Config::new("t")));
        assert_eq!((requests, tuple?.map(|tuple| tuple.pending_writes.len())), (1, Some(101)));
        Ok(())
    })
}

fn a_checkpoint_that_is_stored_again_keeps_its_parent(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "t", [1, 2])?;
        let mut again = checkpoint(2);
        again.channel_values.insert("n", "new");
        saver.put(&Config::new("t"), &again, &Metadata::new("update", 7))?;
        let tuple = saver.get_tuple(&Config::new("t"))?.ok_or("no tuple")?;
        assert_eq!((tuple.checkpoint, tuple.metadata.step()), (again, Some(7)));
        assert_eq!(tuple.parent_config, Some(at("t", 1)));
        Ok(())
    })
}

fn namespaces_are_apart(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    let child = Config::new("t").namespace("child:1");
    chain(&saver, "t", [1])?;
    let stored = saver.put(&child, &checkpoint(2), &Metadata::default())?;
    assert_eq!(stored.checkpoint_ns.as_deref(), Some("child:1"));
    assert_eq!(saver.get(&Config::new("t"))?.map(|found| found.id), Some(id(1)));
    assert_eq!(saver.get(&child)?.map(|found| found.id), Some(id(2)));
    saver.put_writes(&stored, &[write("x", 1)], "task", "")?;
    assert_eq!(saver.get_tuple(&Config::new("t"))?.map(|tuple| tuple.pending_writes.len()), Some(0));
    Ok(())
}

fn metadata_takes_what_the_config_says(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    let config = Config::new("t")
        .with("user_id", "a\0da")
        .with("source", "not this")
        .with("__private", 1)
        .with("langgraph_node", "not this")
        .with("list", Data::from_iter([1]))
        .with_metadata("tenant", 7)
        .with("tenant", 8);
    let stored = saver.put(&config, &checkpoint(1), &Metadata::new("in\0put", -1))?;
    let metadata = saver.get_tuple(&stored)?.ok_or("no tuple")?.metadata;
    assert_eq!(metadata, Metadata::new("input", -1).with("tenant", 7).with("user_id", "ada"));
    Ok(())
}

fn a_config_with_an_id_comes_back_as_it_was(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    chain(&saver, "t", [1])?;
    let asked = Config::new("t").checkpoint(id(1)).with("user_id", "ada");
    assert_eq!(saver.get_tuple(&asked)?.map(|tuple| tuple.config), Some(asked));
    let asked = Config::new("t").with("user_id", "ada");
    assert_eq!(saver.get_tuple(&asked)?.map(|tuple| tuple.config), Some(at("t", 1)));
    Ok(())
}

fn a_checkpoint_without_an_id_is_refused(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let (requests, refused) =
        db.counting(|| saver.put(&Config::new("t"), &Checkpoint::new("", "now"), &Metadata::default()));
    assert_eq!((requests, refused.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    Ok(())
}

fn two_writers_fork_silently_unless_the_latest_parent_is_expected(world: &World) -> Outcome {
    let free = PerSqlSaver::new(world.db()?);
    let strict = PerSqlSaver::builder(world.other_db()?).expect_latest(true).build()?;
    chain(&free, "t", [1])?;
    strict.put(&at("t", 1), &checkpoint(2), &Metadata::default())?;
    let error = strict.put(&at("t", 1), &checkpoint(3), &Metadata::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(stored(&free, "t")?, [2, 1], "nothing was stored");
    free.put(&at("t", 1), &checkpoint(3), &Metadata::default())?;
    assert_eq!(stored(&free, "t")?, [3, 2, 1]);
    Ok(())
}

fn the_expected_parent_may_be_none_and_a_retry_is_no_conflict(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::builder(db.clone()).expect_latest(true).build()?;
    saver.put(&Config::new("t"), &checkpoint(1), &Metadata::default())?;
    saver.put(&Config::new("t"), &checkpoint(1), &Metadata::default())?;
    let error = saver.put(&Config::new("t"), &checkpoint(2), &Metadata::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    saver.put(&at("t", 1), &checkpoint(2), &Metadata::default())?;
    saver.put(&at("t", 2), &checkpoint(3), &Metadata::default())?;
    // The answer to this one was lost, say.
    let (requests, again) = db.counting(|| saver.put(&at("t", 1), &checkpoint(2), &Metadata::default()));
    assert_eq!((requests, again?), (1, at("t", 2)));
    saver.put(&Config::new("t").namespace("child"), &checkpoint(1), &Metadata::default())?;
    Ok(())
}

fn many_writers_of_one_thread_lose_nothing(world: &World) -> Outcome {
    let savers = [world.db()?, world.other_db()?, world.other_db()?].map(PerSqlSaver::new);
    let work = |number: u64, saver: &crate::support::Saver| -> persql_checkpoint::Result<()> {
        for step in 0..10 {
            let stored = saver.put(&Config::new("t"), &checkpoint(number * 100 + step), &Metadata::default())?;
            saver.put_writes(&stored, &[write("x", number), write("__error__", step)], "task", "")?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (1..).zip(&savers).map(|(number, saver)| scope.spawn(move || work(number, saver))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?.map_err(|e| format!("{e:?}")))
    })?;
    let tuples = savers[0].list(Some(&Config::new("t")), Default::default())?;
    assert_eq!(tuples.len(), 30);
    assert!(tuples.iter().all(|tuple| tuple.pending_writes.len() == 2));
    Ok(())
}

fn of_many_writers_that_expect_the_latest_one_wins(world: &World) -> Outcome {
    let strict = |db| PerSqlSaver::builder(db).expect_latest(true).build();
    let savers = [strict(world.db()?)?, strict(world.other_db()?)?, strict(world.other_db()?)?];
    chain(&savers[0], "t", [1])?;
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (2..)
            .zip(&savers)
            .map(|(number, saver)| {
                scope.spawn(move || saver.put(&at("t", 1), &checkpoint(number), &Metadata::default()))
            })
            .collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    assert_eq!(stored(&savers[0], "t")?.len(), 2);
    Ok(())
}

fn without_creation_a_write_needs_tables(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::builder(db.clone()).create_tables(false).build()?;
    let error = chain(&saver, "t", [1]).unwrap_err();
    assert!(format!("{error:?}").contains("UnknownTable"), "{error:?}");
    saver.create_tables()?;
    chain(&saver, "t", [1])
}

fn the_tables_can_be_made_up_front(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        saver.create_tables()?;
        saver.create_tables()?;
        assert_eq!(db.tables()?.len(), 2);
        assert_eq!(saver.detect_layout()?, Some(saver.layout()));
        let (requests, done) = saver.database().counting(|| chain(saver, "t", [1]));
        done?;
        assert_eq!(requests, 1);
        Ok(())
    })
}

fn tables_can_have_other_names(world: &World) -> Outcome {
    let db = world.db()?;
    let named = PerSqlSaver::builder(db.clone()).checkpoints_table("c\"; DROP").writes_table("w'").build()?;
    let other = PerSqlSaver::new(db.clone());
    chain(&named, "t", [1])?;
    named.put_writes(&at("t", 1), &[write("x", 1)], "task", "")?;
    chain(&other, "t", [2])?;
    assert_eq!((stored(&named, "t")?, stored(&other, "t")?), (vec![1], vec![2]));
    assert_eq!(db.tables()?.len(), 4);
    for (checkpoints, writes) in [("a", "A"), ("", "w"), ("sqlite_x", "w")] {
        let refused = PerSqlSaver::builder(db.clone()).checkpoints_table(checkpoints).writes_table(writes).build();
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    Ok(())
}

fn versions_are_strings_that_grow(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let mut version: Option<Data> = None;
    for step in 1..=20 {
        let next = saver.get_next_version(version.as_ref())?;
        assert!(next.starts_with(&format!("{step:032}.")), "{next}");
        assert!(version.is_none_or(|version| version.as_str() < Some(next.as_str())));
        version = Some(next.into());
    }
    assert!(saver.get_next_version(Some(&"x".into())).is_err());
    Ok(())
}

fn an_encrypted_saver_reads_its_own_rows_only(world: &World) -> Outcome {
    let key = persql_checkpoint::Serializer::aes(b"0123456789abcdef")?;
    let db = world.db()?;
    let encrypted = PerSqlSaver::builder(db.clone()).serializer(key.clone()).build()?;
    let plain = PerSqlSaver::new(db.clone());
    chain(&encrypted, "secret", [1])?;
    encrypted.put_writes(&at("secret", 1), &[write("x", "hush")], "task", "")?;
    chain(&plain, "open", [1])?;
    let tuple = encrypted.get_tuple(&Config::new("secret"))?.ok_or("no tuple")?;
    assert_eq!((tuple.checkpoint, &tuple.pending_writes[0].value), (checkpoint(1), &"hush".into()));
    let rows = db.query("SELECT type FROM checkpoints WHERE thread_id = 'secret'", ())?;
    assert_eq!(rows.first().ok_or("no row")?.get::<&str>(0)?, "msgpack+aes");
    assert_eq!(plain.get(&Config::new("secret")).unwrap_err().kind(), ErrorKind::Unsupported);
    let forged = encrypted.get(&Config::new("open")).unwrap_err();
    assert_eq!(forged.kind(), ErrorKind::Corrupt);
    assert!(forged.to_string().contains("open"), "{forged}");
    let lenient = PerSqlSaver::builder(db).serializer(key.accept_plaintext(true)).build()?;
    assert_eq!(lenient.get(&Config::new("open"))?, Some(checkpoint(1)));
    Ok(())
}

fn a_url_gives_a_saver_that_owns_its_client(world: &World) -> Outcome {
    use persql_checkpoint::blocking::{Database, PerSqlSaver};
    let saver = PerSqlSaver::from_url("sqlite::memory:")?;
    saver.put(&Config::new("t"), &checkpoint(1), &Metadata::default())?;
    saver.close();
    assert_eq!(saver.get(&Config::new("t")).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(PerSqlSaver::from_url("postgresql://x").unwrap_err().kind(), ErrorKind::InvalidInput);
    let remote = PerSqlSaver::from_token("psql_secret", "acme/agent-state")?;
    assert!(!format!("{remote:?}").contains("secret"));
    assert_eq!(PerSqlSaver::from_token("psql_secret", "no name").unwrap_err().kind(), ErrorKind::InvalidInput);
    if std::env::var_os("PERSQL_DATABASE").is_none() {
        assert!(PerSqlSaver::from_env().unwrap_err().to_string().contains("PERSQL_DATABASE"));
    }
    let borrowed: Database = world.db()?.to_blocking();
    let saver = PerSqlSaver::new(borrowed);
    saver.close();
    assert_eq!(saver.get(&Config::new("t"))?, None);
    Ok(())
}

fn debug_shows_no_stored_text(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", [1])?;
    db.query("UPDATE checkpoints SET checkpoint = 'c2VjcmV0' WHERE thread_id = 't'", ())?;
    let error = saver.get(&Config::new("t")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let shown = format!("{error:?} {error} {saver:?}");
    assert!(!shown.contains("c2VjcmV0") && !shown.contains("secret") && shown.contains(&id(1)), "{shown}");
    Ok(())
}
