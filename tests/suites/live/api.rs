//! Plain HTTP, as docs/wire.md describes it: no client of ours is between the case and the service.

use std::{env, time::SystemTime};

use reqwest::{Method, blocking::Client, blocking::RequestBuilder};
use serde_json::{Value, json};

/// The service, and a branch of its own for the case.
pub(crate) struct Api {
    http: Client,
    url: String,
    pub(crate) token: String,
    pub(crate) namespace: String,
    /// The database that the environment names.
    pub(crate) parent: String,
    pub(crate) reference: String,
    /// What claiming it gave.
    pub(crate) claimed: Value,
}

/// An answer: status, headers that matter, body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

type Tried<T> = Result<T, Box<dyn std::error::Error>>;

impl Api {
    pub(crate) fn claim() -> Tried<Self> {
        let (namespace, parent) = {
            let database = env::var("PERSQL_DATABASE")?;
            let (namespace, parent) = database.split_once('/').ok_or("PERSQL_DATABASE is not namespace/database")?;
            (namespace.to_owned(), parent.to_owned())
        };
        let url = env::var("PERSQL_API_URL").unwrap_or_else(|_| "https://api.persql.com".to_owned());
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
        let mut api = Self {
            http: Client::builder().user_agent("persql-conformance").build()?,
            url: url.trim_end_matches('/').to_owned(),
            token: env::var("PERSQL_TOKEN")?,
            namespace,
            parent,
            reference: format!("conformance/{since}"),
            claimed: Value::Null,
        };
        let body = json!({"ref": api.reference, "purpose": "conformance", "ttlSec": 600, "role": "admin"});
        api.claimed = api.post(&api.of_parent("claim_branch"), &api.token, &body)?.data()?;
        Ok(api)
    }

    pub(crate) fn of_parent(&self, rest: &str) -> String {
        format!("/v1/db/{}/{}/{rest}", self.namespace, self.parent)
    }

    pub(crate) fn of_branch(&self, rest: &str) -> String {
        format!("/v1/db/{}/{}/{rest}", self.namespace, self.claimed["databaseSlug"].as_str().unwrap_or_default())
    }

    pub(crate) fn branch_token(&self) -> String {
        self.claimed["token"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    pub(crate) fn send(&self, request: RequestBuilder) -> Tried<Answer> {
        let response = request.send()?;
        let status = response.status().as_u16();
        let replayed = response.headers().get("idempotency-replayed").is_some_and(|told| told == "true");
        Ok(Answer { status, replayed, body: serde_json::from_slice(&response.bytes()?).unwrap_or(Value::Null) })
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Tried<Answer> {
        self.send(self.request(Method::GET, path, token))
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Tried<Answer> {
        self.send(self.request(Method::POST, path, token).json(body))
    }

    /// One statement on the branch.
    pub(crate) fn query(&self, sql: &str, params: &Value) -> Tried<Answer> {
        self.post(&self.of_branch("query"), &self.branch_token(), &json!({"sql": sql, "params": params}))
    }

    /// Statements on the branch.
    pub(crate) fn batch(&self, statements: &[&str], transaction: bool) -> Tried<Answer> {
        let statements: Vec<Value> = statements.iter().map(|sql| json!({ "sql": sql })).collect();
        let body = json!({"statements": statements, "transaction": transaction});
        self.post(&self.of_branch("batch"), &self.branch_token(), &body)
    }
}

impl Answer {
    /// What was answered, which must be no refusal.
    pub(crate) fn data(self) -> Tried<Value> {
        if (200..300).contains(&self.status) && self.body["success"] == json!(true) {
            return Ok(self.body["data"].clone());
        }
        Err(format!("status {}: {}", self.status, self.body).into())
    }

    /// The status of a refusal, and the kind of its detail.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        assert!(self.status >= 400 || self.body["success"] != json!(true), "{}", self.body);
        (self.status, self.body["errorDetail"]["kind"].as_str().unwrap_or_default())
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let path = self.of_parent(&format!("branches/{}", self.reference.replace('/', "%2F")));
        drop(self.send(self.request(Method::DELETE, &path, &self.token)));
    }
}
