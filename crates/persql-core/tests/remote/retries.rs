//! When a request is sent again, and what is said when it is not. Time goes by at once.

use std::{
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use persql_core::{BoxFuture, Builder, ErrorKind, Handle, Timer, blocking};
use tokio::sync::Notify;

use super::{BUSY, DONE, NOT_NOW, ONE_ROW, Reply, Server, read_plan, seen_key, write_plan};

/// Time that goes by at once; that of an attempt when the server has said that it will not answer.
#[derive(Clone, Debug)]
pub(super) struct Hurry {
    passed: Arc<Mutex<Duration>>,
    silence: Arc<Notify>,
}

impl Hurry {
    /// Time that goes by for a client of this server.
    pub(super) fn at(server: &Server) -> Self {
        Self { passed: Arc::default(), silence: Arc::clone(&server.silence) }
    }

    pub(super) fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    /// A database at a server that says this, and how much time has gone by.
    fn db(script: impl IntoIterator<Item = Reply>) -> (Server, Self, blocking::Database) {
        let server = Server::start(script);
        let time = Self::at(&server);
        let db = time.client(&server).build().unwrap().database("acme/agent").unwrap();
        (server, time, db)
    }

    pub(super) fn client(&self, server: &Server) -> Builder<blocking::PerSql> {
        blocking::PerSql::builder().token("psql_test_secret").api_url(&server.url).timer(self.clone())
    }
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Timer for Hurry {
    fn now(&self) -> Instant {
        *START + self.passed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        *self.passed.lock().unwrap() += time;
        Box::pin(std::future::ready(()))
    }

    fn timeout(&self, time: Duration) -> BoxFuture<()> {
        let this = self.clone();
        Box::pin(async move {
            this.silence.notified().await;
            *this.passed.lock().unwrap() += time;
        })
    }
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
const NONSENSE: Reply = Reply::Say(200, "", "<html>");
const OVERLOADED: Reply = Reply::Say(503, "", "<html>");
const UNPAID: Reply = Reply::Say(402, "", "{}");
const TAKEN: Reply = Reply::Say(409, "", r#"{"success":false,"errorDetail":{"kind":"unique_violation"}}"#);

#[test]
fn a_lost_write_is_tried_again_when_the_first_attempt_must_have_ended() {
    for (lost, at_least) in [
        // The time limit of a statement, and what it may take to get there.
        (Reply::HangUp, 35),
        (Reply::Silence, 35),
        (Reply::Say(502, "", "<html>"), 35),
        // What stands before the server may have lost its answer, whatever it calls that.
        (OVERLOADED, 35),
        (Reply::Say(504, "", "<html>"), 35),
        // Nothing was done.
        (BUSY, 0),
        (NOT_NOW, 0),
        (Reply::Say(429, "retry-after: 9\r\n", ""), 9),
    ] {
        let (server, time, db) = Hurry::db([lost, DONE]);
        db.run(write_plan()).unwrap();
        assert!(time.passed() >= at_least * SECOND, "{:?} instead of {at_least}", time.passed());
        assert!(time.passed() < (at_least + 5) * SECOND, "{:?} instead of {at_least}", time.passed());
        assert_eq!(seen_key(&server, 0), seen_key(&server, 1));
    }
}

#[test]
fn only_a_word_of_the_engines_says_that_a_lost_write_was_not_applied() {
    for (later, may) in [(UNPAID, true), (Reply::Say(401, "", "{}"), true), (NONSENSE, true), (TAKEN, false)] {
        let (_server, _, db) = Hurry::db([Reply::HangUp, later]);
        let error = db.run(write_plan()).unwrap_err();
        assert_eq!(error.may_have_applied(), may, "{error:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_may_be_that_of_a_write() {
    let server = Server::start([NONSENSE, NONSENSE, Reply::Say(302, "location: /\r\n", "")]);
    let (db, kinds) = (server.db(), [ErrorKind::Corrupt, ErrorKind::Corrupt, ErrorKind::Corrupt]);
    let errors =
        [db.run(read_plan()).unwrap_err(), db.run(write_plan()).unwrap_err(), db.run(write_plan()).unwrap_err()];
    assert_eq!(errors.each_ref().map(persql_core::Error::kind), kinds);
    assert_eq!(errors.map(|error| error.may_have_applied()), [false, true, true]);
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_batch_that_is_no_transaction_is_sent_once_unless_nothing_of_it_was_run() {
    for (reply, may) in [(BUSY, true), (Reply::HangUp, true), (TAKEN, true), (UNPAID, false)] {
        let server = Server::start([reply, Reply::Say(200, "", r#"{"success":true,"data":[]}"#)]);
        let error = server.db().batch(["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"]).unwrap_err();
        assert_eq!((error.may_have_applied(), server.seen().len()), (may, 1), "{error:?}");
    }
    let server = Server::start([NOT_NOW, Reply::Say(200, "", r#"{"success":true,"data":[]}"#)]);
    server.db().batch(["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"]).unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_time_limit_of_the_callers_is_kept_and_named() {
    let (server, time, db) = Hurry::db([Reply::Silence, Reply::Silence]);
    let db = db.with_timeout(7 * SECOND);
    let errors = [db.run(read_plan()).unwrap_err(), db.run(write_plan()).unwrap_err()];
    assert_eq!(errors.each_ref().map(persql_core::Error::kind), [ErrorKind::Timeout; 2]);
    assert_eq!(errors.map(|error| error.may_have_applied()), [false, true]);
    assert_eq!((time.passed(), server.seen().len()), (14 * SECOND, 2));
}

#[test]
fn a_client_may_have_all_the_time_there_is() {
    let server = Server::start([NOT_NOW, DONE, DONE]);
    server.client(Duration::MAX).database("acme/agent").unwrap().run(write_plan()).unwrap();
    server.db().with_timeout(Duration::MAX).run(write_plan()).unwrap();
}

#[test]
fn a_write_is_not_tried_again_when_its_key_may_be_forgotten() {
    const TOMORROW: Reply = Reply::Say(429, "retry-after: 86400\r\n", "");
    let (server, _, db) = Hurry::db([Reply::HangUp, TOMORROW, DONE, TOMORROW, ONE_ROW]);
    let db = db.with_timeout(Duration::MAX);
    let error = db.run(write_plan()).unwrap_err();
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::RateLimited, true));
    assert_eq!(server.seen().len(), 2);
    db.run(write_plan()).unwrap();
    assert_eq!(db.run(read_plan()).unwrap(), 7);
}
