//! What happens between the requests of one operation.

use std::time::Duration;

use persql_conformance::{Case, Interrupted, Outcome, World, cases};
use persql_history::{ErrorKind, PerSqlHistoryProvider, Result, blocking};

use crate::{held, provider, refused, talk, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_save_between_reading_and_writing_is_seen,
        a_save_that_always_loses_gives_up,
        input_stored_first_goes_behind_what_came_meanwhile,
        a_session_that_comes_to_life_is_not_deleted,
        a_trigger_of_somebodys_sees_every_message,
    ]
}

type Rival = blocking::PerSqlHistoryProvider;

/// A handle whose requests a rival sees coming, by their numbers.
fn interrupted(
    world: &World,
    rival: impl Fn(&Rival, usize) -> Result<()> + Send + Sync + 'static,
) -> Result<Interrupted> {
    Interrupted::by(world, move |db, number| rival(&Rival::new(db.clone()), number))
}

fn a_save_between_reading_and_writing_is_seen(world: &World) -> Outcome {
    provider(world)?.save_messages("ada", &talk("u1 a1"))?;
    let db = interrupted(world, |rival, number| match number {
        3 => rival.save_messages("ada", &talk("u2# a2#")).map(drop),
        _ => Ok(()),
    })?;
    // Refused, for a1 is stored; read; refused again; read; written.
    let saved = PerSqlHistoryProvider::new(db.clone()).save_messages("ada", &talk("a1 u2# a2# u3"))?;
    assert_eq!((saved.stored(), db.sent()), (1, 5));
    assert_eq!(held(&provider(world)?, "ada")?, "u1 a1 u2# a2# u3");
    Ok(())
}

fn a_save_that_always_loses_gives_up(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let db = interrupted(world, |rival, number| match number % 2 {
        1 if number > 1 => rival.save_messages("ada", &talk(&format!("u{number} a{number}"))).map(drop),
        _ => Ok(()),
    })?;
    let error = refused(PerSqlHistoryProvider::new(db.clone()).save_messages("ada", &talk("a1 u-lost")))?;
    assert_eq!((error.kind(), db.sent()), (ErrorKind::Conflict, 33), "17 writes, a read behind each but the last");
    assert!(error.to_string().contains("nothing was stored"), "{error}");
    assert!(!held(&provider, "ada")?.contains("u-lost"));
    Ok(())
}

fn input_stored_first_goes_behind_what_came_meanwhile(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let db = interrupted(world, |rival, number| match number {
        2 => rival.save_messages("ada", &talk("u2 a2")).map(drop),
        _ => Ok(()),
    })?;
    let first = PerSqlHistoryProvider::builder(db).store_inputs_first(true).build()?;
    let run = first.before_run("ada", &talk("u3"))?;
    first.after_run(&run, &talk("a3"))?;
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2 a2 u3 a3");
    Ok(())
}

fn a_session_that_comes_to_life_is_not_deleted(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    provider.save_messages("bob", &talk("u1 a1"))?;
    provider.database().query("UPDATE agent_framework_messages SET created_at = '2020-01-01 00:00:00'", ())?;
    let db = interrupted(world, |rival, number| match number {
        2 => rival.save_messages("ada", &talk("u2")).map(drop),
        _ => Ok(()),
    })?;
    PerSqlHistoryProvider::new(db).delete_inactive(Duration::from_secs(60))?;
    assert_eq!((held(&provider, "ada")?.as_str(), held(&provider, "bob")?.as_str()), ("u1 a1 u2", ""));
    Ok(())
}

fn a_trigger_of_somebodys_sees_every_message(world: &World) -> Outcome {
    let provider = provider(world)?;
    let db = provider.database();
    provider.create_tables()?;
    db.query("CREATE TABLE seen(session_id TEXT PRIMARY KEY, messages INTEGER NOT NULL)", ())?;
    // The session is there from its second message on, which is nothing wrong.
    db.query(
        "CREATE TRIGGER seeing AFTER INSERT ON agent_framework_messages BEGIN
            INSERT OR IGNORE INTO seen VALUES (NEW.session_id, 0);
            UPDATE seen SET messages = messages + 1 WHERE session_id = NEW.session_id;
        END",
        (),
    )?;
    let first = provider.save_messages("ada", &talk("u1 a1"))?;
    let second = provider.save_messages_after(first.tail(), &talk("u2# a2#"))?;
    let third = provider.save_messages("ada", &talk("u3# a3#"))?;
    assert_eq!([first.stored(), second.stored(), third.stored()], [2; 3]);
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2# a2# u3# a3#");
    assert_eq!(value::<i64>(db, "SELECT messages FROM seen")?, 6);
    Ok(())
}
