//! Cases of `persql-core`: databases as a whole, their branches and snapshots, and how many can be open.

#[path = "core_control/branches.rs"]
mod branches;
#[path = "core_control/clients.rs"]
mod clients;
#[path = "core_control/databases.rs"]
mod databases;
#[path = "core_control/durability.rs"]
mod durability;
#[path = "core_control/everywhere.rs"]
mod everywhere;
#[path = "core_control/many.rs"]
mod many;
#[path = "core_control/snapshots.rs"]
mod snapshots;

use persql_conformance::run_here;

fn main() {
    match persql_conformance::durability::serve() {
        Ok(true) => return,
        Ok(false) => {}
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
    run_here(
        [
            everywhere::cases(),
            branches::cases(),
            snapshots::cases(),
            databases::cases(),
            many::cases(),
            durability::cases(),
        ]
        .concat(),
    );
}
