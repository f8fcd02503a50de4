//! What a document states about versions: dependency lines, the oldest compiler, changelog sections.

/// A version of three numbers; what follows them (`-alpha`) is left out, and missing ones are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    major: u64,
    minor: Option<u64>,
    patch: Option<u64>,
}

impl Version {
    /// Reads `1`, `1.2` or `1.2.3`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let core = text.split(['-', '+']).next()?;
        let mut numbers = core.split('.').map(str::parse::<u64>);
        let version = Self {
            major: numbers.next()?.ok()?,
            minor: numbers.next().transpose().ok()?,
            patch: numbers.next().transpose().ok()?,
        };
        numbers.next().is_none().then_some(version)
    }

    /// Whether a requirement with this floor (cargo's caret) admits `version`.
    pub(crate) fn admits(self, version: Self) -> bool {
        let numbers = |v: Self| (v.major, v.minor.unwrap_or(0), v.patch.unwrap_or(0));
        let (floor, offered) = (numbers(self), numbers(version));
        let compatible = match (self.major, self.minor.unwrap_or(0)) {
            (0, 0) if self.patch.is_some() => floor == offered,
            (0, minor) if self.minor.is_some() => offered.0 == 0 && offered.1 == minor,
            (major, _) => offered.0 == major,
        };
        compatible && offered >= floor
    }
}

/// Where a text depends on the crate: the line, and the version given there.
///
/// Knows `name = "0.1"` and `name = { version = "0.1", … }`.
pub(crate) fn dependency_lines<'a>(text: &'a str, name: &str) -> Vec<(usize, &'a str)> {
    let version = |line: &'a str| {
        let value = line.trim_start().strip_prefix(name)?.trim_start().strip_prefix('=')?.trim_start();
        let quoted = match value.strip_prefix('{') {
            Some(table) => table.split_once("version")?.1.trim_start().strip_prefix('=')?.trim_start(),
            None => value,
        };
        quoted.strip_prefix('"')?.split('"').next()
    };
    text.lines().zip(1..).filter_map(|(line, number)| Some((number, version(line)?))).collect()
}

/// Where a text names a version of the compiler, as in `Rust 1.89` or `MSRV 1.89`.
pub(crate) fn compiler_versions(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for name in ["Rust ", "MSRV ", "rustc "] {
            for (at, _) in line.match_indices(name) {
                let rest = line.get(at + name.len()..).unwrap_or_default();
                let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
                let version = rest.get(..length).unwrap_or_default().trim_end_matches('.');
                if version.contains('.') {
                    found.push((number, version));
                }
            }
        }
    }
    found
}

/// The lines of the changelog's section, without its heading; none when there is no such section.
///
/// A heading is `## [0.1.0] - date` or `## 0.1.0`.
pub(crate) fn changelog_section<'a>(changelog: &'a str, title: &str) -> Option<Vec<&'a str>> {
    let is_heading = |line: &str| line.starts_with("## ");
    let mut lines = changelog.lines().skip_while(|line| {
        let heading = line.strip_prefix("## ").unwrap_or_default().trim_start_matches('[');
        let named = heading.split([']', ' ']).next().unwrap_or_default();
        named != title
    });
    lines.next()?;
    let section = lines.take_while(|line| !is_heading(line));
    Some(section.filter(|line| !line.trim().is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_requirement_admits_what_cargo_admits() {
        let admits = |floor, version| Version::parse(floor).unwrap().admits(Version::parse(version).unwrap());
        assert!(admits("0.1", "0.1.0") && admits("0.1.0", "0.1.7") && admits("1.2", "1.9.0") && admits("1", "1.0.0"));
        assert!(
            !admits("0.1", "0.2.0") && !admits("0.1.2", "0.1.1") && !admits("1.2", "2.0.0") && !admits("1.2", "1.1.9")
        );
        assert_eq!(Version::parse("one"), None);
        assert_eq!(Version::parse("1.2.3.4"), None);
    }

    #[test]
    fn dependency_lines_are_found_in_both_forms() {
        let text = "[dependencies]\npersql-x = \"0.1\"\npersql-x-y = \"9\"\n  persql-x = { version = \"0.2\", features = [] }\npersql-x = { path = \"x\" }\n";
        assert_eq!(dependency_lines(text, "persql-x"), [(2, "0.1"), (4, "0.2")]);
    }

    #[test]
    fn compiler_versions_are_found() {
        let text = "needs Rust 1.89.\nMSRV 1.90, see Rust for more";
        assert_eq!(compiler_versions(text), [(1, "1.89"), (2, "1.90")]);
    }

    #[test]
    fn changelog_sections_are_found() {
        let text = "# Changelog\n\n## [Unreleased]\n\n- one\n- two\n\n## [0.1.0] - 2026-01-01\n- three\n";
        assert_eq!(changelog_section(text, "Unreleased").unwrap(), ["- one", "- two"]);
        assert_eq!(changelog_section(text, "0.1.0").unwrap(), ["- three"]);
        assert_eq!(changelog_section(text, "0.1"), None);
    }
}
