//! The conformance harness: one list of cases, run in every mode.
//!
//! A case is a plain function that gets a [`World`]. The world's handle, [`Any`], is itself a
//! [`persql_core::Handle`] whose reply is a `Result` in every mode, so no case can exist for one mode only. Trials are
//! named `case::mode`: select by either with the usual filter of `cargo test`.

mod any;
pub mod durability;
mod interrupted;
mod mode;
pub mod process;
mod trial;
mod world;

pub use any::Any;
pub use interrupted::Interrupted;
pub use mode::Mode;
pub use trial::{Case, run};
pub use world::{Client, Options, World};

/// What a case gives back: any error fails it.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Lists cases with their names.
#[macro_export]
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        vec![$(($crate::Case { name: stringify!($case), run: $case })),+]
    };
}
