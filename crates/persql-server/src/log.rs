//! A line in the log for each request: what was asked, what became of it, how long it took. Nothing of what it said.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn log(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = app.requests.fetch_add(1, Ordering::Relaxed);
    let method = request.method().clone();
    // The form of the path, and not the names in it.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let ms = started.elapsed().as_secs_f64() * 1e3;
    tracing::info!(id, %method, route, status = response.status().as_u16(), ms, "request");
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from(id));
    response
}
