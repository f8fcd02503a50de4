//! The conformance harness: one list of cases, run in every mode.
//!
//! A case is a plain function that gets a [`World`]. The world's handle, [`Any`], is itself a
//! [`persql_core::Handle`] whose reply is a `Result` in every mode, so no case can exist for one mode only, unless
//! the list of cases says why ([`local`]). Trials are named `case::mode`: select by either with the usual filter of
//! `cargo test`.

mod any;
mod client;
pub mod durability;
pub mod faults;
mod foreign;
mod interrupted;
pub mod live;
mod mode;
pub mod process;
mod server;
mod trial;
mod world;

pub use any::Any;
pub use client::{Client, Kind};
pub use foreign::foreign;
pub use interrupted::Interrupted;
pub use mode::Mode;
pub use trial::{Case, finish, in_modes, local, run, run_here, run_live};
pub use world::{Options, World};

/// What a case gives back: any error fails it.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Lists cases with their names.
#[macro_export]
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        vec![$(($crate::Case { name: stringify!($case), run: $case, local: None })),+]
    };
}
