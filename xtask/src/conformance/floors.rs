//! `tests/floors.txt`: how many cases have passed per suite and mode. The numbers only rise.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::trials::Counts;

const HEAD: &str = "\
# The fewest cases that must pass, per suite and mode. `cargo xtask conformance` fails below these numbers;
# `cargo xtask conformance --raise-floors` raises them to what a run has passed, never lowers them.
";

/// The file's lines, `suite mode count`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Floors(BTreeMap<(String, String), usize>);

impl Floors {
    /// Reads the file; `#` starts a comment.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut floors = BTreeMap::new();
        for (line, number) in text.lines().zip(1..) {
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [suite, mode, count] => {
                    let count = count.parse().map_err(|_| format!("line {number}: `{count}` is no number"))?;
                    if floors.insert(((*suite).to_owned(), (*mode).to_owned()), count).is_some() {
                        return Err(format!("line {number}: a second line for {suite} {mode}"));
                    }
                }
                _ => return Err(format!("line {number}: should be `suite mode count`")),
            }
        }
        Ok(Self(floors))
    }

    /// What fell below its floor.
    pub(crate) fn broken_by(&self, counts: &Counts) -> Vec<String> {
        let passed = |key| counts.get(key).copied().unwrap_or(0);
        let below = self.0.iter().filter(|(key, floor)| passed(key) < **floor);
        below
            .map(|(key, floor)| format!("floor: {} {}: {} passed, {floor} are asked for", key.0, key.1, passed(key)))
            .collect()
    }

    /// The same with every number that was exceeded.
    pub(crate) fn raised_to(&self, counts: &Counts) -> Self {
        let mut floors = self.0.clone();
        for (key, &count) in counts {
            let floor = floors.entry(key.clone()).or_default();
            *floor = count.max(*floor);
        }
        Self(floors)
    }

    /// The file.
    pub(crate) fn render(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((suite, mode), count) in &self.0 {
            let _ = writeln!(text, "{suite} {mode} {count}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(entries: &[(&str, &str, usize)]) -> Counts {
        entries.iter().map(|&(suite, mode, count)| ((suite.to_owned(), mode.to_owned()), count)).collect()
    }

    #[test]
    fn a_floor_breaks_below_its_number_only() {
        let floors = Floors::parse("# comment\ncore file_async 3 # note\n\nhistory live 1\n").unwrap();
        assert!(floors.broken_by(&counts(&[("core", "file_async", 3), ("history", "live", 2)])).is_empty());
        let broken = floors.broken_by(&counts(&[("core", "file_async", 2)]));
        assert_eq!(
            broken,
            ["floor: core file_async: 2 passed, 3 are asked for", "floor: history live: 0 passed, 1 are asked for"]
        );
    }

    #[test]
    fn floors_only_rise() {
        let floors = Floors::parse("core a 3\ncore b 3").unwrap();
        let raised = floors.raised_to(&counts(&[("core", "a", 2), ("core", "b", 4), ("core", "c", 1)]));
        assert_eq!(raised, Floors::parse("core a 3\ncore b 4\ncore c 1").unwrap());
        assert_eq!(Floors::parse(&raised.render()).unwrap(), raised);
    }

    #[test]
    fn a_malformed_line_is_named() {
        assert!(Floors::parse("\ncore a").unwrap_err().contains("line 2"));
        assert!(Floors::parse("core a many").unwrap_err().contains("many"));
        assert!(Floors::parse("core a 1\ncore a 2").unwrap_err().contains("second"));
    }
}
