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
}

/// Runs every case in every mode and ends the process.
pub fn run(cases: Vec<Case>) -> ! {
    let trials = cases
        .into_iter()
        .flat_map(|case| {
            Mode::ALL.map(|mode| Trial::test(format!("{}::{}", case.name, mode.name()), move || try_one(case, mode)))
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

fn try_one(case: Case, mode: Mode) -> Result<(), Failed> {
    let told = |error: Box<dyn std::error::Error>| Failed::from(format!("{error:?}"));
    let world = World::new(mode).map_err(told)?;
    (case.run)(&world).map_err(told)
}
