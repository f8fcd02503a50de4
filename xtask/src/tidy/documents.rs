//! Rules about what is written for people.

use std::collections::BTreeSet;

use super::Findings;
use super::tree::{File, Tree};
use crate::rust_source::{closing, line_of, words};

/// The page that describes every stored table.
const TABLES: &str = "docs/tables.md";

/// An example that is not compiled goes stale.
pub(super) fn ignored_examples(tree: &Tree, findings: &mut Findings) {
    for file in &tree.files {
        let rust = file.rust.is_some();
        if !rust && !file.path.ends_with(".md") {
            continue;
        }
        for (line, text) in file.lines() {
            let comment = text.trim_start();
            let prose =
                if rust { comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!")) } else { Some(comment) };
            let info = prose.and_then(|prose| prose.trim_start().strip_prefix("```"));
            if info.is_some_and(|info| words(info, "ignore").next().is_some()) {
                findings.add(
                    &file.path,
                    line,
                    "make the example compile; `no_run` if it cannot run, `text` if it is no code",
                );
            }
        }
    }
}

/// A link to a file leads to a file.
pub(super) fn links(tree: &Tree, findings: &mut Findings) {
    let directories: BTreeSet<&str> = tree.files.iter().flat_map(|file| parents(&file.path)).collect();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in link_targets(file) {
            let path = resolve(&file.path, target);
            let exists = |path: &str| tree.file(path).is_some() || directories.contains(path) || path.is_empty();
            if !path.as_deref().is_some_and(exists) {
                findings.add(&file.path, line, format!("`{target}` is no file of this repository"));
            }
        }
    }
}

fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// The targets of the links that look like files, outside of code.
fn link_targets(file: &File) -> Vec<(usize, &str)> {
    let mut targets = Vec::new();
    let mut fenced = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let inline = line
                .match_indices("](")
                .filter_map(|(at, _)| line.get(at + 2..)?.split_once(')'))
                .map(|(target, _)| target);
            let defined =
                line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
            let targets_here = inline.chain(defined).filter_map(|target| target.split([' ', '#']).next());
            targets.extend(targets_here.filter(|target| is_path(target)).map(|target| (number, target)));
        }
    }
    targets
}

/// Whether a link's target is a path, and no address and no name of a Rust item.
fn is_path(target: &str) -> bool {
    let address = target.contains("://") || target.starts_with("mailto:");
    let item = target.contains("::") || target.contains(['<', '>', '`', '(', '!']);
    !address && !item && (target.contains(['/', '.']) || target.starts_with("LICENSE"))
}

/// The path of a link's target from the root; none when it leaves the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// What is stored is a contract with other languages: every table and column is described.
pub(super) fn tables(tree: &Tree, findings: &mut Findings) {
    let page = tree.file(TABLES).map_or("", |file| &file.text);
    for package in tree.packages.iter().filter(|package| package.publishable) {
        let section = section(page, &package.name);
        let sources = format!("{}/src", package.directory);
        for file in tree.below(&sources).filter(|file| matches!(file.name(), "sql.rs" | "schema.sql")) {
            for (at, name) in stored_names(file) {
                if words(section, name).next().is_none() {
                    findings.add(
                        &file.path,
                        line_of(&file.text, at),
                        format!("describe `{name}` of {} in {TABLES}", package.name),
                    );
                }
            }
        }
    }
}

/// The part of the page under the heading that names the crate; the whole page when none does.
fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let heading = |line: &str| line.starts_with("## ") || line.starts_with("# ");
    let mut start = None;
    let mut at = 0;
    for line in page.split_inclusive('\n') {
        if let Some(start) = start.filter(|_| heading(line)) {
            return page.get(start..at).unwrap_or(page);
        }
        if heading(line) && words(line, name).next().is_some() {
            start = Some(at);
        }
        at += line.len();
    }
    start.and_then(|start| page.get(start..)).unwrap_or(page)
}

/// The tables and columns in the CREATE TABLE and ADD COLUMN texts of a file; names that are filled in later are left
/// out.
fn stored_names(file: &File) -> Vec<(usize, &str)> {
    let text = without_comments(file);
    let upper = text.to_ascii_uppercase();
    let mut names = Vec::new();
    for at in words(&upper, "CREATE TABLE") {
        let Some(open) = text.get(at..).and_then(|rest| rest.find('(')).map(|open| at + open) else {
            continue;
        };
        let end = closing(&text, open).saturating_sub(1);
        let head = at + "CREATE TABLE".len()..open;
        let mut words = file.text.get(head).unwrap_or_default().split_whitespace();
        names.extend(words.next_back().map(|name| (at, name)));
        for start in columns(&text, open + 1, end) {
            names.extend(
                file.text.get(start..end).and_then(|column| column.split_whitespace().next()).map(|name| (start, name)),
            );
        }
    }
    for at in words(&upper, "ADD COLUMN") {
        let rest = file.text.get(at + "ADD COLUMN".len()..).unwrap_or_default();
        names.extend(rest.split_whitespace().next().map(|name| (at, name)));
    }
    let plain = names
        .into_iter()
        .map(|(at, name)| (at, name.trim_matches(|c| matches!(c, '"' | '\\' | '`' | '[' | ']' | ',' | ')' | ';'))));
    plain.filter(|(_, name)| !name.is_empty() && !name.contains(['{', '}', '?', '$'])).collect()
}

/// Where the columns of a table's definition start; its constraints are left out.
fn columns(text: &str, from: usize, end: usize) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut start = from;
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().take(end + 1).skip(from) {
        match byte {
            b'(' => depth += 1,
            b')' if at < end => depth = depth.saturating_sub(1),
            _ if (byte == b',' && depth == 0) || at == end => {
                let column = text.get(start..at).unwrap_or_default();
                let blank = column.len() - column.trim_start_matches(|c: char| c.is_whitespace() || c == '\\').len();
                let first =
                    column.split(|c: char| c.is_whitespace() || c == '(' || c == '\\').find(|word| !word.is_empty());
                let constraint = first.is_some_and(|word| {
                    ["PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "CONSTRAINT"]
                        .iter()
                        .any(|name| word.eq_ignore_ascii_case(name))
                });
                if first.is_some() && !constraint {
                    starts.push(start + blank);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    starts
}

/// The text with the comments of both languages blanked out, of the same length.
fn without_comments(file: &File) -> String {
    let mut bytes = file.text.as_bytes().to_vec();
    let mut blank = |range: std::ops::Range<usize>| {
        let inside = bytes.get_mut(range).unwrap_or_default();
        inside.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    };
    for range in file.rust.iter().flat_map(|source| &source.comments) {
        blank(range.clone());
    }
    for (at, _) in file.text.match_indices("--") {
        let rest = file.text.get(at..).unwrap_or_default();
        blank(at..at + rest.find(['\n', '"']).unwrap_or(rest.len()));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::findings;

    #[test]
    fn examples_are_compiled() {
        let files = [
            ("a.rs", "/// ```rust,ignore\n/// ```\n//! ```no_run\nlet a = \"```ignore\";"),
            ("b.md", "```ignore\n```\nsay `rust,ignore`\n```toml\n"),
        ];
        assert_eq!(findings(ignored_examples, &files).len(), 2);
    }

    #[test]
    fn links_lead_somewhere() {
        let text = "[a](b.md#x) [c](../LICENSE-MIT) [d](https://e.f/g.md) [h](crate::I) [j](missing.md)\n[k]: docs/l.md\n[m]: Database\n```\n[n](o.md)\n```\n[p](../q) [r](../../../s.md)";
        let found = findings(links, &[("a/a.md", text), ("a/b.md", ""), ("LICENSE-MIT", ""), ("q/t.rs", "")]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].contains("missing.md") && found[1].contains("docs/l.md") && found[2].contains("../../../s.md")
        );
    }

    const SQL: &str = "const A: &str = \"\\\n  CREATE TABLE IF NOT EXISTS {messages} (\n    id INTEGER PRIMARY KEY, -- the order, always\n    \\\"data\\\" TEXT NOT NULL CHECK (length(data) > 0),\n    at TEXT DEFAULT (f(1, 2)),\n    PRIMARY KEY (id, at)\n  )\";\nconst B: &str = \"CREATE TABLE side(one TEXT, two TEXT)\";\nconst C: &str = \"ALTER TABLE side ADD COLUMN later TEXT\";\n";

    #[test]
    fn stored_names_are_found() {
        let tree = Tree::sample(&[("crates/persql-x/src/sql.rs", SQL)]);
        let names: Vec<&str> = stored_names(&tree.files[0]).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["id", "data", "at", "side", "one", "two", "later"]);
    }

    #[test]
    fn tables_are_described_under_their_crate() {
        let page = "# Tables\n## persql-x\n`id` `data` `at` `side` `one` `two`\n### More\nlater\n## persql-y\n";
        assert!(findings(tables, &[("crates/persql-x/src/sql.rs", SQL), (TABLES, page)]).is_empty());
        let page = page.replace("later", "").replace("persql-y\n", "persql-y\nlater");
        let found = findings(tables, &[("crates/persql-x/src/sql.rs", SQL), (TABLES, &page)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`later`"));
    }
}
