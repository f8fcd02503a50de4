//! `cargo xtask ci`: the steps that decide whether a change may go in.

use std::time::{Duration, Instant};

use crate::command::{Arguments, Subcommand};
use crate::failure::{Failure, Outcome};
use crate::process::{capture, cargo, run};
use crate::workspace::Workspace;
use crate::{conformance, tidy};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "ci",
    operands: "[step...]",
    about: "Run the steps in order, or only those named: fmt clippy features test conformance doc tidy package",
    flags: &[],
    run: command,
};

/// One row of the table of steps.
struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Outcome,
}

/// In this order: what is quick to fail comes first.
const STEPS: &[Step] = &[
    Step { name: "fmt", run: fmt },
    Step { name: "clippy", run: clippy },
    Step { name: "features", run: features },
    Step { name: "test", run: test },
    Step { name: "conformance", run: conformance },
    Step { name: "doc", run: doc },
    Step { name: "tidy", run: tidy },
    Step { name: "package", run: package },
];

fn command(arguments: &Arguments) -> Outcome {
    let steps = chosen(arguments.operands())?;
    let workspace = Workspace::load()?;
    let mut done: Vec<(&str, Duration)> = Vec::new();
    for step in steps {
        eprintln!("\n== {}", step.name);
        let started = Instant::now();
        let outcome = (step.run)(&workspace);
        let took = started.elapsed();
        if let Err(failure) = outcome {
            summary(&done);
            eprintln!("{:<12} {:>7.1} s  FAILED", step.name, took.as_secs_f64());
            return Err(failure);
        }
        eprintln!("== {} ok, {:.1} s", step.name, took.as_secs_f64());
        done.push((step.name, took));
    }
    summary(&done);
    Ok(())
}

/// The steps asked for, in the order asked for; all of them when none is named.
fn chosen(names: &[String]) -> Outcome<Vec<&'static Step>> {
    if names.is_empty() {
        return Ok(STEPS.iter().collect());
    }
    let find = |name: &String| {
        let unknown = || Failure::Usage(format!("ci: there is no step `{name}`"));
        STEPS.iter().find(|step| step.name == name).ok_or_else(unknown)
    };
    names.iter().map(find).collect()
}

fn summary(done: &[(&str, Duration)]) {
    eprintln!();
    for (name, took) in done {
        eprintln!("{name:<12} {:>7.1} s  ok", took.as_secs_f64());
    }
}

fn fmt(workspace: &Workspace) -> Outcome {
    run(cargo(&workspace.root).args(["fmt", "--all", "--check"]))?;
    // The bridge to Python is a workspace of its own.
    run(cargo(&workspace.root.join("tests/peers")).args(["fmt", "--check"]))
}

fn clippy(workspace: &Workspace) -> Outcome {
    let arguments = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    run(cargo(&workspace.root).args(arguments))
}

/// Every published crate alone, as a user gets it: without features, with each one, and with all. And each mode without
/// what only the other needs.
///
/// Warnings are denied behind `--`, not by `RUSTFLAGS`: a changed `RUSTFLAGS` would build SQLite again.
fn features(workspace: &Workspace) -> Outcome {
    for package in workspace.publishable() {
        let none = vec!["--no-default-features".to_owned()];
        let each =
            package.features.iter().map(|name| vec![format!("--no-default-features"), format!("--features={name}")]);
        let all = vec!["--all-features".to_owned()];
        for selection in std::iter::once(none).chain(each).chain(std::iter::once(all)) {
            let mut clippy = cargo(&workspace.root);
            clippy.args(["clippy", "-p", &package.name]).args(selection).args(["--", "-D", "warnings"]);
            run(&mut clippy)?;
        }
        if package.features.iter().any(|feature| feature == "local") {
            for (mode, foreign) in APART {
                apart(workspace, &package.name, mode, foreign)?;
            }
        }
    }
    Ok(())
}

/// What a build with one mode alone must not bring along: the features it is built with, and the crates of the other mode.
const APART: [(&str, &[&str]); 2] =
    [("local", &["http", "hyper", "reqwest", "rustls"]), ("remote,rustls", &["libsqlite3-sys", "rusqlite"])];

fn apart(workspace: &Workspace, package: &str, mode: &str, foreign: &[&str]) -> Outcome {
    let mut tree = cargo(&workspace.root);
    tree.args(["tree", "-p", package, "--no-default-features", "--features", mode, "--edges=normal,build"]);
    let tree = capture(tree.args(["--prefix=none", "--format={p}"]))?;
    match tree.lines().filter_map(|line| line.split(' ').next()).find(|name| foreign.contains(name)) {
        Some(name) => Err(Failure::Failed(format!("{package} with `{mode}` alone brings `{name}` along"))),
        None => Ok(()),
    }
}

fn test(workspace: &Workspace) -> Outcome {
    run(cargo(&workspace.root).args(["test", "--workspace"]))?;
    // What a client does without TLS, or without somebody to do its arithmetic, shows only in builds of that kind.
    for (features, tests) in [("remote", "remote"), ("remote,rustls-no-provider", "no_provider")] {
        let arguments = ["test", "-p", "persql-core", "--no-default-features", "--features", features, "--test", tests];
        run(cargo(&workspace.root).args(arguments))?;
    }
    Ok(())
}

fn conformance(workspace: &Workspace) -> Outcome {
    conformance::check_all(workspace)
}

fn doc(workspace: &Workspace) -> Outcome {
    let arguments = ["doc", "--workspace", "--no-deps", "--all-features"];
    run(cargo(&workspace.root).args(arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

fn tidy(workspace: &Workspace) -> Outcome {
    tidy::check_all(workspace)
}

/// Packs all published crates, unpacks them, and builds what is in them.
///
/// All in one call: alone, an adapter would look for `persql-core` in the registry, where the version being prepared is
/// not yet; together, cargo lends them a registry of their own. The build stays on, for nothing else notices a file
/// that is left out of a package.
///
/// Cargo keeps what it unpacked by the path of the build and the version, and our versions stay while we work: in a place
/// that was used before, an adapter would be verified against the core of that time. So the place is new each time.
fn package(workspace: &Workspace) -> Outcome {
    let place = workspace.target.join(format!("package-{}", std::process::id()));
    let mut package = cargo(&workspace.root);
    package.args(["package", "--workspace", "--allow-dirty", "--target-dir"]).arg(&place);
    for unpublished in workspace.packages.iter().filter(|package| !package.publishable) {
        package.args(["--exclude", &unpublished.name]);
    }
    let outcome = run(&mut package);
    // Half a gigabyte that nobody needs again; what cannot be removed is only in the way of the disk.
    drop(std::fs::remove_dir_all(&place));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_step_in_order() {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        assert!(SUBCOMMAND.about.ends_with(&names.join(" ")));
    }

    #[test]
    fn steps_run_in_the_order_asked_for() {
        let names = ["tidy".to_owned(), "fmt".to_owned()];
        let steps: Vec<&str> = chosen(&names).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(steps, ["tidy", "fmt"]);
        assert!(chosen(&["nothing".to_owned()]).is_err());
    }
}
