//! What a client tells a subscriber of `tracing`.

use super::*;

use std::{fmt, fmt::Write as _};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Writes down all spans and events.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn spans(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.starts_with("persql_request")).cloned().collect()
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut line = attributes.metadata().name().to_owned();
        attributes.record(&mut Line(&mut line));
        let mut lines = self.0.lock().unwrap();
        lines.push(line);
        span::Id::from_u64(lines.len() as u64)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        let mut lines = self.0.lock().unwrap();
        values.record(&mut Line(&mut lines[usize::try_from(span.into_u64()).unwrap() - 1]));
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = event.metadata().target().to_owned();
        event.record(&mut Line(&mut line));
        self.0.lock().unwrap().push(line);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_request_is_a_span_that_says_what_became_of_it() {
    let server = Server::start([NOT_NOW, DONE, ONE_ROW, DONE]);
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let client = server.client(Duration::from_secs(60));
        let db = client.database("acme/agent").unwrap();
        db.run(write_plan()).unwrap();
        poll(db.asynchronous().run(read_plan())).unwrap();
        assert!(client.me().is_err());
    });
    let expected = [
        "persql_request operation=\"query\" database=acme/agent attempt=1 status=429 attempt=2 status=200",
        "persql_request operation=\"query\" database=acme/agent attempt=1 status=200",
        "persql_request operation=\"me\" attempt=1 status=200",
    ];
    assert_eq!(log.spans(), expected);
    let lines = log.0.lock().unwrap().join("\n");
    assert!(lines.contains("tried again"), "{lines}");
}

#[test]
fn nothing_that_is_logged_holds_sql_parameters_or_the_token() {
    let server = Server::start([NOT_NOW, DONE, Reply::Say(400, "", r#"{"success":false,"error":"near s3cret"}"#)]);
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let db = server.db();
        let write = || Plan::write([Statement::new("INSERT INTO hidden VALUES (?1)", ["s3cret"])]);
        db.run(write()).unwrap();
        db.run(write()).unwrap_err();
    });
    let lines = log.0.lock().unwrap().join("\n");
    assert!(!lines.is_empty());
    for word in ["s3cret", "hidden", "psql_test", "Bearer"] {
        assert!(!lines.contains(word), "{word} in {lines}");
    }
}

fn poll<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
