//! Branches: copies of a database to try something on, leased for a time.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{Control, Controlled, Error, ErrorKind, Handle, Plan, Request, Result, plan::unexpected, tokens};

/// What a lease allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Reads.
    Read,
    /// Reads and writes, but no `CREATE`, `ALTER` or `DROP`.
    #[default]
    Write,
    /// Anything.
    Admin,
}

/// Whether a branch is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// There was none of this name.
    Created,
    /// There was one, and it was made anew.
    Reset,
}

/// When a branch is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BranchEnd {
    /// When somebody does it.
    #[default]
    Never,
    /// After this time.
    At(SystemTime),
}

/// A branch of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Branch {
    /// Its name among the branches of its database.
    pub reference: String,
    /// The name of the database that holds it. It is another one after each reset.
    pub database_slug: String,
    /// When it is deleted, if ever.
    pub expires_at: Option<SystemTime>,
    /// Whether the call that gave this made it or reset it; `None` in a list.
    pub outcome: Option<Outcome>,
    pub(crate) secret: Secret,
}

/// The token of a branch at the service. It is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) Option<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Token(…)" } else { "None" })
    }
}

/// A branch that was claimed, and the handle to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claimed<D> {
    /// The branch.
    pub branch: Branch,
    /// A handle to it that allows what the role allows, until the lease ends.
    pub database: D,
}

/// What a lease is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(crate) branch: Branch,
    pub(crate) role: Role,
}

/// A handle from which one to a branch can be made.
pub trait Leasing: Handle {
    /// A handle to the branch that this lease is about.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if branches cannot be opened here.
    fn leased(&self, lease: &Lease) -> Result<Self>;
}

/// How to claim a branch: which, for what, for how long.
#[derive(Clone, Debug)]
#[must_use = "nothing is claimed before `claim` is called with this"]
pub struct Claim {
    reference: Option<Arc<str>>,
    role: Role,
    ttl: Duration,
    with_data: bool,
    purpose: Option<Arc<str>>,
}

impl Claim {
    /// A claim to the branch of this name: 1 to 64 letters, digits, `.`, `_`, `-` or `/`, beginning with a letter or a
    /// digit.
    pub fn of(reference: &str) -> Self {
        Self { reference: Some(reference.into()), ..Self::new() }
    }

    /// A claim to a new branch with a name of its own.
    pub fn new() -> Self {
        Self {
            reference: None,
            role: Role::default(),
            ttl: Duration::from_secs(3_600),
            with_data: false,
            purpose: None,
        }
    }

    /// What the handle may do. The default is [`Role::Write`].
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// How long the lease lasts: 60 seconds to 30 days. The default is an hour.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Whether the rows are copied too. Without it the branch has the tables, indexes, triggers and views alone, as at
    /// the service, which offers nothing else.
    pub fn with_data(mut self, with_data: bool) -> Self {
        self.with_data = with_data;
        self
    }

    /// What the branch is for, for people to read: 200 bytes at most.
    pub fn purpose(mut self, purpose: &str) -> Self {
        self.purpose = Some(purpose.into());
        self
    }
}

impl Default for Claim {
    fn default() -> Self {
        Self::new()
    }
}

/// The branches of a database: [`Database::branches`](crate::Database::branches).
///
/// A branch is a database of its own: what is done to it never touches the database it was made from.
///
/// # Examples
/// ```
/// use persql_core::{Claim, blocking::Database};
///
/// # fn main() -> persql_core::Result<()> {
/// let db = Database::local(":memory:")?;
/// db.transaction(["CREATE TABLE note(text TEXT)", "INSERT INTO note VALUES ('hello')"])?;
/// let trial = db.branches().claim(Claim::of("trial").with_data(true))?.database;
/// trial.query("DELETE FROM note", ())?;
/// assert_eq!(db.query("SELECT * FROM note", ())?.len(), 1);
/// db.branches().delete("trial")?;
/// assert!(trial.query("SELECT * FROM note", ()).is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Branches<D: Handle>(D);

impl<D: Handle> Branches<D> {
    /// The branches of the database that this is a handle to.
    pub fn new(db: D) -> Self {
        Self(db)
    }

    /// Makes a branch, or makes an existing one anew, and gives a handle to it that ends with the lease.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if nothing was written to the database yet;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a bad name or time; [`Denied`](ErrorKind::Denied) on the handle
    /// of a branch.
    pub fn claim(&self, claim: Claim) -> D::Reply<Claimed<D>>
    where
        D: Leasing,
    {
        let db = self.0.clone();
        let role = claim.role;
        let control = Control::ClaimBranch {
            reference: claim.reference,
            role,
            ttl: claim.ttl,
            with_data: claim.with_data,
            purpose: claim.purpose,
        };
        self.0.run(one_branch(control).try_map(move |branch| {
            let database = db.leased(&Lease { branch: branch.clone(), role })?;
            Ok(Claimed { branch, database })
        }))
    }

    /// Makes a branch, or makes an existing one anew, from the database or from another branch (`from`).
    ///
    /// # Errors
    /// As [`claim`](Branches::claim), and [`NotFound`](ErrorKind::NotFound) if `from` is not there.
    pub fn upsert(&self, reference: &str, from: Option<&str>, end: BranchEnd, with_data: bool) -> D::Reply<Branch> {
        let from = from.map(Into::into);
        self.0.run(one_branch(Control::UpsertBranch { reference: reference.into(), from, end, with_data }))
    }

    /// The branches, by name. In local mode only: the HTTP API documents no such list.
    ///
    /// # Errors
    /// Those of the file system; [`Unsupported`](ErrorKind::Unsupported) over HTTP.
    pub fn list(&self) -> D::Reply<Vec<Branch>> {
        self.0.run(Plan::control(Control::ListBranches).try_map(|answer| match answer {
            Controlled::Branches(branches) => Ok(branches),
            _ => Err(unexpected()),
        }))
    }

    /// Deletes a branch. Handles to it find it gone.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none of this name.
    pub fn delete(&self, reference: &str) -> D::Reply<()> {
        self.0.run(Plan::control(Control::DeleteBranch { reference: reference.into() }).map(drop))
    }
}

fn one_branch(control: Control) -> Plan<Branch> {
    Plan::control(control).try_map(|answer| match answer {
        Controlled::Branches(mut branches) if branches.len() == 1 => branches.pop().ok_or_else(unexpected),
        _ => Err(unexpected()),
    })
}

/// Refuses what is not the name of a branch.
pub(crate) fn check_reference(reference: &str) -> Result<()> {
    let is_good = reference.len() <= 64
        && reference.starts_with(|c: char| c.is_ascii_alphanumeric())
        && reference.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    if is_good {
        return Ok(());
    }
    Err(Error::invalid(
        "a branch has a name of 1 to 64 letters, digits, '.', '_', '-' or '/' that begins with a letter or a digit",
    ))
}

/// What a handle to a branch may do, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) role: Role,
    pub(crate) ends: Option<SystemTime>,
}

/// The statements that a role for rows may not send. SQLite knows them by their first word.
const SCHEMA_WORDS: [&str; 6] = ["create", "alter", "drop", "reindex", "analyze", "vacuum"];

impl Scope {
    /// Refuses what the lease does not allow; gives another request where it allows a part of what this may do.
    pub(crate) fn narrow(self, request: &Request, now: SystemTime) -> Result<Option<Request>> {
        if self.ends.is_some_and(|ends| now >= ends) {
            return Err(Error::new(ErrorKind::Denied, "the lease of the branch has ended"));
        }
        let denied = || {
            Error::new(ErrorKind::Denied, "the role of the lease does not allow this").context("role", self.role.word())
        };
        match (request, self.role) {
            (Request::Control(_), _) => {
                Err(Error::new(ErrorKind::Denied, "a branch has no branches, snapshots or databases of its own"))
            }
            (Request::Tables | Request::Describe, _) | (_, Role::Admin) => Ok(None),
            (Request::Batch(batch), Role::Read) => match batch.access() {
                crate::Access::Read => Ok(None),
                // On a connection that cannot write.
                crate::Access::Raw { .. } => Ok(Some(Request::Batch(batch.reading()))),
                _ => Err(denied()),
            },
            (Request::Batch(batch), Role::Write) => {
                let alters = batch.access() == crate::Access::Schema
                    || batch.statements().iter().any(|statement| tokens::begins_with(statement.sql(), &SCHEMA_WORDS));
                if alters { Err(denied()) } else { Ok(None) }
            }
        }
    }
}

impl Role {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Write => "write",
            Role::Admin => "admin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_branch_is_bounded() {
        for good in ["a", "feature/x-1.2_3", "0", &"x".repeat(64)] {
            check_reference(good).unwrap();
        }
        for bad in ["", "/a", "-a", ".a", "a b", "a\0", "ä", "a\\b", "a'b", &"x".repeat(65)] {
            assert_eq!(check_reference(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
    }
}
