//! Programs that run while a fifth of their requests goes wrong: what they store, and what they are told, is what it
//! would have been.

use std::{env, error::Error, thread};

use persql_agents_session::PerSqlSession;
use persql_conformance::{
    Any, Case, Outcome, cases,
    faults::{Fault, Faults, Random, Rig},
};
use persql_core::{Result, blocking};

use crate::{
    agents_session::{self, items},
    checkpoint, history,
    stored::{same, stored},
    strands,
};

pub(crate) fn cases() -> Vec<Case<Rig>> {
    cases![
        a_session_under_faults_is_one_without,
        a_history_under_faults_is_one_without,
        strands_under_faults_are_some_without,
        checkpoints_under_faults_are_some_without,
        the_same_seed_means_the_same_faults,
        programs_at_the_same_time_under_faults_keep_what_is_theirs,
    ]
}

type Work = fn(&Any, &mut Random, u64) -> Result<Vec<String>>;

fn a_session_under_faults_is_one_without(rig: &Rig) -> Outcome {
    survive(rig, agents_session::work)
}

fn a_history_under_faults_is_one_without(rig: &Rig) -> Outcome {
    survive(rig, history::work)
}

fn strands_under_faults_are_some_without(rig: &Rig) -> Outcome {
    survive(rig, strands::work)
}

fn checkpoints_under_faults_are_some_without(rig: &Rig) -> Outcome {
    survive(rig, checkpoint::work)
}

fn the_same_seed_means_the_same_faults(rig: &Rig) -> Outcome {
    let met = |seed: u64| -> Result<Vec<Fault>, Box<dyn Error>> {
        let rig = rig.another()?;
        rig.proxy().plan(Faults::seeded(seed, PERCENT));
        agents_session::work(&rig.patient_db()?, &mut Random::new(5), 40)?;
        Ok(rig.proxy().met())
    };
    let (once, again, other) = (met(1)?, met(1)?, met(2)?);
    assert_eq!(once, again);
    assert_ne!(once, other);
    Ok(())
}

/// The pause of one ends the attempts of the others here, since they share their time.
fn programs_at_the_same_time_under_faults_keep_what_is_theirs(rig: &Rig) -> Outcome {
    let seed = setting("PERSQL_FAULTS_SEED", 1)?;
    rig.proxy().plan(Faults::seeded(seed, PERCENT));
    let program = |number: u64| -> Result<()> {
        let session = PerSqlSession::new(rig.patient_db()?, format!("session {number}"));
        let mut expected = Vec::new();
        for turn in 0..30 {
            session.add_items(&items(turn, number))?;
            expected.extend(items(turn, number));
            if turn % 3 == number % 3 {
                assert_eq!(session.pop_item()?, expected.pop(), "seed {seed}");
            }
        }
        assert_eq!(session.get_items(None)?, expected, "seed {seed}");
        Ok(())
    };
    thread::scope(|scope| {
        let program = &program;
        let programs: Vec<_> = (0..4).map(|number| scope.spawn(move || program(number))).collect();
        programs.into_iter().try_for_each(|program| program.join().map_err(|_| "a program failed")?.map_err(Into::into))
    })
}

/// Of a hundred requests, so many go wrong.
const PERCENT: u64 = 20;

fn survive(rig: &Rig, work: Work) -> Outcome {
    let (seed, operations) = (setting("PERSQL_FAULTS_SEED", 1)?, setting("PERSQL_FAULTS_OPERATIONS", 150)?);
    compare(rig, work, seed, operations).map_err(|error| {
        format!("with PERSQL_FAULTS_SEED={seed} PERSQL_FAULTS_OPERATIONS={operations} this happens again: {error:?}")
            .into()
    })
}

fn setting(name: &str, default: u64) -> Result<u64, Box<dyn Error>> {
    Ok(env::var(name).map_or(Ok(default), |value| value.parse())?)
}

fn compare(rig: &Rig, work: Work, seed: u64, operations: u64) -> Outcome {
    let faultless = Any::blocking(blocking::Database::local(":memory:")?);
    let expected = work(&faultless, &mut Random::new(seed), operations)?;
    rig.proxy().plan(Faults::seeded(seed, PERCENT));
    let told = work(&rig.patient_db()?, &mut Random::new(seed), operations)?;
    same("answer", &told, &expected)?;
    same("row", &stored(&rig.plain_db()?)?, &stored(&faultless)?)?;
    let met = rig.proxy().met();
    let faults = met.iter().filter(|&&fault| fault != Fault::None).count() as u64;
    let share = faults * 100 / met.len() as u64;
    if !(PERCENT / 2..PERCENT * 2).contains(&share) {
        return Err(format!("{share} of 100 requests went wrong").into());
    }
    if let Some(missing) = Fault::ALL.iter().find(|fault| operations >= 1_000 && !met.contains(fault)) {
        return Err(format!("{missing:?} never happened").into());
    }
    Ok(())
}
