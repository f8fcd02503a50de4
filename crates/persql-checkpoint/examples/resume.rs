//! A small graph that survives being killed: it goes on where it stopped, and does nothing twice.
//!
//! ```sh
//! cargo run -p persql-checkpoint --example resume -- report.db --crash-after weather
//! cargo run -p persql-checkpoint --example resume -- report.db
//! ```
//!
//! The first run ends right after the task `weather` has stored what it wrote, while `news`, of the same step, has not
//! run yet. The second run is a new process: it finds the step, and the pending writes of `weather`, and runs `news`.

use std::process::ExitCode;

use persql_checkpoint::{
    Checkpoint, CheckpointTuple, Config, Data, Metadata, Result, blocking::PerSqlSaver, new_checkpoint_id, serde::Map,
    timestamp,
};

/// The graph: steps, one after the other, of tasks that do not depend on each other.
const STEPS: [&[&str]; 3] = [&["weather", "news"], &["summary"], &["publish"]];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut file, mut crash_after) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--crash-after" => crash_after = arguments.next(),
            _ => file = Some(argument),
        }
    }
    let Some(file) = file else {
        eprintln!("usage: resume <file.db> [--crash-after <task>]");
        return ExitCode::from(2);
    };
    match run(&file, crash_after.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(file: &str, crash_after: Option<&str>) -> Result<()> {
    let saver = PerSqlSaver::from_url(&format!("sqlite:{file}"))?;
    let thread = Config::new("morning-report");
    let mut current = match saver.get_tuple(&thread)? {
        Some(tuple) => {
            let step = tuple.metadata.step().unwrap_or(-1);
            println!("going on after step {step}, with {} pending writes", tuple.pending_writes.len());
            tuple
        }
        None => {
            println!("starting");
            save(&saver, &thread, None, Map::new(), -1)?
        }
    };
    loop {
        let step = current.metadata.step().unwrap_or(-1) + 1;
        let Some(tasks) = usize::try_from(step).ok().and_then(|step| STEPS.get(step)) else {
            println!("done: {}", text(&current.checkpoint.channel_values, "publish"));
            return Ok(());
        };
        let mut written = Map::new();
        for task in *tasks {
            let stored = current.pending_writes.iter().find(|write| write.task_id == *task);
            let value = match stored {
                Some(write) => {
                    println!("step {step}: {task} has been done already");
                    write.value.clone()
                }
                None => {
                    println!("step {step}: {task}");
                    let value = work(task, &current.checkpoint.channel_values);
                    saver.put_writes(&current.config, &[((*task).to_owned(), value.clone())], task, "")?;
                    value
                }
            };
            if crash_after == Some(*task) && stored.is_none() {
                println!("killed");
                std::process::exit(1);
            }
            written.insert(*task, value);
        }
        current = save(&saver, &current.config, Some(&current.checkpoint), written, step)?;
    }
}

/// Stores a checkpoint behind this one, or the first, and reads it back. `written` are the new values.
fn save(
    saver: &PerSqlSaver,
    config: &Config,
    before: Option<&Checkpoint>,
    written: Map,
    step: i64,
) -> Result<CheckpointTuple> {
    let mut checkpoint = Checkpoint::new(new_checkpoint_id(step), timestamp());
    if let Some(before) = before {
        checkpoint.channel_values = before.channel_values.clone();
        checkpoint.channel_versions = before.channel_versions.clone();
    }
    for (channel, value) in written {
        let channel = channel.as_str().unwrap_or_default();
        let version = saver.get_next_version(checkpoint.channel_versions.get(channel))?;
        checkpoint.channel_versions.insert(channel, version);
        checkpoint.channel_values.insert(channel, value);
    }
    let source = if step < 0 { "input" } else { "loop" };
    let stored = saver.put(config, &checkpoint, &Metadata::new(source, step))?;
    saver.get_tuple(&stored)?.ok_or_else(|| persql_checkpoint::Error::invalid("the checkpoint is gone"))
}

fn text<'a>(values: &'a Map, channel: &str) -> &'a str {
    values.get(channel).and_then(Data::as_str).unwrap_or_default()
}

/// What a task does; a real one would ask a model.
fn work(task: &str, values: &Map) -> Data {
    match task {
        "weather" => "sunny".into(),
        "news" => "nothing happened".into(),
        "summary" => format!("{}; {}", text(values, "weather"), text(values, "news")).into(),
        _ => format!("Good morning! {}.", text(values, "summary")).into(),
    }
}
