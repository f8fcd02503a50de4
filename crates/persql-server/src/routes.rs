//! Which function answers what.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::State,
    routing::{delete, get, post, put},
};
use persql_core::{Answer, Batch, Error, ErrorKind, Handle, Plan, Request, Role, Statement, server::Terms};
use serde::Serialize;
use tower_http::compression::{CompressionLayer, CompressionLevel, predicate::SizeAbove};

use crate::{
    answer::{self, Answered, Success},
    app::App,
    body::Received,
    branches,
    caller::Place,
    databases,
    failure::Failure,
    statements,
};

/// What is shorter is sent as it is: it fits a packet anyway.
const COMPRESSED_FROM: u16 = 1_400;

pub(crate) fn router(app: Arc<App>) -> Router {
    let database = Router::new()
        .route("/query", post(query))
        .route("/batch", post(batch))
        .route("/tables", get(tables))
        .route("/describe", get(describe))
        .route("/claim_branch", post(branches::claim))
        .route("/branches/{reference}", put(branches::upsert).delete(branches::delete));
    Router::new()
        .route("/health", get(health))
        .route("/v1/me", get(databases::me))
        .route("/v1/databases", get(databases::list).post(databases::create))
        .route("/v1/databases/{slug}", delete(databases::delete))
        .nest("/v1/db/{namespace}/{database}", database)
        .fallback(databases::no_route)
        .method_not_allowed_fallback(databases::no_method)
        .layer(
            CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(COMPRESSED_FROM)),
        )
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

async fn query(State(_): State<Arc<App>>, place: Place, Received(body): Received) -> Answered {
    run(&place, statements::query(&body)?, true, false).await
}

async fn batch(State(_): State<Arc<App>>, place: Place, Received(body): Received) -> Answered {
    let (statements, transaction) = statements::batch(&body)?;
    run(&place, statements, transaction, true).await
}

async fn run(place: &Place, statements: Vec<Statement>, transaction: bool, several: bool) -> Answered {
    let started = Instant::now();
    if statements.is_empty() {
        return answer::sets(&[], several, started.elapsed()).map(Success);
    }
    let terms = Terms::new().creates(place.caller.0.role == Role::Admin);
    let batch = Batch::raw(statements, transaction).on_terms(terms);
    let plan = Plan::send(Request::Batch(batch)).then(move |outcome| {
        Plan::ok(match outcome {
            Ok(Answer::Sets(sets)) => answer::sets(&sets, several, started.elapsed()),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error.into()),
        })
    });
    place.db.run(plan).await?.map(Success)
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
