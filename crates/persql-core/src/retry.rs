//! When a request is sent again, without sending or waiting.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use crate::{Error, ErrorKind, wire::Repeat};

/// The longest that the service lets a request run once it has arrived, and a second to be sure.
const SERVER_LIMIT: Duration = Duration::from_secs(31);

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One request and all its attempts.
#[derive(Debug)]
pub(crate) struct Attempts {
    repeat: Repeat,
    /// How long an attempt may take to arrive.
    arrival: Duration,
    failed: u32,
    /// An attempt went out and nothing is known of it.
    lost_one: bool,
}

impl Attempts {
    pub(crate) fn new(repeat: Repeat, arrival: Duration) -> Self {
        Self { repeat, arrival, failed: 0, lost_one: false }
    }

    /// How long to wait before the next attempt; the error to give if there is to be none.
    ///
    /// `running` is how long ago this attempt began, `left` how much of the total time is left.
    pub(crate) fn after(&mut self, error: Error, running: Duration, left: Duration) -> Result<Duration, Error> {
        self.failed += 1;
        let lost = match self.repeat {
            Repeat::Reads => false,
            Repeat::Keyed | Repeat::Twice => error.may_have_applied(),
            Repeat::InPart => error.may_have_applied() || error.sql().is_some(),
        };
        let pause = self.pause(&error, lost, running);
        let again = !lost || self.repeat == Repeat::Keyed;
        // An attempt that ends for want of time makes an open question of a refusal, so there must be time for the answer.
        let answer = if error.sql().is_some() { running.saturating_mul(2) } else { Duration::ZERO };
        if error.is_retryable() && again && pause.saturating_add(answer) < left {
            self.lost_one |= lost;
            return Ok(pause);
        }
        // What the engine says about a statement is the answer to all attempts: one that had been applied would have
        // been replayed. Who refuses before the engine is asked does not know of the others.
        let refused = error.sql().is_some() && !matches!(error.kind(), ErrorKind::Busy | ErrorKind::Denied);
        let may = lost || (self.lost_one && !refused);
        let error = error.with_may_have_applied(may);
        let error = if self.failed > 1 { error.context("attempts", self.failed) } else { error };
        Err(if self.failed > 1 || !again { error.with_gave_up() } else { error })
    }

    fn pause(&self, error: &Error, lost: bool, running: Duration) -> Duration {
        let longest = FIRST_PAUSE.saturating_mul(1 << self.failed.min(10)).min(LONGEST_PAUSE);
        let jittered = longest.mul_f64(share());
        let asked = error.retry_after().unwrap_or_default();
        // The service promises nothing for two attempts that run at the same time, so the first one is let end.
        let ends = self.arrival.saturating_add(SERVER_LIMIT);
        let first_ends = if lost { ends.saturating_sub(running) } else { Duration::ZERO };
        jittered.max(asked).max(first_ends)
    }
}

/// A random number from 0 to 1.
fn share() -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a random number needs no last bit")]
    let share = random() as f64 / u64::MAX as f64;
    share
}

/// A random number, from the keys with which the standard library guards its hash maps.
fn random() -> u64 {
    RandomState::new().hash_one(std::time::SystemTime::now())
}

/// A key that no other request has.
pub(crate) fn new_key() -> String {
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SqlDetail, SqlErrorKind};

    const MINUTE: Duration = Duration::from_secs(60);
    const ARRIVAL: Duration = Duration::from_secs(5);

    fn reading() -> Attempts {
        Attempts::new(Repeat::Reads, ARRIVAL)
    }

    fn writing() -> Attempts {
        Attempts::new(Repeat::Keyed, ARRIVAL)
    }

    fn lost() -> Error {
        Error::new(ErrorKind::Unavailable, "connection lost").with_may_have_applied(true)
    }

    #[test]
    fn a_refusal_by_the_engine_is_not_tried_again_without_time_for_an_answer() {
        let locked = || Error::new(ErrorKind::Busy, "locked").with_sql(SqlDetail::new(SqlErrorKind::DatabaseLocked));
        let ran = Duration::from_secs(10);
        let error = writing().after(locked(), ran, ran * 2).unwrap_err();
        assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Busy, false));
        assert!(writing().after(locked(), ran, ran * 3).is_ok());
        // Of another refusal nobody knows how long an answer takes.
        assert!(reading().after(lost(), ran, ran).is_ok());
    }

    #[test]
    fn a_read_is_tried_again_soon_and_a_lost_write_after_the_servers_limit() {
        let read = reading().after(lost(), Duration::ZERO, MINUTE).unwrap();
        assert!(read <= Duration::from_millis(200), "{read:?}");
        let write = writing().after(lost(), Duration::from_secs(1), MINUTE).unwrap();
        assert_eq!(write, Duration::from_secs(35));
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for() {
        let error = Error::new(ErrorKind::RateLimited, "slow").with_retry_after(Duration::from_secs(7));
        assert_eq!(writing().after(error, Duration::ZERO, MINUTE).unwrap(), Duration::from_secs(7));
    }

    #[test]
    fn without_time_left_the_error_says_whether_it_may_have_happened() {
        let error = writing().after(lost(), Duration::ZERO, Duration::from_secs(5)).unwrap_err();
        assert!(error.may_have_applied() && error.is_retryable());

        let mut attempts = writing();
        attempts.after(lost(), Duration::ZERO, MINUTE).unwrap();
        let refused = Error::new(ErrorKind::Unavailable, "refused");
        let error = attempts.after(refused, Duration::ZERO, Duration::ZERO).unwrap_err();
        assert!(error.may_have_applied() && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("attempts: 2"));
    }

    #[test]
    fn a_reason_of_the_engines_is_an_answer_to_all_attempts() {
        let mut attempts = writing();
        attempts.after(lost(), Duration::ZERO, MINUTE).unwrap();
        let unique = SqlDetail::new(SqlErrorKind::UniqueViolation);
        let error = Error::new(ErrorKind::Conflict, "unique").with_sql(unique);
        let error = attempts.after(error, Duration::ZERO, MINUTE).unwrap_err();
        assert!(!error.may_have_applied());

        let mut attempts = writing();
        attempts.after(lost(), Duration::ZERO, MINUTE).unwrap();
        let error = attempts.after(Error::new(ErrorKind::Unpaid, "empty"), Duration::ZERO, MINUTE).unwrap_err();
        assert!(error.may_have_applied());
    }

    #[test]
    fn money_and_mistakes_are_never_tried_again() {
        for kind in [ErrorKind::Unpaid, ErrorKind::Denied, ErrorKind::Sql, ErrorKind::Corrupt] {
            assert!(reading().after(Error::new(kind, "no"), Duration::ZERO, MINUTE).is_err());
        }
    }

    #[test]
    fn keys_differ() {
        assert_ne!(new_key(), new_key());
        assert_eq!(new_key().len(), 32);
    }
}
