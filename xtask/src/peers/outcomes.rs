//! How the tests went, and which were not expected to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{modes::Mode, suites::Suite};

/// How the tests of one run went, by name.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    tests: BTreeMap<String, bool>,
}

/// The sums of one row of the table.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) collected: usize,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) not_applicable: usize,
}

impl fmt::Display for Tally {
    /// In columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9}  {:>6}  {:>6}  {:>14}", self.collected, self.passed, self.failed, self.not_applicable)
    }
}

/// What is worth a line of its own, beside the table.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) lines: BTreeSet<String>,
    /// The entries of the list under which a test fell.
    used: BTreeSet<String>,
}

impl Outcomes {
    /// Reads lines of outcome, tab, name. A test that was collected and did not pass has failed: whether it was
    /// skipped, or took the process down with it.
    pub(super) fn parse(results: &str) -> Self {
        let mut tests = BTreeMap::new();
        for (outcome, name) in results.lines().filter_map(|line| line.split_once('\t')) {
            tests.insert(name.to_owned(), outcome == "passed");
        }
        Self { tests }
    }

    /// Counts, and says which tests went otherwise than expected.
    pub(super) fn tally(&self, suite: &Suite, mode: &Mode, listed: &NotApplicable, remarks: &mut Remarks) -> Tally {
        let mut tally = Tally { collected: self.tests.len(), ..Tally::default() };
        for (name, &passed) in &self.tests {
            let entry = listed.entry(name, mode);
            remarks.used.extend(entry.map(str::to_owned));
            match (passed, entry) {
                (true, _) => tally.passed += 1,
                (false, Some(_)) => tally.not_applicable += 1,
                (false, None) => tally.failed += 1,
            }
            match (passed, entry) {
                (true, Some(entry)) => remarks.add("listed, and passes", mode, &format!("{name} ({entry})")),
                (false, None) => remarks.add("FAILED", mode, name),
                _ => {}
            }
        }
        if tally.collected != suite.collected {
            tally.failed += 1;
            let message = format!("{} has {} tests, not {}", suite.name, tally.collected, suite.collected);
            remarks.add("FAILED", mode, &message);
        }
        tally
    }
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.collected += other.collected;
        self.passed += other.passed;
        self.failed += other.failed;
        self.not_applicable += other.not_applicable;
    }
}

impl Remarks {
    fn add(&mut self, what: &str, mode: &Mode, about: &str) {
        self.lines.insert(format!("{what}: {about} [{}]", mode.name));
    }

    /// The entries under which no test fell, once everything has run.
    pub(super) fn add_unused(&mut self, listed: &NotApplicable) {
        let unused = listed.entries.keys().filter(|entry| !self.used.contains(*entry));
        self.lines.extend(unused.map(|entry| format!("listed, and nowhere: {entry}")));
    }
}

/// The list of tests that are not applicable: in the page, the bullets that are a name in code, and then perhaps the
/// modes it is true of, in brackets.
#[derive(Debug)]
pub(super) struct NotApplicable {
    entries: BTreeMap<String, String>,
}

impl NotApplicable {
    /// Reads the page.
    pub(super) fn parse(page: &str) -> Self {
        let bullet = |line: &str| {
            let (name, rest) = line.strip_prefix("- `")?.split_once('`')?;
            let modes = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or_default();
            name.contains("::").then(|| (name.to_owned(), modes.to_owned()))
        };
        Self { entries: page.lines().filter_map(bullet).collect() }
    }

    /// The entries that are true of this mode.
    pub(super) fn names(&self, mode: &Mode) -> Vec<&str> {
        self.entries.iter().filter(|(_, modes)| mode.is_one_of(modes)).map(|(name, _)| name.as_str()).collect()
    }

    /// The entry that a test falls under in this mode: its own name, or that of the function whose case it is.
    fn entry(&self, name: &str, mode: &Mode) -> Option<&str> {
        let function = name.split('[').next().unwrap_or(name);
        let found = [name, function].into_iter().find_map(|name| self.entries.get_key_value(name));
        found.filter(|(_, modes)| mode.is_one_of(modes)).map(|(entry, _)| entry.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{modes::MODES, suites::SUITES};

    const PAGE: &str = "# Reasons\n\n- `a.py::whole`\n- `b.py::one[case]` (server)\n- `no test`\n- a.py::prose\n";

    fn tally(results: &str, mode: usize) -> (Vec<usize>, String) {
        let suite = Suite { collected: 3, ..SUITES[0] };
        let mut remarks = Remarks::default();
        let tally = Outcomes::parse(results).tally(&suite, &MODES[mode], &NotApplicable::parse(PAGE), &mut remarks);
        let Tally { collected, passed, failed, not_applicable } = tally;
        (vec![collected, passed, failed, not_applicable], remarks.lines.into_iter().collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn only_what_is_listed_may_fail_and_only_where_it_is_listed() {
        let results = "passed\tb.py::two\nfailed\tb.py::one[case]\nskipped\ta.py::whole[x]\n";
        let (local, server) = (1, 3);
        assert_eq!(tally(results, server), (vec![3, 1, 0, 2], String::new()));
        let (counts, remarks) = tally(results, local);
        assert_eq!((counts, remarks.as_str()), (vec![3, 1, 1, 1], "FAILED: b.py::one[case] [local-async]"));
    }

    #[test]
    fn an_entry_of_no_test_is_reported() {
        let (listed, mut remarks) = (NotApplicable::parse(PAGE), Remarks::default());
        Outcomes::parse("failed\ta.py::whole[x]\n").tally(&SUITES[0], &MODES[0], &listed, &mut remarks);
        remarks.lines.clear();
        remarks.add_unused(&listed);
        assert_eq!(remarks.lines.into_iter().collect::<Vec<_>>(), ["listed, and nowhere: b.py::one[case]"]);
    }

    #[test]
    fn a_test_that_never_ended_has_failed_and_one_too_few_is_a_failure() {
        let (counts, remarks) = tally("collected\tb.py::two\npassed\ta.py::whole\n", 0);
        assert_eq!(counts, [2, 1, 2, 0]);
        assert!(remarks.contains("listed, and passes: a.py::whole (a.py::whole)"), "{remarks}");
        assert!(remarks.contains("FAILED: b.py::two") && remarks.contains("2 tests, not 3"), "{remarks}");
    }
}
