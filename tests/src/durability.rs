//! What a database must survive: processes that are killed, processes that compete, and ten thousand of its kind.
//!
//! Each check starts this program again in a role ([`serve`]), as many processes as it needs. `cargo xtask durability`
//! runs them at full length; the suites run short versions.

mod agent;
mod contend;
mod kill;
mod many;

use std::{error::Error, path::Path};

use persql_core::Durability;

pub use contend::{Shares, contend};
pub use kill::{Killed, kill};
pub use many::{Many, many};

use crate::process;

/// Does what this process was started for, if a check started it, and says whether that was so.
///
/// # Errors
/// Whatever goes wrong; the check that started the process fails then.
pub fn serve() -> Result<bool, Box<dyn Error>> {
    let Some((role, path)) = process::role() else { return Ok(false) };
    serve_as(&role, &path)
}

/// The same for a role that is known already.
///
/// # Errors
/// As [`serve`].
pub fn serve_as(role: &str, path: &Path) -> Result<bool, Box<dyn Error>> {
    match role.split_once(' ') {
        Some(("kill", durability)) => kill::work(path, parse(durability)?)?,
        Some(("contend", seconds)) => contend::work(path, seconds.parse()?)?,
        Some(("many", databases)) => many::work(path, databases.parse()?)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn parse(durability: &str) -> Result<Durability, Box<dyn Error>> {
    match durability {
        "normal" => Ok(Durability::Normal),
        "full" => Ok(Durability::Full),
        other => Err(format!("{other} is neither normal nor full").into()),
    }
}

fn word(durability: Durability) -> &'static str {
    if durability == Durability::Full { "full" } else { "normal" }
}
