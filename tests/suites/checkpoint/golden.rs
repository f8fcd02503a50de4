//! What LangGraph's own savers answer and store: `tests/vectors/langgraph_saver.json`, made by the script beside it.

use persql_checkpoint::{
    Checkpoint, CheckpointTuple, Config, Data, Layout, ListOptions, Metadata, PerSqlSaver, next_version,
};
use persql_conformance::{Any, Case, Outcome, World, cases, local};
use persql_core::{Handle, Plan, Sql, Statement, Value};

use crate::support::{
    Saver, at, checkpoint, each_layout, id, items, map, member, numbers, put_writes, text, unhex, unpack, vectors,
};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        filters_have_the_answers_of_in_memory_saver,
        metadata_is_merged_and_written_as_python_does_it,
        pending_writes_are_those_of_in_memory_saver,
        delta_histories_are_those_of_the_official_saver,
        versions_have_the_form_of_python,
    ];
    let here = local(
        "the layout of SqliteSaver holds bytes, which the HTTP API does not carry",
        cases![
            the_official_file_is_read,
            an_old_official_file_is_read_and_extended,
            what_is_put_is_what_the_official_saver_stores
        ],
    );
    [everywhere, here].concat()
}

type Tried<T> = Result<T, Box<dyn std::error::Error>>;

fn filters_have_the_answers_of_in_memory_saver(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let vectors = vectors()?;
        let filters = member(&vectors, "filters");
        for (number, metadata) in (0..).zip(items(member(filters, "metadata"))) {
            saver.put(&Config::new("t"), &checkpoint(number), &Metadata::from(map(metadata)))?;
        }
        for answer in items(member(filters, "answers")) {
            let mut options = ListOptions::default();
            options.filter = map(member(answer, "filter"));
            let expected: Vec<u64> = items(member(answer, "rows")).iter().filter_map(Data::as_u64).collect();
            let found = saver.list(Some(&Config::new("t")), options)?;
            assert_eq!(numbers(&found), expected, "{:?}", member(answer, "filter"));
        }
        Ok(())
    })
}

fn metadata_is_merged_and_written_as_python_does_it(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        for (number, case) in (0..).zip(items(member(&vectors()?, "merges"))) {
            let mut config = Config::new("t");
            config.configurable = map(member(case, "configurable"));
            config.metadata = map(member(case, "config_metadata"));
            saver.put(&config, &checkpoint(number), &Metadata::from(map(member(case, "metadata"))))?;
            let stored = "SELECT CAST(metadata AS TEXT) FROM checkpoints WHERE checkpoint_id = ?1";
            let rows = db.query(stored, [id(number)])?;
            assert_eq!(rows.first().ok_or("no row")?.get::<&str>(0)?, text(member(case, "stored")));
        }
        Ok(())
    })
}

fn pending_writes_are_those_of_in_memory_saver(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let vectors = vectors()?;
        let writes = member(&vectors, "writes");
        saver.put(&Config::new("t"), &checkpoint(1), &Metadata::default())?;
        for call in items(member(writes, "calls")) {
            put_writes(saver, &at("t", 1), call)?;
        }
        let tuple = saver.get_tuple(&at("t", 1))?.ok_or("no tuple")?;
        assert_eq!(pending(&tuple), expected_pending(member(writes, "pending"))?);
        Ok(())
    })
}

fn pending(tuple: &CheckpointTuple) -> Vec<(String, String, Data)> {
    let triple =
        |write: &persql_checkpoint::PendingWrite| (write.task_id.clone(), write.channel.clone(), write.value.clone());
    tuple.pending_writes.iter().map(triple).collect()
}

fn expected_pending(data: &Data) -> Tried<Vec<(String, String, Data)>> {
    let triple = |write: &Data| -> Tried<_> {
        let [task, channel, value] = items(write) else { return Err("no triple".into()) };
        Ok((text(task).to_owned(), text(channel).to_owned(), unpack(value)?))
    };
    items(data).iter().map(triple).collect()
}

/// The tables of an official file, with its rows, in this database.
fn restore(db: &Any, file: &Data) -> Outcome {
    for table in ["checkpoints", "writes"] {
        let table_data = member(file, table);
        db.query(text(member(table_data, "sql")).to_owned(), ())?;
        let columns: Vec<&str> = items(member(table_data, "columns")).iter().map(text).collect();
        let marks: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), marks.join(", "));
        for row in items(member(table_data, "rows")) {
            let cells: Vec<Value> = items(row)
                .iter()
                .map(|cell| match cell {
                    Data::Str(text) => Value::from(text.as_str()),
                    Data::Int(integer) => Value::Integer(i64::try_from(*integer).unwrap_or_default()),
                    Data::Map(_) => Value::Blob(unhex(text(member(cell, "blob")))),
                    _ => Value::Null,
                })
                .collect();
            db.run(Plan::query(Statement::new(Sql::from(sql.clone()), cells)))?;
        }
    }
    Ok(())
}

fn check_tuples(saver: &Saver, expected: &Data) -> Outcome {
    let found = saver.list(Some(&Config::new("t")), ListOptions::default())?;
    assert_eq!(found.len(), items(expected).len());
    for (tuple, expected) in found.iter().zip(items(expected)) {
        let (ns, id) = (text(member(expected, "ns")), text(member(expected, "id")));
        assert_eq!(tuple.config, Config::new("t").namespace(ns).checkpoint(id));
        let parent = tuple.parent_config.as_ref().and_then(|parent| parent.checkpoint_id.as_deref());
        assert_eq!(parent, member(expected, "parent").as_str());
        assert_eq!(tuple.checkpoint, Checkpoint::from_data(unpack(member(expected, "checkpoint"))?)?);
        // By their texts, since NaN is not equal to itself.
        assert_eq!(format!("{:?}", tuple.metadata.entries()), format!("{:?}", map(member(expected, "metadata"))));
        assert_eq!(pending(tuple), expected_pending(member(expected, "pending"))?);
        assert_eq!(saver.get_tuple(&tuple.config)?.map(|tuple| pending(&tuple)), Some(pending(tuple)));
    }
    Ok(())
}

fn official_saver(db: &Any) -> Tried<Saver> {
    Ok(PerSqlSaver::builder(db.clone()).layout(Layout::SqliteSaver).build()?)
}

fn the_official_file_is_read(world: &World) -> Outcome {
    let (db, vectors) = (world.db()?, vectors()?);
    let official = member(&vectors, "official");
    restore(&db, member(official, "new"))?;
    let saver = official_saver(&db)?;
    assert_eq!(saver.detect_layout()?, Some(Layout::SqliteSaver));
    check_tuples(&saver, member(official, "tuples"))?;
    let error = PerSqlSaver::new(db).get(&Config::new("t")).unwrap_err();
    assert!(error.to_string().contains("another layout"), "{error}");
    Ok(())
}

fn an_old_official_file_is_read_and_extended(world: &World) -> Outcome {
    let (db, vectors) = (world.db()?, vectors()?);
    let official = member(&vectors, "official");
    restore(&db, member(official, "old"))?;
    let saver = official_saver(&db)?;
    let (requests, found) = db.counting(|| saver.get_tuple(&Config::new("t")));
    assert_eq!((requests, found?.is_some()), (1, true));
    check_tuples(&saver, member(official, "old_tuples"))?;
    saver.copy_thread("t", "copy")?;
    saver.put(&at("t", 5), &checkpoint(9), &Metadata::default())?;
    let writes = [("x".to_owned(), Data::from(1))];
    let (requests, done) = db.counting(|| saver.put_writes(&at("t", 9), &writes, "task", "~path"));
    done?;
    assert_eq!(requests, 1, "the copy has added the column");
    let rows = db.query("SELECT task_path FROM writes WHERE task_id = 'task'", ())?;
    assert_eq!(rows.first().ok_or("no row")?.get::<&str>(0)?, "~path");
    assert_eq!(saver.list(Some(&Config::new("copy")), ListOptions::default())?.len(), 5);
    assert_eq!(saver.get_tuple(&at("copy", 2))?.map(|tuple| tuple.pending_writes.len()), Some(4));
    Ok(())
}

fn what_is_put_is_what_the_official_saver_stores(world: &World) -> Outcome {
    let (db, vectors) = (world.db()?, vectors()?);
    let official = member(&vectors, "official");
    let saver = official_saver(&db)?;
    for call in items(member(official, "calls")) {
        let put = member(call, "put");
        if put.is_nil() {
            let call = member(call, "put_writes");
            let config = Config::new("t").namespace(text(member(call, "ns"))).checkpoint(text(member(call, "id")));
            put_writes(&saver, &config, call)?;
            continue;
        }
        let mut config = Config::new("t").namespace(text(member(put, "ns")));
        config.checkpoint_id = member(put, "parent").as_str().map(str::to_owned);
        config.configurable = map(member(put, "extra"));
        let checkpoint = Checkpoint::from_data(unpack(member(put, "checkpoint"))?)?;
        saver.put(&config, &checkpoint, &Metadata::from(map(member(put, "metadata"))))?;
    }
    for table in ["checkpoints", "writes"] {
        let expected = member(member(official, "new"), table);
        let columns: Vec<&str> = items(member(expected, "columns")).iter().map(text).collect();
        let rows = db.query(format!("SELECT {} FROM {table} ORDER BY rowid", columns.join(", ")), ())?;
        assert_eq!(rows.len(), items(member(expected, "rows")).len());
        for (row, expected) in rows.iter().zip(items(member(expected, "rows"))) {
            for (column, cell) in columns.iter().zip(items(expected)) {
                let found: Value = row.get(*column)?;
                let expected = match cell {
                    Data::Str(text) => Value::from(text.as_str()),
                    Data::Int(integer) => Value::Integer(i64::try_from(*integer)?),
                    Data::Map(_) => Value::Blob(unhex(text(member(cell, "blob")))),
                    _ => Value::Null,
                };
                assert_eq!(found, expected, "{table}.{column}");
            }
        }
    }
    Ok(())
}

fn delta_histories_are_those_of_the_official_saver(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        let vectors = vectors()?;
        let delta = member(&vectors, "delta");
        for call in items(member(delta, "chain")) {
            let mut config = Config::new("t").namespace("");
            config.checkpoint_id = member(call, "parent").as_str().map(str::to_owned);
            let made = Checkpoint::from_data(unpack(member(call, "checkpoint"))?)?;
            let number: u64 = made.id[24..].parse()?;
            let stored = saver.put(&config, &made, &Metadata::default())?;
            for (task, path) in [("b", "~2"), ("a", "~3")] {
                let value = |value: Data| Data::from_iter([Data::from(task), value]);
                let writes = [
                    ("d", format!("d{number}").into()),
                    ("root", Data::from_iter([number])),
                    ("plain", number.into()),
                    ("d", format!("d{number}b").into()),
                ];
                let writes = writes.map(|(channel, data)| (channel.to_owned(), value(data)));
                saver.put_writes(&stored, &writes, task, path)?;
            }
        }
        let channels: Vec<&str> = items(member(delta, "channels")).iter().map(text).collect();
        for answer in items(member(delta, "answers")) {
            let mut config = Config::new("t");
            config.checkpoint_id = member(answer, "id").as_str().map(str::to_owned);
            let found = saver.get_delta_channel_history(&config, &channels)?;
            for channel in &channels {
                let expected = member(member(answer, "channels"), channel);
                let history = found.get(*channel).ok_or("no history")?;
                let writes: Vec<_> = history
                    .writes
                    .iter()
                    .map(|write| (write.task_id.clone(), write.channel.clone(), write.value.clone()))
                    .collect();
                let at = format!("{channel} of {:?}", config.checkpoint_id);
                assert_eq!(writes, expected_pending(member(expected, "writes"))?, "{at}");
                let seed = member(expected, "seed");
                assert_eq!(history.seed, if seed.is_nil() { None } else { Some(unpack(seed)?) }, "{at}");
            }
        }
        Ok(())
    })
}

fn versions_have_the_form_of_python(_: &World) -> Outcome {
    for version in items(member(&vectors()?, "versions")) {
        let python = text(member(version, "text"));
        let ours = next_version(Some(&2.into()))?;
        assert_eq!(ours.split('.').next(), python.split('.').next());
        assert!(ours.len() >= 49 && python.len() >= 49, "{ours} {python}");
        let fraction: f64 = ours[33..].parse()?;
        assert!((0.0..1.0).contains(&fraction));
        assert_eq!(next_version(Some(&python.into()))?.split('.').next(), Some(&*format!("{:032}", 4)));
    }
    Ok(())
}
