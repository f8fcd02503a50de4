//! Requests that come twice.

use std::{
    fmt, io, thread,
    time::{Duration, Instant},
};

use persql_agents_session::PerSqlSession;
use persql_conformance::{
    Any, Case, Outcome, cases,
    faults::{Fault, Faults, Rig, VirtualTime},
};
use persql_core::{BoxFuture, ErrorKind, Timer};

use crate::agents_session::items;

pub(crate) fn cases() -> Vec<Case<Rig>> {
    cases![
        a_cancelled_future_and_its_operation_id_apply_once,
        concurrent_requests_with_one_key_run_once,
        a_key_with_another_body_is_refused,
        an_answer_is_replayed_by_the_server_after_the_one_that_gave_it,
        an_answer_that_was_purged_is_not_replayed_and_not_made_again,
    ]
}

/// Polls a future until the proxy has met so many requests, and drops it.
fn cancel<T>(rig: &Rig, requests: usize, future: impl Future<Output = T>) {
    let mut future = Box::pin(future);
    let end = rig.proxy().met().len() + requests;
    Any::block_on(std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        let is_over = future.as_mut().poll(context).is_ready() || rig.proxy().met().len() >= end;
        if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    }));
}

fn a_cancelled_future_and_its_operation_id_apply_once(rig: &Rig) -> Outcome {
    // Two programs, or one before and after a restart.
    let (db, other) = (rig.patient_db()?, rig.patient_db()?);
    for (number, (fault, requests)) in (0..).zip(Fault::ALL.into_iter().flat_map(|fault| [(fault, 1), (fault, 2)])) {
        let name = format!("session {number}");
        let cancelled = PerSqlSession::new(db.to_async(), name.as_str());
        let session = PerSqlSession::new(other.clone(), name.as_str());
        rig.proxy().plan(Faults::script([fault]));
        cancel(rig, requests, cancelled.operation("turn").add_items(&items(number, 1)));
        session.operation("turn").add_items(&items(number, 1))?;
        session.operation("turn").add_items(&items(number, 1))?;
        assert_eq!(session.get_items(None)?, items(number, 1), "{fault:?}");
        // What is there to pop is read first.
        rig.proxy().plan(Faults::script([Fault::None, Fault::None, fault]));
        cancel(rig, requests + 2, cancelled.operation("pop").pop_item());
        assert_eq!(session.operation("pop").pop_item()?.as_ref(), items(number, 1).last(), "{fault:?}");
        assert_eq!(session.operation("pop").pop_item()?.as_ref(), items(number, 1).last(), "{fault:?}");
        assert_eq!(session.get_items(None)?, items(number, 0), "{fault:?}");
    }
    Ok(())
}

const INSERT: &str = r#"{"sql":"INSERT INTO t VALUES (?1) RETURNING rowid, a","params":["x"]}"#;
const OTHER: &str = r#"{"sql":"INSERT INTO t VALUES (?1) RETURNING rowid, a","params":["y"]}"#;

fn table(rig: &Rig) -> persql_core::Result<Any> {
    let db = rig.plain_db()?;
    db.query("CREATE TABLE t(a)", ())?;
    Ok(db)
}

fn concurrent_requests_with_one_key_run_once(rig: &Rig) -> Outcome {
    let db = table(rig)?;
    for round in 1..=20 {
        let key = format!("key {round}");
        let answers = thread::scope(|scope| {
            let post = || rig.backend().post("query", &key, INSERT);
            let posts: Vec<_> = (0..4).map(|_| scope.spawn(post)).collect();
            let join = |post: thread::ScopedJoinHandle<'_, _>| {
                post.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
            };
            posts.into_iter().map(join).collect::<io::Result<Vec<_>>>()
        })?;
        let replayed = answers.iter().filter(|(_, head, _)| head.contains("idempotency-replayed: true")).count();
        let row = format!("[{round},\"x\"]");
        assert!(answers.iter().all(|(status, _, body)| *status == 200 && body.contains(&row)), "{answers:?}");
        assert_eq!((replayed, db.query("SELECT a FROM t", ())?.len()), (3, round));
    }
    Ok(())
}

fn a_key_with_another_body_is_refused(rig: &Rig) -> Outcome {
    let db = table(rig)?;
    assert_eq!(rig.backend().post("query", "key", INSERT)?.0, 200);
    for (operation, body) in
        [("query", OTHER.to_owned()), ("batch", format!(r#"{{"statements":[{INSERT}],"transaction":true}}"#))]
    {
        let (status, _, body) = rig.backend().post(operation, "key", &body)?;
        assert_eq!(status, 422, "{body}");
        assert!(body.contains("Idempotency-Key reused with a different request"), "{body}");
    }
    assert_eq!(db.query("SELECT a FROM t", ())?.len(), 1);
    // What was refused is no answer that is kept: the key of a failure is free.
    assert_eq!(rig.backend().post("query", "free", r#"{"sql":"INSERT INTO nowhere VALUES (1)"}"#)?.0, 400);
    assert_eq!(rig.backend().post("query", "free", INSERT)?.0, 200);
    Ok(())
}

fn an_answer_is_replayed_by_the_server_after_the_one_that_gave_it(rig: &Rig) -> Outcome {
    for rig in [rig.another()?, rig.of_a_process()?] {
        table(&rig)?;
        let (status, first, body) = rig.backend().post("query", "key", INSERT)?;
        assert!(status == 200 && !first.contains("idempotency-replayed"), "{first}");
        rig.backend().kill()?;
        let (status, head, again) = rig.backend().post("query", "key", INSERT)?;
        assert!(status == 200 && head.contains("idempotency-replayed: true"), "{head}");
        assert_eq!(again, body);
        assert_eq!(rig.plain_db()?.query("SELECT a FROM t", ())?.len(), 1);
    }
    Ok(())
}

/// Time in which somebody does something while a client waits.
struct Meanwhile<F>(VirtualTime, F);

impl<F> fmt::Debug for Meanwhile<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<F: Fn() + Send + Sync + 'static> Timer for Meanwhile<F> {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        (self.1)();
        self.0.sleep(time)
    }

    fn timeout(&self, time: Duration) -> BoxFuture<()> {
        self.0.timeout(time)
    }
}

fn an_answer_that_was_purged_is_not_replayed_and_not_made_again(rig: &Rig) -> Outcome {
    let plain = rig.plain_db()?;
    // Blocking: it is used on the client's thread, inside of a runtime.
    let session = PerSqlSession::new(plain.to_blocking(), "ada");
    session.add_items(&items(0, 3))?;
    let clear = move || drop(session.clear_session());
    let db = rig.db_with_timer(Meanwhile(rig.time().clone(), clear))?;
    rig.proxy().plan(Faults::script([Fault::AnswerLost]));
    // The item was popped, nobody saw it, and then all were cleared: it must not come back from a record.
    let error = PerSqlSession::new(db, "ada").pop_item_text().err().ok_or("an answer that was cleared")?;
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Conflict, true), "{error:?}");
    assert!(PerSqlSession::new(plain, "ada").get_items(None)?.is_empty());
    Ok(())
}
