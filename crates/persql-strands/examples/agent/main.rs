//! A Strands agent that is restored after a restart: every run goes on where the last one ended.
//!
//! ```text
//! cargo run --example agent -- --db agent.db "my name is Ada"
//! cargo run --example agent -- --db agent.db "add 2 and 40"
//! cargo run --example agent -- --db agent.db "my PIN is 1234"
//! cargo run --example agent -- --db agent.db --show
//! ```
//!
//! A small built-in model answers. It has one tool, a guardrail that takes PINs out of what the user said, and a window
//! of six messages: what is older stays stored and is no longer shown to the model.

mod model;
mod window;

use std::process::ExitCode;

use persql_strands::{
    Page, Restored, SessionAgent, Tracked,
    blocking::{Database, PerSqlSessionManager},
};
use serde_json::{Value, json};

use window::SlidingWindow;

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage: agent [--db <path or URL>] [--session <id>] (<message> | --show)";

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("agent: {failure}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    db: Option<String>,
    session: String,
    /// `None` shows what is stored.
    message: Option<String>,
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let (mut db, mut session, mut message, mut show) = (None, "default".to_owned(), None, false);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--db" => db = Some(words.next()?),
                "--session" => session = words.next()?,
                "--show" => show = true,
                _ if word.starts_with("--") || message.is_some() => return None,
                _ => message = Some(word),
            }
        }
        (show != message.is_some()).then_some(Self { db, session, message })
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let manager = PerSqlSessionManager::new(open(arguments.db.as_deref())?, arguments.session.as_str());
    match &arguments.message {
        Some(message) => {
            let mut agent = Agent::start(manager)?;
            println!("{}", agent.answer(message)?);
        }
        None => {
            for stored in manager.repository().list_messages(manager.session_id(), Agent::ID, Page::default())? {
                println!("{:>3} {}", stored.message_id, stored.shown().as_str());
            }
        }
    }
    Ok(())
}

/// `--db` is a path or a URL; without it, the environment decides, and `agent.db` if it says nothing.
fn open(db: Option<&str>) -> Result<Database, Failure> {
    Ok(match db {
        Some(url) if url.starts_with("sqlite:") || url.contains("://") => Database::from_url(url)?,
        Some(path) => Database::local(path)?,
        None if std::env::var_os("PERSQL_DATABASE").is_some() => Database::from_env()?,
        None => Database::local("agent.db")?,
    })
}

/// An agent as its loop has it: what the model sees, the user's state, and what is known to be stored.
struct Agent {
    manager: PerSqlSessionManager,
    tracked: Tracked,
    messages: Vec<Value>,
    window: SlidingWindow,
    turns: u64,
}

impl Agent {
    const ID: &str = "helper";

    /// Restores the agent, or begins a new one.
    fn start(manager: PerSqlSessionManager) -> Result<Self, Failure> {
        let fresh = SessionAgent::new(Self::ID).with_conversation_manager_state(&SlidingWindow::default().state())?;
        let restored: Restored = manager.initialize(&fresh)?;
        let state: Value = restored.agent.state.decode()?;
        let window = SlidingWindow::restore(&restored.agent.conversation_manager_state.decode()?);
        let messages = restored.messages_as()?;
        let turns = state.get("turns").and_then(Value::as_u64).unwrap_or(0);
        if !restored.is_new {
            eprintln!("(restored: turn {turns}, {} messages shown, {} not)", messages.len(), window.removed());
        }
        Ok(Self { manager, tracked: restored.tracked, messages, window, turns })
    }

    fn answer(&mut self, text: &str) -> Result<String, Failure> {
        self.turns += 1;
        self.add(vec![json!({"role": "user", "content": [{"text": text}]})])?;
        if let Some(safe) = model::guardrail(text) {
            self.redact(json!({"role": "user", "content": [{"text": safe}]}))?;
        }
        loop {
            let message = model::answer(&self.messages);
            // A tool's use is stored together with its result: a crash cannot leave one without the other.
            match model::run_tools(&message) {
                Some(results) => self.add(vec![message, results])?,
                None => {
                    let text = model::text_of(&message).unwrap_or_default().to_owned();
                    self.add(vec![message])?;
                    return Ok(text);
                }
            }
        }
    }

    /// Adds messages and what changed in the agent, in one request.
    fn add(&mut self, messages: Vec<Value>) -> Result<(), Failure> {
        let mut shown = self.messages.clone();
        shown.extend(messages.iter().cloned());
        let window = self.window.trimmed(&mut shown);
        let agent = SessionAgent::new(Self::ID)
            .with_state(&json!({"turns": self.turns}))?
            .with_conversation_manager_state(&window.state())?;
        self.tracked = self.manager.append_and_sync(&self.tracked, &messages, &agent)?;
        (self.messages, self.window) = (shown, window);
        Ok(())
    }

    /// Puts a harmless message in place of the latest, here and in the database.
    fn redact(&mut self, message: Value) -> Result<(), Failure> {
        self.tracked = self.manager.redact_latest_message(&self.tracked, &message)?;
        self.messages.pop();
        self.messages.push(message);
        Ok(())
    }
}
