//! The ways in which a program can use the crates.

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
}

impl Mode {
    /// Every mode that every case runs in.
    pub const ALL: [Mode; 4] = [Mode::MemoryBlocking, Mode::MemoryAsync, Mode::FileBlocking, Mode::FileAsync];

    /// The name that trials carry.
    pub fn name(self) -> &'static str {
        match self {
            Mode::MemoryBlocking => "memory_blocking",
            Mode::MemoryAsync => "memory_async",
            Mode::FileBlocking => "file_blocking",
            Mode::FileAsync => "file_async",
        }
    }

    /// Whether the caller is asynchronous.
    pub fn is_async(self) -> bool {
        matches!(self, Mode::MemoryAsync | Mode::FileAsync)
    }

    /// Whether the database is in a file of this process.
    pub fn is_file(self) -> bool {
        matches!(self, Mode::FileBlocking | Mode::FileAsync)
    }
}
