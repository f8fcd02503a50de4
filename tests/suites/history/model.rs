//! Random operations, against plain vectors.

use std::{cell::Cell, collections::HashMap};

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{Dedup, ErrorKind, History, ListSessions, Message, PerSqlHistoryProvider};
use proptest::{
    prelude::{Strategy, any},
    prop_oneof,
    test_runner::{Config, TestCaseError, TestRunner},
};

use crate::{Provider, talk};

pub(crate) fn cases() -> Vec<Case> {
    cases![a_provider_behaves_like_vectors]
}

type Session = usize;
const SESSIONS: [&str; 3] = ["ada", "bob", "default"];

#[derive(Clone, Debug)]
enum Step {
    Save(Session, Vec<&'static str>),
    /// Replays the newest so many, and says something new.
    Replay(Session, usize, Vec<&'static str>),
    /// Saves behind what was loaded last, however long ago that was.
    SaveAfter(Session, Vec<&'static str>),
    Once(Session, u8, Vec<&'static str>),
    Run(Session, Vec<&'static str>, Vec<&'static str>),
    Load(Session),
    Exclude(Session, usize),
    /// Replaces what was loaded last.
    Replace(Session, usize, Vec<&'static str>),
    Trim(Session, usize),
    Clear(Session),
}

fn some() -> impl Strategy<Value = Vec<&'static str>> {
    let word = proptest::sample::select(vec!["u1", "a1", "u2", "a2", "u1#", "a1#", "u2#", "a2#"]);
    proptest::collection::vec(word, 0..5)
}

fn step() -> impl Strategy<Value = Step> {
    let session = || 0..SESSIONS.len();
    prop_oneof![
        4 => (session(), some()).prop_map(|(session, words)| Step::Save(session, words)),
        4 => (session(), 0..9_usize, some()).prop_map(|(session, n, words)| Step::Replay(session, n, words)),
        3 => (session(), some()).prop_map(|(session, words)| Step::SaveAfter(session, words)),
        2 => (session(), 0..4_u8, some()).prop_map(|(session, id, words)| Step::Once(session, id, words)),
        3 => (session(), some(), some()).prop_map(|(session, inputs, outputs)| Step::Run(session, inputs, outputs)),
        3 => session().prop_map(Step::Load),
        1 => (session(), 0..9_usize).prop_map(|(session, n)| Step::Exclude(session, n)),
        2 => (session(), 0..9_usize, some()).prop_map(|(session, n, words)| Step::Replace(session, n, words)),
        1 => (session(), 0..9_usize).prop_map(|(session, n)| Step::Trim(session, n)),
        1 => session().prop_map(Step::Clear),
    ]
}

fn a_provider_behaves_like_vectors(world: &World) -> Outcome {
    let cases = if world.mode().is_cheap() { 96 } else { 24 };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let database = Cell::new(0);
    let settings = (
        proptest::sample::select(vec![Dedup::Upstream, Dedup::ByIdOnly, Dedup::Off]),
        any::<bool>(),
        any::<bool>(),
        proptest::option::of(0..7_usize),
    );
    runner.run(&(settings, proptest::collection::vec(step(), 1..30)), |(settings, steps)| {
        database.set(database.get() + 1);
        let failed = |error: Box<dyn std::error::Error>| TestCaseError::fail(format!("{error:?}"));
        let db = world.db_named(&format!("acme/model-{}", database.get())).map_err(|error| failed(error.into()))?;
        let (dedup, skip_excluded, first, max_messages) = settings;
        let builder = PerSqlHistoryProvider::builder(db).dedup(dedup).skip_excluded(skip_excluded);
        let provider = builder.store_inputs_first(first).max_messages(max_messages).build();
        let provider = provider.map_err(|error| failed(error.into()))?;
        let mut model = Model { dedup, skip_excluded, first, max_messages, ..Model::default() };
        for step in steps {
            model.check(&provider, &step).map_err(failed)?;
        }
        Ok(())
    })?;
    Ok(())
}

#[derive(Default)]
struct Model {
    dedup: Dedup,
    skip_excluded: bool,
    first: bool,
    max_messages: Option<usize>,
    stored: HashMap<Session, Vec<Message>>,
    /// What was loaded last, and what was stored then.
    loaded: HashMap<Session, (History, Vec<Message>)>,
    operations: HashMap<(Session, u8), (Vec<&'static str>, usize)>,
    /// How often each session was changed since it was loaded.
    changed: HashMap<Session, usize>,
}

type Check = Result<(), Box<dyn std::error::Error>>;

impl Model {
    fn check(&mut self, provider: &Provider, step: &Step) -> Check {
        match step {
            Step::Save(session, words) => {
                let messages = talk(&words.join(" "));
                let saved = provider.save_messages(name(*session), &messages)?;
                assert_eq!(saved.stored(), self.save(*session, &messages));
            }
            Step::Replay(session, n, words) => {
                let stored = self.stored.entry(*session).or_default();
                let mut messages = stored.get(stored.len().saturating_sub(*n)..).unwrap_or_default().to_vec();
                messages.extend(talk(&words.join(" ")));
                let saved = provider.save_messages(name(*session), &messages)?;
                assert_eq!(saved.stored(), self.save(*session, &messages));
            }
            Step::SaveAfter(session, words) => {
                let messages = talk(&words.join(" "));
                let Some((history, then)) = self.loaded.get(session).cloned() else { return Ok(()) };
                let changed = self.changed.get(session).copied().unwrap_or_default() > 0;
                let saved = provider.save_messages_after(history.tail(), &messages)?;
                // What was all known when it was loaded is not written, and so nothing finds out that it has changed.
                let known = self.dedup != Dedup::Off && dropped(&then, &messages, self.dedup) == messages.len();
                let expected = if changed && known { 0 } else { self.save(*session, &messages) };
                assert_eq!(saved.stored(), expected);
            }
            Step::Once(session, id, words) => self.once(provider, *session, *id, words)?,
            Step::Run(session, inputs, outputs) => {
                let (inputs, outputs) = (talk(&inputs.join(" ")), talk(&outputs.join(" ")));
                let run = provider.before_run(name(*session), &inputs)?;
                assert_eq!(run.messages().len(), self.visible(*session).len());
                if self.first {
                    self.save(*session, &inputs);
                }
                let saved = provider.after_run(&run, &outputs)?;
                let messages = if self.first { outputs } else { [inputs, outputs].concat() };
                assert_eq!(saved.stored(), self.save(*session, &messages));
            }
            Step::Load(session) => {
                let history = provider.get_messages(name(*session))?;
                assert_eq!(history.messages(), self.visible(*session));
                let stored = self.stored.entry(*session).or_default();
                assert_eq!(history.stored_messages(), stored);
                self.loaded.insert(*session, (history, stored.clone()));
                self.changed.insert(*session, 0);
            }
            Step::Exclude(session, n) => {
                let history = provider.get_messages(name(*session))?;
                let mut messages = history.stored_messages().to_vec();
                let Some(message) = messages.get_mut(*n) else { return Ok(()) };
                *message = message.clone().excluded("model");
                provider.replace(&history, &messages)?;
                self.set(*session, messages);
            }
            Step::Replace(session, n, words) => {
                let Some((history, then)) = self.loaded.get(session).cloned() else { return Ok(()) };
                let mut messages = history.stored_messages().to_vec();
                messages.truncate(*n);
                messages.extend(talk(&words.join(" ")));
                let changed = self.changed.get(session).copied().unwrap_or_default() > 0;
                match provider.replace(&history, &messages) {
                    // Nothing is written if nothing is different.
                    Ok(()) if messages == then => {}
                    Ok(()) => {
                        // An empty session is as empty as it was, whatever was there in between.
                        assert!(!changed || (then.is_empty() && self.visible(*session).is_empty()));
                        self.set(*session, messages);
                    }
                    Err(error) => {
                        assert_eq!((error.kind(), changed), (ErrorKind::Conflict, true));
                    }
                }
            }
            Step::Trim(session, keep) => {
                provider.trim(name(*session), *keep)?;
                let stored = self.stored.entry(*session).or_default().clone();
                if stored.len() > *keep {
                    self.set(*session, stored.get(stored.len() - keep..).unwrap_or_default().to_vec());
                }
                if *keep == 0 {
                    self.operations.retain(|(of, _), _| of != session);
                }
            }
            Step::Clear(session) => {
                provider.clear(name(*session))?;
                self.set(*session, Vec::new());
                self.operations.retain(|(of, _), _| of != session);
            }
        }
        self.compare(provider)
    }

    fn once(&mut self, provider: &Provider, session: Session, id: u8, words: &[&'static str]) -> Check {
        let messages = talk(&words.join(" "));
        let saved = provider.operation(format!("op-{id}")).save_messages(name(session), &messages);
        match self.operations.get(&(session, id)) {
            _ if messages.is_empty() || self.max_messages == Some(0) => assert_eq!(saved?.stored(), 0),
            Some((before, _)) if before != words => {
                assert_eq!(saved.map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::Conflict));
            }
            Some((_, stored)) => assert_eq!(saved?.stored(), *stored),
            None => {
                let stored = self.save(session, &messages);
                assert_eq!(saved?.stored(), stored);
                self.operations.insert((session, id), (words.to_vec(), stored));
            }
        }
        Ok(())
    }

    /// Saves to the model, and counts.
    fn save(&mut self, session: Session, messages: &[Message]) -> usize {
        if self.max_messages == Some(0) {
            return 0;
        }
        let mut stored = self.stored.entry(session).or_default().clone();
        let new = messages.get(dropped(&stored, messages, self.dedup)..).unwrap_or_default();
        if !new.is_empty() {
            stored.extend_from_slice(new);
            if let Some(most) = self.max_messages {
                stored.drain(..stored.len().saturating_sub(most));
            }
            self.set(session, stored);
            // Also when equal messages took the place of trimmed ones.
            *self.changed.entry(session).or_default() += 1;
        }
        new.len()
    }

    fn set(&mut self, session: Session, messages: Vec<Message>) {
        if self.stored.insert(session, messages.clone()).unwrap_or_default() != messages {
            *self.changed.entry(session).or_default() += 1;
        }
        if messages.is_empty() {
            // Whoever deletes the last message deletes the record of the session's operations.
            self.operations.retain(|(of, _), _| *of != session);
        }
    }

    fn visible(&self, session: Session) -> Vec<Message> {
        let stored = self.stored.get(&session).into_iter().flatten();
        stored.filter(|message| !(self.skip_excluded && message.is_excluded())).cloned().collect()
    }

    fn compare(&self, provider: &Provider) -> Check {
        let listed = provider.list_sessions(ListSessions::default())?;
        let mut expected: Vec<(&str, u64)> = self
            .stored
            .iter()
            .filter(|(_, messages)| !messages.is_empty())
            .map(|(session, messages)| (name(*session), messages.len() as u64))
            .collect();
        expected.sort_unstable();
        let listed: Vec<(&str, u64)> =
            listed.iter().map(|session| (session.session_id.as_str(), session.messages)).collect();
        assert_eq!(listed, expected);
        assert_eq!(provider.count_sessions()?, expected.len() as u64);
        Ok(())
    }
}

fn name(session: Session) -> &'static str {
    SESSIONS.get(session).copied().unwrap_or("default")
}

/// The framework's rule as its documentation has it, on whole histories: how many of the incoming are not stored.
fn dropped(stored: &[Message], incoming: &[Message], dedup: Dedup) -> usize {
    let same = |one: &Message, other: &Message| match (one.message_id(), other.message_id()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => dedup == Dedup::Upstream && (one.role(), one.text()) == (other.role(), other.text()),
        _ => false,
    };
    let all_same = |some: &[Message], others: &[Message]| {
        some.len() == others.len() && some.iter().zip(others).all(|(one, other)| same(one, other))
    };
    let Some(last) = stored.last().filter(|_| dedup != Dedup::Off) else { return 0 };
    let repeats = last.role() == "user" && last.message_id().is_none();
    for start in 0..=incoming.len() {
        let Some(block) = incoming.get(start..start + stored.len()) else { break };
        if all_same(block, stored) {
            if start == 0 && stored.len() == 1 && repeats {
                break;
            }
            return start + stored.len();
        }
    }
    for overlap in (1..=stored.len().min(incoming.len())).rev() {
        let (end, begin) = (stored.get(stored.len() - overlap..), incoming.get(..overlap));
        if end.zip(begin).is_some_and(|(end, begin)| all_same(end, begin)) && !(overlap == 1 && repeats) {
            return overlap;
        }
    }
    0
}
