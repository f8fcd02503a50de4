//! What a write's error says when the client gives up, fault by fault.

use std::{net::SocketAddr, time::Duration};

use persql_conformance::{
    Any, Case, Outcome, cases,
    faults::{Fault, Faults, Rig},
};
use persql_core::{ErrorKind, Handle, Plan, SqlErrorKind, Statement};

pub(crate) fn cases() -> Vec<Case<Rig>> {
    cases![
        each_fault_that_never_ends_is_told_as_what_it_is,
        each_fault_that_ends_is_got_over_and_leaves_one_row,
        what_was_lost_once_stays_a_maybe,
        a_server_that_is_not_there_has_done_nothing,
        what_the_engine_refuses_is_refused_whatever_was_lost_before,
        a_batch_that_was_done_in_part_says_so_and_is_not_sent_again,
    ]
}

/// What the client gives a request by default.
const TOTAL: Duration = Duration::from_secs(60);

fn insert(text: &str) -> Plan<()> {
    Plan::write([Statement::new("INSERT INTO t VALUES (?1)", [text])])
}

/// What is stored once the server is done with all that was passed on to it.
fn rows(rig: &Rig, db: &Any, text: &str) -> persql_core::Result<usize> {
    rig.proxy().settle();
    Ok(db.query("SELECT a FROM t WHERE a = ?1", [text])?.len())
}

fn table(rig: &Rig) -> persql_core::Result<Any> {
    let db = rig.plain_db()?;
    db.query("CREATE TABLE t(a TEXT NOT NULL)", ())?;
    Ok(db)
}

fn each_fault_that_never_ends_is_told_as_what_it_is(rig: &Rig) -> Outcome {
    let (plain, db) = (table(rig)?, rig.db_that_waits(TOTAL)?);
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        let text = format!("{number} {fault:?}");
        rig.proxy().plan(Faults::script(std::iter::repeat_n(fault, 1_000)));
        let begun = rig.time().passed();
        let outcome = db.run(insert(&text));
        let (took, stored) = (rig.time().passed() - begun, rows(rig, &plain, &text)?);
        // However often it was asked for, it was done once; and that whether the client can know it or not.
        assert_eq!(stored, usize::from(fault.is_done()), "{text}");
        match outcome {
            Ok(()) => assert!(fault.is_answered(), "{text}"),
            Err(error) => {
                let kind = match fault {
                    Fault::TooMany(_) => ErrorKind::RateLimited,
                    Fault::Locked => ErrorKind::Busy,
                    _ => ErrorKind::Unavailable,
                };
                let told = (error.kind(), error.may_have_applied(), error.is_retryable());
                assert_eq!(told, (kind, !fault.is_surely_undone(), false), "{text}: {error:?}");
                // A stalled answer lets half a minute go by at once.
                let stalled = if fault == Fault::StalledAnswer { TOTAL / 2 } else { Duration::ZERO };
                assert!(took <= TOTAL + stalled, "{text}: {took:?}");
            }
        }
    }
    Ok(())
}

fn each_fault_that_ends_is_got_over_and_leaves_one_row(rig: &Rig) -> Outcome {
    let (plain, db) = (table(rig)?, rig.db_that_waits(TOTAL)?);
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        let text = format!("{number} {fault:?}");
        rig.proxy().plan(Faults::script([fault]));
        let begun = rig.time().passed();
        db.run(insert(&text))?;
        let took = rig.time().passed() - begun;
        assert_eq!(rows(rig, &plain, &text)?, 1, "{text}");
        // Not while the first attempt may still run, and not before it was told to.
        assert!((fault.wait()..=TOTAL).contains(&took), "{text}: {took:?}");
    }
    Ok(())
}

fn what_was_lost_once_stays_a_maybe(rig: &Rig) -> Outcome {
    let (plain, db) = (table(rig)?, rig.db_that_waits(TOTAL)?);
    for (number, lost) in Fault::ALL.into_iter().filter(|fault| !fault.is_answered()).enumerate() {
        for refused in [Fault::TooMany(None), Fault::Locked] {
            let text = format!("{number} {lost:?} {refused:?}");
            rig.proxy().plan(Faults::script([lost].into_iter().chain(std::iter::repeat_n(refused, 1_000))));
            let error = db.run(insert(&text)).err().ok_or_else(|| text.clone())?;
            assert_eq!(error.may_have_applied(), !lost.is_surely_undone(), "{text}: {error:?}");
            assert_eq!(rows(rig, &plain, &text)?, usize::from(lost.is_done()), "{text}");
        }
    }
    Ok(())
}

fn a_server_that_is_not_there_has_done_nothing(rig: &Rig) -> Outcome {
    // A port that no test is given.
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let error = rig.db_at(nowhere, TOTAL)?.run(insert("x")).err().ok_or("an answer from nowhere")?;
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Unavailable, false));
    // It was tried for as long as it may take, in no time.
    assert!(error.to_string().contains("attempts: "), "{error}");
    Ok(())
}

fn what_the_engine_refuses_is_refused_whatever_was_lost_before(rig: &Rig) -> Outcome {
    let (plain, db) = (table(rig)?, rig.db_that_waits(TOTAL)?);
    plain.query("CREATE UNIQUE INDEX one ON t(a)", ())?;
    plain.run(insert("taken"))?;
    for lost in [Fault::ResetBefore, Fault::AnswerLost, Fault::Gateway(502)] {
        rig.proxy().plan(Faults::script([lost]));
        let error = db.run(insert("taken")).err().ok_or("stored twice")?;
        assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Conflict, false), "{lost:?}");
    }
    Ok(())
}

fn a_batch_that_was_done_in_part_says_so_and_is_not_sent_again(rig: &Rig) -> Outcome {
    let plain = table(rig)?;
    plain.query("CREATE UNIQUE INDEX one ON t(a)", ())?;
    let db = rig.db_that_waits(TOTAL)?;
    let batch = |text| [Statement::new("INSERT INTO t VALUES (?1)", [text]), "INSERT INTO t VALUES ('last')".into()];
    db.batch(batch("first"))?;
    let met = rig.proxy().met().len();
    let error = db.batch(batch("second")).err().ok_or("stored twice")?;
    let told = (error.kind(), error.sql_kind(), error.may_have_applied());
    assert_eq!(told, (ErrorKind::Conflict, Some(SqlErrorKind::UniqueViolation), true), "{error:?}");
    assert_eq!((rows(rig, &plain, "second")?, rig.proxy().met().len() - met), (1, 1));
    for fault in Fault::ALL.into_iter().filter(|fault| !fault.is_answered()) {
        rig.proxy().plan(Faults::script([fault]));
        let met = rig.proxy().met().len();
        let outcome = db.batch(["DELETE FROM t", "SELECT 1"]);
        // Only what was refused before it was looked at comes again.
        let is_sent_again = matches!(fault, Fault::TooMany(_));
        let sent = rig.proxy().met().len() - met;
        assert_eq!((outcome.is_ok(), sent), (is_sent_again, 1 + usize::from(is_sent_again)), "{fault:?}");
        assert!(outcome.map_or_else(|error| error.may_have_applied(), |_| true), "{fault:?}");
    }
    Ok(())
}
