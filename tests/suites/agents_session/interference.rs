//! What happens between the requests of one operation.

use std::time::Duration;

use persql_agents_session::{Limit, PerSqlSession, PerSqlSessions, Result, blocking};
use persql_conformance::{Case, Interrupted, Outcome, World, cases};

use crate::{message, messages};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_pop_gives_what_is_newest_when_it_deletes,
        a_pop_of_an_item_that_somebody_else_popped_gives_another,
        a_pop_of_nothing_left_gives_nothing,
        an_operation_that_another_handle_applied_meanwhile_is_applied_once,
        a_trim_deletes_only_what_was_older,
        a_session_that_comes_to_life_is_not_deleted,
    ]
}

/// A handle that is interrupted before its request of this number.
fn interrupted(
    world: &World,
    request: usize,
    rival: impl Fn(&blocking::PerSqlSession) -> Result<()> + Send + Sync + 'static,
) -> Result<Interrupted> {
    Interrupted::once(world, request, move |db| rival(&PerSqlSession::new(db.clone(), "ada")))
}

fn ada(world: &World, handle: Interrupted) -> Result<PerSqlSession<Interrupted>> {
    PerSqlSession::new(world.db()?, "ada").add_items(&messages(0..3))?;
    Ok(PerSqlSession::new(handle, "ada"))
}

fn a_pop_gives_what_is_newest_when_it_deletes(world: &World) -> Outcome {
    let handle = interrupted(world, 2, |rival| rival.add_items(&[message(7)]))?;
    let session = ada(world, handle)?;
    assert_eq!(session.pop_item()?, Some(message(7)));
    assert_eq!(session.get_items(None)?, messages(0..3));

    let handle = interrupted(world, 3, |rival| rival.add_items(&[message(8)]))?;
    let session = PerSqlSession::new(handle, "ada");
    assert_eq!(session.operation("one").pop_item()?, Some(message(8)));
    assert_eq!(session.operation("one").pop_item()?, Some(message(8)));
    assert_eq!(session.get_items(None)?, messages(0..3));
    Ok(())
}

fn a_pop_of_an_item_that_somebody_else_popped_gives_another(world: &World) -> Outcome {
    let handle = interrupted(world, 2, |rival| rival.pop_item_text().map(|_| ()))?;
    let session = ada(world, handle)?;
    assert_eq!(session.pop_item()?, Some(message(1)));

    let handle = interrupted(world, 3, |rival| rival.replace_tail(&rival.tail(1)?, 0, &[message(9)]))?;
    let session = PerSqlSession::new(handle, "ada");
    assert_eq!(session.operation("one").pop_item()?, Some(message(9)));
    assert_eq!(session.get_items(None)?, messages(0..0));
    Ok(())
}

fn a_pop_of_nothing_left_gives_nothing(world: &World) -> Outcome {
    let handle = interrupted(world, 2, |rival| rival.clear_session())?;
    let session = ada(world, handle)?;
    assert_eq!(session.pop_item()?, None);

    let handle = interrupted(world, 3, |rival| rival.clear_session())?;
    let session = ada(world, handle)?;
    assert_eq!(session.operation("one").pop_item()?, None);
    Ok(())
}

fn an_operation_that_another_handle_applied_meanwhile_is_applied_once(world: &World) -> Outcome {
    let handle = interrupted(world, 3, |rival| rival.operation("one").pop_item().map(|_| ()))?;
    let session = ada(world, handle)?;
    assert_eq!(session.operation("one").pop_item()?, Some(message(2)));
    assert_eq!(session.get_items(None)?, messages(0..2));

    let handle = interrupted(world, 1, |rival| rival.operation("two").add_items(&messages(2..4)))?;
    let session = PerSqlSession::new(handle, "ada");
    session.operation("two").add_items(&messages(2..4))?;
    assert_eq!(session.get_items(None)?, messages(0..4));
    Ok(())
}

fn a_trim_deletes_only_what_was_older(world: &World) -> Outcome {
    let handle = interrupted(world, 2, |rival| rival.add_items(&messages(3..5)))?;
    let session = ada(world, handle)?;
    session.trim(Limit::items(2).with_whole_calls())?;
    assert_eq!(session.get_items(None)?, messages(1..5));
    Ok(())
}

fn a_session_that_comes_to_life_is_not_deleted(world: &World) -> Outcome {
    let db = world.db()?;
    for id in ["ada", "bob"] {
        PerSqlSession::new(db.clone(), id).add_items(&messages(0..3))?;
    }
    db.query("UPDATE agent_sessions SET updated_at = '2001-01-01 00:00:00'", ())?;
    let handle = interrupted(world, 2, |rival| rival.add_items(&[message(3)]))?;
    PerSqlSessions::new(handle).delete_inactive(Duration::from_secs(60))?;
    let listed = PerSqlSessions::new(db.clone()).list(Default::default())?;
    assert_eq!(listed.into_iter().map(|session| session.session_id).collect::<Vec<_>>(), ["ada"]);
    assert_eq!(PerSqlSession::new(db, "ada").get_items(None)?, messages(0..4));
    Ok(())
}
