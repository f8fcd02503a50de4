//! One connection: what it is doing, and how long it may do that.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Notify};

use crate::config::Limits;

/// What is known of a connection by those who did not open it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: IpAddr,
    /// Told when somebody else needs the place.
    pub(crate) evicted: Notify,
    phase: Mutex<Phase>,
}

/// What a connection is doing, and since when.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing but perhaps taking an answer; since its last piece.
    Idle(Instant),
    /// Sending the head of a request.
    Head(Instant),
    /// Waiting for an answer.
    Busy,
}

impl Link {
    pub(crate) fn new(peer: IpAddr) -> Self {
        // Whoever connects has something to say.
        Self { peer, evicted: Notify::new(), phase: Mutex::new(Phase::Head(Instant::now())) }
    }

    /// A request is there.
    pub(crate) fn ask(&self) {
        *self.phase() = Phase::Busy;
    }

    /// Its answer is there.
    pub(crate) fn answer(&self) {
        *self.phase() = Phase::Idle(Instant::now());
    }

    /// Since when nobody waits for an answer.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        match self.now() {
            Phase::Idle(since) | Phase::Head(since) => Some(since),
            Phase::Busy => None,
        }
    }

    /// Whether it has had its time.
    pub(crate) fn is_over(&self, limits: &Limits) -> bool {
        match self.now() {
            Phase::Idle(since) => since.elapsed() >= limits.idle,
            Phase::Head(since) => since.elapsed() >= limits.head,
            Phase::Busy => false,
        }
    }

    fn received(&self) {
        let mut phase = self.phase();
        if let Phase::Idle(_) = *phase {
            *phase = Phase::Head(Instant::now());
        }
    }

    fn sent(&self) {
        let mut phase = self.phase();
        if let Phase::Idle(since) = &mut *phase {
            *since = Instant::now();
        }
    }

    fn now(&self) -> Phase {
        *self.phase()
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that notes on its link what goes over it.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    pub(crate) stream: TokioIo<TcpStream>,
    pub(crate) link: &'a Link,
}

impl Read for Watched<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.link.received();
        }
        read
    }
}

impl Write for Watched<'_> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.link.sent();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        if written.is_ready() {
            self.link.sent();
        }
        written
    }
}
