//! The ways in which suites are run.

/// Where the databases are, and how Python waits for us.
#[derive(Debug)]
pub(super) struct Mode {
    pub(super) name: &'static str,
    pub(super) storage: &'static str,
    pub(super) handle: &'static str,
}

pub(super) const MODES: &[Mode] = &[
    Mode { name: "local-blocking", storage: "local", handle: "blocking" },
    Mode { name: "local-async", storage: "local", handle: "async" },
    Mode { name: "server-blocking", storage: "server", handle: "blocking" },
    Mode { name: "server-async", storage: "server", handle: "async" },
];

impl Mode {
    pub(super) fn is_server(&self) -> bool {
        self.storage == "server"
    }

    /// Whether words beside a test's name in the list speak of this mode: none speak of all.
    pub(super) fn is_one_of(&self, words: &str) -> bool {
        words.is_empty()
            || words.split(' ').any(|word| word == self.storage || word == self.handle || word == self.name)
    }

    /// What tells Python.
    pub(super) fn environment(&self) -> [(&'static str, &'static str); 2] {
        [("PERSQL_PEERS_STORAGE", self.storage), ("PERSQL_PEERS_HANDLE", self.handle)]
    }
}
