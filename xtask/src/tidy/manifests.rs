//! Rules about packages: what each must have, and what it says about versions.

use super::Findings;
use super::tree::Tree;
use crate::stated::{Version, compiler_versions, dependency_lines};

/// Every package takes the workspace's lints.
pub(super) fn lints(tree: &Tree, findings: &mut Findings) {
    for package in &tree.packages {
        let path = format!("{}/Cargo.toml", package.directory);
        let manifest = tree.file(&path).map_or("", |file| &file.text);
        let lines: Vec<String> = manifest.lines().map(|line| line.replace(' ', "")).collect();
        let table = lines.windows(2).any(|pair| pair == ["[lints]", "workspace=true"]);
        if !table && !lines.iter().any(|line| line == "lints.workspace=true") {
            findings.add(&path, 1, "add `[lints]` with `workspace = true`");
        }
    }
}

/// What a registry shows, and the licences it needs, are in each published crate's own directory.
pub(super) fn package_files(tree: &Tree, findings: &mut Findings) {
    for package in tree.packages.iter().filter(|package| package.publishable) {
        for name in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let path = format!("{}/{name}", package.directory);
            if tree.file(&path).is_none() {
                findings.add(&path, 1, "write this file: every published crate has one");
            }
        }
    }
}

/// What the manifest of a published crate must say.
pub(super) fn package_fields(tree: &Tree, findings: &mut Findings) {
    for package in tree.packages.iter().filter(|package| package.publishable) {
        let path = format!("{}/Cargo.toml", package.directory);
        if package.description.is_none() {
            findings.add(&path, 1, "add `description`");
        }
        if package.rust_version.is_none() {
            findings.add(&path, 1, "add `rust-version`");
        }
        if !package.docs_rs {
            findings.add(&path, 1, "add `[package.metadata.docs.rs]` with `all-features = true`");
        }
    }
}

/// The README is the front page of the crate's documentation, so its examples are tested.
pub(super) fn readme_first(tree: &Tree, findings: &mut Findings) {
    for package in tree.packages.iter().filter(|package| package.publishable) {
        let path = format!("{}/src/lib.rs", package.directory);
        let starts = |text: &str| text.starts_with("#![doc = include_str!(\"../README.md\")]");
        if tree.file(&path).is_some_and(|file| !starts(&file.text)) {
            findings.add(&path, 1, "start with `#![doc = include_str!(\"../README.md\")]`");
        }
    }
}

/// Crates of the workspace ask for a lowest version of each other, not for one version.
pub(super) fn floors(tree: &Tree, findings: &mut Findings) {
    for package in tree.packages.iter().filter(|package| package.publishable) {
        let own = |name: &str| tree.packages.iter().any(|package| package.name == name);
        for dependency in package.dependencies.iter().filter(|dependency| own(&dependency.name)) {
            let path = format!("{}/Cargo.toml", package.directory);
            if dependency.requirement.contains('=') {
                findings.add(
                    &path,
                    1,
                    format!("ask for `{}` from a version on, not for `{}`", dependency.name, dependency.requirement),
                );
            }
            if dependency.requirement == "*" && !dependency.development {
                findings.add(&path, 1, format!("give `{}` a version beside its path", dependency.name));
            }
        }
    }
}

/// A README that names a version names the manifest's.
pub(super) fn stated_versions(tree: &Tree, findings: &mut Findings) {
    for package in tree.packages.iter().filter(|package| package.publishable) {
        let own = format!("{}/README.md", package.directory);
        for file in tree.files.iter().filter(|file| file.name() == "README.md") {
            for (line, stated) in dependency_lines(&file.text, &package.name) {
                let admits =
                    |floor: Version| Version::parse(&package.version).is_some_and(|version| floor.admits(version));
                if !Version::parse(stated).is_some_and(admits) {
                    findings.add(
                        &file.path,
                        line,
                        format!("`{} = \"{stated}\"` should be {}", package.name, package.version),
                    );
                }
            }
        }
        let Some(rust_version) = &package.rust_version else {
            continue;
        };
        for (line, stated) in tree.file(&own).map(|file| compiler_versions(&file.text)).unwrap_or_default() {
            if stated != rust_version {
                findings.add(&own, line, format!("the manifest says Rust {rust_version}, not {stated}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::findings;

    #[test]
    fn the_lints_are_the_workspaces() {
        let good = ("crates/persql-core/Cargo.toml", "[lints]\nworkspace = true\n");
        let bad = ("crates/persql-x/Cargo.toml", "[lints.rust]\nunsafe_code = \"allow\"\n");
        assert_eq!(findings(lints, &[good, bad]).len(), 1);
    }

    #[test]
    fn missing_files_are_named() {
        let found =
            findings(package_files, &[("crates/persql-core/README.md", ""), ("crates/persql-core/LICENSE-MIT", "")]);
        assert_eq!(found.len(), 6);
        assert!(found[0].starts_with("crates/persql-core/CHANGELOG.md"));
    }

    #[test]
    fn versions_in_readmes_are_the_manifests() {
        let readme = "persql-x = \"0.1\"\npersql-core = \"0.1\"\nRust 1.89, not Rust 1.85";
        let found = findings(stated_versions, &[("crates/persql-x/README.md", readme)]);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains(":2:") && found[1].contains("1.85"));
    }

    #[test]
    fn floors_are_floors() {
        let mut tree = Tree::sample(&[]);
        tree.packages[1].dependencies[0].requirement = "=0.2.0".to_owned();
        let mut found = Findings::default();
        floors(&tree, &mut found);
        package_fields(&tree, &mut found);
        assert_eq!(found.lines.len(), 1);
    }

    #[test]
    fn the_readme_comes_first() {
        let good = ("crates/persql-core/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n");
        let bad = ("crates/persql-x/src/lib.rs", "//! Docs of its own.\n");
        assert_eq!(findings(readme_first, &[good, bad]).len(), 1);
    }
}
