//! What can happen to a request, and which of it happens to which.

use std::{collections::VecDeque, time::Duration};

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "not published")]
pub enum Fault {
    /// Nothing: it is answered.
    None,
    /// The connection is reset before anything of it was read.
    ResetBefore,
    /// The server gets a half of it, and the connection is reset.
    ResetWithin,
    /// The server gets it, and the connection is reset at once.
    ResetAfter,
    /// The server does it, and the connection is closed before the answer.
    AnswerLost,
    /// The server does it, and the connection is closed in the middle of the answer.
    HalfAnswer,
    /// The answer takes ten seconds, which is in time.
    SlowAnswer,
    /// The answer stops in its middle until the attempt is over.
    StalledAnswer,
    /// Something in between gets it and passes it on, loses the answer and says this status.
    GatewayLost(u16),
    /// Something in between refuses it with this status.
    Gateway(u16),
    /// The server has had too many, and says after how many seconds to come again, or does not.
    TooMany(Option<u64>),
    /// The server says that the database is locked.
    Locked,
    /// The server gets it twice at the same time.
    Twice,
    /// The server does it, and is killed before it answers. Another one starts on the same directory.
    Killed,
}

impl Fault {
    /// Each of them, as often as it shall happen among faults.
    pub const ALL: [Fault; 19] = [
        Fault::ResetBefore,
        Fault::ResetWithin,
        Fault::ResetAfter,
        Fault::ResetAfter,
        Fault::AnswerLost,
        Fault::AnswerLost,
        Fault::HalfAnswer,
        Fault::SlowAnswer,
        Fault::StalledAnswer,
        Fault::GatewayLost(502),
        Fault::GatewayLost(504),
        Fault::Gateway(502),
        Fault::Gateway(503),
        Fault::Gateway(504),
        Fault::TooMany(Some(7)),
        Fault::TooMany(None),
        Fault::Locked,
        Fault::Twice,
        Fault::Killed,
    ];

    /// Whether the server does what it is asked to.
    pub fn is_done(self) -> bool {
        match self {
            Fault::ResetBefore | Fault::ResetWithin | Fault::Gateway(_) | Fault::TooMany(_) | Fault::Locked => false,
            Fault::None
            | Fault::ResetAfter
            | Fault::AnswerLost
            | Fault::HalfAnswer
            | Fault::SlowAnswer
            | Fault::StalledAnswer
            | Fault::GatewayLost(_)
            | Fault::Twice
            | Fault::Killed => true,
        }
    }

    /// Whether the client gets the server's answer.
    pub fn is_answered(self) -> bool {
        matches!(self, Fault::None | Fault::SlowAnswer | Fault::Twice)
    }

    /// Whether the client can know that nothing was done.
    pub fn is_surely_undone(self) -> bool {
        matches!(self, Fault::TooMany(_) | Fault::Locked)
    }

    /// How much time the client must let go by before its next attempt: the time limit of the service after an attempt
    /// whose end it does not know, what it was told to otherwise.
    pub fn wait(self) -> Duration {
        match self {
            Fault::TooMany(seconds) => Duration::from_secs(seconds.unwrap_or(0)),
            _ if self.is_answered() || self.is_surely_undone() => Duration::ZERO,
            _ => Duration::from_secs(30),
        }
    }
}

/// Which fault comes next: the same ones for the same seed.
#[derive(Debug)]
pub struct Faults {
    script: VecDeque<Fault>,
    random: Option<(Random, u64)>,
}

impl Faults {
    /// None at all.
    pub fn none() -> Self {
        Self::script([])
    }

    /// These, and none after them.
    pub fn script(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { script: faults.into_iter().collect(), random: None }
    }

    /// One for so many of a hundred requests.
    pub fn seeded(seed: u64, percent: u64) -> Self {
        Self { script: VecDeque::new(), random: Some((Random::new(seed), percent)) }
    }

    /// What happens to the next request.
    pub fn take(&mut self) -> Fault {
        if let Some(scripted) = self.script.pop_front() {
            return scripted;
        }
        let Some((random, percent)) = &mut self.random else { return Fault::None };
        if random.below(100) < *percent { random.one_of(&Fault::ALL) } else { Fault::None }
    }
}

/// Random numbers that are the same for the same seed: SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    /// One of these.
    #[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "below the length")]
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}
