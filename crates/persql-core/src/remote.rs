//! PerSQL over HTTP: sends what `wire` says, as often as `retry` says.
//!
//! All requests of a client run on one thread of its own with a runtime of its own. So both handles work inside and
//! outside of any runtime, connections outlive the runtime that a request came from, and a dropped future tears
//! nothing.

use std::{
    fmt,
    future::{Future, poll_fn},
    net::IpAddr,
    pin::pin,
    sync::{Arc, OnceLock, mpsc as blocking},
    task::Poll,
    thread,
    time::Duration,
};

use reqwest::{
    Client, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use tokio::sync::{OnceCell, mpsc, oneshot};
use tracing::{Instrument, Span, field, instrument::WithSubscriber};

use crate::{
    Answer, BoxFuture, Control, Controlled, DatabaseName, Error, ErrorKind, Request, Result,
    plan::unexpected,
    retry::{Attempts, new_key},
    timer::Timer,
    wire::{self, Call, Headers, Method, Repeat},
};

/// Where the hosted service is.
pub(crate) const API_URL: &str = "https://api.persql.com";

/// How long a server knows an `Idempotency-Key` at least: 24 hours, of which an hour may be lost on the way.
const KEY_IS_KEPT: Duration = Duration::from_secs(23 * 60 * 60);

/// The largest answer that is read: more than any page of an adapter, less than what would hurt.
const MOST_BYTES: usize = 256 << 20;

/// Whether this build can speak `https`.
const HAS_TLS: bool = cfg!(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"));

/// How requests are sent.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) url: String,
    pub(crate) token: Token,
    pub(crate) allow_http: bool,
    pub(crate) connect: Duration,
    pub(crate) attempt: Duration,
    pub(crate) total: Duration,
    pub(crate) timer: Arc<dyn Timer>,
}

/// A bearer token. It is never shown.
#[derive(Clone)]
pub(crate) struct Token(pub(crate) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A connection to one server with one token.
#[derive(Debug)]
pub(crate) struct Remote {
    options: Options,
    bearer: HeaderValue,
    http: OnceLock<Client>,
    /// The token's own, once the server has said it.
    namespace: OnceCell<Arc<str>>,
    jobs: OnceLock<mpsc::UnboundedSender<Job>>,
}

type Job = BoxFuture<()>;

impl Remote {
    /// Checks the settings. No I/O.
    pub(crate) fn new(mut options: Options) -> Result<Arc<Self>> {
        let url = Url::parse(&options.url).map_err(|_| Error::invalid("the API's URL is not a URL"))?;
        let is_local = match url.host_str() {
            Some("localhost") => true,
            Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            None => false,
        };
        match url.scheme() {
            "https" if HAS_TLS => {}
            "https" => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "this build has no TLS: enable the feature `rustls`, `rustls-no-provider` or `native-tls`",
                ));
            }
            "http" if is_local || options.allow_http => {}
            "http" => {
                return Err(Error::invalid(
                    "plain http would show the token to the network: use https, or call `allow_http`",
                ));
            }
            _ => return Err(Error::invalid("the API's URL is neither https nor http")),
        }
        options.url = options.url.trim_end_matches('/').to_owned();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", options.token.0))
            .map_err(|_| Error::invalid("the token has characters that no token has"))?;
        if options.token.0.is_empty() {
            return Err(Error::invalid("the token is empty"));
        }
        bearer.set_sensitive(true);
        Ok(Arc::new(Self { options, bearer, http: OnceLock::new(), namespace: OnceCell::new(), jobs: OnceLock::new() }))
    }

    /// A connection to the same server with another token.
    pub(crate) fn with_token(&self, token: String) -> Result<Arc<Self>> {
        Self::new(Options { token: Token(token), ..self.options.clone() })
    }

    /// Sends a request and waits on this thread.
    pub(crate) fn send(
        self: &Arc<Self>,
        name: &DatabaseName,
        request: &Request,
        limit: Option<Duration>,
    ) -> Result<Answer> {
        let call = wire::encode(name, request)?;
        let (sender, receiver) = blocking::channel();
        let (this, request) = (Arc::clone(self), request.clone());
        let span = span(name, &call);
        self.start(span.clone(), async move {
            let outcome = this.answer(&call, &request, limit, &span).await;
            drop(sender.send(outcome));
        })?;
        receiver.recv().unwrap_or_else(|_| Err(lost()))
    }

    /// Sends a request; the future gives it back with its outcome.
    pub(crate) async fn request(
        self: &Arc<Self>,
        name: &DatabaseName,
        request: Request,
        limit: Option<Duration>,
    ) -> Result<(Request, Result<Answer>)> {
        let call = match wire::encode(name, &request) {
            Ok(call) => call,
            Err(error) => return Ok((request, Err(error))),
        };
        let (sender, receiver) = oneshot::channel();
        let this = Arc::clone(self);
        let span = span(name, &call);
        self.start(span.clone(), async move {
            let outcome = this.answer(&call, &request, limit, &span).await;
            drop(sender.send((request, outcome)));
        })?;
        receiver.await.map_err(|_| lost())
    }

    /// Starts a job on the client's thread, and the thread with the first. What it logs goes to the caller's subscriber.
    fn start(&self, span: Span, job: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let jobs = self.jobs.get_or_init(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            // Without a thread the receiver is gone, and the send below says so.
            drop(thread::Builder::new().name("persql-remote".to_owned()).spawn(move || work(receiver)));
            sender
        });
        let job = Box::pin(job.instrument(span).with_current_subscriber());
        jobs.send(job).map_err(|_| Error::new(ErrorKind::Unavailable, "the client's thread could not be started"))
    }

    /// The answer to a request. If it is about databases, the server is asked before whose they are.
    async fn answer(&self, call: &Call, request: &Request, limit: Option<Duration>, span: &Span) -> Result<Answer> {
        match request {
            Request::Control(control) => {
                let mut control = control.clone();
                if let Some(namespace) = control.namespace_mut() {
                    let own = self.namespace.get_or_try_init(|| self.own_namespace(limit)).await?;
                    // The routes name no namespace: what is asked of another would be done to our own.
                    if namespace.as_ref().is_some_and(|asked| asked != own) {
                        return Err(Error::new(ErrorKind::Denied, "the token belongs to another namespace"));
                    }
                    *namespace = Some(Arc::clone(own));
                }
                self.exchange(call, &Request::Control(control), limit, span).await
            }
            _ => self.exchange(call, request, limit, span).await,
        }
    }

    async fn own_namespace(&self, limit: Option<Duration>) -> Result<Arc<str>> {
        let (name, request) = (DatabaseName::only(), Request::Control(Control::Me));
        let call = wire::encode(&name, &request)?;
        let span = span(&name, &call);
        match self.exchange(&call, &request, limit, &span).instrument(span.clone()).await? {
            Answer::Controlled(Controlled::Me(me)) => Ok(me.namespace.into()),
            _ => Err(unexpected()),
        }
    }

    /// Tries until there is an answer, or a reason not to try again, or no time.
    async fn exchange(&self, call: &Call, request: &Request, limit: Option<Duration>, span: &Span) -> Result<Answer> {
        let timer = &self.options.timer;
        let begun = timer.now();
        let asked = limit.unwrap_or(self.options.total);
        let total = if call.writes() { asked.min(KEY_IS_KEPT) } else { asked };
        let key = matches!(call.repeat, Repeat::Keyed | Repeat::InPart).then(new_key);
        let mut attempts = Attempts::new(call.repeat, self.options.connect);
        let mut attempt = 0;
        loop {
            attempt += 1;
            span.record("attempt", attempt);
            let started = timer.now();
            let time = self.options.attempt.min(total.saturating_sub(started.saturating_duration_since(begun)));
            let error = match within(timer.timeout(time), self.attempt(call, request, key.as_deref(), span)).await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => error,
                None => no_answer(limit.is_some_and(|limit| limit <= timer.now().saturating_duration_since(begun))),
            };
            let now = timer.now();
            let left = total.saturating_sub(now.saturating_duration_since(begun));
            let pause = attempts.after(error, now.saturating_duration_since(started), left)?;
            tracing::debug!(?pause, "a request is tried again");
            timer.sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call, request: &Request, key: Option<&str>, span: &Span) -> Result<Answer> {
        let url = format!("{}{}", self.options.url, call.path);
        let http = self.http()?;
        let mut sending = match call.method {
            Method::Get => http.get(url),
            Method::Post => http.post(url),
            Method::Put => http.put(url),
            Method::Delete => http.delete(url),
        };
        if let Some(body) = &call.body {
            sending = sending.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        sending = sending.header(AUTHORIZATION, self.bearer.clone());
        if let Some(key) = key {
            sending = sending.header("Idempotency-Key", key);
        }
        let mut response = sending.send().await.map_err(|error| unanswered(error, call.writes()))?;
        let status = response.status().as_u16();
        span.record("status", status);
        let headers = Headers { retry_after: retry_after(response.headers()) };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(error, call.writes()))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(Error::new(ErrorKind::TooLarge, "the server's answer is too large to be read")
                    .with_may_have_applied(call.writes()));
            }
            body.extend_from_slice(&chunk);
        }
        wire::decode(request, status, &headers, &body).map_err(|error| match error.kind() {
            // Whatever it was that answered, it did not say that nothing was done.
            ErrorKind::Corrupt => error.with_may_have_applied(call.writes()),
            _ => error,
        })
    }

    fn http(&self) -> Result<&Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        // Without one the HTTP client would panic.
        #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "no crypto provider for TLS: install one for the process, with `rustls::crypto::CryptoProvider`",
            ));
        }
        let http = Client::builder()
            .user_agent(concat!("persql-rust/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.options.connect)
            // A redirect would carry the token to somebody else.
            .redirect(Policy::none())
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Unavailable, "the HTTP client cannot be set up").with_source(error)
            })?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// What a request is in logs. No parameter, no SQL, no token.
fn span(name: &DatabaseName, call: &Call) -> Span {
    let database = call.is_of_database().then(|| field::display(name));
    tracing::debug_span!(
        "persql_request",
        operation = call.operation,
        database,
        attempt = field::Empty,
        status = field::Empty
    )
}

/// Runs jobs until the client and all its jobs are gone.
fn work(mut jobs: mpsc::UnboundedReceiver<Job>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::warn!(%error, "no runtime for the client's requests"),
    };
    runtime.block_on(async move {
        while let Some(job) = jobs.recv().await {
            tokio::spawn(job);
        }
    });
}

/// What the work gives, unless the time is over first.
async fn within<T>(mut over: BoxFuture<()>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => over.as_mut().poll(context).map(|()| None),
    })
    .await
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "the client's thread ended early").with_may_have_applied(true)
}

/// The error for an attempt whose time is over, and perhaps the time that the caller gave to all of them.
fn no_answer(all: bool) -> Error {
    let error = match all {
        true => Error::new(ErrorKind::Timeout, "the time limit of the request ran out"),
        false => Error::new(ErrorKind::Unavailable, "no answer in time"),
    };
    error.with_may_have_applied(true)
}

/// The error for a request without an answer. Only one that never got a connection is known not to have arrived.
fn unanswered(error: reqwest::Error, writes: bool) -> Error {
    let (message, sent) = if error.is_connect() {
        ("the server cannot be reached", false)
    } else if error.is_timeout() {
        ("no answer in time", true)
    } else {
        ("the connection broke", true)
    };
    Error::new(ErrorKind::Unavailable, message).with_may_have_applied(sent && writes).with_source(error.without_url())
}

/// In seconds; a date is as good as no word.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str, token: &str) -> Options {
        Options {
            url: url.to_owned(),
            token: Token(token.to_owned()),
            allow_http: false,
            connect: Duration::from_secs(5),
            attempt: Duration::from_secs(30),
            total: Duration::from_secs(60),
            timer: Arc::new(crate::timer::RealTime),
        }
    }

    #[test]
    fn a_token_travels_encrypted_or_stays_on_this_machine() {
        for good in ["https://api.persql.com/", "http://127.0.0.1:8787", "http://localhost:1", "http://[::1]:1"] {
            assert!(Remote::new(options(good, "psql_live_x")).is_ok(), "{good}");
        }
        for bad in ["http://example.com", "http://127.0.0.1.example.com", "ftp://localhost", "nonsense", ""] {
            assert_eq!(Remote::new(options(bad, "psql_live_x")).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
        assert!(Remote::new(options(API_URL, "")).is_err());
        assert!(Remote::new(options(API_URL, "a\nb")).is_err());
    }

    #[test]
    fn a_token_is_never_shown() {
        let remote = Remote::new(options(API_URL, "psql_live_secret")).unwrap();
        assert!(!format!("{remote:?}").contains("secret"));
    }
}
