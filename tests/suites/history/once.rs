//! Writes that are applied once.

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{Dedup, ErrorKind, PerSqlHistoryProvider};

use crate::{held, provider, recorder, refused, talk, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_operation_is_applied_once,
        a_second_attempt_answers_as_the_first,
        an_id_for_other_messages_is_refused,
        an_id_belongs_to_its_session_and_table,
        a_run_is_stored_once,
        an_operation_with_nothing_new_is_remembered,
        an_operation_in_a_race_is_applied_once,
        a_replace_is_applied_once,
        clearing_forgets_the_operations,
        trimming_does_not_forget_the_operations,
        a_refused_operation_may_be_tried_again,
        an_operation_id_has_bounds,
        an_operation_costs_what_a_save_costs,
    ]
}

fn an_operation_is_applied_once(world: &World) -> Outcome {
    let recorder = recorder(world)?;
    for _ in 0..3 {
        assert_eq!(recorder.operation("one").save_messages("ada", &talk("u1 a1"))?.stored(), 2);
    }
    recorder.operation("two").save_messages("ada", &talk("u1 a1"))?;
    assert_eq!(held(&recorder, "ada")?, "u1 a1 u1 a1");
    let other = PerSqlHistoryProvider::builder(world.other_db()?).dedup(Dedup::Off).build()?;
    other.operation("two").save_messages("ada", &talk("u1 a1"))?;
    assert_eq!(held(&recorder, "ada")?, "u1 a1 u1 a1");
    assert!(!format!("{:?}", recorder.operation("two")).contains("u1"));
    Ok(())
}

fn a_second_attempt_answers_as_the_first(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    for _ in 0..2 {
        assert_eq!(provider.operation("one").save_messages("ada", &talk("a1 u2 a2"))?.stored(), 2);
        // Whatever was saved since.
        provider.save_messages("ada", &talk("u3 a3"))?;
    }
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2 a2 u3 a3");
    let tail = provider.get_messages("ada")?.tail().clone();
    assert_eq!(provider.operation("one").save_messages_after(&tail, &talk("a1 u2 a2"))?.stored(), 2);
    assert_eq!(provider.count_messages("ada")?, 6);
    Ok(())
}

fn an_id_for_other_messages_is_refused(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.operation("one").save_messages("ada", &talk("u1 a1"))?;
    for other in ["u1", "u1 a1 u2", "u1a1", "a1 u1"] {
        let error = refused(provider.operation("one").save_messages("ada", &talk(other)))?;
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("operation: one"), "{error}");
    }
    let history = provider.get_messages("ada")?;
    let error = refused(provider.operation("one").replace(&history, &talk("s1")))?;
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    Ok(())
}

fn an_id_belongs_to_its_session_and_table(world: &World) -> Outcome {
    let provider = provider(world)?;
    let other = PerSqlHistoryProvider::builder(world.db()?).messages_table("it's \"other\"").build()?;
    for (provider, session) in [(&provider, "ada"), (&provider, "bob"), (&other, "ada")] {
        provider.operation("one").save_messages(session, &talk(&format!("u1 {session}")))?;
        provider.operation("one").save_messages(session, &talk(&format!("u1 {session}")))?;
        assert_eq!(provider.count_messages(session)?, 2);
    }
    // Each forgets its own.
    other.clear("ada")?;
    assert_eq!(value::<i64>(provider.database(), "SELECT count(*) FROM persql_operations")?, 2);
    Ok(())
}

fn a_run_is_stored_once(world: &World) -> Outcome {
    let provider = provider(world)?;
    let run = provider.before_run("ada", &talk("u1"))?;
    for _ in 0..2 {
        assert_eq!(provider.operation("run").after_run(&run, &talk("a1"))?.stored(), 2);
    }
    // The program was restarted and runs again: it is shown what is stored, and stores nothing twice.
    let run = provider.before_run("ada", &talk("u1"))?;
    assert_eq!(provider.operation("run").after_run(&run, &talk("a1"))?.stored(), 2);
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    Ok(())
}

fn an_operation_with_nothing_new_is_remembered(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    assert_eq!(provider.operation("one").save_messages("ada", &talk("u1 a1"))?.stored(), 0);
    provider.save_messages("ada", &talk("u2 a2"))?;
    // Without the record this would be new by now.
    assert_eq!(provider.operation("one").save_messages("ada", &talk("u1 a1"))?.stored(), 0);
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2 a2");
    Ok(())
}

fn an_operation_in_a_race_is_applied_once(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let run = provider.before_run("ada", &talk("u2"))?;
    PerSqlHistoryProvider::new(world.other_db()?).save_messages("ada", &talk("u1 a1"))?;
    let (requests, saved) = provider.database().counting(|| provider.operation("run").after_run(&run, &talk("a2")));
    assert_eq!((requests, saved?.stored()), (3, 2));
    let (requests, saved) = provider.database().counting(|| provider.operation("run").after_run(&run, &talk("a2")));
    assert_eq!((requests, saved?.stored()), (2, 2), "the refused write, and what it answered before");
    assert_eq!(held(&provider, "ada")?, "u1 a1 u2 a2");
    Ok(())
}

fn a_replace_is_applied_once(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1 a1"))?;
    let history = provider.get_messages("ada")?;
    for _ in 0..2 {
        provider.operation("one").replace(&history, &talk("s1"))?;
    }
    assert_eq!(held(&provider, "ada")?, "s1");
    assert_eq!(refused(provider.operation("one").replace(&history, &talk("s2")))?.kind(), ErrorKind::Conflict);
    assert_eq!(refused(provider.operation("two").replace(&history, &talk("s1")))?.kind(), ErrorKind::Conflict);
    // One that changes nothing is remembered as well.
    let history = provider.get_messages("ada")?;
    provider.operation("three").replace(&history, &talk("s1"))?;
    provider.save_messages("ada", &talk("u2"))?;
    provider.operation("three").replace(&history, &talk("s1"))?;
    assert_eq!(held(&provider, "ada")?, "s1 u2");
    Ok(())
}

fn clearing_forgets_the_operations(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.operation("one").save_messages("ada", &talk("u1 a1"))?;
    provider.operation("one").save_messages("bob", &talk("u1 a1"))?;
    provider.clear("ada")?;
    assert_eq!(value::<i64>(provider.database(), "SELECT count(*) FROM persql_operations")?, 1);
    provider.operation("one").save_messages("ada", &talk("u2 a2"))?;
    assert_eq!(held(&provider, "ada")?, "u2 a2");
    // Python's own clear does the same.
    provider.database().query("DELETE FROM agent_framework_messages WHERE session_id = 'ada'", ())?;
    assert_eq!(value::<i64>(provider.database(), "SELECT count(*) FROM persql_operations")?, 1);
    Ok(())
}

fn trimming_does_not_forget_the_operations(world: &World) -> Outcome {
    let provider = PerSqlHistoryProvider::builder(world.db()?).max_messages(1).build()?;
    for _ in 0..2 {
        assert_eq!(provider.operation("one").save_messages("ada", &talk("u1 a1"))?.stored(), 2);
        assert_eq!(provider.operation("two").save_messages("ada", &talk("u2 a2"))?.stored(), 2);
    }
    assert_eq!(held(&provider, "ada")?, "a2");
    Ok(())
}

fn a_refused_operation_may_be_tried_again(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.save_messages("ada", &talk("u1"))?;
    let history = provider.get_messages("ada")?;
    provider.save_messages("ada", &talk("a1"))?;
    assert_eq!(refused(provider.operation("one").replace(&history, &talk("s1")))?.kind(), ErrorKind::Conflict);
    let history = provider.get_messages("ada")?;
    provider.operation("one").replace(&history, &talk("s1"))?;
    assert_eq!(held(&provider, "ada")?, "s1");
    Ok(())
}

fn an_operation_id_has_bounds(world: &World) -> Outcome {
    let provider = provider(world)?;
    let long = "x".repeat(201);
    for id in ["", long.as_str()] {
        let (requests, result) =
            provider.database().counting(|| provider.operation(id).save_messages("ada", &talk("u1")));
        assert_eq!((requests, refused(result)?.kind()), (0, ErrorKind::InvalidInput));
    }
    provider.operation("x".repeat(200)).save_messages("ada", &talk("u1"))?;
    provider.operation("'; DROP TABLE agent_framework_messages; --\0").save_messages("ada", &talk("a1"))?;
    assert_eq!(held(&provider, "ada")?, "u1 a1");
    Ok(())
}

fn an_operation_costs_what_a_save_costs(world: &World) -> Outcome {
    let provider = provider(world)?;
    provider.create_tables()?;
    let db = provider.database();
    let tail = provider.get_messages("ada")?.tail().clone();
    assert_eq!(db.counting(|| provider.operation("one").save_messages_after(&tail, &talk("u1"))).0, 1);
    assert_eq!(db.counting(|| provider.operation("two").save_messages("ada", &talk("a1"))).0, 2);
    assert_eq!(db.counting(|| provider.operation("three").save_messages("ada", &[])).0, 0);
    Ok(())
}
