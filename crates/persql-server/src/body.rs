//! The bodies of requests, as far as they are read.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use http_body_util::BodyExt;

use crate::{app::App, failure::Failure};

/// The whole body of a request.
#[derive(Debug)]
pub(crate) struct Received(pub(crate) Vec<u8>);

impl FromRequest<Arc<App>> for Received {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failure> {
        read(request.into_body(), app.limits.body_bytes).await.map(Self)
    }
}

async fn read(mut body: Body, most: usize) -> Result<Vec<u8>, Failure> {
    let mut received = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::bad("the body ended early"))?;
        let Some(data) = frame.data_ref() else { continue };
        if received.len() + data.len() > most {
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than this server accepts"));
        }
        received.extend_from_slice(data);
    }
    Ok(received)
}
