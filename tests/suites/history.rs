//! Cases of `persql-history`.

#[path = "history/concurrency.rs"]
mod concurrency;
#[path = "history/configuration.rs"]
mod configuration;
#[path = "history/hostile.rs"]
mod hostile;
#[path = "history/interference.rs"]
mod interference;
#[path = "history/loading.rs"]
mod loading;
#[path = "history/model.rs"]
mod model;
#[path = "history/once.rs"]
mod once;
#[path = "history/python.rs"]
mod python;
#[path = "history/replacing.rs"]
mod replacing;
#[path = "history/runs.rs"]
mod runs;
#[path = "history/saving.rs"]
mod saving;
#[path = "history/sessions.rs"]
mod sessions;
#[path = "history/unloaded.rs"]
mod unloaded;

use persql_conformance::{Any, World, foreign, run};
use persql_history::{Dedup, Error, ErrorKind, History, Message, PerSqlHistoryProvider, Result};

type Provider = PerSqlHistoryProvider<Any>;

fn main() {
    run([
        saving::cases(),
        unloaded::cases(),
        loading::cases(),
        runs::cases(),
        replacing::cases(),
        sessions::cases(),
        once::cases(),
        configuration::cases(),
        hostile::cases(),
        python::cases(),
        concurrency::cases(),
        interference::cases(),
        model::cases(),
    ]
    .concat())
}

/// A provider with the framework's defaults.
fn provider(world: &World) -> Result<Provider> {
    Ok(PerSqlHistoryProvider::new(world.db()?))
}

/// A provider that stores whatever it gets.
fn recorder(world: &World) -> Result<Provider> {
    PerSqlHistoryProvider::builder(world.db()?).dedup(Dedup::Off).build()
}

/// Messages from short words: `u1` is a user's text without an id, `a2#` an assistant's with one.
fn talk(words: &str) -> Vec<Message> {
    words
        .split_whitespace()
        .map(|word| {
            let text = word.trim_end_matches('#');
            let message = match word.chars().next() {
                Some('u') => Message::user(text),
                Some('s') => Message::system(text),
                _ => Message::assistant(text),
            };
            if word.ends_with('#') { message.with_message_id(word) } else { message }
        })
        .collect()
}

/// The messages as short words.
fn words<'a>(messages: impl IntoIterator<Item = &'a Message>) -> String {
    let words = messages.into_iter().map(|message| message.message_id().unwrap_or_else(|| message.text()));
    words.collect::<Vec<_>>().join(" ")
}

/// What a session holds, as short words.
fn held(provider: &Provider, session: &str) -> Result<String> {
    Ok(words(&provider.get_messages(session)?))
}

/// What is loaded, as JSON texts.
fn texts(history: &History) -> Vec<&str> {
    history.iter().map(Message::as_json).collect()
}

/// Stores a row as another program would, and gives its id.
fn insert_row(db: &Any, session_id: &str, stored: impl Into<persql_core::Value>) -> Result<i64> {
    let (place, stored) = foreign(2, stored.into());
    let insert =
        format!("INSERT INTO agent_framework_messages(session_id, message_data) VALUES (?1, {place}) RETURNING id");
    let rows = db.query(insert, (session_id, stored))?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}

/// One value that a query gives.
fn value<T: for<'a> persql_core::FromValue<'a>>(db: &Any, sql: &'static str) -> Result<T> {
    let rows = db.query(sql, ())?;
    rows.first().ok_or_else(|| Error::new(ErrorKind::NotFound, "no row"))?.get(0)
}

/// The error of something that must fail.
fn refused<T: std::fmt::Debug>(result: Result<T>) -> Result<Error, String> {
    result.map_or_else(Ok, |value| Err(format!("this should have been refused, and gave {value:?}")))
}
