//! Cases about what happens when something goes wrong on the way: for all adapters, since what they promise then is
//! core's promise.
//!
//! `PERSQL_FAULTS_SEED` and `PERSQL_FAULTS_OPERATIONS` say which faults, and how many operations: see
//! docs/contributing.md.

#[path = "faults/agents_session.rs"]
mod agents_session;
#[path = "faults/checkpoint.rs"]
mod checkpoint;
#[path = "faults/forgetful.rs"]
mod forgetful;
#[path = "faults/history.rs"]
mod history;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/once.rs"]
mod once;
#[path = "faults/outcomes.rs"]
mod outcomes;
#[path = "faults/runs.rs"]
mod runs;
#[path = "faults/stored.rs"]
mod stored;
#[path = "faults/strands.rs"]
mod strands;

use persql_conformance::{Mode, faults, finish, in_modes};

fn main() {
    match faults::serve() {
        Ok(true) => return,
        Ok(false) => {}
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
    let through_a_proxy = [runs::cases(), outcomes::cases(), once::cases(), killed::cases()].concat();
    finish(
        [faults::through_a_proxy(through_a_proxy), in_modes(&Mode::HERE, forgetful::cases())]
            .into_iter()
            .flatten()
            .collect(),
    );
}
