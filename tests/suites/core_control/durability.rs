//! Short versions of what `cargo xtask durability` runs.

use persql_conformance::{Case, Outcome, World, cases, durability, local};
use persql_core::Durability;

pub(crate) fn cases() -> Vec<Case> {
    local(
        "processes that open the files themselves",
        cases![
            a_killed_process_loses_and_tears_nothing,
            processes_that_write_to_one_file_share_it,
            hundreds_of_databases_are_used_in_turn
        ],
    )
}

fn a_killed_process_loses_and_tears_nothing(world: &World) -> Outcome {
    if world.mode().is_file() {
        let durability = if world.mode().is_async() { Durability::Full } else { Durability::Normal };
        durability::kill(5, durability)?;
    }
    Ok(())
}

fn processes_that_write_to_one_file_share_it(world: &World) -> Outcome {
    if world.mode().is_file() {
        let shares = durability::contend(4, 0.3)?;
        assert!(shares.turns.iter().all(|&turns| turns > 0), "{shares:?}");
    }
    Ok(())
}

fn hundreds_of_databases_are_used_in_turn(world: &World) -> Outcome {
    if world.mode().is_file() && !world.mode().is_async() {
        durability::many(300)?;
    }
    Ok(())
}
