//! What goes wrong between a client and its server, made to go wrong on purpose.
//!
//! A [`Rig`] is a server, a [`Proxy`] in front of it that does to each request what a plan from a seed says, and clients
//! whose time is [virtual](VirtualTime). [`Forgetful`] is the same for databases in this process: a handle that loses
//! answers.

mod fault;
mod forgetful;
mod http;
mod proxy;
mod rig;
mod time;

pub use fault::{Fault, Faults, Random};
pub use forgetful::Forgetful;
pub use proxy::Proxy;
pub use rig::{Backend, Rig, serve, through_a_proxy};
pub use time::VirtualTime;
