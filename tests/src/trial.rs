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
    /// Why it is about databases of this process alone, if it is: see [`local`].
    pub local: Option<&'static str>,
}

impl<W> Clone for Case<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Case<W> {}

/// Marks cases that are about databases of this process alone, and says why: over HTTP they do not exist.
pub fn local(why: &'static str, cases: Vec<Case>) -> Vec<Case> {
    cases.into_iter().map(|case| Case { local: Some(why), ..case }).collect()
}

/// Runs every case in every mode and ends the process.
pub fn run(cases: Vec<Case>) -> ! {
    finish(in_modes(&Mode::of_this_run(), cases))
}

/// The same without the hosted service, for what would touch more there than a branch of our own: a suite of its own
/// ([`run_live`]) checks what is promised of that.
pub fn run_here(cases: Vec<Case>) -> ! {
    finish(in_modes(&Mode::HERE, cases))
}

/// Runs every case at the hosted service alone, if the environment names a database of it.
pub fn run_live(cases: Vec<Case>) -> ! {
    let modes: Vec<Mode> = Mode::of_this_run().into_iter().filter(|mode| *mode == Mode::Live).collect();
    finish(in_modes(&modes, cases))
}

/// Every case in each of these modes that it is about.
pub fn in_modes(modes: &[Mode], cases: Vec<Case>) -> Vec<Trial> {
    let trials = |case: Case| {
        let modes = modes.iter().filter(move |mode| case.local.is_none() || !mode.is_remote());
        modes.map(move |&mode| trial(case, mode.name(), move || World::new(mode)))
    };
    cases.into_iter().flat_map(trials).collect()
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
    let trial =
        Trial::test(format!("{}::{mode}", case.name), move || (case.run)(&storage().map_err(told)?).map_err(told));
    // Shown before the name, so that a list of trials says it too.
    if case.local.is_some() { trial.with_kind("local") } else { trial }
}
