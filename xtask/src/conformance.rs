//! `cargo xtask conformance`: every case in every mode, counted.

mod floors;
pub(crate) mod suites;
mod trials;

use std::process::Stdio;

use crate::command::{Arguments, Flag, FlagValue, Subcommand};
use crate::failure::{Failure, Outcome};
use crate::workspace::Workspace;
use crate::{files, mutate};

use floors::Floors;
use suites::Suite;
use trials::Report;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "conformance",
    operands: "[filter]",
    about: "Run the conformance suites, print passed/total per crate and mode, and hold them to tests/floors.txt",
    flags: &[
        Flag { name: "--mode", value: FlagValue::Required("<mode>"), about: "only this mode" },
        Flag {
            name: "--raise-floors",
            value: FlagValue::None,
            about: "write the counts of this run to tests/floors.txt",
        },
        Flag {
            name: "--mutate",
            value: FlagValue::Optional("deep"),
            about: "break every SQL text in turn: some case must fail (deep: change what it means as well)",
        },
    ],
    run: command,
};

/// Which cases to run.
#[derive(Debug, Default)]
struct Selection<'a> {
    /// A part of the name `case::mode`.
    filter: Option<&'a str>,
    mode: Option<&'a str>,
}

fn command(arguments: &Arguments) -> Outcome {
    let selection = Selection { filter: arguments.at_most_one()?, mode: arguments.value("--mode") };
    let raise = arguments.has("--raise-floors");
    if arguments.has("--mutate") {
        if raise || selection.mode.is_some() {
            return Err(Failure::Usage("conformance: --mutate goes with no other flag".to_owned()));
        }
        let deep = match arguments.value("--mutate") {
            None => false,
            Some("deep") => true,
            Some(other) => {
                return Err(Failure::Usage(format!("conformance: --mutate={other}? Say --mutate=deep")));
            }
        };
        return mutate::check(&Workspace::load()?, selection.filter, deep);
    }
    if raise && (selection.filter.is_some() || selection.mode.is_some()) {
        return Err(Failure::Usage("conformance: --raise-floors needs the whole run".to_owned()));
    }
    run(&Workspace::load()?, &selection, raise)
}

/// The whole run, as CI does it.
pub(crate) fn check_all(workspace: &Workspace) -> Outcome {
    run(workspace, &Selection::default(), false)
}

fn run(workspace: &Workspace, selection: &Selection<'_>, raise: bool) -> Outcome {
    if workspace.suites().is_empty() {
        return Err(Failure::Failed("there are no conformance suites".to_owned()));
    }
    let built = suites::build(&workspace.root, workspace.suites(), None, Stdio::inherit())?;
    let suites = built.ok_or_else(|| Failure::Failed("the conformance suites do not build".to_owned()))?;
    let mut report = Report::default();
    for suite in &suites {
        eprintln!("running {}", suite.name);
        let arguments = suite_arguments(suite, selection)?;
        let output = suite.run(&arguments)?;
        if let Some(failures) = report.add(&suite.name, &output.text, output.success) {
            println!("\n{}: {failures}", suite.name);
        }
    }
    if report.is_empty() {
        println!("no case matches");
        return Err(Failure::Reported);
    }
    print!("\n{}", report.table(|suite| workspace.crate_of_suite(suite)));
    if selection.mode.is_none() {
        println!("\n{} cases are about local databases alone; their lists say why", report.local_cases());
        if !report.has_mode("live") {
            println!("live: not run, because PERSQL_TOKEN and PERSQL_DATABASE are not set");
        }
    }
    let whole = selection.filter.is_none() && selection.mode.is_none();
    let complaints = if whole { whole_run_complaints(workspace, &report, raise)? } else { Vec::new() };
    for complaint in &complaints {
        println!("{complaint}");
    }
    println!("\n{}", report.last_line());
    if report.succeeded() && complaints.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

/// What the suite's own program is asked to do.
fn suite_arguments(suite: &Suite, selection: &Selection<'_>) -> Outcome<Vec<String>> {
    let mut arguments = vec!["--color=never".to_owned()];
    let Some(mode) = selection.mode else {
        arguments.extend(selection.filter.map(str::to_owned));
        return Ok(arguments);
    };
    let wanted = format!("::{mode}");
    if let Some(filter) = selection.filter {
        // The program takes one filter, which the case has; so the other modes are named to be skipped.
        let listed = suite.run(&["--list".to_owned()])?.text;
        let others = trials::listed_modes(&listed).into_iter().filter(|&other| other != mode);
        arguments.extend(others.map(|other| format!("--skip=::{other}")));
        arguments.push(filter.to_owned());
    } else {
        arguments.push(wanted);
    }
    Ok(arguments)
}

/// What is wrong with a run of everything beyond the cases that failed.
fn whole_run_complaints(workspace: &Workspace, report: &Report, raise: bool) -> Outcome<Vec<String>> {
    let mut complaints = report.holes();
    let path = workspace.root.join("tests/floors.txt");
    let floors = Floors::parse(&files::read(&path).unwrap_or_default()).map_err(|cause| Failure::at(&path, cause))?;
    let counts = report.passed();
    complaints.extend(floors.broken_by(&counts));
    if raise && report.succeeded() && complaints.is_empty() {
        files::write_if_changed(&path, floors.raised_to(&counts).render().as_bytes())?;
    } else if raise {
        println!("the floors stay: raise them with a run in which nothing fails");
    } else if floors.raised_to(&counts) != floors {
        println!("there is more than the floors ask for: `cargo xtask conformance --raise-floors` keeps it");
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_do_not_go_together_are_refused() {
        let parse = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|&argument| argument.to_owned()).collect();
            Arguments::parse(&given, SUBCOMMAND.flags).unwrap()
        };
        for given in [&["x", "--raise-floors"][..], &["--mutate=shallow"], &["--mutate", "--mode=a"], &["a", "b"]] {
            assert!(matches!(command(&parse(given)), Err(Failure::Usage(_))), "{given:?}");
        }
    }
}
