//! A proxy on loopback that does to each request what its plan says.

use std::{
    io::{BufReader, Read, Result, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    Fault, Faults, VirtualTime,
    http::{body_start, read_message},
    rig::Backend,
};

/// A listener in front of a server. Each request that arrives takes the next [`Fault`] of the plan. Nothing depends on
/// which request it is, so callers that come one after the other always meet the same faults.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    faults: Mutex<Faults>,
    met: Mutex<Vec<Fault>>,
    /// Requests that something is being done to.
    under_way: Mutex<usize>,
    done: Condvar,
    time: VirtualTime,
    backend: Arc<Backend>,
    stopped: AtomicBool,
}

impl Proxy {
    /// Starts to listen.
    ///
    /// # Errors
    /// If there is no port.
    pub fn start(backend: Arc<Backend>, faults: Faults, time: VirtualTime) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            faults: Mutex::new(faults),
            met: Mutex::default(),
            under_way: Mutex::default(),
            done: Condvar::new(),
            time,
            backend,
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A connection that breaks has broken, which is what it is for.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What becomes of the requests from now on.
    pub fn plan(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// Waits until the server has answered all requests that were passed on to it, also those whose answer nobody wants.
    pub fn settle(&self) {
        let under_way = lock(&self.shared.under_way);
        drop(self.shared.done.wait_while(under_way, |requests| *requests > 0));
    }

    /// What became of each request so far, in the order of their arrival.
    pub fn met(&self) -> Vec<Fault> {
        lock(&self.shared.met).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener up.
        drop(TcpStream::connect(self.address));
    }
}

/// A connection to the server, and how often one had been killed before.
struct Upstream {
    reader: BufReader<TcpStream>,
    kills: usize,
}

impl Upstream {
    fn connect(shared: &Shared) -> Result<Self> {
        let kills = shared.backend.kills();
        let stream = TcpStream::connect(shared.backend.address()?)?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream), kills })
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.send(request)?;
        read_message(&mut self.reader)
    }
}

impl Shared {
    /// Serves the requests of one connection until a fault or the client ends it.
    fn serve(&self, client: TcpStream) -> Result<()> {
        client.set_nodelay(true)?;
        let mut client = BufReader::new(client);
        let mut kept = None;
        while client.get_ref().peek(&mut [0])? > 0 {
            let fault = lock(&self.faults).take();
            lock(&self.met).push(fault);
            let upstream = match kept.take() {
                Some(Upstream { kills, .. }) if kills != self.backend.kills() => Upstream::connect(self)?,
                Some(upstream) => upstream,
                None => Upstream::connect(self)?,
            };
            *lock(&self.under_way) += 1;
            let left = self.suffer(fault, &mut client, upstream);
            *lock(&self.under_way) -= 1;
            self.done.notify_all();
            match left? {
                Some(upstream) => kept = Some(upstream),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Does to a request what the fault says. Gives the connection to the server back if both are of further use.
    fn suffer(
        &self,
        fault: Fault,
        client: &mut BufReader<TcpStream>,
        mut upstream: Upstream,
    ) -> Result<Option<Upstream>> {
        match fault {
            // Closing a connection of which something was not read resets it.
            Fault::ResetBefore => return Ok(None),
            Fault::ResetWithin => {
                let half = client.get_ref().peek(&mut [0; 16 << 10])? / 2;
                let mut bytes = vec![0; half];
                client.get_mut().read_exact(&mut bytes)?;
                upstream.send(&bytes)?;
                return Ok(None);
            }
            _ => {}
        }
        let request = read_message(client)?;
        let out = client.get_mut();
        match fault {
            Fault::Gateway(status) => out.write_all(&refusal(status, "", "<html>"))?,
            Fault::TooMany(None) => out.write_all(&refusal(429, "", "slow down"))?,
            Fault::TooMany(Some(seconds)) => {
                out.write_all(&refusal(429, &format!("retry-after: {seconds}\r\n"), "slow down"))?;
            }
            Fault::Locked => {
                let body = r#"{"success":false,"error":"locked","errorDetail":{"kind":"database_locked"}}"#;
                out.write_all(&refusal(503, "content-type: application/json\r\n", body))?;
            }
            Fault::ResetAfter => {
                upstream.send(&request)?;
                out.shutdown(Shutdown::Both)?;
                // What it does with that is its own affair; a connection that closes early might stop it.
                read_message(&mut upstream.reader)?;
            }
            Fault::AnswerLost => drop(upstream.exchange(&request)?),
            Fault::Killed => {
                upstream.exchange(&request)?;
                self.backend.kill()?;
            }
            Fault::GatewayLost(status) => {
                upstream.exchange(&request)?;
                out.write_all(&refusal(status, "", "<html>"))?;
            }
            Fault::Twice => {
                let mut second = Upstream::connect(self)?;
                second.send(&request)?;
                let answer = upstream.exchange(&request)?;
                read_message(&mut second.reader)?;
                out.write_all(&answer)?;
                return Ok(Some(upstream));
            }
            Fault::HalfAnswer => {
                let answer = upstream.exchange(&request)?;
                out.write_all(first_half(&answer))?;
            }
            Fault::SlowAnswer => {
                let answer = upstream.exchange(&request)?;
                let half = first_half(&answer);
                out.write_all(half)?;
                self.time.advance(Duration::from_secs(10));
                out.write_all(answer.get(half.len()..).unwrap_or_default())?;
                return Ok(Some(upstream));
            }
            Fault::StalledAnswer => {
                let answer = upstream.exchange(&request)?;
                out.write_all(first_half(&answer))?;
                self.time.advance(ATTEMPT);
                // Until the client has given up.
                out.read_to_end(&mut Vec::new())?;
            }
            Fault::None | Fault::ResetBefore | Fault::ResetWithin => {
                out.write_all(&upstream.exchange(&request)?)?;
                return Ok(Some(upstream));
            }
        }
        Ok(None)
    }
}

/// How long the client's attempts last.
const ATTEMPT: Duration = Duration::from_secs(30);

/// The head and a half of the body.
fn first_half(answer: &[u8]) -> &[u8] {
    let start = body_start(answer);
    let half = start + (answer.len() - start) / 2;
    answer.get(..half).unwrap_or_default()
}

/// An answer after which the connection ends.
fn refusal(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
