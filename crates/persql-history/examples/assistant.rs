//! An assistant that remembers, with an audit beside its memory: every run continues the conversation that the last one
//! left, and a second provider records everything that went in and out, and is never read by the model.
//!
//! ```text
//! cargo run --example assistant -- --session ada --db assistant.db "my name is Ada"
//! cargo run --example assistant -- --session ada --db assistant.db "what is my name?"
//! cargo run --example assistant -- --session ada --db assistant.db "what time is it?"
//! cargo run --example assistant -- --session ada --db assistant.db --audit
//! ```
//!
//! A small built-in responder stands for the model, and calls a tool when it is asked for the time.

use std::{process::ExitCode, time::SystemTime};

use persql_history::{
    Content, ListSessions, Message, Result,
    blocking::{Database, PerSqlHistoryProvider},
};

const USAGE: &str = "\
usage: assistant [--session ID] [--db PATH] [--audit] [MESSAGE]

  --session ID   whose conversation to continue (default: the one of all who name none)
  --db PATH      the file in which it is kept (default: assistant.db)
  --audit        print what the audit has recorded
  MESSAGE        what to say";

#[derive(Default)]
struct Arguments {
    session: Option<String>,
    db: Option<String>,
    audit: bool,
    message: Option<String>,
}

impl Arguments {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Arguments::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--session" => read.session = Some(value()?),
                "--db" => read.db = Some(value()?),
                "--audit" => read.audit = true,
                option if option.starts_with("--") => return Err(format!("there is no option {option}")),
                _ if read.message.is_some() => return Err("the message is one argument: put it in quotes".to_owned()),
                _ => read.message = Some(argument),
            }
        }
        if read.message.is_none() && !read.audit {
            return Err("say something, or ask for --audit".to_owned());
        }
        Ok(read)
    }
}

/// The two providers of the agent, on one database.
struct Assistant {
    /// What the model is shown: the newest 200 messages, never half of a tool's call.
    memory: PerSqlHistoryProvider,
    /// Everything that was said, with what the memory added to each run.
    audit: PerSqlHistoryProvider,
}

impl Assistant {
    fn open(path: &str) -> Result<Self> {
        let db = Database::local(path)?;
        let memory = PerSqlHistoryProvider::builder(db.clone())
            .source_id("memory")
            .max_messages(200)
            .repair_orphans(true)
            .store_inputs_first(true)
            .build()?;
        let audit = PerSqlHistoryProvider::builder(db)
            .source_id("audit")
            .messages_table("audit_messages")
            .load_messages(false)
            .store_context_messages(true)
            .store_context_from(["clock"])
            .build()?;
        Ok(Self { memory, audit })
    }

    /// One run: before, the model, after.
    fn say(&self, session: Option<&str>, text: &str) -> Result<String> {
        let input = [Message::user(text)];
        let run = self.memory.before_run(session, &input)?;
        let mut audited = self.audit.before_run(session, &input)?;
        audited.add_context("clock", &[Message::system(&format!("The time is {}.", now()))]);

        let outputs = respond(run.messages(), run.inputs());

        // In the reverse order, as the framework does.
        self.audit.after_run(&audited, &outputs)?;
        self.memory.after_run(&run, &outputs)?;
        Ok(outputs.last().map(Message::text).unwrap_or_default())
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(reason) => {
            eprintln!("{reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let assistant = Assistant::open(arguments.db.as_deref().unwrap_or("assistant.db"))?;
    let session = arguments.session.as_deref();
    if let Some(message) = &arguments.message {
        println!("{}", assistant.say(session, message)?);
    }
    if arguments.audit {
        for session in assistant.audit.list_sessions(ListSessions::default())? {
            println!("{}: {} messages", session.session_id, session.messages);
            for message in &assistant.audit.get_messages(&*session.session_id)? {
                let kinds: Vec<String> = message.contents().iter().map(Content::kind).collect();
                println!("  {}: {} [{}]", message.role(), message.text(), kinds.join(", "));
            }
        }
    }
    Ok(())
}

/// What stands for a model: it knows what it was told, and one tool.
fn respond(history: &[Message], inputs: &[Message]) -> Vec<Message> {
    let said: Vec<String> =
        history.iter().chain(inputs).filter(|message| message.role() == "user").map(Message::text).collect();
    let question = said.last().map(|text| text.to_lowercase()).unwrap_or_default();
    if question.contains("time") {
        let id = format!("call_{}", history.len());
        let time = now();
        return vec![
            Message::new("assistant", [Content::function_call(&id, "clock", "{}")]),
            Message::new("tool", [Content::function_result(&id, &time)]),
            Message::assistant(&format!("It is {time}.")),
        ];
    }
    let name = said.iter().rev().find_map(|text| Some(text.split_once("my name is ")?.1.trim_end_matches('.')));
    let answer = match name {
        Some(name) if question.contains("what is my name") => format!("Your name is {name}."),
        Some(name) => format!("I see, {name}."),
        None if question.contains("what is my name") => "You have not told me.".to_owned(),
        None => "I see.".to_owned(),
    };
    vec![Message::assistant(&answer)]
}

/// The time of day, in UTC.
fn now() -> String {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().map(|since| since.as_secs()).unwrap_or_default();
    format!("{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60)
}
