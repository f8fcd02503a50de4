//! A server, the proxy in front of it, and a client whose time is virtual.

use std::{
    io::{self, BufRead, BufReader, Write, stdin, stdout},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::Child,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use libtest_mimic::Trial;
use persql_core::{Builder, PerSql, Timer, blocking};
use persql_server::{Config, Durability, Role, Running, Server};
use tempfile::TempDir;

use super::{
    Faults, Proxy, VirtualTime,
    http::{body_start, read_message},
};
use crate::{Any, Case, process, trial::trial};

/// What a case about faults gets: a server with a proxy in front of it that loses nothing yet.
#[derive(Debug)]
pub struct Rig {
    is_async: bool,
    time: VirtualTime,
    proxy: Proxy,
    /// Which loses nothing, and finds the server that there is.
    plain: Proxy,
    backend: Arc<Backend>,
}

const NAME: &str = "acme/agent-state";

/// Longer than any run of faults: what is retried for so long succeeds.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Rig {
    /// A server of this process.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn new(is_async: bool) -> Result<Self, Box<dyn std::error::Error>> {
        Self::with(is_async, Backend::start(false)?)
    }

    /// Another server of this process, for the same kind of caller.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn another(&self) -> Result<Self, Box<dyn std::error::Error>> {
        Self::new(self.is_async)
    }

    /// A server in a process of its own, which can be killed.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn of_a_process(&self) -> Result<Self, Box<dyn std::error::Error>> {
        Self::with(self.is_async, Backend::start(true)?)
    }

    fn with(is_async: bool, backend: Backend) -> Result<Self, Box<dyn std::error::Error>> {
        let (backend, time) = (Arc::new(backend), VirtualTime::new());
        let proxy = || Proxy::start(Arc::clone(&backend), Faults::none(), time.clone());
        let (proxy, plain) = (proxy()?, proxy()?);
        Ok(Self { is_async, time, proxy, plain, backend })
    }

    /// What loses things.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The time of the clients that go through the proxy.
    pub fn time(&self) -> &VirtualTime {
        &self.time
    }

    /// The server itself.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// A handle through the proxy whose client tries again for as long as it takes.
    ///
    /// # Errors
    /// None in practice.
    pub fn patient_db(&self) -> persql_core::Result<Any> {
        self.db_that_waits(PATIENCE)
    }

    /// A handle through the proxy whose client gives up after this time.
    ///
    /// # Errors
    /// None in practice.
    pub fn db_that_waits(&self, total: Duration) -> persql_core::Result<Any> {
        self.db_at(self.proxy.address(), total)
    }

    /// A handle to a server at another address, whose client gives up after this time.
    ///
    /// # Errors
    /// None in practice.
    pub fn db_at(&self, address: SocketAddr, total: Duration) -> persql_core::Result<Any> {
        self.db(address, total, self.time.clone())
    }

    /// A patient handle through the proxy whose client waits by this time.
    ///
    /// # Errors
    /// None in practice.
    pub fn db_with_timer(&self, timer: impl Timer) -> persql_core::Result<Any> {
        self.db(self.proxy.address(), PATIENCE, timer)
    }

    fn db(&self, address: SocketAddr, total: Duration, timer: impl Timer) -> persql_core::Result<Any> {
        if self.is_async {
            let client = self.configure(PerSql::builder(), address, total, timer).build()?;
            Ok(Any::asynchronous(client.database(NAME)?))
        } else {
            let client = self.configure(blocking::PerSql::builder(), address, total, timer).build()?;
            Ok(Any::blocking(client.database(NAME)?))
        }
    }

    /// A handle that meets no faults.
    ///
    /// # Errors
    /// None in practice.
    pub fn plain_db(&self) -> persql_core::Result<Any> {
        self.db_at(self.plain.address(), PATIENCE)
    }

    fn configure<C>(&self, builder: Builder<C>, address: SocketAddr, total: Duration, timer: impl Timer) -> Builder<C> {
        let builder = builder.token(&self.backend.token).api_url(format!("http://{address}"));
        builder.total_timeout(total).timer(timer)
    }
}

/// Every case for both kinds of caller.
pub fn through_a_proxy(cases: Vec<Case<Rig>>) -> Vec<Trial> {
    let both = |case: Case<Rig>| {
        [(false, "proxy_blocking"), (true, "proxy_async")]
            .map(|(is_async, mode)| trial(case, mode, move || Rig::new(is_async)))
    };
    cases.into_iter().flat_map(both).collect()
}

/// A server on a directory of its own.
#[derive(Debug)]
pub struct Backend {
    serving: Mutex<Serving>,
    kills: AtomicUsize,
    token: String,
    directory: TempDir,
}

#[derive(Debug)]
enum Serving {
    Here(Running),
    Process(Child, SocketAddr),
    /// Between two of them.
    Nobody,
}

/// What a process is started for that is to be a server.
const ROLE: &str = "server";

impl Backend {
    fn start(in_a_process: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let server = Server::start(config(directory.path()))?;
        let token = server.tokens().create("acme", Role::Admin)?;
        let serving = if in_a_process {
            server.stop();
            start_process(directory.path())?
        } else {
            Serving::Here(server)
        };
        Ok(Self { serving: Mutex::new(serving), kills: AtomicUsize::new(0), token, directory })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If it does not.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &*self.lock() {
            Serving::Here(server) => Ok(server.address()),
            Serving::Process(_, address) => Ok(*address),
            Serving::Nobody => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// How many servers were here before this one: a connection to one of them is of no use.
    pub fn kills(&self) -> usize {
        self.kills.load(Ordering::SeqCst)
    }

    /// Ends the server, and starts another one on what it left. A process is killed with SIGKILL; in this process the
    /// server is stopped.
    ///
    /// # Errors
    /// If it cannot be started again.
    pub fn kill(&self) -> io::Result<()> {
        let mut serving = self.lock();
        self.kills.fetch_add(1, Ordering::SeqCst);
        *serving = match std::mem::replace(&mut *serving, Serving::Nobody) {
            Serving::Process(mut child, _) => {
                child.kill()?;
                child.wait()?;
                start_process(self.directory.path())?
            }
            here => {
                drop(here);
                Serving::Here(Server::start(config(self.directory.path())).map_err(io::Error::other)?)
            }
        };
        Ok(())
    }

    /// Sends one request as it is, and gives the status, the whole head in small letters, and the body.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn post(&self, operation: &str, key: &str, body: &str) -> io::Result<(u16, String, String)> {
        let mut stream = TcpStream::connect(self.address()?)?;
        let (token, length) = (&self.token, body.len());
        let head = format!(
            "POST /v1/db/{NAME}/{operation} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\nidempotency-key: {key}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let answer = read_message(&mut BufReader::new(stream))?;
        let (head, body) = answer.split_at(body_start(&answer));
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Ok((status, head, String::from_utf8_lossy(body).into_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, Serving> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Serving::Process(child, _) = &mut *self.lock() {
            drop(child.kill().and_then(|()| child.wait()));
        }
    }
}

fn config(directory: &Path) -> Config {
    Config::new(directory).listen((Ipv4Addr::LOCALHOST, 0).into()).durability(Durability::Normal)
}

fn start_process(directory: &Path) -> io::Result<Serving> {
    let mut child = process::start(ROLE, directory, &[])?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let address = line.trim().parse().map_err(io::Error::other)?;
    Ok(Serving::Process(child, address))
}

/// Is a server until somebody kills it, if that is what this process was started for; says whether it was.
///
/// # Errors
/// If the server cannot be started.
pub fn serve() -> Result<bool, Box<dyn std::error::Error>> {
    match process::role() {
        Some((role, directory)) if role == ROLE => {
            let server = Server::start(config(&directory))?;
            writeln!(stdout(), "{}", server.address())?;
            // The other end of this pipe is held by whoever may kill this process, or has ended without doing so.
            stdin().read_line(&mut String::new())?;
            Ok(true)
        }
        _ => Ok(false),
    }
}
