//! `cargo xtask rusqlite`: the workspace on both ends of the range of rusqlite versions it admits.

use crate::command::{Arguments, Subcommand};
use crate::copy;
use crate::failure::{Failure, Outcome};
use crate::process::{cargo, run};
use crate::workspace::Workspace;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "rusqlite",
    operands: "lowest | highest",
    about: "Build and test a copy of the workspace on the lowest or highest rusqlite in the range",
    flags: &[],
    run: command,
};

/// The lowest version in use: what cargo chooses beside sqlx 0.8, whose SQLite is the oldest still supported there.
const LOWEST: &str = "0.32.1";

fn command(arguments: &Arguments) -> Outcome {
    let update: &[&str] = match arguments.at_most_one()? {
        Some("lowest") => &["update", "-p", "rusqlite", "--precise", LOWEST],
        // The highest that the manifests admit, even if it asks for a newer compiler than they promise.
        Some("highest") => &["update", "-p", "rusqlite", "--ignore-rust-version"],
        Some(other) => {
            return Err(Failure::Usage(format!("rusqlite: `{other}` is neither lowest nor highest")));
        }
        None => return Err(Failure::Usage("rusqlite: say lowest or highest".to_owned())),
    };
    let workspace = Workspace::load()?;
    let which = arguments.operands().concat();
    let copy = workspace.target.join(format!("rusqlite-{which}"));
    copy::mirror(&workspace.root, &copy)?;
    // The copy has its own target directory: two versions of SQLite in one would displace each other at each run.
    let target = copy.join("target");
    run(cargo(&copy).args(update))?;
    run(cargo(&copy).args(["tree", "-p", "rusqlite", "--depth", "1"]))?;
    run(cargo(&copy).args(["test", "--workspace", "--exclude", "xtask"]).env("CARGO_TARGET_DIR", target))
}
