//! A server: bound to its address, serving until it is told to stop.

use std::{
    fmt,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::AtomicU64},
    thread::{self, JoinHandle},
    time::Duration,
};

use persql_core::{Error, ErrorKind, PerSql, Result};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot, watch},
    task::JoinSet,
};

use crate::{
    Config,
    app::App,
    body::SHARE,
    connections::{self, Connections},
    flood::Flood,
    routes::service,
    tokens::Tokens,
};

/// A server that is bound to its address and answers once [`serve`](Server::serve) runs.
///
/// # Examples
/// ```
/// use persql_core::PerSql;
/// use persql_server::{Config, Role, Server};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// let server = Server::bind(Config::new(directory.path()).listen(([127, 0, 0, 1], 0).into())).await?;
/// let token = server.tokens().create("acme", Role::Admin)?;
/// let url = format!("http://{}", server.address());
/// tokio::spawn(server.serve(std::future::pending()));
///
/// let client = PerSql::builder().token(token).api_url(url).build()?;
/// let db = client.database("acme/agent-state")?;
/// db.query("CREATE TABLE note(text TEXT)", ()).await?;
/// # Ok(()) }
/// ```
#[must_use = "a server answers nothing until it serves"]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
}

impl Server {
    /// Binds to the address and opens the tokens. Nobody is answered yet, and nobody refused.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if the address is taken or the directory cannot be made.
    pub async fn bind(config: Config) -> Result<Self> {
        let listener = TcpListener::bind(config.listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let opened = tokio::task::spawn_blocking(move || open(config)).await;
        let app = opened.map_err(|_| Error::new(ErrorKind::Unavailable, "the server could not be opened"))??;
        Ok(Self { listener, address, app: Arc::new(app) })
    }

    /// Starts a server on a thread with a runtime of its own: for tests, and for programs that block.
    ///
    /// # Errors
    /// As [`bind`](Server::bind).
    ///
    /// # Examples
    /// ```
    /// use persql_core::blocking::PerSql;
    /// use persql_server::{Config, Role, Server};
    ///
    /// # fn main() -> persql_server::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// let server = Server::start(Config::new(directory.path()).listen(([127, 0, 0, 1], 0).into()))?;
    /// let token = server.tokens().create("acme", Role::Admin)?;
    /// let client = PerSql::builder().token(token).api_url(server.url()).build()?;
    /// client.database("acme/agent-state")?.query("CREATE TABLE note(text TEXT)", ())?;
    /// server.stop();
    /// # Ok(()) }
    /// ```
    pub fn start(config: Config) -> Result<Running> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(unusable)?;
        let server = runtime.block_on(Self::bind(config))?;
        let (address, tokens) = (server.address, server.tokens().clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("persql-server".to_owned())
            .spawn(move || runtime.block_on(server.serve(async { drop(stopped.await) })))
            .map_err(unusable)?;
        Ok(Running { address, tokens, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.app.tokens
    }

    /// Answers until the future ends. Then nobody new is accepted, what is under way is answered, and this returns.
    pub async fn serve(self, until: impl Future<Output = ()> + Send) {
        let Self { listener, address, app } = self;
        let (service, connections) = (service(Arc::clone(&app)), Arc::new(Connections::default()));
        let (stop, stopping) = watch::channel(false);
        let mut serving = JoinSet::new();
        let (mut until, mut sweeping) = (pin!(until), pin!(sweep(app.client.clone())));
        tracing::info!(%address, "listening");
        loop {
            tokio::select! {
                () = &mut until => break,
                () = &mut sweeping => {}
                Some(_) = serving.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let limits = &app.limits;
                        match connections.admit(peer.ip(), limits.connections, limits.connections_of_address) {
                            Some(seat) => drop(serving.spawn(connections::serve(
                                stream, peer, seat, Arc::clone(&app), service.clone(), stopping.clone(),
                            ))),
                            None => tracing::debug!(%peer, "a connection too many was refused"),
                        }
                    }
                    Err(error) => {
                        // Mostly too many open files.
                        tracing::warn!(%error, "a connection could not be accepted");
                        connections.make_room();
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                },
            }
        }
        drop(listener);
        stop.send_replace(true);
        let all = async { while serving.join_next().await.is_some() {} };
        if tokio::time::timeout(app.limits.run, all).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        app.client.close();
        tracing::info!("stopped");
    }
}

fn open(config: Config) -> Result<App> {
    std::fs::create_dir_all(&config.data).map_err(unusable)?;
    let tokens = Tokens::open(&config.data)?;
    let client = PerSql::builder()
        .local(&config.data)
        .durability(config.durability)
        .serving()
        .sqlite_memory(config.limits.sqlite_bytes)
        .clock({
            let clock = config.clock.clone();
            move || (clock.0)()
        })
        // Whoever waited for others may come again; the limit is for those who run.
        .busy_timeout(config.limits.run.mul_f64(0.8))
        .build()?;
    Ok(App {
        client,
        tokens,
        flood: Flood::new(config.limits.requests_a_minute),
        bodies: Arc::new(Semaphore::new(config.limits.bodies_bytes.max(config.limits.body_bytes).div_ceil(SHARE))),
        requests: AtomicU64::new(0),
        limits: config.limits,
        clock: config.clock,
    })
}

/// Deletes what is over: databases, branches and kept answers.
async fn sweep(client: PerSql) {
    let mut minutes = 0_u32;
    loop {
        if let Err(error) = client.databases().sweep().await {
            tracing::warn!(%error, "what is over could not be deleted");
        }
        if minutes.is_multiple_of(60) {
            let client = client.clone();
            match tokio::task::spawn_blocking(move || client.sweep_answers()).await {
                Ok(Err(error)) => tracing::warn!(%error, "kept answers could not be deleted"),
                Err(error) => tracing::warn!(%error, "kept answers could not be deleted"),
                Ok(Ok(())) => {}
            }
        }
        minutes = minutes.wrapping_add(1);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

fn unusable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the address, the directory or the system cannot be used").with_source(error)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A server on a thread of its own: [`Server::start`]. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    tokens: Tokens,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients call `PERSQL_API_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Answers what is under way, and stops.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the server's thread ended in a panic");
        }
    }
}
