//! Cases of `persql-checkpoint`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a case that panics has failed, and says where")]

#[path = "checkpoint/copying.rs"]
mod copying;
#[path = "checkpoint/deleting.rs"]
mod deleting;
#[path = "checkpoint/delta.rs"]
mod delta;
#[path = "checkpoint/golden.rs"]
mod golden;
#[path = "checkpoint/hostile.rs"]
mod hostile;
#[path = "checkpoint/layouts.rs"]
mod layouts;
#[path = "checkpoint/limits.rs"]
mod limits;
#[path = "checkpoint/listing.rs"]
mod listing;
#[path = "checkpoint/model.rs"]
mod model;
#[path = "checkpoint/old_versions.rs"]
mod old_versions;
#[path = "checkpoint/pruning.rs"]
mod pruning;
#[path = "checkpoint/putting.rs"]
mod putting;
#[path = "checkpoint/support.rs"]
mod support;
#[path = "checkpoint/threads.rs"]
mod threads;
#[path = "checkpoint/writes.rs"]
mod writes;

fn main() {
    let cases = [
        putting::cases(),
        writes::cases(),
        listing::cases(),
        deleting::cases(),
        copying::cases(),
        pruning::cases(),
        delta::cases(),
        threads::cases(),
        layouts::cases(),
        limits::cases(),
        hostile::cases(),
        old_versions::cases(),
        golden::cases(),
        model::cases(),
    ];
    persql_conformance::run(cases.concat());
}
