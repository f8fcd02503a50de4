//! Which of the messages to be saved are stored already.

use crate::identity::Identity;

/// How a save treats messages that are stored already: those who call an agent often send the transcript again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dedup {
    /// The framework's own rule (`filter_new_messages` of agent-framework-core 1.23). Messages are the same if they have
    /// the same id, or no id and the same role and contents. If the stored history stands in what is to be saved, what
    /// follows it is new; if what is to be saved begins with the end of the history, the rest is new. One stored
    /// user message without an id is taken for a repetition, not for a replay.
    ///
    /// The known cost of the rule: an exchange without ids that really happens twice in a row is stored once.
    #[default]
    Upstream,
    /// The same rule, but a message without an id is like no other. Nothing is lost, and a replay without ids is stored
    /// again.
    ByIdOnly,
    /// Everything is stored. Saving is then one request whatever happens.
    Off,
}

/// How many of the incoming messages are stored already: always the first ones.
///
/// `stored` is the end of the history, as long as `incoming` if the history is that long. More is never looked at: a
/// longer history stands in no shorter message list, and its overlap with one is no longer than that.
pub(crate) fn already_stored(stored: &[Identity<'_>], incoming: &[Identity<'_>], dedup: Dedup) -> usize {
    let Some(last) = stored.last() else { return 0 };
    // Without an id, a user who says the same again is more likely than a replay of one message.
    let repeats = last.is_user() && !last.has_id();
    let same = |some: &[Identity<'_>], others: &[Identity<'_>]| {
        some.len() == others.len() && some.iter().zip(others).all(|(one, other)| one.is_same(other, dedup))
    };
    let whole = incoming.windows(stored.len()).position(|window| same(window, stored));
    if let Some(at) = whole.filter(|at| !(*at == 0 && stored.len() == 1 && repeats)) {
        return at + stored.len();
    }
    let most = stored.len().min(incoming.len());
    (1..=most)
        .rev()
        .filter(|overlap| !(*overlap == 1 && repeats))
        .find(|overlap| {
            let (suffix, prefix) = (stored.get(stored.len() - overlap..), incoming.get(..*overlap));
            suffix.zip(prefix).is_some_and(|(suffix, prefix)| same(suffix, prefix))
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, Message};

    fn messages<const N: usize>(texts: [&str; N]) -> [Message; N] {
        texts.map(|text| {
            let message = Message::new(if text.starts_with('u') { "user" } else { "assistant" }, [Content::text(text)]);
            if text.ends_with('#') { message.with_message_id(text) } else { message }
        })
    }

    fn identities(messages: &[Message]) -> Vec<Identity<'_>> {
        messages.iter().map(Identity::of).collect()
    }

    #[test]
    fn a_row_that_cannot_be_read_is_like_no_other() {
        let (stored, incoming) = ([Identity::of_row(&None)], [Identity::of_row(&None), Identity::of_row(&None)]);
        assert_eq!(already_stored(&stored, &incoming, Dedup::Upstream), 0);
    }

    #[test]
    fn the_modes_differ_where_there_are_no_ids() {
        let (stored, incoming) = (messages(["u1", "a1"]), messages(["u1", "a1", "u2"]));
        let (stored, incoming) = (identities(&stored), identities(&incoming));
        let found =
            [Dedup::Upstream, Dedup::ByIdOnly, Dedup::Off].map(|dedup| already_stored(&stored, &incoming, dedup));
        assert_eq!(found, [2, 0, 0]);
        let (stored, incoming) = (messages(["u1#", "a1#"]), messages(["u1#", "a1#", "u2"]));
        let (stored, incoming) = (identities(&stored), identities(&incoming));
        let found =
            [Dedup::Upstream, Dedup::ByIdOnly, Dedup::Off].map(|dedup| already_stored(&stored, &incoming, dedup));
        assert_eq!(found, [2, 2, 0]);
    }

    #[test]
    fn the_end_of_the_history_is_enough() {
        let letters = messages(["u1", "a1", "u1#", "a1#"]);
        let mut seed = 7_usize;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..5_000 {
            let mut some = || -> Vec<Identity<'_>> { (0..next(7)).map(|_| Identity::of(&letters[next(4)])).collect() };
            let (stored, incoming) = (some(), some());
            let end = &stored[stored.len() - stored.len().min(incoming.len())..];
            for dedup in [Dedup::Upstream, Dedup::ByIdOnly] {
                assert_eq!(already_stored(end, &incoming, dedup), already_stored(&stored, &incoming, dedup));
            }
        }
    }
}
