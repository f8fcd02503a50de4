//! What our crates write into the log of a test, and that nothing of what was said stands there.

use std::{
    collections::BTreeSet,
    io,
    sync::{Mutex, Once},
    thread,
};

use serde_json::Value;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps from now on what our crates log. What others write about their own work is theirs to answer for.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Log);
        let ours = Targets::new().with_target("persql", LevelFilter::TRACE);
        tracing_subscriber::registry().with(lines).with(ours).init();
    });
}

/// What was logged so far.
pub(crate) fn log() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

/// What was said to a server. When this is dropped, nothing of it may stand in the log.
#[derive(Default)]
pub(crate) struct Said(Mutex<BTreeSet<String>>);

impl Said {
    /// Notes what a body says, and that a refusal does not repeat its values.
    pub(crate) fn hear(&self, body: &Value, answer: &Value) {
        let (mut sql, mut values) = (Vec::new(), Vec::new());
        texts(body, &mut sql, &mut values);
        if answer["success"] == false {
            let answer = answer.to_string();
            assert!(!values.iter().any(|value| answer.contains(value.as_str())), "{answer} repeats a value");
        }
        self.0.lock().unwrap().extend(sql.into_iter().chain(values));
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let (log, said) = (log(), self.0.lock().unwrap());
        for secret in said.iter().map(String::as_str).chain(["psql_"]) {
            assert!(!log.contains(secret), "{secret} stands in the log");
        }
    }
}

/// A text that is shorter may stand anywhere by chance.
const SHORTEST: usize = 6;

/// The SQL in a body, and the values: parameters, and what stands between quotes.
fn texts(body: &Value, sql: &mut Vec<String>, values: &mut Vec<String>) {
    let is_long = |text: &&str| text.len() >= SHORTEST;
    match body {
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("sql", Value::String(text)) => {
                        sql.extend(Some(text.as_str()).filter(is_long).map(str::to_owned));
                        values.extend(text.split('\'').skip(1).step_by(2).filter(is_long).map(str::to_owned));
                    }
                    ("purpose", Value::String(text)) => values.push(text.clone()),
                    ("params" | "statements", inner) => texts(inner, sql, values),
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, sql, values)),
        Value::String(text) => values.extend(Some(text.as_str()).filter(is_long).map(str::to_owned)),
        _ => {}
    }
}
