//! A server that does nothing but HTTP: it gives one answer to everything, after it has read the request.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE},
    response::IntoResponse,
    serve::ListenerExt,
};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::case::Failed;

/// The stack of `persql-server`, with as many threads. It ends with this.
pub(crate) struct Echo {
    pub(crate) url: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// The one request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) path: String,
    pub(crate) request: Bytes,
    answer: Bytes,
}

struct Shared {
    /// Where the answer is asked for, once.
    upstream: String,
    http: reqwest::Client,
    learnt: OnceLock<Exchange>,
}

impl Echo {
    /// Starts on threads of its own. The first request goes on to `upstream`, and its answer is the answer to all.
    pub(crate) fn start(upstream: String) -> Result<Self, Failed> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let shared = Arc::new(Shared { upstream, http: reqwest::Client::new(), learnt: OnceLock::new() });
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let url = format!("http://{}", listener.local_addr()?);
        // As persql-server does. A connection without it is slower, and still works.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        runtime.spawn(async { axum::serve(listener, router).await });
        Ok(Self { url, shared, _runtime: runtime })
    }

    /// What was learnt.
    pub(crate) fn exchange(&self) -> Result<Exchange, Failed> {
        Ok(self.shared.learnt.get().cloned().ok_or("the server that echoes has learnt nothing")?)
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    request: Bytes,
) -> Result<impl IntoResponse, StatusCode> {
    let exchange = match shared.learnt.get() {
        Some(exchange) => exchange,
        None => {
            let exchange = shared.learn(&uri, headers, request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
            shared.learnt.get_or_init(|| exchange)
        }
    };
    Ok(([(CONTENT_TYPE, "application/json")], exchange.answer.clone()))
}

impl Shared {
    async fn learn(&self, uri: &Uri, headers: HeaderMap, request: Bytes) -> Result<Exchange, reqwest::Error> {
        let url = format!("{}{}", self.upstream, uri.path());
        let sent = self.http.post(url).headers(headers).body(request.clone()).send().await?;
        let answer = sent.error_for_status()?.bytes().await?;
        Ok(Exchange { path: uri.path().to_owned(), request, answer })
    }
}
