//! `cargo xtask durability`: processes that are killed, processes that compete, ten thousand databases.

use crate::command::{Arguments, Flag, FlagValue, Subcommand};
use crate::failure::{Failure, Outcome};
use crate::process::{cargo, run};
use crate::workspace::{CONFORMANCE, Workspace};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "durability",
    operands: "[kill | contend | many]",
    about: "Kill writers at random moments, let 16 processes write to one file, use 10,000 databases in turn; or one of these",
    flags: &[
        Flag {
            name: "--rounds",
            value: FlagValue::Required("<n>"),
            about: "processes to kill with each durability (500)",
        },
        Flag { name: "--seconds", value: FlagValue::Required("<n>"), about: "how long the 16 compete (10)" },
        Flag { name: "--databases", value: FlagValue::Required("<n>"), about: "how many databases (10000)" },
    ],
    run: command,
};

/// The checks, the flags that say how much of each, and how much it is without them.
const CHECKS: [(&str, &str, &str); 3] =
    [("many", "--databases", "10000"), ("contend", "--seconds", "10"), ("kill", "--rounds", "500")];

fn command(arguments: &Arguments) -> Outcome {
    let only = arguments.at_most_one()?;
    if let Some(unknown) = only.filter(|only| CHECKS.iter().all(|(name, ..)| name != only)) {
        return Err(Failure::Usage(format!("durability: there is no check `{unknown}`")));
    }
    let root = Workspace::load()?.root;
    for (name, flag, usual) in CHECKS.iter().filter(|(name, ..)| only.is_none_or(|only| only == *name)) {
        let much = arguments.value(flag).unwrap_or(usual);
        let program = ["run", "--quiet", "--package", CONFORMANCE, "--example", "durability", "--"];
        run(cargo(&root).args(program).args([*name, much]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_check_is_refused() {
        let arguments = Arguments::parse(&["drown".to_owned()], SUBCOMMAND.flags).unwrap();
        assert!(matches!(command(&arguments), Err(Failure::Usage(_))));
    }
}
