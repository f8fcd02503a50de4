//! Runs a list of cases in every mode.

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{Mode, Outcome, World};

/// A named case.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "not published")]
pub struct Case<W: 'static = World> {
    /// The name, which is the function's.
    pub name: &'static str,
    /// What it does, on a storage of its own.
    pub run: fn(&W) -> Outcome,
}

impl<W> Clone for Case<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Case<W> {}

/// Runs every case in every mode and ends the process.
pub fn run(cases: Vec<Case>) -> ! {
    finish(in_every_mode(cases))
}

/// Every case in every mode.
pub fn in_every_mode(cases: Vec<Case>) -> Vec<Trial> {
    let in_modes = |case: Case| Mode::ALL.map(|mode| trial(case, mode.name(), move || World::new(mode)));
    cases.into_iter().flat_map(in_modes).collect()
}

/// Runs trials and ends the process.
pub fn finish(trials: Vec<Trial>) -> ! {
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

/// One case with the storage that it gets.
pub(crate) fn trial<W>(
    case: Case<W>,
    mode: &str,
    storage: impl FnOnce() -> Result<W, Box<dyn std::error::Error>> + Send + 'static,
) -> Trial {
    let told = |error: Box<dyn std::error::Error>| Failed::from(format!("{error:?}"));
    Trial::test(format!("{}::{mode}", case.name), move || (case.run)(&storage().map_err(told)?).map_err(told))
}
