//! The program: its first start, its tokens, its end.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_persql-server");

struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(directory: &Path, log: Stdio) -> Started {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--durability", "normal", "--data-dir"]).arg(directory);
    Started(command.stdout(Stdio::piped()).stderr(log).spawn().unwrap())
}

fn run(arguments: &[&str], directory: &Path) -> (bool, String) {
    let output = Command::new(PROGRAM).args(arguments).arg("--data-dir").arg(directory).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn the_first_start_prints_what_a_shell_needs_and_the_end_is_orderly() {
    let directory = tempfile::tempdir().unwrap();
    let mut started = start(directory.path(), Stdio::null());
    let mut line = String::new();
    BufReader::new(started.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let variables: Vec<&str> = line.trim().strip_prefix("export ").unwrap().split(' ').collect();
    let value = |name: &str| variables.iter().find_map(|pair| pair.strip_prefix(name)).unwrap();
    let (url, database, token) = (value("PERSQL_API_URL="), value("PERSQL_DATABASE="), value("PERSQL_TOKEN="));
    assert_eq!(database, "local/chat");
    let client = persql_core::blocking::PerSql::builder().token(token).api_url(url).build().unwrap();
    client.database(database).unwrap().query("CREATE TABLE t(a)", ()).unwrap();

    let (made, second) = run(&["token", "create", "local", "--role", "readonly"], directory.path());
    assert!(made);
    let http = reqwest::blocking::Client::new();
    let me = |token: &str| http.get(format!("{url}/v1/me")).bearer_auth(token).send().unwrap();
    assert_eq!(me(&second).json::<serde_json::Value>().unwrap()["data"]["role"], json!("readonly"));
    let (_, list) = run(&["token", "list"], directory.path());
    assert_eq!(list.lines().count(), 2);
    assert!(!list.contains("psql_") && list.contains("readonly"));
    let id = list.lines().find(|line| line.contains("readonly")).unwrap().split(' ').next().unwrap();
    assert!(run(&["token", "revoke", id], directory.path()).0);
    assert!(!run(&["token", "revoke", id], directory.path()).0);
    // Another process revoked it, so it may be good for a second.
    while me(&second).status() != 401 {}

    let pid = started.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(started.0.wait().unwrap().success());

    // The second start has no token to show, and the data is there.
    let mut again = start(directory.path(), Stdio::piped());
    let stderr = BufReader::new(again.0.stderr.take().unwrap());
    let listening = stderr.lines().map_while(Result::ok).find(|line| line.contains("listening")).unwrap();
    let address = listening.rsplit_once("address=").unwrap().1;
    let client =
        persql_core::blocking::PerSql::builder().token(token).api_url(format!("http://{address}")).build().unwrap();
    assert_eq!(client.database(database).unwrap().tables().unwrap()[0].name, "t");
}

#[test]
fn a_mistake_on_the_command_line_is_told() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["--listen", "nonsense"][..], &["--nonsense"], &["token"], &["token", "create", "a/b"]] {
        assert!(!run(arguments, directory.path()).0, "{arguments:?}");
    }
}
