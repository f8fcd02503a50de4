//! The rule that every method of an adapter is tested somewhere.

use super::Findings;
use super::tree::{File, Tree};
use crate::rust_source::{RustSource, in_word, line_of};

/// The modules that hold an adapter's main types, each a file or a directory.
const MAIN: [&str; 7] = ["lib", "session", "provider", "repository", "manager", "storage", "saver"];

/// Every public method of an adapter's main types is called by its suite, or by a test or an example of its own.
pub(super) fn methods(tree: &Tree, findings: &mut Findings) {
    for package in tree.packages.iter().filter(|package| package.is_adapter()) {
        let calls = test_code(tree, &package.directory, &package.suite());
        let sources = format!("{}/src", package.directory);
        for file in tree.below(&sources).filter(|file| is_main(file, &sources)) {
            let Some(source) = &file.rust else { continue };
            for (at, name) in public_functions(source) {
                if !is_called(&calls, name) {
                    let suite = package.suite();
                    findings.add(
                        &file.path,
                        line_of(&file.text, at),
                        format!("test `{name}` in tests/suites/{suite}.rs"),
                    );
                }
            }
        }
    }
}

/// Whether the file is one of the main modules, or a part of one.
fn is_main(file: &File, sources: &str) -> bool {
    let path = file.path.strip_prefix(sources).unwrap_or_default().trim_start_matches('/');
    path.split(['/', '.']).next().is_some_and(|module| MAIN.contains(&module))
}

/// The code of everything that tests the package, without comments and texts.
fn test_code(tree: &Tree, directory: &str, suite: &str) -> String {
    let suites = format!("tests/suites/{suite}");
    let mut code = String::new();
    for (file, source) in tree.rust() {
        let of_suite = file.path.strip_prefix(&suites).is_some_and(|rest| rest.starts_with(['.', '/', '_']));
        let own = file.path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        if of_suite || (own && file.is_test()) {
            code.push_str(&source.code);
        } else if own {
            let tests = source.tests.iter().filter_map(|range| source.code.get(range.clone()));
            code.extend(tests);
        }
    }
    code
}

/// The names of the functions declared `pub`, and where.
fn public_functions(source: &RustSource) -> impl Iterator<Item = (usize, &str)> {
    source.find("pub").filter(|&at| !source.is_test(at)).filter_map(|at| {
        let rest = source.code.get(at + "pub".len()..)?.trim_start();
        let rest =
            ["const ", "async ", "unsafe "].iter().fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
        let name = rest.strip_prefix("fn ")?.trim_start();
        let name = name.get(..name.find(|c| !in_word(c))?)?;
        Some((at, name))
    })
}

/// Whether the code calls a method or function of this name.
fn is_called(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code.get(..at).unwrap_or_default();
        let after = code.get(at + name.len()..).unwrap_or_default();
        let called = after.starts_with('(') || after.starts_with("::<");
        // Passed by its path, a function is called by whoever takes it.
        let passed = before.ends_with("::") && !after.starts_with(in_word);
        (called && (before.ends_with('.') || before.ends_with("::"))) || passed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::findings;

    const SESSION: &str = "impl S {\n  pub fn one(&self) {}\n  pub const fn two() {}\n  pub(crate) fn three() {}\n  fn four() {}\n  pub fn five<T>() {}\n}\n#[cfg(test)]\nmod tests { pub fn six() { s.one(); } }\n";

    #[test]
    fn a_method_without_a_test_is_named() {
        let suite = ("tests/suites/x_more.rs", "fn a() { S::two(); }\n// s.five()\n");
        let found = findings(methods, &[("crates/persql-x/src/session.rs", SESSION), suite]);
        assert_eq!(found, ["crates/persql-x/src/session.rs:6: test `five` in tests/suites/x.rs"]);
    }

    #[test]
    fn only_the_crates_own_tests_count() {
        let session = ("crates/persql-x/src/session.rs", "pub fn one() {}\n");
        assert_eq!(findings(methods, &[session, ("tests/suites/xylophone.rs", "s.one()")]).len(), 1);
        assert_eq!(findings(methods, &[session, ("crates/persql-x/examples/a.rs", "s.one::<A>()")]).len(), 0);
        assert_eq!(findings(methods, &[session, ("tests/suites/x.rs", "s.one_more()")]).len(), 1);
    }
}
