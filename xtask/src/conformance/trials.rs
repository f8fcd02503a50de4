//! What the suites said, counted per suite and mode.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The modes that need nothing but this machine, those of databases in the program's own process first: a case exists in
/// all of them or in none, unless it is marked as [`LOCAL`].
const MODES: [&str; 6] =
    ["memory_blocking", "memory_async", "file_blocking", "file_async", "server_blocking", "server_async"];
const IN_PROCESS: usize = 4;

/// The kind of a case that its list marks as one about databases of the program's own process, with the reason.
const LOCAL: &str = "[local] ";

/// Passed cases per suite and mode.
pub(crate) type Counts = BTreeMap<(String, String), usize>;

/// How one trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// One case in one mode.
#[derive(Debug)]
struct Trial {
    suite: String,
    case: String,
    mode: String,
    is_local: bool,
    verdict: Verdict,
}

/// All trials of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    trials: Vec<Trial>,
    /// Suites that ended otherwise than their trials say; each counts as a failure.
    crashed: usize,
}

impl Report {
    /// Takes in what a suite wrote; gives what a person must see of it, if anything failed.
    pub(crate) fn add(&mut self, suite: &str, text: &str, success: bool) -> Option<String> {
        let trials: Vec<Trial> = text.lines().filter_map(|line| trial(suite, line)).collect();
        let failed = trials.iter().any(|trial| trial.verdict == Verdict::Failed);
        let complete = announced(text) == Some(trials.len());
        self.trials.extend(trials);
        if !complete || success == failed {
            self.crashed += 1;
            return Some(format!("the suite ended early or oddly\n{text}"));
        }
        failed.then(|| text.split_once("\nfailures:").map_or(text, |(_, failures)| failures).to_owned())
    }

    /// Whether no case ran at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.trials.is_empty() && self.crashed == 0
    }

    /// Whether nothing failed.
    pub(crate) fn succeeded(&self) -> bool {
        self.failed() == 0
    }

    fn failed(&self) -> usize {
        self.count(Verdict::Failed) + self.crashed
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.trials.iter().filter(|trial| trial.verdict == verdict).count()
    }

    /// The line programs read.
    pub(crate) fn last_line(&self) -> String {
        let line = format!("{} passed, {} failed", self.count(Verdict::Passed), self.failed());
        match self.count(Verdict::Skipped) {
            0 => line,
            skipped => format!("{line}, {skipped} skipped"),
        }
    }

    /// Passed cases per suite and mode.
    pub(crate) fn passed(&self) -> Counts {
        let mut counts = Counts::new();
        for trial in self.trials.iter().filter(|trial| trial.verdict == Verdict::Passed) {
            *counts.entry((trial.suite.clone(), trial.mode.clone())).or_default() += 1;
        }
        counts
    }

    /// The cases that some mode of this machine has and another has not.
    pub(crate) fn holes(&self) -> Vec<String> {
        let here = |trial: &&Trial| MODES.contains(&trial.mode.as_str());
        let mut modes_of: BTreeMap<(&str, &str, bool), BTreeSet<&str>> = BTreeMap::new();
        for trial in self.trials.iter().filter(here) {
            modes_of.entry((&trial.suite, &trial.case, trial.is_local)).or_default().insert(&trial.mode);
        }
        let mut holes = Vec::new();
        for ((suite, case, is_local), modes) in modes_of {
            let wanted = MODES.iter().take(if is_local { IN_PROCESS } else { MODES.len() });
            for missing in wanted.filter(|mode| !modes.contains(*mode)) {
                holes.push(format!("hole: {suite}: {case} does not exist in {missing}"));
            }
        }
        holes
    }

    /// How many cases are about databases of the program's own process alone.
    pub(crate) fn local_cases(&self) -> usize {
        let local = self.trials.iter().filter(|trial| trial.is_local);
        local.map(|trial| (&trial.suite, &trial.case)).collect::<BTreeSet<_>>().len()
    }

    /// Whether a trial of this mode ran.
    pub(crate) fn has_mode(&self, mode: &str) -> bool {
        self.trials.iter().any(|trial| trial.mode == mode)
    }

    /// Passed/total by crate and mode.
    pub(crate) fn table(&self, label: impl Fn(&str) -> String) -> String {
        let suites = in_order(self.trials.iter().map(|trial| trial.suite.as_str()));
        let mut modes = in_order(self.trials.iter().map(|trial| trial.mode.as_str()));
        modes.sort_by_key(|mode| MODES.iter().position(|known| known == mode).unwrap_or(MODES.len()));
        let heads: Vec<(&str, &str)> = modes.iter().map(|mode| mode.rsplit_once('_').unwrap_or((mode, ""))).collect();
        let width = suites.iter().map(|suite| label(suite).len()).max().unwrap_or(0).max(20);
        let mut text = String::new();
        let mut line = |first: &str, cells: &[String]| {
            let cells: String = cells.iter().fold(String::new(), |text, cell| text + &format!("  {cell:<13}"));
            let _ = writeln!(text, "{}", format!("{first:<width$}{cells}").trim_end());
        };
        line("", &heads.iter().map(|(place, _)| (*place).to_owned()).collect::<Vec<_>>());
        line("", &heads.iter().map(|(_, handle)| (*handle).to_owned()).collect::<Vec<_>>());
        for suite in suites {
            line(&label(suite), &modes.iter().map(|mode| self.cell(suite, mode)).collect::<Vec<_>>());
        }
        text
    }

    fn cell(&self, suite: &str, mode: &str) -> String {
        let here = || self.trials.iter().filter(|trial| trial.suite == suite && trial.mode == mode);
        let passed = here().filter(|trial| trial.verdict == Verdict::Passed).count();
        match here().count() {
            0 => "-".to_owned(),
            total => format!("{passed}/{total}"),
        }
    }
}

/// The modes in a suite's list of trials (`case::mode: test`).
pub(crate) fn listed_modes(list: &str) -> Vec<&str> {
    let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
    in_order(names.filter_map(|name| name.rsplit_once("::")).map(|(_, mode)| mode))
}

/// Each value once, in the order of its first appearance.
fn in_order<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    values.filter(|value| seen.insert(*value)).collect()
}

/// Reads a line `test case::mode ... ok`.
fn trial(suite: &str, line: &str) -> Option<Trial> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let verdict = match verdict.trim() {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Skipped,
        _ => return None,
    };
    let (is_local, name) = match name.trim().strip_prefix(LOCAL) {
        Some(name) => (true, name.trim_start()),
        None => (false, name.trim()),
    };
    let (case, mode) = name.rsplit_once("::").unwrap_or((name, "once"));
    Some(Trial { suite: suite.to_owned(), case: case.to_owned(), mode: mode.to_owned(), is_local, verdict })
}

/// How many trials the suite said it would run.
fn announced(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("running "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\nrunning 4 tests\ntest [local] a::memory_blocking ... ok\ntest [local] a::memory_async    ... ok\ntest [local] a::file_blocking   ... ok\ntest [local] a::file_async      ... ok\n\ntest result: ok. 4 passed; 0 failed; 0 ignored\n";

    #[test]
    fn trials_are_counted_by_mode() {
        let mut report = Report::default();
        assert_eq!(report.add("core", GOOD, true), None);
        let live = "\nrunning 1 test\ntest b::live ... ignored\n\ntest result: ok\n";
        assert_eq!(report.add("history", live, true), None);
        assert_eq!(report.last_line(), "4 passed, 0 failed, 1 skipped");
        assert_eq!(report.passed().get(&("core".to_owned(), "file_async".to_owned())), Some(&1));
        let table = report.table(|suite| format!("persql-{suite}"));
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["memory", "memory", "file", "file", "live"]);
        assert_eq!(rows[1], ["blocking", "async", "blocking", "async"]);
        assert_eq!(rows[2], ["persql-core", "1/1", "1/1", "1/1", "1/1", "-"]);
        assert_eq!(rows[3], ["persql-history", "-", "-", "-", "-", "0/1"]);
        assert!(report.holes().is_empty() && report.succeeded());
        assert!(report.local_cases() == 1 && report.has_mode("live") && !report.has_mode("server_async"));
    }

    #[test]
    fn a_case_that_lacks_a_mode_is_a_hole() {
        let mut report = Report::default();
        let text = GOOD.replace("test [local] a::file_async      ... ok\n", "").replace("running 4", "running 3");
        assert_eq!(report.add("core", &text, true), None);
        assert_eq!(report.holes(), ["hole: core: a does not exist in file_async"]);
        let mut report = Report::default();
        assert_eq!(report.add("core", &GOOD.replace("[local] ", ""), true), None);
        let missing = ["server_blocking", "server_async"];
        assert_eq!(report.holes(), missing.map(|mode| format!("hole: core: a does not exist in {mode}")));
    }

    #[test]
    fn failures_are_shown_from_where_they_are_explained() {
        let mut report = Report::default();
        let text = "\nrunning 1 test\ntest a::file_async ... FAILED\n\nfailures:\n\n---- a::file_async ----\nleft: 1\n\ntest result: FAILED. 0 passed; 1 failed\n";
        assert!(report.add("core", text, false).unwrap().starts_with("\n\n---- a::file_async ----\nleft: 1"));
        assert_eq!(report.last_line(), "0 passed, 1 failed");
    }

    #[test]
    fn a_suite_that_ends_early_is_a_failure() {
        let mut report = Report::default();
        assert!(report.add("core", "\nrunning 2 tests\ntest a::file_async ... ok\n", false).is_some());
        assert!(report.add("core", "Segmentation fault", false).is_some());
        assert!(report.add("core", GOOD, false).is_some());
        assert_eq!(report.last_line(), "5 passed, 3 failed");
    }

    #[test]
    fn modes_are_read_from_the_list() {
        assert_eq!(
            listed_modes("a::file_async: test\nb::live: test\nc::live: test\n\n3 tests\n"),
            ["file_async", "live"]
        );
    }
}
