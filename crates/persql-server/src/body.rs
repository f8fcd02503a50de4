//! The bodies of requests, as far as they are read.

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
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

/// How long somebody is listened to who sends too much, so that he hears why he is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// The whole body of a request.
#[derive(Debug, Default)]
pub(crate) struct Received {
    bytes: Vec<u8>,
    shares: Option<OwnedSemaphorePermit>,
}

impl Deref for Received {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
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
        let Some(data) = frame.data_ref() else { continue };
        let bytes = received.bytes.len() + data.len();
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
        received.bytes.extend_from_slice(data);
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
