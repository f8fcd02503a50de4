//! The program, killed between the commit of a write and its answer.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use persql_core::blocking::PerSql;
use serde_json::{Value, json};

/// The program on this directory and address, killed at the latest when the test ends.
struct Program(Child);

impl Program {
    fn start(data: &Path, address: &str) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_persql-server"));
        program.args(["--listen", address, "--namespace", "acme", "--data-dir"]).arg(data);
        Self(program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// What the first start prints, from behind `name`.
    fn told(line: &str, name: &str) -> String {
        line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap().to_owned()
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

#[test]
fn a_write_whose_answer_was_killed_is_done_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut program = Program::start(directory.path(), "127.0.0.1:0");
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (url, token) = (Program::told(&line, "PERSQL_API_URL="), Program::told(&line, "PERSQL_TOKEN="));
    let address = url.strip_prefix("http://").unwrap().to_owned();
    let post = {
        let url = format!("{url}/v1/db/acme/agent/query");
        move |key: &str, sql: &str| {
            let request = reqwest::blocking::Client::new().post(&url).bearer_auth(&token);
            request.header("Idempotency-Key", key).json(&json!({ "sql": sql })).send()
        }
    };
    assert!(post("table", "CREATE TABLE t(a)").unwrap().status().is_success());
    // Somebody who looks at the file, and so knows of a commit before the client does.
    let looking = PerSql::local(directory.path()).unwrap().database("acme/agent").unwrap();
    let rows = || looking.query("SELECT a FROM t", ()).unwrap().len();
    for round in 0..10 {
        let (key, sql) = (format!("key {round}"), format!("INSERT INTO t VALUES ({round}) RETURNING rowid, a"));
        let answer = thread::scope(|scope| {
            let first = scope.spawn(|| post(&key, &sql).and_then(reqwest::blocking::Response::json::<Value>));
            while rows() == round {
                thread::yield_now();
            }
            program.kill();
            first.join().unwrap()
        });
        program = Program::start(directory.path(), &address);
        while TcpStream::connect(&address).is_err() {
            assert!(program.0.try_wait().unwrap().is_none(), "it did not start again");
            thread::yield_now();
        }
        let again = post(&key, &sql).unwrap();
        assert_eq!(again.headers().get("idempotency-replayed").unwrap(), "true");
        let again: Value = again.json().unwrap();
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer == again), "another answer");
        assert_eq!(rows(), round + 1);
    }
}
