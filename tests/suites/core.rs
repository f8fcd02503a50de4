//! Cases of `persql-core` in local mode.

#[path = "core/errors.rs"]
mod errors;
#[path = "core/expect.rs"]
mod expect;
#[path = "core/futures.rs"]
mod futures;
#[path = "core/group_commit.rs"]
mod group_commit;
#[path = "core/limits.rs"]
mod limits;
#[path = "core/model.rs"]
mod model;
#[path = "core/places.rs"]
mod places;
#[path = "core/plans.rs"]
mod plans;
#[path = "core/processes.rs"]
mod processes;
#[path = "core/readers.rs"]
mod readers;
#[path = "core/rows.rs"]
mod rows;
#[path = "core/rules.rs"]
mod rules;
#[path = "core/schema.rs"]
mod schema;
#[path = "core/statements.rs"]
mod statements;
#[path = "core/values.rs"]
mod values;

use persql_conformance::{process, run};

fn main() {
    if let Some((role, path)) = process::role() {
        return processes::play(&role, &path);
    }
    let topics = [
        statements::cases(),
        values::cases(),
        rows::cases(),
        schema::cases(),
        errors::cases(),
        rules::cases(),
        limits::cases(),
        places::cases(),
        plans::cases(),
        futures::cases(),
        readers::cases(),
        group_commit::cases(),
        processes::cases(),
        model::cases(),
    ];
    run(topics.concat());
}
