//! How a command ends when it does not succeed.

use std::fmt::Display;
use std::path::Path;

/// Why a command did not succeed; decides the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong: the help follows, the exit code is 2.
    Usage(String),
    /// The command could not do its work: the exit code is 1.
    Failed(String),
    /// The command did its work, found something wrong and has said so: the exit code is 1.
    Reported,
}

/// What a command gives back.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A file or directory could not be read or written.
    pub(crate) fn at(path: &Path, cause: impl Display) -> Self {
        Self::Failed(format!("{}: {cause}", path.display()))
    }
}
