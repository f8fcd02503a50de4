//! The workspace's files, read once for all rules.

use std::fs;

use crate::failure::{Failure, Outcome};
use crate::files;
use crate::rust_source::RustSource;
use crate::workspace::{Package, Workspace};

/// What the rules look at.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) files: Vec<File>,
    pub(super) packages: Vec<Package>,
}

/// One file of the workspace.
#[derive(Debug)]
pub(super) struct File {
    /// Relative to the root, with `/` between the parts.
    pub(super) path: String,
    /// Empty when the file is no text.
    pub(super) text: String,
    /// For a Rust file.
    pub(super) rust: Option<RustSource>,
}

impl Tree {
    /// Reads everything.
    pub(super) fn load(workspace: &Workspace) -> Outcome<Self> {
        let mut files = Vec::new();
        for path in files::list(&workspace.root)? {
            let full = workspace.root.join(&path);
            let bytes = fs::read(&full).map_err(|cause| Failure::at(&full, cause))?;
            files.push(File::new(path, String::from_utf8(bytes).unwrap_or_default()));
        }
        let packages = workspace.packages.clone();
        Ok(Self { files, packages })
    }

    /// The Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&File, &RustSource)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    /// The file of this path.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files below a directory.
    pub(super) fn below(&self, directory: &str) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(move |file| file.path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl File {
    fn new(path: String, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| RustSource::new(&text));
        Self { path, text, rust }
    }

    /// The name without directories.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether the whole file is there for tests or as an example.
    pub(super) fn is_test(&self) -> bool {
        let directories = ["tests", "examples", "benches"];
        self.name() == "tests.rs" || self.path.split('/').any(|part| directories.contains(&part))
    }

    /// The lines, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

#[cfg(test)]
impl Tree {
    /// A tree of these files, with the packages `persql-core` and `persql-x`.
    pub(super) fn sample(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|&(path, text)| File::new(path.to_owned(), text.to_owned())).collect();
        let packages = vec![
            Package::sample("persql-core", "0.2.0", &[]),
            Package::sample("persql-x", "0.1.3", &[("persql-core", "^0.2.0")]),
        ];
        Self { files, packages }
    }
}
