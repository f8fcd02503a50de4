//! Rules about what belongs where.

use super::Findings;
use super::tree::{File, Tree};
use crate::rust_source::line_of;

/// Where in the crates SQL may be written besides the files named `sql.rs`: what runs SQLite itself.
const SQL_PLACES: [&str; 2] = ["crates/persql-core/src/local", "crates/persql-server/"];

/// What follows the first word of a statement when that word is not in capitals, as in English it may not be.
const STATEMENTS: [(&str, &[&str]); 9] = [
    ("select", &[" from "]),
    ("insert", &[" into ", "insert or "]),
    ("update", &[" set "]),
    ("delete", &["delete from "]),
    (
        "create",
        &["create table ", "create index ", "create unique ", "create trigger ", "create view ", "create virtual "],
    ),
    ("with", &[" as (", " as materialized", " as not materialized"]),
    ("alter", &["alter table "]),
    ("drop", &["drop table ", "drop index ", "drop trigger ", "drop view "]),
    ("pragma", &["pragma "]),
];

/// All SQL of a crate is in one file, where it can be read and measured.
pub(super) fn sql(tree: &Tree, findings: &mut Findings) {
    for (file, source) in tree.rust() {
        let allowed = file.name() == "sql.rs" || SQL_PLACES.iter().any(|place| file.path.starts_with(place));
        if allowed || file.is_test() || !file.path.starts_with("crates/") {
            continue;
        }
        for range in source.literals.iter().filter(|range| !source.is_test(range.start)) {
            if file.text.get(range.clone()).is_some_and(is_statement) {
                findings.add(&file.path, line_of(&file.text, range.start), "move the SQL to sql.rs and name it");
            }
        }
    }
}

/// Whether a literal begins like an SQL statement.
fn is_statement(literal: &str) -> bool {
    let text = literal.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
    let Some((first, _)) = text.split_once(char::is_whitespace) else {
        return false;
    };
    let lower = text.to_ascii_lowercase();
    let Some((_, followers)) = STATEMENTS.iter().find(|(word, _)| first.eq_ignore_ascii_case(word)) else {
        return false;
    };
    let capitals = !first.contains(|c: char| c.is_ascii_lowercase());
    capitals || followers.iter().any(|follower| lower.contains(follower))
}

/// The files that fit an adapter to a framework's Rust port: its traits are asynchronous.
const PORTS: [&str; 4] = ["agent_framework", "langgraph", "openai_agents", "strands_agents"];

/// What an adapter must not contain: it makes plans, and the handle does the rest.
const NOT_IN_ADAPTERS: [&str; 6] = [".await", "async fn", "std::thread", "Mutex", "RwLock", "std::fs"];

/// An adapter does no I/O, waits for nothing and locks nothing.
pub(super) fn adapters(tree: &Tree, findings: &mut Findings) {
    for package in tree.packages.iter().filter(|package| package.is_adapter()) {
        let sources = format!("{}/src", package.directory);
        for file in tree.below(&sources).filter(|file| !file.is_test() && !is_port(file)) {
            let Some(source) = &file.rust else { continue };
            for wanted in NOT_IN_ADAPTERS {
                for at in source.find(wanted).filter(|&at| !source.is_test(at)) {
                    let advice = format!("an adapter has no `{wanted}`: make it a plan, or a part of the core");
                    findings.add(&file.path, line_of(&file.text, at), advice);
                }
            }
        }
    }
}

fn is_port(file: &File) -> bool {
    file.path.split('/').any(|part| PORTS.contains(&part.trim_end_matches(".rs")))
}

/// Databases are made by tests, and stay where tests make them.
pub(super) fn databases(tree: &Tree, findings: &mut Findings) {
    for file in &tree.files {
        let name = file.name();
        let database = [".db", ".sqlite", ".sqlite3"].iter().any(|end| {
            let end_of = |suffix: &str| name.ends_with(&format!("{end}{suffix}"));
            end_of("") || end_of("-wal") || end_of("-shm") || end_of("-journal")
        });
        if database {
            findings.add(&file.path, 1, "remove the file, and let the test make it in a temporary directory");
        }
    }
}

/// Where people and build machines keep their files; in two parts, so that this file passes its own check.
const MACHINES: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// What is committed works on any machine.
pub(super) fn machine_paths(tree: &Tree, findings: &mut Findings) {
    for file in &tree.files {
        for (line, text) in file.lines() {
            // The same letters inside a longer path are a directory of the repository.
            let absolute = |at: usize| {
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '~' | '*'))
            };
            if MACHINES.iter().any(|path| text.match_indices(path).any(|(at, _)| absolute(at))) {
                findings.add(&file.path, line, "make the path relative to the workspace");
            }
        }
    }
}

/// The machines behind the package registries.
const HOSTS: [&str; 6] = [
    concat!("crates", ".io/api"),
    concat!("static.crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("files.python", "hosted.org"),
    concat!("registry.npm", "js.org"),
    concat!("pypi", ".org"),
];

/// Packages come through cargo, pip and npm, which know where their registries are.
pub(super) fn registry_hosts(tree: &Tree, findings: &mut Findings) {
    for file in &tree.files {
        for (line, text) in file.lines() {
            if let Some(host) = HOSTS.iter().find(|host| text.contains(**host)) {
                findings.add(&file.path, line, format!("do not name `{host}`: go through the package manager"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::findings;

    #[test]
    fn sql_is_known_from_english() {
        for text in
            ["SELECT 1", "\n  INSERT INTO a", "delete from a where b", "with a as (select 1) select b", "\\\n PRAGMA x"]
        {
            assert!(is_statement(text), "{text}");
        }
        for text in [
            "Select a model",
            "with care",
            "delete the file",
            "create a session",
            "SELECT",
            "Update of a session",
            "dropped",
        ] {
            assert!(!is_statement(text), "{text}");
        }
    }

    #[test]
    fn sql_stays_in_its_file() {
        let text = "/// `SELECT 1 FROM a`\nconst A: &str = \"SELECT 1 FROM a\";\n#[cfg(test)]\nmod tests { const B: &str = \"DROP TABLE a\"; }";
        let found = findings(
            sql,
            &[
                ("crates/persql-x/src/plan.rs", text),
                ("crates/persql-x/src/sql.rs", text),
                ("crates/persql-core/src/local/open.rs", text),
                ("tests/suites/x.rs", text),
            ],
        );
        assert_eq!(found, ["crates/persql-x/src/plan.rs:2: move the SQL to sql.rs and name it"]);
    }

    #[test]
    fn adapters_are_pure() {
        let text = "//! `.await` and Mutex\nuse std::sync::Mutex;\nasync fn a() { b.await }\n#[cfg(test)]\nmod tests { use std::fs; }";
        let found = findings(
            adapters,
            &[
                ("crates/persql-x/src/plan.rs", text),
                ("crates/persql-x/src/openai_agents.rs", text),
                ("crates/persql-x/src/langgraph/saver.rs", text),
                ("crates/persql-x/examples/a.rs", text),
                ("crates/persql-core/src/a.rs", text),
            ],
        );
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|line| line.starts_with("crates/persql-x/src/plan.rs:")));
    }

    #[test]
    fn databases_stay_out() {
        let found = findings(
            databases,
            &[("a.db", ""), ("b/c.sqlite3-wal", ""), ("d.sqlite", ""), ("db.rs", ""), ("a.db.md", "")],
        );
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn machines_and_registries_are_not_named() {
        let text = format!("see {}x\ndocs{}y\ncrates.io\nhttps://{}/z\n", MACHINES[1], MACHINES[1], HOSTS[5]);
        assert_eq!(findings(machine_paths, &[("a.md", &text)]).len(), 1);
        let found = findings(registry_hosts, &[("a.md", &text)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a.md:4:"));
    }
}
