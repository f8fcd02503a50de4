//! Writes that are applied once, however often they are asked for.

use std::sync::Arc;

use crate::{Error, ErrorKind, Ident, Plan, Result, Schema, Sql, SqlErrorKind, Statement, sql};

/// A write with an id of the caller's: the same id never applies twice, not after a timeout, a cancelled future or a
/// restart.
///
/// The id is recorded in the table `persql_operations` in the same transaction as the write. A second attempt finds it
/// there, does nothing, and answers as the first did. The same id for something else is refused.
#[derive(Clone, Debug)]
pub struct Operation {
    scope: Arc<str>,
    id: Arc<str>,
    digest: String,
}

/// Bytes that an operation id may have: what the service allows for an idempotency key.
const MOST_ID_BYTES: usize = 200;

impl Operation {
    /// An operation with this id in this scope (an adapter, its table, a session) that asks for `content`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the id is empty or longer than 200 bytes.
    pub fn new<'a>(scope: &str, id: &str, content: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        if id.is_empty() || id.len() > MOST_ID_BYTES {
            let length = id.len();
            return Err(Error::invalid(format!(
                "an operation id has 1 to {MOST_ID_BYTES} bytes, and this has {length}"
            )));
        }
        Ok(Self { scope: scope.into(), id: id.into(), digest: digest(content) })
    }

    /// An adapter's schema with the table of records, and with statements of the adapter's own that belong to it (a
    /// trigger that purges records).
    pub fn schema(adapter: &Schema, purge: impl IntoIterator<Item = Sql>) -> Schema {
        let create = std::iter::once(Sql::from(sql::CREATE_OPERATIONS)).chain(purge);
        adapter.with([Ident::from_static("persql_operations")], create)
    }

    /// The statement that opens the write's batch: it records the operation, and undoes the batch if it is recorded.
    pub fn record(&self, result: Option<&str>) -> Statement {
        Statement::new(sql::RECORD_OPERATION, (&*self.scope, &*self.id, self.digest.as_str(), result))
    }

    /// What the operation answered when it was applied; `None` if it never was.
    pub fn find(&self, schema: &Schema) -> Plan<Option<Recorded>> {
        let digest = self.digest.clone();
        let id = Arc::clone(&self.id);
        let find = Statement::new(sql::FIND_OPERATION, (&*self.scope, &*self.id));
        Plan::read(find).or_absent(schema).try_map(move |rows| match rows.first() {
            None => Ok(None),
            Some(row) if row.get::<&str>(0)? == digest => Ok(Some(Recorded { result: row.get(1)? })),
            Some(_) => Err(Error::new(ErrorKind::Conflict, "this operation id was used for something else")
                .context("operation", id)),
        })
    }

    /// Runs the batch that [`record`](Operation::record) opens; if the operation was applied already, gives what it
    /// answered then.
    pub fn apply(&self, batch: impl IntoIterator<Item = Statement>, schema: &Schema) -> Plan<Option<Recorded>> {
        let (this, schema) = (self.clone(), schema.clone());
        Plan::write(batch).creating(&schema).map(|()| None).or_else(move |error| {
            let applied = error.sql().is_some_and(|detail| {
                detail.kind == SqlErrorKind::UniqueViolation && detail.table.as_deref() == Some("persql_operations")
            });
            if !applied {
                return Plan::err(error);
            }
            this.find(&schema).or_else(|error| {
                // It was applied, by this call or an earlier one, unless the id was used for something else.
                let may = error.kind() != ErrorKind::Conflict;
                Plan::err(error.with_may_have_applied(may))
            })
        })
    }
}

/// What an operation answered when it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The answer as text; `None` if there was nothing to answer.
    pub result: Option<String>,
}

/// FNV-1a over 128 bits: stable for ever, and there is no attacker to defend against, since callers choose the ids.
fn digest<'a>(content: impl IntoIterator<Item = &'a str>) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = BASIS;
    for part in content {
        // The length first, so that parts cannot run into each other.
        for byte in (part.len() as u64).to_le_bytes().into_iter().chain(part.bytes()) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_stable_and_tells_parts_apart() {
        assert_eq!(digest([]), "6c62272e07bb014262b821756295c58d");
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["ab", "c"]), digest(["ab", "c"]));
    }

    #[test]
    fn an_id_has_bounds() {
        assert!(Operation::new("s", "", []).is_err());
        assert!(Operation::new("s", &"x".repeat(201), []).is_err());
        assert!(Operation::new("s", &"x".repeat(200), []).is_ok());
    }
}
