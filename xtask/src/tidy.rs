//! `cargo xtask tidy`: the repository's own rules, each one a function that says what to do.

mod coverage;
mod documents;
mod manifests;
mod places;
mod sources;
mod tree;

use std::collections::BTreeSet;

use crate::command::{Arguments, Subcommand};
use crate::failure::{Failure, Outcome};
use crate::workspace::Workspace;

use tree::Tree;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "tidy",
    operands: "[rule...]",
    about: "Check the repository's rules, or only those named; every violation is listed",
    flags: &[],
    run: command,
};

/// A rule: its name, and the function that looks for what breaks it.
struct Rule {
    name: &'static str,
    check: fn(&Tree, &mut Findings),
}

const RULES: &[Rule] = &[
    Rule { name: "lints", check: manifests::lints },
    Rule { name: "package-files", check: manifests::package_files },
    Rule { name: "package-fields", check: manifests::package_fields },
    Rule { name: "readme-first", check: manifests::readme_first },
    Rule { name: "floors", check: manifests::floors },
    Rule { name: "stated-versions", check: manifests::stated_versions },
    Rule { name: "file-docs", check: sources::file_docs },
    Rule { name: "file-names", check: sources::file_names },
    Rule { name: "skipped-tests", check: sources::skipped_tests },
    Rule { name: "unfinished", check: sources::unfinished },
    Rule { name: "sleeping-tests", check: sources::sleeping_tests },
    Rule { name: "sql-place", check: places::sql },
    Rule { name: "adapter-purity", check: places::adapters },
    Rule { name: "databases", check: places::databases },
    Rule { name: "machine-paths", check: places::machine_paths },
    Rule { name: "registry-hosts", check: places::registry_hosts },
    Rule { name: "ignored-examples", check: documents::ignored_examples },
    Rule { name: "links", check: documents::links },
    Rule { name: "tables", check: documents::tables },
    Rule { name: "coverage", check: coverage::methods },
];

/// The files longer than this are listed: not wrong, but worth a thought.
const LONG: usize = 400;

/// What the rules found.
#[derive(Debug, Default)]
struct Findings {
    rule: &'static str,
    lines: BTreeSet<(String, usize, &'static str, String)>,
}

impl Findings {
    /// Notes a violation of the rule that is running.
    fn add(&mut self, path: &str, line: usize, advice: impl Into<String>) {
        self.lines.insert((path.to_owned(), line, self.rule, advice.into()));
    }
}

fn command(arguments: &Arguments) -> Outcome {
    let names = arguments.operands();
    if let Some(unknown) = names.iter().find(|name| !RULES.iter().any(|rule| rule.name == **name)) {
        let known: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
        return Err(Failure::Usage(format!("tidy: there is no rule `{unknown}`, only {}", known.join(" "))));
    }
    check(&Workspace::load()?, names)
}

/// All rules, as CI runs them.
pub(crate) fn check_all(workspace: &Workspace) -> Outcome {
    check(workspace, &[])
}

fn check(workspace: &Workspace, names: &[String]) -> Outcome {
    let tree = Tree::load(workspace)?;
    let mut findings = Findings::default();
    for rule in RULES.iter().filter(|rule| names.is_empty() || names.iter().any(|name| name == rule.name)) {
        findings.rule = rule.name;
        (rule.check)(&tree, &mut findings);
    }
    for (path, line, rule, advice) in &findings.lines {
        println!("{path}:{line}: {rule}: {advice}");
    }
    for (path, lines) in sources::long_files(&tree, LONG) {
        println!("note: {path} has {lines} lines");
    }
    match findings.lines.len() {
        0 => println!("tidy: {} files, nothing to do", tree.files.len()),
        count => {
            println!("tidy: {count} violations");
            return Err(Failure::Reported);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one rule over files given as path and text, with the packages `persql-core` and `persql-x`.
    pub(super) fn findings(rule: fn(&Tree, &mut Findings), files: &[(&str, &str)]) -> Vec<String> {
        let mut findings = Findings { rule: "rule", ..Findings::default() };
        rule(&Tree::sample(files), &mut findings);
        findings.lines.into_iter().map(|(path, line, _, advice)| format!("{path}:{line}: {advice}")).collect()
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }
}
