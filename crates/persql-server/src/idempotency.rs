//! `Idempotency-Key`: a write that is applied once, however often it is sent.

use std::time::{Instant, SystemTime};

use axum::http::{HeaderMap, HeaderName, StatusCode};
use persql_core::{Error, ErrorKind, server::Once};
use sha2::{Digest, Sha256};

use crate::{answer, failure::Failure};

pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

const KEY: &str = "idempotency-key";
const MOST_CHARACTERS: usize = 200;

/// The key of the request, if it has one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=MOST_CHARACTERS).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Failure::bad(format!("an Idempotency-Key has 1 to {MOST_CHARACTERS} printable characters"))),
    }
}

/// A request that is run once for this key of this token.
pub(crate) fn once(token: &str, key: &str, body: &[u8], several: bool, now: SystemTime, started: Instant) -> Once {
    let route: &[u8] = if several { b"batch" } else { b"query" };
    let mut name = Sha256::new().chain_update(token).chain_update(b"\0").chain_update(key).finalize();
    if let Some((place, moment)) = name.first_chunk_mut().zip(moment(key)) {
        *place = moment;
    }
    let fingerprint = Sha256::new().chain_update(route).chain_update(body).finalize();
    Once::new(name.as_slice(), fingerprint.as_slice(), now, move |sets| {
        // Nothing in an answer can fail to be written; if it does all the same, an empty one is no success.
        answer::sets(sets, several, started.elapsed()).unwrap_or_default()
    })
}

/// The milliseconds with which the keys of our client begin. The names of such keys begin so as well: those of a moment are
/// side by side in the index, where each name that is only a hash would be on a page of its own.
fn moment(key: &str) -> Option<[u8; 6]> {
    let is_ours = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let time = u64::from_str_radix(key.get(..12).filter(|_| is_ours)?, 16).ok()?;
    time.to_be_bytes().last_chunk().copied()
}

/// What to say when the engine refuses a key.
pub(crate) fn refused(error: &Error) -> Option<Failure> {
    match (error.kind(), error.sql(), error.may_have_applied()) {
        (ErrorKind::Conflict, None, false) => {
            let text = "Idempotency-Key reused with a different request";
            Some(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, text))
        }
        (ErrorKind::Conflict, None, true) => Some(Failure::new(StatusCode::GONE, error.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_begin_with_the_time_are_kept_in_its_order() {
        assert_eq!(moment("019aa5b0c1d2ffffffffffffffffffff"), Some([0x01, 0x9a, 0xa5, 0xb0, 0xc1, 0xd2]));
        for other in [
            "",
            "order-12",
            "019AA5B0C1D2FFFFFFFFFFFFFFFFFFFF",
            "é19aa5b0c1d2fffffffffffffffffff",
            "+19aa5b0c1d2ffffffffffffffffffff",
        ] {
            assert_eq!(moment(other), None, "{other}");
        }
    }
}
