//! Which function answers what.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::State,
    http::HeaderMap,
    middleware::from_fn_with_state,
    routing::{delete, get, post, put},
};
use persql_core::{Answer, Batch, Error, ErrorKind, Handle, Plan, Request, Role, Statement, server::Terms};
use serde::Serialize;
use tower_http::compression::{Compression, CompressionLevel, predicate::SizeAbove};

use crate::{
    answer::{self, Answered, Success},
    app::App,
    body::Received,
    branches,
    caller::Place,
    databases,
    failure::Failure,
    idempotency,
    log::log,
    statements,
};

/// What is shorter is sent as it is: it fits a packet anyway.
const COMPRESSED_FROM: u16 = 1_400;

/// What answers requests.
pub(crate) type Service = Compression<Router, SizeAbove>;

/// All routes. The compression is around the router, and the paths are written out: a layer in the router and a nested
/// router cost every request some boxes.
pub(crate) fn service(app: Arc<App>) -> Service {
    Compression::new(router(app)).quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(COMPRESSED_FROM))
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/v1/me", get(databases::me))
        .route("/v1/databases", get(databases::list).post(databases::create))
        .route("/v1/databases/{slug}", delete(databases::delete))
        .route("/v1/db/{namespace}/{database}/query", post(query))
        .route("/v1/db/{namespace}/{database}/batch", post(batch))
        .route("/v1/db/{namespace}/{database}/tables", get(tables))
        .route("/v1/db/{namespace}/{database}/describe", get(describe))
        .route("/v1/db/{namespace}/{database}/claim_branch", post(branches::claim))
        .route("/v1/db/{namespace}/{database}/branches/{reference}", put(branches::upsert).delete(branches::delete))
        .fallback(databases::no_route)
        .method_not_allowed_fallback(databases::no_method)
        .layer(from_fn_with_state(Arc::clone(&app), log))
        .with_state(app)
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// `GET /health`, for whoever watches over the server: no token needed, nothing told.
async fn health() -> Answered {
    Success::of(&Health { status: "ok" })
}

async fn query(app: State<Arc<App>>, place: Place, headers: HeaderMap, body: Received) -> Answered {
    let (body, statements) = body.parsed(statements::query).await?;
    run(&app, &place, &headers, body, Asked { statements, transaction: true, several: false }).await
}

async fn batch(app: State<Arc<App>>, place: Place, headers: HeaderMap, body: Received) -> Answered {
    let (body, (statements, transaction)) = body.parsed(statements::batch).await?;
    run(&app, &place, &headers, body, Asked { statements, transaction, several: true }).await
}

/// What `/query` and `/batch` ask for.
struct Asked {
    statements: Vec<Statement>,
    transaction: bool,
    several: bool,
}

async fn run(app: &App, place: &Place, headers: &HeaderMap, body: Received, asked: Asked) -> Answered {
    let started = Instant::now();
    let Asked { statements, transaction, several } = asked;
    let key = idempotency::key(headers)?;
    if statements.is_empty() {
        return answer::sets(&[], several, started.elapsed()).map(Success::new);
    }
    let grant = &place.caller.0;
    let is_admin = grant.role == Role::Admin;
    let mut terms =
        Terms::new().creates(is_admin).alters(is_admin).answers_within(app.limits.answer_rows, app.limits.answer_bytes);
    if let Some(key) = key {
        terms = terms.once(idempotency::once(&grant.hash, key, &body, several, app.now(), started));
    }
    // The statements hold what they need of the body.
    let _shares = body.into_shares();
    let batch = Batch::raw(statements, transaction).on_terms(terms);
    let plan = Plan::send(Request::Batch(batch)).then(move |outcome| {
        Plan::ok(match outcome {
            Ok(Answer::Sets(sets)) => answer::sets(&sets, several, started.elapsed()).map(Success::new),
            Ok(Answer::Kept { body, replayed: false }) => Ok(Success::new(body)),
            Ok(Answer::Kept { body, replayed: true }) => Ok(Success::replayed(body)),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(idempotency::refused(&error).unwrap_or_else(|| error.into())),
        })
    });
    place.db.run(plan).await?
}

fn unexpected() -> Failure {
    Error::new(ErrorKind::Corrupt, "the answer is of another kind than the request").into()
}

async fn tables(place: Place) -> Answered {
    Success::of(&place.db.tables().await?)
}

async fn describe(place: Place) -> Answered {
    Success::of(&place.db.describe().await?)
}
