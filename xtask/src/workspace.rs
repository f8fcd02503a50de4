//! The workspace as cargo sees it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::process;

/// The package that holds the conformance suites.
pub(crate) const CONFORMANCE: &str = "persql-conformance";

/// The workspace: its place and its packages.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever it was put.
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its directory, relative to the root, with `/` between the parts.
    pub(crate) directory: String,
    /// Whether it may go to a registry.
    pub(crate) publishable: bool,
    pub(crate) description: Option<String>,
    pub(crate) rust_version: Option<String>,
    /// Whether `[package.metadata.docs.rs]` is there.
    pub(crate) docs_rs: bool,
    /// All features except `default`.
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// The names of its integration tests.
    pub(crate) tests: Vec<String>,
}

/// One line under a package's dependencies.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The version requirement in cargo's own spelling: `0.1.0` becomes `^0.1.0`, none becomes `*`.
    pub(crate) requirement: String,
    pub(crate) development: bool,
}

impl Workspace {
    /// Asks cargo, from the current directory.
    pub(crate) fn load() -> Outcome<Self> {
        let arguments = ["metadata", "--format-version", "1", "--no-deps"];
        let text = process::capture(process::cargo(Path::new(".")).args(arguments))?;
        let metadata: Value = serde_json::from_str(&text)
            .map_err(|cause| Failure::Failed(format!("cannot read what `cargo metadata` says: {cause}")))?;
        Self::from_metadata(&metadata)
            .ok_or_else(|| Failure::Failed("`cargo metadata` does not say what it used to".to_owned()))
    }

    fn from_metadata(metadata: &Value) -> Option<Self> {
        let root = PathBuf::from(metadata.get("workspace_root")?.as_str()?);
        let target = PathBuf::from(metadata.get("target_directory")?.as_str()?);
        let packages = metadata.get("packages")?.as_array()?;
        let mut packages =
            packages.iter().map(|package| Package::from_metadata(package, &root)).collect::<Option<Vec<_>>>()?;
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Self { root, target, packages })
    }

    /// The packages that may go to a registry.
    pub(crate) fn publishable(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.publishable)
    }

    /// The package of this name.
    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The names of the conformance suites.
    pub(crate) fn suites(&self) -> &[String] {
        self.package(CONFORMANCE).map_or(&[], |package| &package.tests)
    }

    /// The suite's crate: `agents_session` tests `persql-agents-session`; a suite of no crate keeps its own name.
    pub(crate) fn crate_of_suite(&self, suite: &str) -> String {
        // A crate whose suite is large has several, named for it and for what they are about: `core_control`.
        let ends = suite.match_indices('_').map(|(end, _)| end).chain([suite.len()]);
        let parts = ends.rev().filter_map(|end| suite.get(..end));
        let mut names = parts.map(|part| format!("persql-{}", part.replace('_', "-")));
        names.find(|name| self.package(name).is_some()).unwrap_or_else(|| suite.to_owned())
    }
}

impl Package {
    fn from_metadata(package: &Value, root: &Path) -> Option<Self> {
        let text = |field: &str| package.get(field).and_then(Value::as_str).map(str::to_owned);
        let manifest = PathBuf::from(text("manifest_path")?);
        let directory = manifest.parent()?.strip_prefix(root).ok()?;
        let targets = package.get("targets")?.as_array()?;
        let dependencies = package.get("dependencies")?.as_array()?;
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            directory: directory.to_string_lossy().replace('\\', "/"),
            // `publish = false` is an empty list of registries; without the key there is no list.
            publishable: !package.get("publish").and_then(Value::as_array).is_some_and(Vec::is_empty),
            description: text("description"),
            rust_version: text("rust_version"),
            docs_rs: package.pointer("/metadata/docs/rs").is_some(),
            features: package.get("features")?.as_object()?.keys().filter(|name| *name != "default").cloned().collect(),
            dependencies: dependencies.iter().map(Dependency::from_metadata).collect::<Option<_>>()?,
            tests: targets.iter().filter(|target| is_test(target)).filter_map(name_of).collect(),
        })
    }

    /// The module-like part of an adapter's name: `agents_session` for `persql-agents-session`.
    pub(crate) fn suite(&self) -> String {
        self.name.trim_start_matches("persql-").replace('-', "_")
    }

    /// Whether this is an adapter: a published crate that is neither the core nor the server.
    pub(crate) fn is_adapter(&self) -> bool {
        self.publishable && self.directory.starts_with("crates/") && !matches!(self.suite().as_str(), "core" | "server")
    }
}

impl Dependency {
    fn from_metadata(dependency: &Value) -> Option<Self> {
        Some(Self {
            name: name_of(dependency)?,
            requirement: dependency.get("req")?.as_str()?.to_owned(),
            development: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
        })
    }
}

fn name_of(value: &Value) -> Option<String> {
    value.get("name").and_then(Value::as_str).map(str::to_owned)
}

fn is_test(target: &Value) -> bool {
    target.get("kind").and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(|kind| kind == "test"))
}

#[cfg(test)]
impl Package {
    /// A publishable package for the unit tests.
    pub(crate) fn sample(name: &str, version: &str, dependencies: &[(&str, &str)]) -> Self {
        let dependency = |&(name, requirement): &(&str, &str)| Dependency {
            name: name.to_owned(),
            requirement: requirement.to_owned(),
            development: false,
        };
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            directory: format!("crates/{name}"),
            publishable: true,
            description: Some("A sample".to_owned()),
            rust_version: Some("1.89".to_owned()),
            docs_rs: true,
            features: Vec::new(),
            dependencies: dependencies.iter().map(dependency).collect(),
            tests: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_into_packages() {
        let metadata = serde_json::json!({
            "workspace_root": "/w", "target_directory": "/w/target",
            "packages": [
                { "name": "persql-x", "version": "0.1.0", "manifest_path": "/w/crates/persql-x/Cargo.toml", "publish": null,
                  "rust_version": "1.89", "metadata": { "docs": { "rs": {} } }, "features": { "default": [], "local": [] },
                  "dependencies": [{ "name": "persql-core", "req": "^0.1.0", "kind": null }], "targets": [] },
                { "name": "persql-conformance", "version": "0.0.0", "manifest_path": "/w/tests/Cargo.toml", "publish": [],
                  "features": {}, "dependencies": [], "targets": [{ "name": "x", "kind": ["test"] }] },
            ],
        });
        let workspace = Workspace::from_metadata(&metadata).unwrap();
        assert_eq!(workspace.suites(), ["x"]);
        assert_eq!(workspace.crate_of_suite("x"), "persql-x");
        assert_eq!(workspace.crate_of_suite("crossing"), "crossing");
        let names: Vec<&str> = workspace.publishable().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["persql-x"]);
        let package = workspace.package("persql-x").unwrap();
        assert_eq!((package.directory.as_str(), package.suite().as_str()), ("crates/persql-x", "x"));
        assert!(package.docs_rs && package.is_adapter());
        assert_eq!(package.features, ["local"]);
    }
}
