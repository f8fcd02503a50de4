//! What docs/wire.md assumes of the hosted service, number by number. Runs where `PERSQL_TOKEN` and `PERSQL_DATABASE` name
//! a database of it, in a branch that is deleted at the end; the token must be one of the role admin.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a case that panics has failed, and says where")]

#[path = "live/api.rs"]
mod api;
#[path = "live/errors.rs"]
mod errors;
#[path = "live/idempotency.rs"]
mod idempotency;
#[path = "live/places.rs"]
mod places;
#[path = "live/statements.rs"]
mod statements;

fn main() {
    let cases = [statements::cases(), errors::cases(), idempotency::cases(), places::cases()];
    persql_conformance::run_live(cases.concat());
}
