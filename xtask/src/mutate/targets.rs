//! Where the SQL texts are: the literals of every `sql.rs`, and the statements of the files it includes.

use std::ops::Range;
use std::path::Path;

use super::mutations::{self, Mutation};
use crate::failure::Outcome;
use crate::files;
use crate::rust_source::{RustSource, in_word, words};

/// The comment above a text that names a change which makes no difference, with the reason.
pub(crate) const ACCEPTED: &str = "mutation-accepted: ";

/// One text to change.
#[derive(Debug)]
pub(crate) struct Target {
    /// The file it stands in, relative to the root.
    pub(crate) file: String,
    /// The constant's name; `NAME[1]` for the second literal of one.
    pub(crate) name: String,
    pub(crate) text: String,
    range: Range<usize>,
    /// The comments between the item before and the literal.
    comments: String,
}

impl Target {
    /// The file's text with the change.
    pub(crate) fn apply(&self, file: &str, mutation: &Mutation) -> Option<String> {
        let start = self.range.start + mutation.range.start;
        let end = self.range.start + mutation.range.end;
        if file.get(self.range.clone()) != Some(&self.text) {
            return None;
        }
        Some(format!("{}{}{}", file.get(..start)?, mutation.replacement, file.get(end..)?))
    }

    /// Whether a comment says that this change makes no difference.
    pub(crate) fn accepts(&self, mutation: &str) -> bool {
        self.comments.lines().filter_map(|line| line.split_once(ACCEPTED)).any(|(_, rest)| rest.starts_with(mutation))
    }
}

/// The texts of a package.
pub(crate) fn of_package(root: &Path, directory: &str) -> Outcome<Vec<Target>> {
    let mut found = Vec::new();
    files::walk(&root.join(directory).join("src"), &format!("{directory}/src/"), &mut found)?;
    found.retain(|file| file.ends_with("/sql.rs"));
    found.sort();
    let mut targets = Vec::new();
    for file in found {
        let text = files::read(&root.join(&file))?;
        for target in in_rust(&file, &text) {
            match included(&target, &text) {
                Some(path) => {
                    let statements = files::read(&root.join(&path))?;
                    targets.extend(in_sql(&path, &statements));
                }
                None if mutations::is_sql(&target.text) => targets.push(target),
                None => {}
            }
        }
    }
    Ok(targets)
}

/// Every literal outside tests and attributes, with the name of the item it is in.
fn in_rust(file: &str, text: &str) -> Vec<Target> {
    let source = RustSource::new(text);
    let items = item_starts(&source.code);
    let mut targets: Vec<Target> = Vec::new();
    for range in source.literals.iter().filter(|range| !source.is_test(range.start)) {
        let Some((start, item)) = items.iter().rev().find(|(start, _)| *start < range.start) else {
            continue;
        };
        let earlier = targets.iter().filter(|target| target.name.split('[').next() == Some(item)).count();
        // The comments of an item stand before it, behind the end of the item before.
        let code = source.code.get(..*start).unwrap_or_default();
        let previous = code.rfind([';', '}']).unwrap_or(0);
        let comments = source.comments.iter().filter(|comment| comment.start >= previous && comment.end <= range.start);
        targets.push(Target {
            file: file.to_owned(),
            name: if earlier == 0 { item.clone() } else { format!("{item}[{earlier}]") },
            text: text.get(range.clone()).unwrap_or_default().to_owned(),
            range: range.clone(),
            comments: comments.filter_map(|comment| text.get(comment.clone())).collect::<Vec<_>>().join("\n"),
        });
    }
    targets
}

/// Where items with a name begin, in order.
fn item_starts(code: &str) -> Vec<(usize, String)> {
    let mut starts = Vec::new();
    for keyword in ["const ", "static ", "fn "] {
        for at in words(code, keyword) {
            let name: String =
                code.get(at + keyword.len()..).unwrap_or_default().chars().take_while(|&c| in_word(c)).collect();
            if !name.is_empty() && name != "fn" {
                starts.push((at, name));
            }
        }
    }
    starts.sort();
    starts
}

/// The file an `include_str!` around the literal names.
fn included(target: &Target, text: &str) -> Option<String> {
    let before = text.get(..target.range.start)?.trim_end_matches(['"', '#', 'r', ' ', '\n']);
    before.ends_with("include_str!(").then(|| {
        let directory = target.file.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{directory}/{}", target.text)
    })
}

/// The statements of an SQL file.
fn in_sql(file: &str, text: &str) -> Vec<Target> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let mut targets = Vec::new();
    for range in mutations::statements(text) {
        targets.push(Target {
            file: file.to_owned(),
            name: format!("{name}[{}]", targets.len()),
            text: text.get(range.clone()).unwrap_or_default().to_owned(),
            comments: text.get(range.clone()).unwrap_or_default().to_owned(),
            range,
        });
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r##"//! Every SQL text.
/// The default.
pub(crate) const TABLE: &str = "messages";
/// Reads "all".
// mutation-accepted: DESC -> ASC: one row at most
pub(crate) const READ: &str = "SELECT a FROM {t} ORDER BY a DESC";
const DDL: &[&str] = &[r#"CREATE TABLE a ("x" TEXT)"#, "
    CREATE INDEX b ON a (x)"];
const SCHEMA: &str = include_str!("schema.sql");
fn render() { format!("DELETE FROM {}", 1); }
#[cfg(test)]
mod tests { const X: &str = "SELECT 1 FROM a"; }
"##;

    #[test]
    fn every_text_has_its_name() {
        let targets = in_rust("crates/x/src/sql.rs", FILE);
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["TABLE", "READ", "DDL", "DDL[1]", "SCHEMA", "render"]);
        assert_eq!(included(&targets[4], FILE).unwrap(), "crates/x/src/schema.sql");
        assert_eq!(included(&targets[1], FILE), None);
    }

    #[test]
    fn a_change_is_made_in_its_own_place() {
        let targets = in_rust("sql.rs", FILE);
        let mutation = mutations::of(&targets[3].text, false).remove(0);
        let changed = targets[3].apply(FILE, &mutation).unwrap();
        assert_eq!(changed, FILE.replace("CREATE INDEX", "BROKEN INDEX"));
        assert_eq!(targets[3].apply(&changed, &mutation), None);
    }

    #[test]
    fn a_comment_accepts_a_change_of_its_item_only() {
        let targets = in_rust("sql.rs", FILE);
        assert!(targets[1].accepts("DESC -> ASC"));
        assert!(!targets[1].accepts("first word broken"));
        assert!(!targets[2].accepts("DESC -> ASC"));
    }

    #[test]
    fn statements_of_an_included_file_are_apart() {
        let targets =
            in_sql("crates/x/src/schema.sql", "-- a; b\nCREATE TABLE a (x); -- c\nCREATE INDEX b ON a (x);\n");
        assert_eq!(targets.len(), 2);
        assert_eq!(targets[1].name, "schema.sql[1]");
        assert!(targets[1].text.contains("CREATE INDEX") && !targets[0].text.contains("CREATE INDEX"));
    }
}
