//! Several processes on one file: a suite runs its own program again, and the environment says in which role.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const ROLE: &str = "PERSQL_CONFORMANCE_ROLE";
const PATH: &str = "PERSQL_CONFORMANCE_PATH";

/// What this process was started for, if a case started it: the role, and the path to work on.
pub fn role() -> Option<(String, PathBuf)> {
    Some((env::var(ROLE).ok()?, env::var_os(PATH)?.into()))
}

/// Starts this program again in a role, with more in its environment. Its standard input and output are pipes, and
/// its errors show up among ours.
///
/// # Errors
/// If the system starts no process.
pub fn start(role: &str, path: &Path, environment: &[(&str, &str)]) -> io::Result<Child> {
    let mut program = Command::new(env::current_exe()?);
    set_role(&mut program, role, path);
    program.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

/// Says to a program that is this one, or starts it, what it is started for.
pub fn set_role(program: &mut Command, role: &str, path: &Path) {
    program.env(ROLE, role).env(PATH, path);
}
