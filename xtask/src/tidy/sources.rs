//! Rules about Rust files.

use super::Findings;
use super::tree::{File, Tree};
use crate::rust_source::{RustSource, line_of};

/// The comment that lets a test sleep, before the reason.
const ALLOW_SLEEP: &str = "// tidy: allow-sleep ";

/// Every file says what it is for.
pub(super) fn file_docs(tree: &Tree, findings: &mut Findings) {
    for (file, _) in tree.rust() {
        let readme = file.name() == "lib.rs" && file.text.starts_with("#![doc");
        if !readme && !file.text.starts_with("//!") {
            findings.add(&file.path, 1, "start with `//!` and say what the file is for");
        }
    }
}

/// A file is named for what it holds.
pub(super) fn file_names(tree: &Tree, findings: &mut Findings) {
    for (file, _) in tree.rust() {
        match file.name() {
            "mod.rs" => findings.add(&file.path, 1, "name the file after the module, beside its directory"),
            "util.rs" | "utils.rs" | "helper.rs" | "helpers.rs" => {
                findings.add(&file.path, 1, "name the file after what it does");
            }
            _ => {}
        }
    }
}

/// A test that does not run, or passes by failing, proves nothing.
pub(super) fn skipped_tests(tree: &Tree, findings: &mut Findings) {
    everywhere(tree, "#[ignore", findings, "run the test, or remove it");
    everywhere(tree, "#[should_panic", findings, "return an error and check it");
}

/// Nothing is left for later.
pub(super) fn unfinished(tree: &Tree, findings: &mut Findings) {
    everywhere(tree, "todo!(", findings, "write it");
    everywhere(tree, "unimplemented!(", findings, "write it");
}

fn everywhere(tree: &Tree, wanted: &str, findings: &mut Findings, advice: &str) {
    for (file, source) in tree.rust() {
        for at in source.find(wanted) {
            findings.add(&file.path, line_of(&file.text, at), advice);
        }
    }
}

/// A test that sleeps is slow on a good day and wrong on a bad one.
pub(super) fn sleeping_tests(tree: &Tree, findings: &mut Findings) {
    for (file, source) in tree.rust() {
        for at in ["thread::sleep", "time::sleep"].into_iter().flat_map(|wanted| source.find(wanted)) {
            let line = line_of(&file.text, at);
            if (file.is_test() || source.is_test(at)) && !is_allowed(file, source, line) {
                let advice = format!("wait for the event, use virtual time, or say why not: `{ALLOW_SLEEP}<reason>`");
                findings.add(&file.path, line, advice);
            }
        }
    }
}

/// Whether the line, or the one above it, ends in the comment that allows a sleep and gives a reason.
fn is_allowed(file: &File, source: &RustSource, line: usize) -> bool {
    source.comments.iter().filter_map(|range| Some((range.start, file.text.get(range.clone())?))).any(
        |(at, comment)| {
            let beside = line_of(&file.text, at);
            let reason = comment.strip_prefix(ALLOW_SLEEP).map(str::trim);
            (beside == line || beside + 1 == line) && reason.is_some_and(|reason| !reason.is_empty())
        },
    )
}

/// The Rust files of more lines than this.
pub(super) fn long_files(tree: &Tree, limit: usize) -> Vec<(&str, usize)> {
    let lengths = tree.rust().map(|(file, _)| (file.path.as_str(), file.lines().count()));
    lengths.filter(|(_, lines)| *lines > limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::findings;

    #[test]
    fn files_start_with_their_purpose() {
        let files = [
            ("a/lib.rs", "#![doc = include_str!(\"../README.md\")]"),
            ("a/b.rs", "//! B."),
            ("a/c.rs", "// C.\n//! C."),
            ("a/d.rs", "#![doc = \"D.\"]"),
        ];
        assert_eq!(findings(file_docs, &files).len(), 2);
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        assert_eq!(findings(file_names, &[("a/mod.rs", ""), ("a/utils.rs", ""), ("a/utility.rs", "")]).len(), 2);
    }

    #[test]
    fn tests_run() {
        let text = "// #[ignore]\n#[ignore = \"slow\"]\n#[should_panic]\nlet a = \"#[ignore]\";\n";
        let found = findings(skipped_tests, &[("a/b.rs", text)]);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a/b.rs:2:"));
        assert_eq!(findings(unfinished, &[("a/b.rs", "fn a() { todo!() }\n// todo!()")]).len(), 1);
    }

    #[test]
    fn only_tests_must_not_sleep() {
        let text = "fn a() { std::thread::sleep(b); }\n#[cfg(test)]\nmod tests {\n  fn c() { thread::sleep(d); }\n}\n";
        let found = findings(sleeping_tests, &[("crates/x/src/a.rs", text)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/x/src/a.rs:4:"));
        let text = "tokio::time::sleep(a).await; // tidy: allow-sleep the clock is what is tested\n\
                    tokio::time::sleep(b).await; // tidy: allow-sleep \n";
        let found = findings(sleeping_tests, &[("tests/suites/a.rs", text)]);
        assert_eq!(found.len(), 0, "the line below an allowed one: {found:?}");
        let text = "\ntokio::time::sleep(b).await; // tidy: allow-sleep \n";
        assert_eq!(findings(sleeping_tests, &[("tests/suites/a.rs", text)]).len(), 1);
    }

    #[test]
    fn long_files_are_listed() {
        let tree = Tree::sample(&[("a.rs", "1\n2\n3\n"), ("b.rs", "1\n"), ("c.md", "1\n2\n3\n")]);
        assert_eq!(long_files(&tree, 2), [("a.rs", 3)]);
    }
}
