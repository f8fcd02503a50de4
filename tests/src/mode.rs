//! The ways in which a program can use the crates.

use crate::live;

/// A storage, and a kind of handle to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "not published")]
pub enum Mode {
    /// A database in memory, used by a blocking caller.
    MemoryBlocking,
    /// A database in memory, used by an asynchronous caller.
    MemoryAsync,
    /// A database in a file, used by a blocking caller.
    FileBlocking,
    /// A database in a file, used by an asynchronous caller.
    FileAsync,
    /// A database of a server on this machine, used by a blocking caller.
    ServerBlocking,
    /// A database of a server on this machine, used by an asynchronous caller.
    ServerAsync,
    /// A branch of a database of the hosted service, used by a blocking caller.
    Live,
}

impl Mode {
    /// Every mode that needs nothing but this machine: every case runs in each.
    pub const HERE: [Mode; 6] = [
        Mode::MemoryBlocking,
        Mode::MemoryAsync,
        Mode::FileBlocking,
        Mode::FileAsync,
        Mode::ServerBlocking,
        Mode::ServerAsync,
    ];

    /// The modes of this run: those of this machine, and the hosted service if the environment names a database of it.
    pub fn of_this_run() -> Vec<Mode> {
        let live = live::is_configured().then_some(Mode::Live);
        Mode::HERE.into_iter().chain(live).collect()
    }

    /// The name that trials carry.
    pub fn name(self) -> &'static str {
        match self {
            Mode::MemoryBlocking => "memory_blocking",
            Mode::MemoryAsync => "memory_async",
            Mode::FileBlocking => "file_blocking",
            Mode::FileAsync => "file_async",
            Mode::ServerBlocking => "server_blocking",
            Mode::ServerAsync => "server_async",
            Mode::Live => "live",
        }
    }

    /// Whether the caller is asynchronous.
    pub fn is_async(self) -> bool {
        matches!(self, Mode::MemoryAsync | Mode::FileAsync | Mode::ServerAsync)
    }

    /// Whether the database is in a file that this process opens itself.
    pub fn is_file(self) -> bool {
        matches!(self, Mode::FileBlocking | Mode::FileAsync)
    }

    /// Whether the database is in a file of a server on this machine.
    pub fn is_server(self) -> bool {
        matches!(self, Mode::ServerBlocking | Mode::ServerAsync)
    }

    /// Whether requests go over HTTP.
    pub fn is_remote(self) -> bool {
        self.is_server() || self == Mode::Live
    }

    /// Whether the database is in a file of this machine, whoever opens it.
    pub fn is_on_disk(self) -> bool {
        self.is_file() || self.is_server()
    }

    /// Whether a request is cheap enough to make thousands of them. In a file each waits for the disk, over HTTP for the
    /// network.
    pub fn is_cheap(self) -> bool {
        matches!(self, Mode::MemoryBlocking | Mode::MemoryAsync)
    }
}
