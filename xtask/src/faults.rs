//! `cargo xtask faults`: the suite of that name at full length, with faults that nobody has met yet.

use std::hash::{BuildHasher as _, RandomState};

use crate::command::{Arguments, Flag, FlagValue, Subcommand};
use crate::failure::Outcome;
use crate::process::{cargo, run};
use crate::workspace::{CONFORMANCE, Workspace};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "faults",
    operands: "[filter]",
    about: "Run the suite about faults at full length: each adapter while a fifth of its requests goes wrong",
    flags: &[
        Flag { name: "--seed", value: FlagValue::Required("<n>"), about: "which faults (other ones each time)" },
        Flag { name: "--operations", value: FlagValue::Required("<n>"), about: "how many of each adapter (2000)" },
    ],
    run: command,
};

fn command(arguments: &Arguments) -> Outcome {
    let filter = arguments.at_most_one()?;
    let any = (RandomState::new().hash_one(0) % 1_000_000).to_string();
    let seed = arguments.value("--seed").unwrap_or(&any);
    let operations = arguments.value("--operations").unwrap_or("2000");
    println!("seed {seed}, {operations} operations");
    let root = Workspace::load()?.root;
    run(cargo(&root)
        .args(["test", "--package", CONFORMANCE, "--test", "faults", "--"])
        .args(filter)
        .env("PERSQL_FAULTS_SEED", seed)
        .env("PERSQL_FAULTS_OPERATIONS", operations))
}
