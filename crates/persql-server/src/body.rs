//! The bodies of requests, as far as they are read.

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::StatusCode,
};
use http_body_util::BodyExt;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use crate::{app::App, failure::Failure};

/// What a body may have without asking for a share of the memory for all bodies: as many as there are connections do.
const SMALL: usize = 64 << 10;

/// The unit in which that memory is given out.
pub(crate) const SHARE: usize = 64 << 10;

/// What takes longer to read than to hand to another thread.
const LONG: usize = 256 << 10;

/// How long somebody is listened to who sends too much, so that he hears why he is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// The whole body of a request.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// A body that came in one piece, as most do: where it was read into.
    piece: Bytes,
    /// One that did not.
    pieces: Vec<u8>,
    shares: Option<OwnedSemaphorePermit>,
}

impl Deref for Received {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        if self.pieces.is_empty() { &self.piece } else { &self.pieces }
    }
}

impl Received {
    fn add(&mut self, data: Bytes) {
        if self.is_empty() {
            self.piece = data;
            return;
        }
        self.pieces.extend_from_slice(&std::mem::take(&mut self.piece));
        self.pieces.extend_from_slice(&data);
    }

    /// Lets go of the bytes. What was made of them takes their place in the memory for all bodies.
    pub(crate) fn into_shares(self) -> Option<OwnedSemaphorePermit> {
        self.shares
    }

    /// Reads what the body says; away from the executor if that takes a while.
    pub(crate) async fn parsed<T: Send + 'static>(
        self,
        parse: fn(&[u8]) -> Result<T, Failure>,
    ) -> Result<(Self, T), Failure> {
        if self.len() <= LONG {
            let parsed = parse(&self)?;
            return Ok((self, parsed));
        }
        let parsing = tokio::task::spawn_blocking(move || parse(&self).map(|parsed| (self, parsed)));
        parsing.await.unwrap_or_else(|_| Err(Failure::bad("the body cannot be read")))
    }
}

impl FromRequest<Arc<App>> for Received {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failure> {
        let mut body = request.into_body();
        let too_large = || {
            let text = format!("a body has {} bytes at most on this server", app.limits.body_bytes);
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, text)
        };
        if body.size_hint().lower() > app.limits.body_bytes as u64 {
            listen(&mut body, app.limits.body_bytes).await;
            return Err(too_large());
        }
        let read = timeout(app.limits.body, read(&mut body, app)).await;
        let late = |_| Failure::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time");
        let received = read.map_err(late)??;
        if received.is_none() {
            listen(&mut body, app.limits.body_bytes).await;
        }
        received.ok_or_else(too_large)
    }
}

/// Reads a body; `None` if it is too large.
async fn read(body: &mut Body, app: &App) -> Result<Option<Received>, Failure> {
    let mut received = Received::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::bad("the body ended early"))?;
        let Ok(data) = frame.into_data() else { continue };
        let bytes = received.len() + data.len();
        if bytes > app.limits.body_bytes {
            return Ok(None);
        }
        if bytes > SMALL && received.shares.is_none() {
            // All that it may need at once: two that wait for the rest of their shares could wait for each other.
            let most = body.size_hint().exact().map_or(app.limits.body_bytes, |left| {
                usize::try_from(left).unwrap_or(usize::MAX).saturating_add(bytes).min(app.limits.body_bytes)
            });
            received.shares = Some(hold(most, app).await?);
        }
        received.add(data);
    }
    Ok(Some(received))
}

/// Waits for a share of the memory for all bodies.
async fn hold(bytes: usize, app: &App) -> Result<OwnedSemaphorePermit, Failure> {
    let unavailable = || Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the server has no memory for the body");
    let shares = u32::try_from(bytes.div_ceil(SHARE)).map_err(|_| unavailable())?;
    Arc::clone(&app.bodies).acquire_many_owned(shares).await.map_err(|_| unavailable())
}

/// Reads on for a while, and keeps nothing: whoever is cut off while he sends does not read the answer.
async fn listen(body: &mut Body, most: usize) {
    let mut bytes = 0;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, |data| data.len());
            if bytes > most {
                break;
            }
        }
    };
    // Whether he came to an end makes no difference.
    drop(timeout(PATIENCE, read).await);
}
