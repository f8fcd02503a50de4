//! Runs a list of cases in every mode.

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{Mode, Outcome, World};

/// A named case.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "not published")]
pub struct Case {
    /// The name, which is the function's.
    pub name: &'static str,
    /// What it does, on a storage of its own.
    pub run: fn(&World) -> Outcome,
    /// Why it is about databases of this process alone, if it is: see [`local`].
    pub local: Option<&'static str>,
}

/// Marks cases that are about databases of this process alone, and says why: over HTTP they do not exist.
pub fn local(why: &'static str, cases: Vec<Case>) -> Vec<Case> {
    cases.into_iter().map(|case| Case { local: Some(why), ..case }).collect()
}

/// Runs every case in every mode and ends the process.
pub fn run(cases: Vec<Case>) -> ! {
    run_in(&Mode::of_this_run(), cases)
}

/// The same without the hosted service, for what would touch more there than a branch of our own: a suite of its own
/// ([`run_live`]) checks what is promised of that.
pub fn run_here(cases: Vec<Case>) -> ! {
    run_in(&Mode::HERE, cases)
}

/// Runs every case at the hosted service alone, if the environment names a database of it.
pub fn run_live(cases: Vec<Case>) -> ! {
    let modes: Vec<Mode> = Mode::of_this_run().into_iter().filter(|mode| *mode == Mode::Live).collect();
    run_in(&modes, cases)
}

fn run_in(modes: &[Mode], cases: Vec<Case>) -> ! {
    let trials = cases
        .into_iter()
        .flat_map(|case| {
            let modes = modes.iter().filter(move |mode| case.local.is_none() || !mode.is_remote());
            modes.map(move |&mode| {
                let trial = Trial::test(format!("{}::{}", case.name, mode.name()), move || try_one(case, mode));
                // Shown before the name, so that a list of trials says it too.
                if case.local.is_some() { trial.with_kind("local") } else { trial }
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

fn try_one(case: Case, mode: Mode) -> Result<(), Failed> {
    let told = |error: Box<dyn std::error::Error>| Failed::from(format!("{error:?}"));
    let world = World::new(mode).map_err(told)?;
    (case.run)(&world).map_err(told)
}
