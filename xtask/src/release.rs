//! `cargo xtask release`: what would be released, and whether it is ready.

use std::collections::BTreeSet;

use crate::command::{Arguments, Subcommand};
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::process::{capture, git};
use crate::stated::{Version, changelog_section, dependency_lines};
use crate::workspace::{Package, Workspace};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "release",
    operands: "status | check <crate>",
    about: "Show what is unreleased, or check that a crate's version, changelog, README and dependants agree",
    flags: &[],
    run: command,
};

fn command(arguments: &Arguments) -> Outcome {
    let operands: Vec<&str> = arguments.operands().iter().map(String::as_str).collect();
    match operands.as_slice() {
        ["status"] => status(&Workspace::load()?),
        ["check", name] => {
            let workspace = Workspace::load()?;
            let package = workspace.publishable().find(|package| package.name == *name);
            let package =
                package.ok_or_else(|| Failure::Usage(format!("release: there is no published crate `{name}`")))?;
            check(&workspace, package)
        }
        _ => Err(Failure::Usage("release: say `status`, or `check` and a crate".to_owned())),
    }
}

fn status(workspace: &Workspace) -> Outcome {
    println!("{:<24} {:<10} {:<34} {:>8} {:>11}", "crate", "version", "last tag", "commits", "unreleased");
    for package in workspace.publishable() {
        let tag = last_tag(workspace, package);
        let commits = commits_since(workspace, package, tag.as_deref());
        let changelog = files::read(&workspace.root.join(&package.directory).join("CHANGELOG.md")).unwrap_or_default();
        let unreleased = changelog_section(&changelog, "Unreleased").map_or(0, |lines| lines.len());
        let tag = tag.as_deref().unwrap_or("none");
        println!("{:<24} {:<10} {tag:<34} {commits:>8} {unreleased:>11}", package.name, package.version);
    }
    Ok(())
}

/// The newest tag `<crate>-v*`; none when there is none, or no git.
fn last_tag(workspace: &Workspace, package: &Package) -> Option<String> {
    let pattern = format!("{}-v*", package.name);
    let tags = capture(git(&workspace.root).args(["tag", "--list", "--sort=-version:refname", &pattern])).ok()?;
    tags.lines().next().map(str::to_owned)
}

/// How many commits touched the crate since the tag, or ever; none when nothing is committed yet.
fn commits_since(workspace: &Workspace, package: &Package, tag: Option<&str>) -> usize {
    let range = tag.map_or_else(|| "HEAD".to_owned(), |tag| format!("{tag}..HEAD"));
    let log = capture(git(&workspace.root).args(["log", "--format=%h", &range, "--", &package.directory]));
    log.map_or(0, |log| log.lines().count())
}

fn check(workspace: &Workspace, package: &Package) -> Outcome {
    let directory = workspace.root.join(&package.directory);
    let changelog = files::read(&directory.join("CHANGELOG.md")).unwrap_or_default();
    let readme = files::read(&directory.join("README.md")).unwrap_or_default();
    let mut complaints = Vec::new();
    if changelog_section(&changelog, &package.version).is_none_or(|lines| lines.is_empty()) {
        complaints.push(format!("CHANGELOG.md says nothing under `## [{}]`", package.version));
    }
    complaints.extend(readme_complaints(package, &readme));
    complaints.extend(dependant_complaints(&workspace.packages, package));
    for complaint in &complaints {
        println!("{} {}: {complaint}", package.name, package.version);
    }
    println!("publishing order:");
    for name in publishing_order(workspace.publishable())? {
        println!("  {name}{}", if name == package.name { "   <- this one" } else { "" });
    }
    if complaints.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

fn readme_complaints(package: &Package, readme: &str) -> Vec<String> {
    let lines = dependency_lines(readme, &package.name);
    if lines.is_empty() {
        return vec![format!("README.md shows no line `{} = \"…\"`", package.name)];
    }
    let wrong = lines.into_iter().filter(|(_, stated)| !admits(stated, &package.version));
    wrong.map(|(line, stated)| format!("README.md line {line} says {stated}")).collect()
}

fn dependant_complaints(packages: &[Package], package: &Package) -> Vec<String> {
    let mut complaints = Vec::new();
    for dependant in packages.iter().filter(|dependant| dependant.publishable) {
        for dependency in dependant.dependencies.iter().filter(|dependency| dependency.name == package.name) {
            // A development dependency by path alone is right: it is left out of what is published.
            let by_path = dependency.development && dependency.requirement == "*";
            if !by_path && !admits(dependency.requirement.trim_start_matches('^'), &package.version) {
                complaints.push(format!("{} asks for {}", dependant.name, dependency.requirement));
            }
        }
    }
    complaints
}

/// Whether a floor as written admits the version; what is no plain floor does not.
fn admits(floor: &str, version: &str) -> bool {
    Version::parse(floor).zip(Version::parse(version)).is_some_and(|(floor, version)| floor.admits(version))
}

/// The crates so that each comes after those it needs.
fn publishing_order<'a>(packages: impl Iterator<Item = &'a Package>) -> Outcome<Vec<&'a str>> {
    let mut waiting: Vec<&Package> = packages.collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let names: BTreeSet<&str> = waiting.iter().map(|package| package.name.as_str()).collect();
        let needs = |package: &Package| {
            let own = |name: &str| names.contains(name) && name != package.name;
            package.dependencies.iter().any(|dependency| !dependency.development && own(&dependency.name))
        };
        let (blocked, ready): (Vec<&Package>, Vec<&Package>) = waiting.iter().partition(|package| needs(package));
        if ready.is_empty() {
            return Err(Failure::Failed("the crates depend on each other in a circle".to_owned()));
        }
        order.extend(ready.iter().map(|package| package.name.as_str()));
        waiting = blocked;
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_published_first() {
        let packages = [
            Package::sample("persql-agents", "0.1.0", &[("persql-core", "^0.1.0"), ("serde", "^1")]),
            Package::sample("persql-core", "0.1.0", &[]),
            Package::sample("persql-server", "0.1.0", &[("persql-agents", "^0.1.0")]),
        ];
        assert_eq!(publishing_order(packages.iter()).unwrap(), ["persql-core", "persql-agents", "persql-server"]);
    }

    #[test]
    fn a_circle_is_refused() {
        let packages =
            [Package::sample("a", "0.1.0", &[("b", "^0.1")]), Package::sample("b", "0.1.0", &[("a", "^0.1")])];
        assert!(publishing_order(packages.iter()).is_err());
    }

    #[test]
    fn dependants_must_admit_the_version() {
        let packages = [
            Package::sample("good", "0.1.0", &[("persql-core", "^0.2.0")]),
            Package::sample("old", "0.1.0", &[("persql-core", "^0.1.0")]),
            Package::sample("pinned", "0.1.0", &[("persql-core", "=0.2.0")]),
        ];
        let core = Package::sample("persql-core", "0.2.0", &[]);
        let complaints = dependant_complaints(&packages, &core);
        assert_eq!(complaints, ["old asks for ^0.1.0", "pinned asks for =0.2.0"]);
    }

    #[test]
    fn the_readme_must_show_the_version() {
        let package = Package::sample("persql-x", "0.2.0", &[]);
        assert!(readme_complaints(&package, "persql-x = \"0.2\"").is_empty());
        assert_eq!(readme_complaints(&package, "persql-x = \"0.1\"").len(), 1);
        assert_eq!(readme_complaints(&package, "nothing").len(), 1);
    }
}
