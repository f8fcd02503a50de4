//! Flood control: how often one address may ask.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Addresses that are remembered. When there are more, those that have not asked for a while are forgotten.
const MOST: usize = 10_000;

const MINUTE: Duration = Duration::from_secs(60);

/// A bucket for each address: it holds as many requests as are allowed in a minute, and fills up evenly.
#[derive(Debug)]
pub(crate) struct Flood {
    a_minute: Option<u32>,
    /// When the bucket of an address is full again.
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Flood {
    pub(crate) fn new(a_minute: Option<u32>) -> Self {
        Self { a_minute: a_minute.map(|most| most.max(1)), full_at: Mutex::default() }
    }

    /// Counts a request; if it is one too many, says after how long the next is not.
    pub(crate) fn refuses(&self, peer: IpAddr) -> Option<Duration> {
        self.refuses_at(peer, Instant::now())
    }

    fn refuses_at(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let each = MINUTE / self.a_minute?;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MOST && !full_at.contains_key(&peer) {
            full_at.retain(|_, full| *full > now);
            if full_at.len() >= MOST {
                full_at.clear();
            }
        }
        let full = full_at.entry(peer).or_insert(now);
        let after = (*full).max(now) + each;
        if after > now + MINUTE {
            return Some(after - (now + MINUTE));
        }
        *full = after;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    #[test]
    fn an_address_has_so_many_requests_a_minute_and_no_other_pays_for_it() {
        let flood = Flood::new(Some(6));
        let start = Instant::now();
        assert!((0..6).all(|_| flood.refuses_at(ONE, start).is_none()));
        assert_eq!(flood.refuses_at(ONE, start), Some(Duration::from_secs(10)));
        assert_eq!(flood.refuses_at(ONE, start + Duration::from_secs(4)), Some(Duration::from_secs(6)));
        assert_eq!(flood.refuses_at(OTHER, start), None);
        assert_eq!(flood.refuses_at(ONE, start + Duration::from_secs(10)), None);
        assert!(flood.refuses_at(ONE, start + Duration::from_secs(10)).is_some());
    }

    #[test]
    fn addresses_are_forgotten_when_there_are_too_many() {
        let flood = Flood::new(Some(60));
        let now = Instant::now();
        for number in 0..25_000_u32 {
            assert_eq!(flood.refuses_at(IpAddr::V4(number.into()), now), None);
        }
        assert!(flood.full_at.lock().unwrap().len() <= MOST);
        assert_eq!(Flood::new(None).refuses(ONE), None);
    }
}
