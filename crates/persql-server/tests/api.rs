//! The API over a real connection, as the page of the contract has it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "api/branches.rs"]
mod branches;
#[path = "api/client.rs"]
mod client;
#[path = "api/databases.rs"]
mod databases;
#[path = "api/errors.rs"]
mod errors;
#[path = "api/queries.rs"]
mod queries;
#[path = "api/tokens.rs"]
mod tokens;
#[path = "support/world.rs"]
mod world;
