//! Other programs: how they are started, and what their end means.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};

/// Cargo, in `directory`.
///
/// What `cargo run` tells its child about the xtask package is taken away again: build scripts that watch
/// `CARGO_MANIFEST_DIR` and its like would otherwise run anew each time cargo is started by hand and by us in turn.
pub(crate) fn cargo(directory: &Path) -> Command {
    program(&std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")), directory)
}

/// Any program, in `directory`, as if started by hand: see [`cargo`].
pub(crate) fn program(program: &(impl AsRef<OsStr> + ?Sized), directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(describes_the_package) {
            command.env_remove(name);
        }
    }
    command
}

/// Git, in `directory`.
pub(crate) fn git(directory: &Path) -> Command {
    program("git", directory)
}

/// Shows the command, runs it with our output, and fails when it fails.
pub(crate) fn run(command: &mut Command) -> Outcome {
    eprintln!("$ {}", shown(command));
    let status = command.status().map_err(|cause| cannot_start(command, &cause))?;
    if status.success() { Ok(()) } else { Err(Failure::Failed(format!("`{}` failed ({status})", shown(command)))) }
}

/// Runs the command and gives its standard output; what it writes to standard error is shown only when it fails.
pub(crate) fn capture(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|cause| cannot_start(command, &cause))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Failed(format!("`{}` failed ({})\n{}", shown(command), output.status, told.trim_end())))
}

/// The failure of a command that could not even be started.
pub(crate) fn cannot_start(command: &Command, cause: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot start `{}`: {cause}", shown(command)))
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_stem().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

fn describes_the_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| name.starts_with(prefix))
        || matches!(name, "CARGO_PRIMARY_PACKAGE" | "OUT_DIR")
}
