//! The workspace's own commands, run as `cargo xtask <command>`.
//!
//! One table, [`SUBCOMMANDS`], drives both the dispatch and the help, so the help cannot name a command that is not
//! there.

mod bench;
mod ci;
mod command;
mod conformance;
mod copy;
mod durability;
mod failure;
mod faults;
mod files;
mod mutate;
mod peers;
mod process;
mod release;
mod resolve;
mod rusqlite;
mod rust_source;
mod stated;
mod tidy;
mod workspace;

use std::process::ExitCode;

use command::{Arguments, Subcommand};
use failure::{Failure, Outcome};

const SUBCOMMANDS: &[Subcommand] = &[
    bench::SUBCOMMAND,
    ci::SUBCOMMAND,
    conformance::SUBCOMMAND,
    durability::SUBCOMMAND,
    faults::SUBCOMMAND,
    peers::SUBCOMMAND,
    release::SUBCOMMAND,
    resolve::SUBCOMMAND,
    rusqlite::SUBCOMMAND,
    tidy::SUBCOMMAND,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Reported) => ExitCode::FAILURE,
        Err(Failure::Failed(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(message)) => {
            eprintln!("xtask: {message}\n\n{}", help());
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::Usage("no command given".to_owned()));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        println!("{}", help());
        return Ok(());
    }
    let Some(subcommand) = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name) else {
        return Err(Failure::Usage(format!("there is no command `{name}`")));
    };
    if rest.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h")) {
        println!("{}", subcommand.help());
        return Ok(());
    }
    let arguments =
        Arguments::parse(rest, subcommand.flags).map_err(|message| Failure::Usage(format!("{name}: {message}")))?;
    (subcommand.run)(&arguments)
}

fn help() -> String {
    let commands: Vec<String> = SUBCOMMANDS.iter().map(Subcommand::help).collect();
    format!("usage: cargo xtask <command>\n\n{}", commands.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> Outcome {
        dispatch(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_unknown_command_or_flag_is_a_usage_error() {
        assert!(matches!(run(&[]), Err(Failure::Usage(_))));
        assert!(matches!(run(&["no-such-command"]), Err(Failure::Usage(_))));
        assert!(matches!(run(&["tidy", "--no-such-flag"]), Err(Failure::Usage(_))));
        assert!(matches!(run(&["rusqlite", "newest"]), Err(Failure::Usage(_))));
        assert!(matches!(run(&["ci", "no-such-step"]), Err(Failure::Usage(_))));
    }

    #[test]
    fn the_help_names_every_command_and_flag() {
        let help = help();
        for subcommand in SUBCOMMANDS {
            assert!(help.contains(subcommand.name));
            for flag in subcommand.flags {
                assert!(help.contains(flag.name));
            }
        }
    }
}
