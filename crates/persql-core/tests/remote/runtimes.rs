//! Both handles, in every place that a program may call them from.

use super::*;

use std::task::{Context, Poll, Wake};

use tokio::runtime::{Builder, Runtime};

fn answering() -> Server {
    Server::start(std::iter::repeat_with(|| ONE_ROW).take(16))
}

fn runtimes() -> [Runtime; 3] {
    [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_multi_thread().worker_threads(1).build().unwrap(),
        Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
    ]
}

#[test]
fn no_runtime_is_needed() {
    let db = answering().db();
    assert_eq!(db.run(read_plan()).unwrap(), 7);
    assert_eq!(poll_by_hand(db.asynchronous().run(read_plan())).unwrap(), 7);
}

#[test]
fn every_runtime_will_do() {
    let db = answering().db().asynchronous();
    for runtime in runtimes() {
        assert_eq!(runtime.block_on(db.run(read_plan())).unwrap(), 7);
        assert_eq!(runtime.block_on(runtime.spawn(db.run(read_plan()))).unwrap().unwrap(), 7);
    }
}

#[test]
fn the_blocking_handle_may_be_used_where_a_runtime_is() {
    let db = answering().db();
    for runtime in runtimes() {
        // Inside of `block_on`, on a worker, and on a thread for what blocks.
        runtime.block_on(async { assert_eq!(db.run(read_plan()).unwrap(), 7) });
        let (worker, thread) = (db.clone(), db.clone());
        let on_worker = runtime.spawn(async move { worker.run(read_plan()) });
        assert_eq!(runtime.block_on(on_worker).unwrap().unwrap(), 7);
        let on_thread = runtime.spawn_blocking(move || thread.run(read_plan()));
        assert_eq!(runtime.block_on(on_thread).unwrap().unwrap(), 7);
    }
}

#[test]
fn a_client_outlives_the_runtime_that_it_began_in() {
    let db = answering().db().asynchronous();
    for runtime in runtimes() {
        runtime.block_on(db.run(read_plan())).unwrap();
        drop(runtime);
        assert_eq!(poll_by_hand(db.run(read_plan())).unwrap(), 7);
    }
    // A future may begin in one runtime and end in none.
    let mut future = db.run(read_plan());
    runtimes()[0].block_on(async {
        let waker = std::task::Waker::noop();
        drop(future.as_mut().poll(&mut Context::from_waker(waker)));
    });
    assert_eq!(poll_by_hand(future).unwrap(), 7);
}

#[test]
fn a_client_is_dropped_anywhere() {
    let server = answering();
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let db = server.db().asynchronous();
        db.run(read_plan()).await.unwrap();
        drop(db);
    });
    // With a request on its way, which is sent to its end.
    let db = server.db();
    let future = db.asynchronous().run(read_plan());
    drop(db);
    assert_eq!(poll_by_hand(future).unwrap(), 7);
}

fn poll_by_hand<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
