//! A handle that loses answers.

use std::sync::{Arc, Mutex, PoisonError};

use persql_core::{Error, ErrorKind, Handle, Plan, Result, Step};

use super::{Fault, Faults};
use crate::Any;

/// A handle that does to each request what its plan says and never tries again: what an adapter sees whose client has
/// given up. Works in every mode.
#[derive(Clone, Debug)]
pub struct Forgetful {
    db: Any,
    faults: Arc<Mutex<Faults>>,
}

impl Forgetful {
    /// A handle to this database that meets these faults.
    pub fn new(db: Any, faults: Faults) -> Self {
        Self { db, faults: Arc::new(Mutex::new(faults)) }
    }

    fn next(&self) -> Fault {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Handle for Forgetful {
    type Reply<T: Send + 'static> = Result<T>;

    fn run<T: Send + 'static>(&self, mut plan: Plan<T>) -> Result<T> {
        loop {
            plan = match plan.into_step() {
                Step::Done(result) => return result,
                Step::Send(request, then) => {
                    let fault = self.next();
                    let lost = || {
                        let may = !fault.is_surely_undone();
                        Err(Error::new(ErrorKind::Unavailable, "lost by the test").with_may_have_applied(may))
                    };
                    let outcome = if fault.is_done() { self.db.run(Plan::send(request.clone())) } else { lost() };
                    then.resume(request, if fault.is_answered() { outcome } else { lost() })
                }
            }
        }
    }
}
