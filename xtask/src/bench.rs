//! `cargo xtask bench`: our crates beside the same work written by hand.

use crate::command::{Arguments, Flag, FlagValue, Subcommand};
use crate::failure::Outcome;
use crate::peers;
use crate::process::{cargo, run};
use crate::workspace::Workspace;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "bench",
    operands: "[filter]",
    about: "Measure our crates beside the same work written by hand, in a release build, and print the table",
    flags: &[
        Flag { name: "--rounds", value: FlagValue::Required("<n>"), about: "rounds a case; 7 unless said otherwise" },
        Flag {
            name: "--peers",
            value: FlagValue::None,
            about: "the Python frameworks' own stores beside ours; 5 rounds a case unless said otherwise",
        },
        Flag { name: "--check", value: FlagValue::None, about: "fail if a bar is missed" },
    ],
    run: command,
};

/// A package of its own does it, so that xtask itself needs no SQLite.
const PACKAGE: &str = "persql-bench";

fn command(arguments: &Arguments) -> Outcome {
    let workspace = Workspace::load()?;
    let mut bench = cargo(&workspace.root);
    bench.args(["run", "--release", "--package", PACKAGE, "--"]).args(arguments.at_most_one()?);
    if let Some(rounds) = arguments.value("--rounds") {
        bench.args(["--rounds", rounds]);
    }
    if arguments.has("--peers") {
        peers::lend(&workspace, &mut bench)?;
    }
    if arguments.has("--check") {
        bench.arg("--check");
    }
    run(&mut bench)
}
