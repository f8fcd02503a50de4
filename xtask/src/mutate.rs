//! The mutation check: a broken SQL text must make a case fail, or nothing tests that text.
//!
//! It works on a copy of the workspace under the target directory, so that the shipped code needs no switch for it and
//! the working tree is never touched.

mod mutations;
mod targets;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::conformance::suites::{self, End, Suite};
use crate::failure::{Failure, Outcome};
use crate::workspace::{Package, Workspace};
use crate::{copy, files};

use mutations::Mutation;
use targets::Target;

/// The least time a changed suite is given; the most is a multiple of what the unchanged one took.
const PATIENCE: Duration = Duration::from_secs(60);

/// The cases are the same in every mode, so the quickest judges. A text that it does not run, files do.
const MODES: [&str; 2] = ["memory_blocking", "file_blocking"];

/// The copy of the workspace and the place of its build products.
struct Laboratory {
    root: PathBuf,
    target: PathBuf,
}

impl Laboratory {
    fn build(&self, names: &[String], told: Stdio) -> Outcome<Option<Vec<Suite>>> {
        suites::build(&self.root, names, Some(&self.target), told)
    }
}

/// What became of the mutants.
#[derive(Debug, Default)]
struct Tally {
    caught: usize,
    survived: Vec<String>,
    accepted: usize,
}

/// Runs the check for every SQL text whose name `crate::CONSTANT` contains the filter.
pub(crate) fn check(workspace: &Workspace, filter: Option<&str>, deep: bool) -> Outcome {
    let place = workspace.target.join("mutation");
    let laboratory = Laboratory { root: place.join("workspace"), target: place.join("target") };
    copy::mirror(&workspace.root, &laboratory.root)?;
    let mut tally = Tally::default();
    for package in workspace.packages.iter().filter(|package| package.directory.starts_with("crates/")) {
        let mut targets = targets::of_package(&laboratory.root, &package.directory)?;
        targets.retain(|target| filter.is_none_or(|filter| label(package, target).contains(filter)));
        if !targets.is_empty() {
            check_package(&laboratory, workspace, package, &targets, deep, &mut tally)?;
        }
    }
    report(&tally)
}

fn report(tally: &Tally) -> Outcome {
    if tally.caught + tally.survived.len() + tally.accepted == 0 {
        return Err(Failure::Failed("there is no SQL text to change".to_owned()));
    }
    println!();
    for survivor in &tally.survived {
        println!("survived: {survivor}");
    }
    println!("{} accepted as meaning the same (`// {}`)", tally.accepted, targets::ACCEPTED);
    println!("\n{} passed, {} failed", tally.caught, tally.survived.len());
    if tally.survived.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

fn label(package: &Package, target: &Target) -> String {
    format!("{}::{}", package.name, target.name)
}

fn check_package(
    laboratory: &Laboratory,
    workspace: &Workspace,
    package: &Package,
    targets: &[Target],
    deep: bool,
    tally: &mut Tally,
) -> Outcome {
    let names = suites_for(workspace, package);
    if names.is_empty() {
        tally.survived.push(format!("{}: there is no suite `{}`", package.name, package.suite()));
        return Ok(());
    }
    let limits = baseline(laboratory, &names)?;
    for target in targets {
        for mutation in mutations::of(&target.text, deep) {
            let name = format!("{}: {}", label(package, target), mutation.name);
            if target.accepts(&mutation.name) {
                tally.accepted += 1;
                continue;
            }
            let caught = try_mutation(laboratory, &names, &limits, target, &mutation)?;
            println!("{:<9} {name}", caught.unwrap_or("SURVIVED"));
            match caught {
                Some(_) => tally.caught += 1,
                None => tally.survived.push(name),
            }
        }
    }
    Ok(())
}

/// The suites that must notice a change in the package: its own, and for what the adapters stand on theirs as well.
fn suites_for(workspace: &Workspace, package: &Package) -> Vec<String> {
    let own = package.suite();
    let is_own = |name: &String| name.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    let (mut names, others): (Vec<String>, Vec<String>) = workspace.suites().iter().cloned().partition(is_own);
    if !package.is_adapter() {
        names.extend(others);
    }
    names
}

/// Runs the unchanged suites: they must pass, and their time is the measure for the changed ones.
fn baseline(laboratory: &Laboratory, names: &[String]) -> Outcome<BTreeMap<String, Duration>> {
    let mut limits = BTreeMap::new();
    let suites = laboratory.build(names, Stdio::inherit())?;
    let suites = suites.ok_or_else(|| Failure::Failed("the suites do not build without any change".to_owned()))?;
    for suite in suites {
        let started = Instant::now();
        for mode in MODES {
            if !suite.run(&[mode.to_owned()])?.success {
                return Err(Failure::Failed(format!("the suite {} fails without any change", suite.name)));
            }
        }
        limits.insert(suite.name.clone(), PATIENCE.max(started.elapsed() * 10));
    }
    Ok(limits)
}

/// How the change was noticed; none when it was not.
fn try_mutation(
    laboratory: &Laboratory,
    names: &[String],
    limits: &BTreeMap<String, Duration>,
    target: &Target,
    mutation: &Mutation,
) -> Outcome<Option<&'static str>> {
    let path = laboratory.root.join(&target.file);
    let original = files::read(&path)?;
    let changed = target.apply(&original, mutation).ok_or_else(|| Failure::at(&path, "changed while being checked"))?;
    files::write_if_changed(&path, changed.as_bytes())?;
    let verdict = judge(laboratory, names, limits);
    // Whatever came of it, the copy is whole again for the next one.
    files::write_if_changed(&path, original.as_bytes())?;
    verdict
}

fn judge(
    laboratory: &Laboratory,
    names: &[String],
    limits: &BTreeMap<String, Duration>,
) -> Outcome<Option<&'static str>> {
    let Some(suites) = laboratory.build(names, Stdio::null())? else {
        return Ok(Some("no build"));
    };
    for (mode, suite) in MODES.iter().flat_map(|mode| suites.iter().map(move |suite| (mode, suite))) {
        let limit = limits.get(&suite.name).copied().unwrap_or(PATIENCE);
        match suite.run_within(&[(*mode).to_owned()], limit)? {
            End::Passed => {}
            End::Failed => return Ok(Some("caught")),
            End::TimedOut => return Ok(Some("too slow")),
        }
    }
    Ok(None)
}
