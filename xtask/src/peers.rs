//! `cargo xtask peers`: the real Python frameworks' own suites, run on our crates.

mod environment;
mod modes;
mod outcomes;
mod server;
mod suites;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use crate::command::{Arguments, Flag, FlagValue, Subcommand};
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::process::cannot_start;
use crate::workspace::Workspace;

use environment::{Place, Profile};
use modes::{MODES, Mode};
use outcomes::{NotApplicable, Outcomes, Remarks, Tally};
use server::Server;
use suites::{SUITES, Suite};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "peers",
    operands: "[suite]",
    about: "Run the Python frameworks' own suites on our crates: all, or those whose name begins so",
    flags: &[
        Flag {
            name: "--checkouts",
            value: FlagValue::Required("<dir>"),
            about: "where checkouts of the frameworks' repositories are, for tests that are not in their packages",
        },
        Flag {
            name: "--mode",
            value: FlagValue::Required("<name>"),
            about: "only those whose name begins so: local-blocking local-async server-blocking server-async",
        },
    ],
    run: command,
};

/// What is not applicable, with the reasons.
const PAGE: &str = "docs/peers.md";

fn command(arguments: &Arguments) -> Outcome {
    let prefix = arguments.at_most_one()?.unwrap_or_default();
    let suites: Vec<&Suite> = SUITES.iter().filter(|suite| suite.name.starts_with(prefix)).collect();
    let asked = arguments.value("--mode").unwrap_or_default();
    let modes: Vec<&Mode> = MODES.iter().filter(|mode| mode.name.starts_with(asked)).collect();
    if suites.is_empty() || modes.is_empty() {
        return Err(Failure::Usage("peers: there is no such suite, or no such mode".to_owned()));
    }
    let workspace = Workspace::load()?;
    let listed = NotApplicable::parse(&files::read(&workspace.root.join(PAGE))?);
    let checkouts = arguments.value("--checkouts").map(|path| workspace.root.join(path));
    let place = Place::prepare(&workspace, Profile::Debug)?;
    let server = if suites.iter().any(|suite| suite.modes(&modes).any(Mode::is_server)) {
        Some(Server::start(&workspace, &place)?)
    } else {
        None
    };

    let row =
        |suite: &Suite, mode: &str, rest: &dyn std::fmt::Display| println!("{:<26} {mode:<16} {rest}", suite.name);
    println!("{:<26} {:<16} collected  passed  failed  not applicable", "suite", "mode");
    let (mut sum, mut remarks) = (Tally::default(), Remarks::default());
    for suite in suites {
        let Some(tests) = place.tests(suite, checkouts.as_deref())? else {
            row(suite, "", &"not run: its tests are only in its repository, see --checkouts");
            continue;
        };
        for mode in suite.modes(&modes) {
            let server = server.iter().flat_map(|server| &server.environment);
            let tally = run(&place, suite, mode, &tests, &listed, server)?.tally(suite, mode, &listed, &mut remarks);
            row(suite, mode.name, &tally);
            sum.add(&tally);
        }
    }
    if prefix.is_empty() && asked.is_empty() {
        remarks.add_unused(&listed);
    }
    remarks.lines.iter().for_each(|remark| println!("{remark}"));
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed == 0 { Ok(()) } else { Err(Failure::Reported) }
}

/// Tells the bench of each framework's Python, where our module is a release build.
pub(crate) fn lend(workspace: &Workspace, bench: &mut Command) -> Outcome {
    let place = Place::prepare(workspace, Profile::Release)?;
    let frameworks: BTreeSet<&str> = SUITES.iter().map(|suite| suite.framework).collect();
    for framework in frameworks {
        bench.arg("--python").arg(format!("{framework}={}", place.environment(framework)?.display()));
    }
    bench.env("PYTHONPATH", place.python_path(None)?);
    Ok(())
}

/// Runs a suite in one mode.
fn run<'a>(
    place: &Place,
    suite: &Suite,
    mode: &Mode,
    tests: &Path,
    listed: &NotApplicable,
    server: impl Iterator<Item = &'a (String, String)>,
) -> Outcome<Outcomes> {
    let mut python = place.python(suite, tests)?;
    let run = place.fresh_run(suite, mode)?;
    let log = || File::options().append(true).open(&run.log).map_err(|cause| Failure::at(&run.log, cause));
    python.env("PERSQL_PEERS_RESULTS", &run.results).stdout(log()?).stderr(log()?);
    python.env("PERSQL_PEERS_NOT_APPLICABLE", listed.names(mode).join("\n"));
    python.envs(mode.environment()).envs(server.map(|(name, value)| (name, value)));
    // What counts is what each test told, not how Python ended.
    python.status().map_err(|cause| cannot_start(&python, &cause))?;
    Ok(Outcomes::parse(&files::read(&run.results)?))
}
