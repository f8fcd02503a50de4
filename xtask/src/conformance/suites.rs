//! The suites' own programs: built by cargo, then run by us.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::process::{self, cannot_start, cargo};
use crate::workspace::CONFORMANCE;

/// A suite that has been built.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    pub(crate) name: String,
    program: PathBuf,
    /// The package's directory, where `cargo test` would run it.
    directory: PathBuf,
}

/// What a suite wrote, and whether it says that all is well.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) success: bool,
}

/// How a suite with a time limit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    Failed,
    TimedOut,
}

/// Builds the suites of the workspace at `root`, in the order of `names`; none when they do not build, of which `told`
/// hears the reason.
///
/// The whole workspace is selected, as in `cargo test --workspace`: with `-p` cargo would choose fewer features for
/// the dependencies, and build them once more.
pub(crate) fn build(root: &Path, names: &[String], target: Option<&Path>, told: Stdio) -> Outcome<Option<Vec<Suite>>> {
    let mut command = building(root, names, target);
    command.stderr(told);
    let output = command.output().map_err(|cause| cannot_start(&command, &cause))?;
    if !output.status.success() {
        return Ok(None);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built: Vec<Suite> = messages.lines().filter_map(from_message).collect();
    let mut suites = Vec::new();
    for name in names {
        let suite = built.iter().find(|suite| suite.name == *name).cloned();
        let missing = || Failure::Failed(format!("cargo built no program for the suite {name}"));
        suites.push(suite.ok_or_else(missing)?);
    }
    Ok(Some(suites))
}

fn building(root: &Path, names: &[String], target: Option<&Path>) -> Command {
    let mut command = cargo(root);
    command.args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
    command.args(names.iter().map(|name| format!("--test={name}")));
    if let Some(target) = target {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
}

/// Reads one of cargo's messages; all but those about a suite's program are nothing to us.
fn from_message(line: &str) -> Option<Suite> {
    let message: Value = serde_json::from_str(line).ok()?;
    let manifest = PathBuf::from(message.get("manifest_path")?.as_str()?);
    let target = message.get("target")?;
    let is_test = target.get("kind")?.as_array()?.iter().any(|kind| kind == "test");
    let package = message.get("package_id")?.as_str()?;
    if !is_test || !package.contains(CONFORMANCE) {
        return None;
    }
    Some(Suite {
        name: target.get("name")?.as_str()?.to_owned(),
        program: PathBuf::from(message.get("executable")?.as_str()?),
        directory: manifest.parent()?.to_owned(),
    })
}

impl Suite {
    /// Runs the suite to its end.
    pub(crate) fn run(&self, arguments: &[String]) -> Outcome<Output> {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|cause| cannot_start(&command, &cause))?;
        let mut bytes = Vec::new();
        if let Some(stdout) = child.stdout.as_mut() {
            stdout.read_to_end(&mut bytes).map_err(|cause| Failure::at(&self.program, cause))?;
        }
        let status = child.wait().map_err(|cause| Failure::at(&self.program, cause))?;
        Ok(Output { text: String::from_utf8_lossy(&bytes).into_owned(), success: status.success() })
    }

    /// Runs the suite in silence, for no longer than `limit`: a changed text may well make it run for ever.
    pub(crate) fn run_within(&self, arguments: &[String], limit: Duration) -> Outcome<End> {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|cause| cannot_start(&command, &cause))?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(|cause| Failure::at(&self.program, cause))? {
                return Ok(if ExitStatus::success(&status) { End::Passed } else { End::Failed });
            }
            if started.elapsed() > limit {
                child.kill().and_then(|()| child.wait()).map_err(|cause| Failure::at(&self.program, cause))?;
                return Ok(End::TimedOut);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn command(&self) -> Command {
        let mut command = process::program(&self.program, &self.directory);
        command.env("CARGO_MANIFEST_DIR", &self.directory);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_about_suites_count() {
        let message = |package: &str, kind: &str| {
            serde_json::json!({
                "reason": "compiler-artifact", "package_id": format!("path+file:///w/tests#{package}@0.0.0"),
                "manifest_path": "/w/tests/Cargo.toml", "executable": "/w/target/debug/deps/core-1",
                "target": { "name": "core", "kind": [kind] },
            })
            .to_string()
        };
        let suite = from_message(&message(CONFORMANCE, "test")).unwrap();
        assert_eq!((suite.name.as_str(), suite.directory.as_path()), ("core", Path::new("/w/tests")));
        assert!(from_message(&message(CONFORMANCE, "lib")).is_none());
        assert!(from_message(&message("persql-core", "test")).is_none());
        assert!(from_message("Compiling").is_none());
    }
}
