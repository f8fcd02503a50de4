//! A chat program that remembers: every run continues the conversation that the last one left.
//!
//! ```text
//! cargo run --example chat -- --session ada --db chat.db "my name is Ada"
//! cargo run --example chat -- --session ada --db chat.db "what is my name?"
//! cargo run --example chat -- --session ada --db chat.db --show
//! ```
//!
//! With `OPENAI_API_KEY` set (and `OPENAI_BASE_URL`, `OPENAI_MODEL` if you like) a model answers. Without, a small
//! built-in responder does.

mod arguments;
mod openai;
mod responder;

use std::process::ExitCode;

use persql_agents_session::{
    Limit,
    blocking::{Database, PerSqlSession},
};
use serde_json::{Value, json};

use arguments::Arguments;

type Failure = Box<dyn std::error::Error>;

/// What is sent to the model: enough for a long talk, and never an output without its call.
const HISTORY: usize = 200;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match chat(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("chat: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn chat(arguments: &Arguments) -> Result<(), Failure> {
    let session = PerSqlSession::new(open(arguments.db.as_deref())?, arguments.session.as_str());
    if let Some(message) = &arguments.message {
        // The message is stored before anyone is asked for an answer: whatever fails then, it is not lost.
        session.add_items(&[json!({"role": "user", "content": message})])?;
        let history = session.get_items(Limit::items(HISTORY).with_whole_calls())?;
        let answer = answer(&history)?;
        session.add_items(&answer)?;
        answer.iter().filter_map(text_of).for_each(|text| println!("{text}"));
    }
    if arguments.show {
        for item in session.get_items_text(Limit::all())? {
            println!("{item}");
        }
    }
    Ok(())
}

/// `--db` is a path or a URL; without it, the environment decides, and `chat.db` if it says nothing.
fn open(db: Option<&str>) -> Result<Database, Failure> {
    Ok(match db {
        Some(url) if url.starts_with("sqlite:") || url.contains("://") => Database::from_url(url)?,
        Some(path) => Database::local(path)?,
        None if std::env::var_os("PERSQL_DATABASE").is_some() => Database::from_env()?,
        None => Database::local("chat.db")?,
    })
}

fn answer(history: &[Value]) -> Result<Vec<Value>, Failure> {
    match std::env::var("OPENAI_API_KEY") {
        Ok(key) if !key.is_empty() => openai::answer(&key, history),
        _ => Ok(vec![json!({"role": "assistant", "content": responder::answer(history)})]),
    }
}

/// The text of a message, whether its content is a string or a list of parts.
fn text_of(item: &Value) -> Option<String> {
    match item.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        _ => None,
    }
}
