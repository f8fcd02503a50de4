//! A server of its own for each test, and somebody who speaks plain HTTP to it.

#[path = "log.rs"]
pub(crate) mod log;

use persql_server::{Config, Durability, Limits, Role, Running, Server};
use reqwest::{Method, blocking::Client};
use serde_json::{Value, json};
use tempfile::TempDir;

use log::Said;

pub(crate) struct World {
    pub(crate) server: Running,
    pub(crate) http: Client,
    pub(crate) admin: String,
    pub(crate) directory: TempDir,
    pub(crate) said: Said,
}

/// An answer: its status and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|limits| limits)
    }

    pub(crate) fn with(change: impl FnOnce(Limits) -> Limits) -> Self {
        log::listen();
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path().join("data"))
            .listen(([127, 0, 0, 1], 0).into())
            .durability(Durability::Normal)
            .limits(change(Limits::default()));
        let server = Server::start(config).unwrap();
        let admin = server.tokens().create("acme", Role::Admin).unwrap();
        Self { server, http: Client::new(), admin, directory, said: Said::default() }
    }

    /// A token of the namespace `acme`.
    pub(crate) fn token(&self, role: Role) -> String {
        self.server.tokens().create("acme", role).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    pub(crate) fn call(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> Answer {
        let mut request = self.http.request(method, self.url(path)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().unwrap();
        let status = response.status().as_u16();
        assert_eq!(response.headers()["content-type"], "application/json");
        let answer: Value = response.json().unwrap();
        assert_eq!(answer["success"], json!((200..300).contains(&status)), "{status} {answer}");
        self.said.hear(body.unwrap_or(&Value::Null), &answer);
        Answer { status, body: answer }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &self.admin, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &self.admin, Some(body))
    }

    /// One statement without parameters in `acme/agent`.
    pub(crate) fn query(&self, sql: &str) -> Answer {
        self.post("/v1/db/acme/agent/query", &json!({ "sql": sql }))
    }

    /// The same with a token of this role.
    pub(crate) fn query_as(&self, role: Role, sql: &str) -> Answer {
        let token = self.token(role);
        self.call(Method::POST, "/v1/db/acme/agent/query", &token, Some(&json!({ "sql": sql })))
    }

    /// A database with the table `t(id, name)`, which has rules.
    pub(crate) fn with_table() -> Self {
        let world = Self::new();
        world.query("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL, UNIQUE(name, id))").data();
        world
    }
}

impl Answer {
    /// What was answered, which must be no refusal.
    pub(crate) fn data(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.body);
        &self.body["data"]
    }

    /// The status of a refusal, and the kind of its detail.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        assert!(self.status >= 400 && self.body["error"].is_string(), "{}", self.body);
        (self.status, self.body["errorDetail"]["kind"].as_str().unwrap_or(""))
    }
}
