//! Which files belong to the workspace, and reading them.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::process;

/// The files git tracks or would track, relative to the root with `/` between the parts, sorted.
///
/// Without git (a source archive) every file is taken, except in directories named `target` or `.git`.
pub(crate) fn list(root: &Path) -> Outcome<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let mut files = match process::capture(process::git(root).args(arguments)) {
        Ok(listed) => listed.split_terminator('\0').map(str::to_owned).collect(),
        Err(_) => {
            let mut found = Vec::new();
            walk(root, "", &mut found)?;
            found
        }
    };
    // A file deleted on disk stays in the index until the deletion is committed.
    files.retain(|file| root.join(file).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

/// Every file below `directory`, with `prefix` before its name.
pub(crate) fn walk(directory: &Path, prefix: &str, found: &mut Vec<String>) -> Outcome {
    for entry in fs::read_dir(directory).map_err(|cause| Failure::at(directory, cause))? {
        let entry = entry.map_err(|cause| Failure::at(directory, cause))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if !path.is_dir() {
            found.push(format!("{prefix}{name}"));
        } else if name != "target" && name != ".git" {
            walk(&path, &format!("{prefix}{name}/"), found)?;
        }
    }
    Ok(())
}

/// The file's text; a failure names the file.
pub(crate) fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|cause| Failure::at(path, cause))
}

/// Writes the file, with the directories above it, unless it already holds exactly this: an untouched file keeps its
/// time stamp, and cargo does not build it again.
pub(crate) fn write_if_changed(path: &Path, contents: &[u8]) -> Outcome {
    if fs::read(path).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|cause| Failure::at(parent, cause))?;
    }
    fs::write(path, contents).map_err(|cause| Failure::at(path, cause))
}
