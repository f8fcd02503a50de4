//! A process of Python with a store in it.

use std::{
    cell::RefCell,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Request;
use crate::{
    case::Failed,
    side::{Side, Work},
};

/// It ends with this value.
pub(super) struct Worker {
    process: Child,
    told: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Worker {
    /// Where Python finds our module and our classes, the environment says.
    pub(super) fn start(python: &Path, framework: &str, store: &str, data: &Path) -> Result<Self, Failed> {
        let mut command = Command::new(python);
        command.args(["-m", "persql_peers.bench", framework, store]).arg(data);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let told = process.stdin.take().ok_or("Python cannot be told anything")?;
        let says = BufReader::new(process.stdout.take().ok_or("Python cannot say anything")?);
        Ok(Self { process, told, says })
    }

    /// Tells it a line, and waits for one.
    fn tell(&mut self, line: &Value) -> Result<Value, Failed> {
        writeln!(self.told, "{line}")?;
        let mut answer = String::new();
        self.says.read_line(&mut answer)?;
        Ok(serde_json::from_str(&answer).map_err(|_| "Python ended")?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has nothing that anybody will read again.
        drop(self.process.kill().and_then(|()| self.process.wait()));
    }
}

/// Sets the store up there; its turns are that side's.
pub(super) fn side(worker: &Rc<RefCell<Worker>>, request: &Request, path: &Path) -> Result<Side, Failed> {
    let Request { operation, count, limit, callers } = request;
    let case = json!({ "operation": operation, "count": count, "limit": limit, "callers": callers, "path": path });
    worker.borrow_mut().tell(&case)?;
    let worker = Rc::clone(worker);
    Ok(Box::new(move |until| {
        let seconds = until.saturating_duration_since(Instant::now()).as_secs_f64();
        work(&worker.borrow_mut().tell(&json!({ "seconds": seconds }))?).ok_or_else(|| "Python says nothing".into())
    }))
}

fn work(done: &Value) -> Option<Work> {
    let duration = |name: &str| Duration::try_from_secs_f64(done.get(name)?.as_f64()?).ok();
    let by_caller = done.get("operations")?.as_array()?.iter().map(Value::as_u64).collect::<Option<_>>()?;
    Some(Work { by_caller, wall: duration("wall")?, transactions: None, cpu: duration("cpu") })
}
