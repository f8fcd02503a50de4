//! Our crates beside the same work written by hand on rusqlite: `cargo xtask bench`.
//!
//! Each adapter has a file with its cases; [`CASES`] is all of them, and one row of the printed table is one case.
//! `docs/benchmarks.md` says how the figures are made and how to read them.

mod by_hand;
mod calls;
mod case;
mod checkpoint;
mod echo;
mod history;
mod items;
mod measure;
mod peers;
mod report;
mod requests;
mod server;
mod sessions;
mod side;
mod sql;
mod strands;

use std::process::ExitCode;

use case::{Case, Failed};

/// Every case, in the order of the table.
const CASES: [&[Case]; 6] =
    [sessions::CASES, history::CASES, strands::CASES, checkpoint::CASES, calls::CASES, server::CASES];

/// What a median is worth something from.
const ROUNDS: usize = 7;

/// The name of the table that is counted, not measured.
const REQUESTS: &str = "requests";

/// What the command line asks for.
struct Options {
    /// A part of the names of the cases to run.
    filter: String,
    /// What is said, or what is enough.
    rounds: Option<usize>,
    /// Where there are frameworks of Python: then they are measured, and the cases above are not.
    pythons: Vec<peers::Python>,
    /// Whether a missed bar is a failure.
    check: bool,
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("bench: {message}\n\nusage: cargo xtask bench [filter] [--rounds <n>] [--check] [--peers]");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(missed) if missed > 0 && options.check => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen cases and prints their rows as they come; gives how many bars were missed.
fn run(options: &Options) -> Result<usize, Failed> {
    if options.filter == REQUESTS {
        return requests::print().map(|()| 0);
    }
    if !options.pythons.is_empty() {
        let rounds = options.rounds.unwrap_or(peers::ROUNDS);
        return peers::run(&options.pythons, &options.filter, rounds).map(|()| 0);
    }
    let times = options.rounds.unwrap_or(ROUNDS);
    let chosen: Vec<&Case> =
        CASES.into_iter().flatten().filter(|case| case.title().contains(&options.filter)).collect();
    if chosen.is_empty() {
        return Err(format!("no case has `{}` in its name", options.filter).into());
    }
    println!("{}", report::HEAD);
    let (mut missed, mut short) = (0, 0);
    for case in chosen {
        let rounds = measure::run(case, times).map_err(|error| format!("{}: {error}", case.title()))?;
        let row = report::row(case, &rounds);
        println!("{}", row.text);
        missed += usize::from(row.missed);
        short += usize::from(row.short);
    }
    println!("\n{times} rounds a case; {missed} bars missed, {short} more that a lone caller is to meet");
    Ok(missed)
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { filter: String::new(), rounds: None, pythons: Vec::new(), check: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--check" => options.check = true,
                "--rounds" => {
                    let rounds = arguments.next().and_then(|text| text.parse().ok()).filter(|&rounds| rounds > 0);
                    options.rounds = Some(rounds.ok_or("--rounds needs a number above 0")?);
                }
                "--python" => {
                    let given = arguments.next().unwrap_or_default();
                    let (framework, python) =
                        given.split_once('=').ok_or("--python needs <framework>=<interpreter>")?;
                    options.pythons.push((framework.to_owned(), python.into()));
                }
                flag if flag.starts_with('-') => return Err(format!("there is no flag `{flag}`")),
                _ => options.filter = argument,
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        Options::parse(arguments.iter().map(|&argument| argument.to_owned()))
    }

    #[test]
    fn the_command_line_is_read_or_refused() {
        let options = parse(&["append", "--rounds", "9", "--check"]).unwrap();
        assert_eq!((options.filter.as_str(), options.rounds, options.check), ("append", Some(9), true));
        assert_eq!(parse(&[]).map(|options| options.rounds), Ok(None));
        let python = ("langgraph".to_owned(), "bin/python".into());
        assert_eq!(parse(&["--python", "langgraph=bin/python"]).map(|options| options.pythons), Ok(vec![python]));
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--rounds", "x"], &["--python", "x"], &["--fast"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn no_two_cases_have_one_title() {
        let titles: Vec<String> = CASES.into_iter().flatten().map(Case::title).collect();
        let distinct: std::collections::BTreeSet<&String> = titles.iter().collect();
        assert_eq!(distinct.len(), titles.len());
    }

    #[test]
    fn both_sides_of_every_case_do_their_work() {
        for case in CASES.into_iter().flatten() {
            assert!(measure::try_once(case).is_ok_and(|done| done), "{}", case.title());
        }
    }
}
