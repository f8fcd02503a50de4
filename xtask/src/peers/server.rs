//! A `persql-server` for the modes that need one.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::environment::Place;
use crate::failure::{Failure, Outcome};
use crate::process::{cannot_start, cargo, program, run};
use crate::workspace::Workspace;

/// A server of its own, with an empty directory. It ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// Where it is, and the token that its first start prints.
    pub(super) environment: Vec<(String, String)>,
}

/// The crate, and its program.
pub(super) const PACKAGE: &str = "persql-server";

impl Server {
    /// Builds the server, starts it, and reads the line of exports that it greets with.
    pub(super) fn start(workspace: &Workspace, place: &Place) -> Outcome<Self> {
        run(cargo(&workspace.root).args(["build", "--package", PACKAGE]))?;
        let data = place.at("data");
        if data.exists() {
            std::fs::remove_dir_all(&data).map_err(|cause| Failure::at(&data, cause))?;
        }
        let built = workspace.target.join("debug").join(PACKAGE).with_extension(std::env::consts::EXE_EXTENSION);
        let mut command = program(&built, &workspace.root);
        command.args(["--listen", "127.0.0.1:0", "--durability", "normal", "--namespace", "peers", "--data-dir"]);
        let log = place.at("server.log");
        let log = std::fs::File::create(&log).map_err(|cause| Failure::at(&log, cause))?;
        command.arg(&data).stdout(Stdio::piped()).stderr(log);
        let child = command.spawn().map_err(|cause| cannot_start(&command, &cause))?;
        let mut server = Self { child, environment: Vec::new() };
        let mut line = String::new();
        if let Some(said) = server.child.stdout.take() {
            BufReader::new(said).read_line(&mut line).map_err(|cause| cannot_start(&command, &cause))?;
        }
        server.environment = exports(&line);
        if server.environment.is_empty() {
            return Err(Failure::Failed(format!("{PACKAGE} did not say where it is")));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing that anybody will read again.
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}

/// The variables in `export NAME=value NAME=value`.
fn exports(line: &str) -> Vec<(String, String)> {
    let words = line.trim().strip_prefix("export ").unwrap_or_default().split(' ');
    words.filter_map(|word| word.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_where_the_server_is() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let line = "export PERSQL_API_URL=http://127.0.0.1:1 PERSQL_TOKEN=a=b\n";
        assert_eq!(exports(line), [pair("PERSQL_API_URL", "http://127.0.0.1:1"), pair("PERSQL_TOKEN", "a=b")]);
        assert!(exports("INFO listening").is_empty());
    }
}
