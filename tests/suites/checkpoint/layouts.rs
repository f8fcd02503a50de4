//! The two layouts, mixtures of them, and copies from one into the other.

use persql_checkpoint::{
    Config, ErrorKind, ExportedPage, Layout, ListOptions, Metadata, PerSqlSaver, blocking::copy_all,
};
use persql_conformance::{Case, Outcome, World, cases, local};

use crate::support::{at, chain, checkpoint, id, stored, write};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        a_mixed_database_is_refused,
        rows_of_the_other_layout_stop_a_write,
        tables_of_others_are_not_ours,
        an_official_table_without_its_other_half_is_not_empty,
        over_http_the_official_layout_is_refused,
    ];
    let here = local(
        "the layout of SqliteSaver holds bytes, which the HTTP API does not carry",
        cases![
            a_database_of_the_other_layout_is_refused,
            a_database_is_copied_into_the_other_layout_and_back,
            a_copy_can_be_started_again,
            a_row_that_the_other_layout_cannot_hold_is_refused,
            a_javascript_file_is_read
        ],
    );
    [everywhere, here].concat()
}

/// It is for files: see the crate's documentation.
fn over_http_the_official_layout_is_refused(world: &World) -> Outcome {
    let saver = PerSqlSaver::builder(world.db()?).layout(Layout::SqliteSaver).build()?;
    let put = saver.put(&Config::new("t"), &checkpoint(1), &Metadata::default());
    if !world.mode().is_remote() {
        put?;
        return Ok(());
    }
    let error = put.unwrap_err();
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::InvalidInput, false));
    assert!(error.to_string().contains("carries no bytes"), "{error}");
    Ok(())
}

fn a_database_of_the_other_layout_is_refused(world: &World) -> Outcome {
    for (own, other, name) in
        [(Layout::PerSql, Layout::SqliteSaver, "acme/a"), (Layout::SqliteSaver, Layout::PerSql, "acme/b")]
    {
        let db = world.db_named(name)?;
        let right = PerSqlSaver::builder(db.clone()).layout(own).build()?;
        let wrong = PerSqlSaver::builder(db.clone()).layout(other).build()?;
        assert_eq!((right.layout(), right.detect_layout()?), (own, None));
        right.create_tables()?;
        assert_eq!(wrong.detect_layout()?, Some(own));
        let tables = db.tables()?.len();
        // Empty tables first, then with a row.
        for number in 1..=2 {
            let refusals = [
                wrong.create_tables().map(|()| "create_tables"),
                wrong.get(&Config::new("t")).map(|_| "get"),
                wrong.list(None, ListOptions::default()).map(|_| "list"),
                wrong.put(&Config::new("t"), &checkpoint(9), &Metadata::default()).map(|_| "put"),
                wrong.put_writes(&at("t", 1), &[write("x", 1)], "task", "").map(|()| "put_writes"),
                wrong.delete_thread("t").map(|()| "delete_thread"),
                wrong.delete_for_runs(&["r"]).map(|()| "delete_for_runs"),
                wrong.copy_thread("t", "u").map(|()| "copy_thread"),
                wrong.list_threads(Default::default()).map(|_| "list_threads"),
            ];
            for refusal in refusals {
                let error = refusal.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
                assert!(error.to_string().contains("another layout"), "{error}");
            }
            assert_eq!(db.tables()?.len(), tables, "nothing was created");
            chain(&right, "t", [number])?;
        }
        assert_eq!(stored(&right, "t")?, [2, 1]);
    }
    Ok(())
}

fn a_mixed_database_is_refused(world: &World) -> Outcome {
    let db = world.db()?;
    let official = PerSqlSaver::builder(db.clone()).layout(Layout::SqliteSaver).build()?;
    official.create_tables()?;
    db.query(
        "CREATE TABLE checkpoint_writes (thread_id TEXT, checkpoint_id TEXT, task_id TEXT, idx INTEGER, value TEXT)",
        (),
    )?;
    assert_eq!(official.detect_layout().unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(PerSqlSaver::new(db).create_tables().unwrap_err().kind(), ErrorKind::Corrupt);
    Ok(())
}

fn rows_of_the_other_layout_stop_a_write(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", [1])?;
    // As if a program had written bytes into the text column.
    db.query("UPDATE checkpoints SET checkpoint = CAST(checkpoint AS BLOB)", ())?;
    let strict = PerSqlSaver::builder(db.clone()).expect_latest(true).build()?;
    let refusals = [
        saver.put(&at("t", 1), &checkpoint(2), &Metadata::default()).map(|_| ()),
        strict.put(&at("t", 0), &checkpoint(2), &Metadata::default()).map(|_| ()),
        saver.put_writes(&at("t", 1), &[write("x", 1)], "task", ""),
        saver.get(&Config::new("t")).map(|_| ()),
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err();
        assert!(error.to_string().contains("another layout"), "{error}");
    }
    assert_eq!(db.query("SELECT 1 FROM checkpoints", ())?.len(), 1);
    Ok(())
}

fn tables_of_others_are_not_ours(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE writes (author TEXT, value BLOB)", ())?;
    let saver = PerSqlSaver::new(db.clone());
    assert_eq!(saver.detect_layout()?, None);
    chain(&saver, "t", [1])?;
    assert_eq!(stored(&saver, "t")?, [1]);
    let other = world.db_named("acme/other")?;
    other.query("CREATE TABLE checkpoints (id TEXT, state TEXT)", ())?;
    let error = chain(&PerSqlSaver::new(other), "t", [1]).unwrap_err();
    assert!(error.to_string().contains("other columns"), "{error}");
    Ok(())
}

fn an_official_table_without_its_other_half_is_not_empty(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    chain(&saver, "t", [1])?;
    db.query("DROP TABLE checkpoint_writes", ())?;
    let error = saver.get(&Config::new("t")).unwrap_err();
    assert!(error.to_string().contains("checkpoint_writes"), "{error}");
    chain(&saver, "t", [2])?;
    assert_eq!(stored(&saver, "t")?, [2, 1], "a write makes what is missing");
    Ok(())
}

fn a_database_is_copied_into_the_other_layout_and_back(world: &World) -> Outcome {
    let names = ["acme/from", "acme/to", "acme/back"];
    let [from, to, back] = names.map(|name| world.db_named(name));
    let layouts = [Layout::SqliteSaver, Layout::PerSql, Layout::SqliteSaver];
    let [from, to, back] = [from?, to?, back?];
    let dbs = [&from, &to, &back].map(|db| db.to_blocking());
    let mut savers = Vec::new();
    for (db, layout) in dbs.iter().zip(layouts) {
        savers.push(PerSqlSaver::builder(db.clone()).layout(layout).build()?);
    }
    for number in 1..=120 {
        let config = if number > 1 { at("t", number - 1) } else { Config::new("t") };
        savers[0].put(&config, &checkpoint(number), &Metadata::new("loop", 1).with("nan", f64::NAN))?;
        savers[0].put_writes(&at("t", number), &[write("x", number), write("__error__", "e")], "task", "~p")?;
    }
    savers[0].put_writes(&at("t", 500), &[write("x", "early")], "task", "")?;
    assert_eq!(copy_all(&savers[0], &savers[1])?, 361);
    assert_eq!(copy_all(&savers[1], &savers[2])?, 361);
    let all = |db: &persql_conformance::Any, writes: &str| {
        let order = "ORDER BY thread_id, checkpoint_ns, checkpoint_id";
        let checkpoints = db.query(format!("SELECT * FROM checkpoints {order}"), ())?;
        let writes = db.query(format!("SELECT * FROM {writes} {order}, task_id, idx"), ())?;
        let rows = checkpoints.iter().chain(writes.iter()).map(Vec::<persql_core::Value>::from).collect();
        persql_checkpoint::Result::<Vec<_>>::Ok(rows)
    };
    assert_eq!(all(&from, "writes")?, all(&back, "writes")?, "byte for byte");
    let list = |saver: &persql_checkpoint::blocking::PerSqlSaver| saver.list(None, ListOptions::default());
    assert_eq!(format!("{:?}", list(&savers[0])?), format!("{:?}", list(&savers[1])?));
    Ok(())
}

fn a_copy_can_be_started_again(world: &World) -> Outcome {
    let from = PerSqlSaver::new(world.db_named("acme/from")?);
    let to = PerSqlSaver::builder(world.db_named("acme/to")?).layout(Layout::SqliteSaver).build()?;
    chain(&from, "t", 1..=100)?;
    from.put_writes(&at("t", 1), &[write("x", 1)], "task", "")?;
    let first = from.export(None)?;
    assert!(!first.is_empty() && !first.is_last() && first.len() <= 90, "{first:?}");
    to.import(&first)?;
    let mut page: Option<ExportedPage> = None;
    loop {
        let (requests, next) = from.database().counting(|| from.export(page.as_ref()));
        let next = next?;
        assert_eq!(requests, 1);
        to.import(&next)?;
        if next.is_last() {
            break;
        }
        page = Some(next);
    }
    assert_eq!(stored(&to, "t")?, (1..=100).rev().collect::<Vec<_>>());
    assert_eq!(to.get_tuple(&at("t", 1))?.map(|tuple| tuple.pending_writes.len()), Some(1));
    let empty = PerSqlSaver::new(world.db_named("acme/empty")?);
    assert!(empty.export(None)?.is_empty());
    Ok(())
}

fn a_row_that_the_other_layout_cannot_hold_is_refused(world: &World) -> Outcome {
    let from = PerSqlSaver::builder(world.db_named("acme/from")?).layout(Layout::SqliteSaver).build()?;
    let to = PerSqlSaver::new(world.db_named("acme/to")?);
    let mut large = checkpoint(1);
    large.channel_values.insert("text", "x".repeat(1_800_000));
    from.put(&Config::new("t"), &large, &Metadata::default())?;
    let error = to.import(&from.export(None)?).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("2000000") && error.to_string().contains(&id(1)), "{error}");
    Ok(())
}

fn a_javascript_file_is_read(world: &World) -> Outcome {
    let db = world.db()?;
    let create = [
        "CREATE TABLE checkpoints (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT \
         NOT NULL, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB, PRIMARY KEY (thread_id, \
         checkpoint_ns, checkpoint_id))",
        "CREATE TABLE writes (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT \
         NULL, task_id TEXT NOT NULL, idx INTEGER NOT NULL, channel TEXT NOT NULL, type TEXT, value BLOB, PRIMARY KEY \
         (thread_id, checkpoint_ns, checkpoint_id, task_id, idx))",
    ];
    for sql in create {
        db.query(sql, ())?;
    }
    let checkpoint = format!(
        r#"{{"v":4,"id":"{}","ts":"2026-11-21T06:00:00.000Z","channel_values":{{"n":1}},"channel_versions":{{"n":2}},"versions_seen":{{}}}}"#,
        id(1)
    );
    let insert = "INSERT INTO checkpoints VALUES ('t', '', ?1, NULL, 'json', CAST(?2 AS BLOB), CAST(?3 AS BLOB))";
    db.query(insert, (id(1), checkpoint, r#"{"source":"loop","step":1,"parents":{}}"#))?;
    db.query("INSERT INTO writes VALUES ('t', '', ?1, 'task', 0, 'x', 'json', CAST('{\"lc\":2}' AS BLOB))", [id(1)])?;
    let saver = PerSqlSaver::builder(db).layout(Layout::SqliteSaver).build()?;
    let tuple = saver.get_tuple(&Config::new("t"))?.ok_or("no tuple")?;
    assert_eq!((tuple.checkpoint.channel_values.get("n"), tuple.metadata.step()), (Some(&1.into()), Some(1)));
    assert_eq!(tuple.pending_writes.len(), 1);
    let version = saver.get_next_version(tuple.checkpoint.channel_versions.get("n"))?;
    assert!(version.starts_with(&format!("{:032}.", 3)), "{version}");
    saver.put(&tuple.config, &crate::support::checkpoint(2), &Metadata::new("loop", 2))?;
    let found = saver.list(None, ListOptions::default().filter("source", "loop"))?;
    assert_eq!(found.len(), 2);
    Ok(())
}
