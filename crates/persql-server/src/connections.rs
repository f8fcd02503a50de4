//! All connections: how many there may be, and who goes when there are too many.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, Response},
    response::IntoResponse,
};
use http_body_util::Either;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, rt::TokioTimer, service::TowerToHyperService};
use tokio::{net::TcpStream, sync::watch};
use tower_http::compression::CompressionBody;

use crate::{
    app::App,
    connection::{Link, Watched},
    failure::Failure,
    routes::Service,
};

/// The largest head of a request.
const HEAD_BYTES: usize = 64 << 10;

/// The connections that are open.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<HashMap<u64, Arc<Link>>>,
    next: AtomicU64,
}

/// A connection's place among the open ones.
#[derive(Debug)]
pub(crate) struct Seat {
    connections: Arc<Connections>,
    number: u64,
    link: Arc<Link>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
    }
}

impl Connections {
    /// A place for somebody new. Where there is none left, whoever has waited for nothing for longest goes; if all wait
    /// for answers, the new one does.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr, most: usize, most_of_address: usize) -> Option<Seat> {
        let mut open = self.open();
        let of_address = open.values().filter(|link| link.peer == peer).count();
        if of_address >= most_of_address && !evict(&mut open, |link| link.peer == peer) {
            return None;
        }
        if open.len() >= most && !evict(&mut open, |_| true) {
            return None;
        }
        let (number, link) = (self.next.fetch_add(1, Ordering::Relaxed), Arc::new(Link::new(peer)));
        open.insert(number, Arc::clone(&link));
        Some(Seat { connections: Arc::clone(self), number, link })
    }

    /// Makes room when the system has no more descriptors.
    pub(crate) fn make_room(&self) -> bool {
        evict(&mut self.open(), |_| true)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Link>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends away whoever of these has waited for nothing for longest; false if all wait for answers.
fn evict(open: &mut HashMap<u64, Arc<Link>>, may_go: impl Fn(&Link) -> bool) -> bool {
    let idle = open.iter().filter(|(_, link)| may_go(link));
    let oldest = idle.filter_map(|(number, link)| Some((link.idle_since()?, *number))).min();
    let Some(link) = oldest.and_then(|(_, number)| open.remove(&number)) else { return false };
    link.evicted.notify_one();
    true
}

/// Answers on one connection until it ends, is over, or the server stops.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Seat,
    app: Arc<App>,
    service: Service,
    mut stopping: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers may be held back");
    }
    let link = &*seat.link;
    let stream = Watched { stream: TokioIo::new(stream), link };
    let answering = Answering { app: &app, link, service: TowerToHyperService::new(service) };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Hyper counts the time between two requests as well; the link does not.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(stream, answering);
    let mut connection = pin!(connection);
    let glance = (app.limits.head / 4).max(Duration::from_millis(10));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "a connection broke");
                }
                return;
            }
            () = link.evicted.notified() => return tracing::debug!(%peer, "a connection made room for another"),
            _ = stopping.wait_for(|stopping| *stopping), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(glance) => if link.is_over(&app.limits) {
                return tracing::debug!(%peer, "a connection was idle or slow for too long");
            },
        }
    }
}

/// Answers requests, and notes on the link that there are any.
struct Answering<'a> {
    app: &'a App,
    link: &'a Link,
    service: TowerToHyperService<Service>,
}

/// An answer of a route, or one of whoever refuses before.
type Answer = Response<Either<CompressionBody<Body>, Body>>;

impl<'a> hyper::service::Service<Request<Incoming>> for Answering<'a> {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send + 'a>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let link = self.link;
        link.ask();
        if let Some(wait) = self.app.flood.refuses(link.peer) {
            link.answer();
            let refusal = Failure::too_many(wait).into_response();
            return Box::pin(std::future::ready(Ok(refusal.map(Either::Right))));
        }
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await;
            link.answer();
            answer.map(|answer| answer.map(Either::Left))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    #[test]
    fn the_longest_idle_goes_and_nobody_who_waits() {
        let connections = Arc::new(Connections::default());
        let admit = |peer| connections.admit(peer, 3, 2);
        let (first, second, other) = (admit(ONE).unwrap(), admit(ONE).unwrap(), admit(OTHER).unwrap());
        first.link.ask();
        // The address has its share, so one of its own goes, though the other's is older by now.
        second.link.answer();
        let third = admit(ONE).unwrap();
        assert_eq!(connections.open().len(), 3);
        assert!(!connections.open().contains_key(&second.number));
        third.link.ask();
        assert!(admit(ONE).is_none());
        let fourth = admit(OTHER).unwrap();
        assert!(!connections.open().contains_key(&other.number));
        fourth.link.ask();
        assert!(admit(OTHER).is_none() && !connections.make_room());
        drop(first);
        assert!(admit(OTHER).is_some());
    }
}
