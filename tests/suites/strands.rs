//! Cases of `persql-strands`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic fails the case that it happens in")]

#[path = "strands/golden.rs"]
mod golden;
#[path = "strands/hostile.rs"]
mod hostile;
#[path = "strands/interference.rs"]
mod interference;
#[path = "strands/manager.rs"]
mod manager;
#[path = "strands/model.rs"]
mod model;
#[path = "strands/multi_agent.rs"]
mod multi_agent;
#[path = "strands/open.rs"]
mod open;
#[path = "strands/redaction.rs"]
mod redaction;
#[path = "strands/repository.rs"]
mod repository;
#[path = "strands/rewrite.rs"]
mod rewrite;
#[path = "strands/search.rs"]
mod search;
#[path = "strands/storage.rs"]
mod storage;
#[path = "strands/support.rs"]
mod support;

fn main() {
    let cases = [
        golden::cases(),
        hostile::cases(),
        interference::cases(),
        manager::cases(),
        model::cases(),
        multi_agent::cases(),
        open::cases(),
        redaction::cases(),
        repository::cases(),
        rewrite::cases(),
        search::cases(),
        storage::cases(),
    ];
    persql_conformance::run(cases.concat());
}
