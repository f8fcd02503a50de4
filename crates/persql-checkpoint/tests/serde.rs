//! The serializer: against Python's, with types, and with bytes that nobody meant.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "serde/golden.rs"]
mod golden;
#[path = "serde/hostile.rs"]
mod hostile;
#[path = "serde/typed.rs"]
mod typed;
#[path = "serde/vectors.rs"]
mod vectors;
