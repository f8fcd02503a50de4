//! `put_writes` and the order of pending writes.

use persql_checkpoint::{Config, Data, ErrorKind, PerSqlSaver};
use persql_conformance::{Case, Outcome, World, cases};

use crate::support::{Saver, at, chain, each_layout, id, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        writes_come_by_task_path_task_and_position,
        an_ordinary_write_stays_what_it_was_first,
        a_special_write_is_replaced_even_beside_an_ordinary_one,
        writes_may_arrive_before_their_checkpoint,
        no_writes_are_no_request,
        writes_without_a_checkpoint_id_are_refused,
        many_writes_of_any_size_are_one_request,
        every_kind_of_value_comes_back,
        a_write_of_another_handle_is_seen,
    ]
}

type Pending = (String, String, Data);

/// The pending writes of checkpoint 1, as task, channel and value.
fn pending(saver: &Saver) -> Result<Vec<Pending>, Box<dyn std::error::Error>> {
    let tuple = saver.get_tuple(&at("t", 1))?.ok_or("no tuple")?;
    Ok(tuple.pending_writes.into_iter().map(|write| (write.task_id, write.channel, write.value)).collect())
}

fn writes_come_by_task_path_task_and_position(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "t", [1])?;
        for (task, path) in [("b", "~2"), ("a", "~2"), ("c", "~1"), ("z", "")] {
            let writes = [write("x", 0), write("__error__", 1), write("y", 2)];
            saver.put_writes(&at("t", 1), &writes, task, path)?;
        }
        let order: Vec<String> =
            pending(saver)?.into_iter().map(|(task, channel, _)| format!("{task}{channel}")).collect();
        assert_eq!(
            order,
            ["z__error__", "zx", "zy", "c__error__", "cx", "cy", "a__error__", "ax", "ay", "b__error__", "bx", "by"]
        );
        Ok(())
    })
}

fn an_ordinary_write_stays_what_it_was_first(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "t", [1])?;
        saver.put_writes(&at("t", 1), &[write("x", "first")], "task", "")?;
        saver.put_writes(&at("t", 1), &[write("y", "second"), write("z", "new")], "task", "")?;
        let expected = [("x", "first"), ("z", "new")].map(|(c, v)| ("task".to_owned(), c.to_owned(), v.into()));
        assert_eq!(pending(saver)?, expected);
        Ok(())
    })
}

fn a_special_write_is_replaced_even_beside_an_ordinary_one(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "t", [1])?;
        for value in ["first", "second"] {
            let writes = ["__resume__", "__interrupt__", "__scheduled__", "__error__", "x"].map(|c| write(c, value));
            saver.put_writes(&at("t", 1), &writes, "task", "")?;
        }
        let found: Vec<_> = pending(saver)?.into_iter().map(|(_, channel, value)| (channel, value)).collect();
        let expected = [
            ("__resume__", "second"),
            ("__interrupt__", "second"),
            ("__scheduled__", "second"),
            ("__error__", "second"),
            ("x", "first"),
        ];
        assert_eq!(found, expected.map(|(channel, value)| (channel.to_owned(), Data::from(value))));
        Ok(())
    })
}

fn writes_may_arrive_before_their_checkpoint(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        saver.put_writes(&at("t", 1), &[write("x", "early")], "task", "")?;
        assert_eq!(saver.get_tuple(&Config::new("t"))?, None);
        chain(saver, "t", [1])?;
        assert_eq!(pending(saver)?.len(), 1);
        Ok(())
    })
}

fn no_writes_are_no_request(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let (requests, done) = db.counting(|| saver.put_writes(&at("t", 1), &[], "task", ""));
    assert_eq!((requests, done?), (0, ()));
    Ok(())
}

fn writes_without_a_checkpoint_id_are_refused(world: &World) -> Outcome {
    let db = world.db()?;
    let saver = PerSqlSaver::new(db.clone());
    let (requests, refused) = db.counting(|| saver.put_writes(&Config::new("t"), &[write("x", 1)], "task", ""));
    assert_eq!((requests, refused.unwrap_err().kind()), (0, ErrorKind::InvalidInput));
    Ok(())
}

fn many_writes_of_any_size_are_one_request(world: &World) -> Outcome {
    each_layout(world, |saver, db| {
        chain(saver, "t", [1])?;
        let writes: Vec<_> = (0..300)
            .map(|n| {
                let size = if n % 100 == 7 { 1_200_000 } else { n };
                let channel = if n % 50 == 0 { "__error__".to_owned() } else { format!("c{n}\"'") };
                (channel, "x".repeat(size).into())
            })
            .collect();
        let (requests, done) = db.counting(|| saver.put_writes(&at("t", 1), &writes, "task", "~\"path\\"));
        done?;
        assert_eq!(requests, 1);
        let found = pending(saver)?;
        assert_eq!(found.len(), 295, "six writes to __error__ are one");
        let expected = writes.iter().filter(|(channel, _)| channel != "__error__");
        for ((_, channel, value), (wanted, data)) in found.iter().skip(1).zip(expected) {
            assert!(channel == wanted && value == data, "{channel} {wanted}");
        }
        assert_eq!(found[0].2, writes[250].1, "the last of them");
        Ok(())
    })
}

fn every_kind_of_value_comes_back(world: &World) -> Outcome {
    each_layout(world, |saver, _| {
        chain(saver, "t", [1])?;
        let values = [
            Data::Nil,
            true.into(),
            (-1).into(),
            Data::Int(i128::from(u64::MAX)),
            Data::Int((1 << 53) + 1),
            0.1.into(),
            f64::INFINITY.into(),
            "".into(),
            "quotes ' \" \0 \u{1f600} '); DROP TABLE checkpoints; --".into(),
            b"".as_slice().into(),
            (0..=255).collect::<Vec<u8>>().as_slice().into(),
            crate::support::snapshot(&["a"]),
        ];
        let writes: Vec<_> = values.iter().map(|value| write("x", value.clone())).collect();
        saver.put_writes(&at("t", 1), &writes, "task", "")?;
        let found: Vec<Data> = pending(saver)?.into_iter().map(|(_, _, value)| value).collect();
        assert_eq!(found, values);
        Ok(())
    })
}

fn a_write_of_another_handle_is_seen(world: &World) -> Outcome {
    let (one, other) = (PerSqlSaver::new(world.db()?), PerSqlSaver::new(world.other_db()?));
    chain(&one, "t", [1])?;
    other.put_writes(&at("t", 1), &[write("x", 1)], "task", "")?;
    assert_eq!(pending(&one)?.len(), 1);
    assert_eq!(other.get(&Config::new("t"))?.map(|found| found.id), Some(id(1)));
    Ok(())
}
