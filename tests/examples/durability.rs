//! What `cargo xtask durability` runs: `kill <rounds>`, `contend <seconds>`, `many <databases>`.

use std::{env, error::Error};

use persql_conformance::durability::{self, contend, kill, many};
use persql_core::Durability;

fn main() -> Result<(), Box<dyn Error>> {
    if durability::serve()? {
        return Ok(());
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["kill", rounds] => {
            for durability in [Durability::Full, Durability::Normal] {
                let seen = kill(rounds.parse()?, durability)?;
                println!("{durability:?}: {seen:?}: nothing lost, nothing torn, integrity_check clean");
            }
        }
        ["contend", seconds] => {
            let shares = contend(16, seconds.parse()?)?;
            let (total, slowest) = (shares.total(), shares.slowest());
            println!("16 processes: {total} turns without an error, the slowest at {slowest:.2} of the mean");
            if slowest < 0.5 {
                return Err(format!("the slowest got less than half of the mean: {:?}", shares.turns).into());
            }
        }
        ["many", databases] => println!("{}", many(databases.parse()?)?.report),
        _ => return Err("say kill <rounds>, contend <seconds> or many <databases>".into()),
    }
    Ok(())
}
