//! Stored bytes that are not what they should be: every path that reads them says where they stand.

use base64::{Engine, engine::general_purpose::STANDARD};
use persql_checkpoint::{Config, Error, ErrorKind, Layout, ListOptions, Metadata, PruneStrategy};
use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::{Handle, Plan};
use persql_core::{Sql, Statement, Value};

use crate::support::{Saver, at, checkpoint, each_layout, id, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_broken_checkpoint_is_named_on_every_path,
        a_broken_write_is_named_on_every_path,
        bytes_that_are_no_value_at_all_are_named,
    ]
}

/// Puts these bytes where a value was.
fn replace(saver: &Saver, db: &Any, what: &str, bytes: &[u8]) -> Outcome {
    let per_sql = saver.layout() == Layout::PerSql;
    let value = if per_sql { Value::Text(STANDARD.encode(bytes)) } else { Value::Blob(bytes.to_vec()) };
    store(saver, db, what, value)
}

fn store(saver: &Saver, db: &Any, what: &str, value: Value) -> Outcome {
    let writes = if saver.layout() == Layout::PerSql { "checkpoint_writes" } else { "writes" };
    let sql = match what {
        "checkpoint" => "UPDATE checkpoints SET checkpoint = ?1 WHERE checkpoint_id = ?2".to_owned(),
        channel => format!("UPDATE {writes} SET value = ?1 WHERE checkpoint_id = ?2 AND channel = '{channel}'"),
    };
    db.run(Plan::query(Statement::new(Sql::from(sql), (value, id(1)))))?;
    Ok(())
}

/// Two checkpoints, the second of which needs the first: its delta channel `d` has no value of its own.
fn fill(saver: &Saver) -> Outcome {
    let mut config = Config::new("t");
    for number in 1..=2 {
        let mut made = checkpoint(number);
        made.v = 3;
        made.channel_versions.insert("d", format!("{number:032}.0.5"));
        let run = format!("r{number}");
        config = saver.put(&config, &made, &Metadata::default().with("run_id", run))?;
        saver.put_writes(&config, &[write("d", 1)], "task", "")?;
    }
    Ok(())
}

/// All that the error and its causes say.
fn said(error: &Error) -> String {
    let mut said = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said = format!("{said}; {cause}");
        source = cause.source();
    }
    said
}

fn check(refusals: Vec<Error>, names: &[&str]) {
    for error in refusals {
        let said = said(&error);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{said}");
        for name in ["thread: t", &format!("checkpoint: {}", id(1))].iter().chain(names) {
            assert!(said.contains(name), "no `{name}`: {said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }
}

fn a_broken_checkpoint_is_named_on_every_path(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        fill(saver)?;
        let mut broken = checkpoint(1);
        broken.channel_values.insert("broken", "hush");
        let mut bytes = broken.into_data().to_msgpack()?;
        let at_text = bytes.windows(4).position(|four| four == b"hush").ok_or("no text")?;
        bytes[at_text + 3] = 0xff;
        replace(saver, db, "checkpoint", &bytes)?;
        let refusals = vec![
            saver.get_tuple(&at("t", 1)).unwrap_err(),
            saver.list(None, ListOptions::default()).unwrap_err(),
            saver.get_delta_channel_history(&at("t", 2), &["d"]).unwrap_err(),
            saver.prune(&["t"], PruneStrategy::KeepLatest).unwrap_err(),
            saver.delete_for_runs(&["r1"]).unwrap_err(),
        ];
        check(refusals, &["channel: broken", "UTF-8"]);
        assert_eq!(db.query("SELECT 1 FROM checkpoints", ())?.len(), 2, "nothing was deleted");
        Ok(())
    })
}

fn a_broken_write_is_named_on_every_path(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        fill(saver)?;
        replace(saver, db, "d", b"\xa5hush\xff")?;
        let refusals = vec![
            saver.get_tuple(&at("t", 1)).unwrap_err(),
            saver.list(None, ListOptions::default()).unwrap_err(),
            saver.get_delta_channel_history(&at("t", 2), &["d"]).unwrap_err(),
        ];
        check(refusals, &["channel: d", "task: task", "index: 0"]);
        // What was sent to tasks is read with the child.
        saver.put_writes(&at("t", 1), &[write("__pregel_tasks", 1)], "sender", "")?;
        replace(saver, db, "__pregel_tasks", b"\xa5hush\xff")?;
        let refusals = vec![saver.get_tuple(&at("t", 2)).unwrap_err()];
        check(refusals, &["channel: __pregel_tasks", "task: sender"]);
        Ok(())
    })
}

fn bytes_that_are_no_value_at_all_are_named(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        fill(saver)?;
        let values = match saver.layout() {
            Layout::PerSql => vec![Value::from("***"), Value::from("AAA"), Value::from(1), Value::Null],
            _ => vec![Value::from(1), Value::Null, Value::Blob(Vec::new())],
        };
        for value in values {
            store(saver, db, "d", value.clone())?;
            let mut refusals = vec![
                saver.get_tuple(&at("t", 1)).unwrap_err(),
                saver.get_delta_channel_history(&at("t", 2), &["d"]).unwrap_err(),
            ];
            check(std::mem::take(&mut refusals), &["channel: d", "task: task"]);
            replace(saver, db, "d", b"\x01")?;
            store(saver, db, "checkpoint", value)?;
            refusals.push(saver.get_tuple(&at("t", 1)).unwrap_err());
            refusals.push(saver.get_delta_channel_history(&at("t", 2), &["d"]).unwrap_err());
            check(refusals, &[]);
            replace(saver, db, "checkpoint", &checkpoint(1).into_data().to_msgpack()?)?;
        }
        Ok(())
    })
}
