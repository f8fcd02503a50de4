//! `cargo xtask resolve`: can our crates be installed beside the others that use SQLite?
//!
//! `links = "sqlite3"` allows one SQLite in a dependency graph, and every crate that uses it admits only some versions.
//! Nothing is compiled: cargo only has to find versions that go together.

use std::path::Path;

use crate::command::{Arguments, Subcommand};
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::process::{capture, cargo};
use crate::workspace::Workspace;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "resolve",
    operands: "",
    about: "Resolve an adapter beside other crates that use SQLite, and show which rusqlite each allows",
    flags: &[],
    run: command,
};

/// The crate that stands for all: they ask for SQLite through the same core.
const ADAPTER: &str = "persql-agents-session";

/// One row: a name, and the dependencies beside ours.
struct Row {
    name: &'static str,
    beside: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row { name: "alone", beside: &[] },
    Row { name: "sqlx-0.8", beside: &[r#"sqlx = { version = "0.8", features = ["sqlite"] }"#] },
    Row { name: "sqlx-0.9", beside: &[r#"sqlx = { version = "0.9", features = ["sqlite"] }"#] },
    Row { name: "adk-session-2", beside: &[r#"adk-session = { version = "2", features = ["sqlite"] }"#] },
    Row { name: "rig-sqlite-0.46", beside: &[r#"rig-sqlite = "0.46""#] },
    Row { name: "graph-flow-0.8", beside: &[r#"graph-flow = "0.8""#] },
    Row {
        name: "tokio-rusqlite-0.8-and-deadpool-sqlite-0.14",
        beside: &[r#"tokio-rusqlite = "0.8""#, r#"deadpool-sqlite = "0.14""#],
    },
];

fn command(arguments: &Arguments) -> Outcome {
    if let Some(more) = arguments.operands().first() {
        return Err(Failure::Usage(format!("resolve: takes no argument, what is `{more}`?")));
    }
    let workspace = Workspace::load()?;
    let package = workspace.package(ADAPTER).ok_or_else(|| Failure::Failed(format!("there is no {ADAPTER} yet")))?;
    let adapter = workspace.root.join(&package.directory);
    let mut failed = 0;
    for row in ROWS {
        match resolve(&workspace.target.join("resolve").join(row.name), &adapter, row) {
            Ok(versions) => println!("{:<46} {versions}", row.name),
            Err(Failure::Failed(message)) => {
                println!("{:<46} does not resolve", row.name);
                eprintln!("{message}\n");
                failed += 1;
            }
            Err(other) => return Err(other),
        }
    }
    println!("\n{} passed, {failed} failed", ROWS.len() - failed);
    if failed == 0 { Ok(()) } else { Err(Failure::Reported) }
}

/// Writes the row's package, lets cargo choose, and tells what it chose.
fn resolve(directory: &Path, adapter: &Path, row: &Row) -> Outcome<String> {
    files::write_if_changed(&directory.join("Cargo.toml"), manifest(adapter, row).as_bytes())?;
    files::write_if_changed(&directory.join("src/lib.rs"), b"//! Nothing: only the dependencies matter.\n")?;
    // Versions are what is asked about, not compilers: some of these crates want a newer one than ours.
    capture(cargo(directory).args(["generate-lockfile", "--ignore-rust-version"]))?;
    let lock = files::read(&directory.join("Cargo.lock"))?;
    let rusqlite = locked(&lock, "rusqlite").ok_or_else(|| Failure::Failed(format!("{}: no rusqlite", row.name)))?;
    let sys = locked(&lock, "libsqlite3-sys").unwrap_or("none");
    Ok(format!("rusqlite {rusqlite}, libsqlite3-sys {sys}"))
}

fn manifest(adapter: &Path, row: &Row) -> String {
    // An empty `[workspace]` keeps cargo from looking for ours in the directories above.
    format!(
        "[package]\nname = \"resolve\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\n{ADAPTER} = {{ path = {:?} }}\n{}\n",
        adapter.display().to_string(),
        row.beside.join("\n")
    )
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let line = format!("name = \"{name}\"\nversion = \"");
    lock.split_once(&line)?.1.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_version_is_read_from_the_lock_file() {
        let lock = "[[package]]\nname = \"rusqlite-x\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"rusqlite\"\nversion = \"0.39.0\"\n";
        assert_eq!(locked(lock, "rusqlite"), Some("0.39.0"));
        assert_eq!(locked(lock, "libsqlite3-sys"), None);
    }

    #[test]
    fn a_row_is_a_package_of_its_own() {
        let text = manifest(Path::new("/a/b"), &ROWS[1]);
        assert!(text.contains("[workspace]") && text.contains("path = \"/a/b\"") && text.contains("sqlx"));
    }
}
