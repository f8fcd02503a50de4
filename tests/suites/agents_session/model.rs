//! Random operations, against a plain vector.

use std::{cell::Cell, collections::HashMap};

use persql_agents_session::{ErrorKind, Limit, PerSqlSession};
use persql_conformance::{Case, Outcome, World, cases};
use proptest::{
    prelude::{Just, Strategy, any},
    prop_oneof,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, value::RawValue};

use crate::{Session, insert_row};

pub(crate) fn cases() -> Vec<Case> {
    cases![a_session_behaves_like_a_vector]
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<String>),
    AddOnce(u8, Vec<String>),
    BadRow,
    Get(Option<usize>),
    GetWhole(usize),
    GetTurns(usize),
    Pop,
    PopText,
    PopOnce(u8),
    Clear,
    Trim(usize),
    /// Reads a tail of so many, and replaces it from a position on, after an add if so.
    Replace(usize, usize, Vec<String>, bool),
}

/// Items of every kind that a session must tell apart.
fn item() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<u8>().prop_map(|n| format!(r#"{{"role": "user", "content": {n}}}"#)),
        2 => (0..3_u8).prop_map(|id| format!(r#"{{"type": "function_call", "call_id": "{id}"}}"#)),
        2 => (0..3_u8).prop_map(|id| format!(r#"{{"type": "function_call_output", "call_id": "{id}"}}"#)),
        1 => Just(r#"{"type": "reasoning"}"#.to_owned()),
        1 => any::<String>().prop_map(|text| Value::from(text).to_string()),
        1 => Just("NaN".to_owned()),
    ]
}

fn items() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(item(), 0..5)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => items().prop_map(Step::Add),
        3 => (0..4_u8, items()).prop_map(|(id, items)| Step::AddOnce(id, items)),
        2 => Just(Step::BadRow),
        4 => proptest::option::of(0..9_usize).prop_map(Step::Get),
        3 => (0..9_usize).prop_map(Step::GetWhole),
        2 => (0..4_usize).prop_map(Step::GetTurns),
        2 => Just(Step::Pop),
        2 => Just(Step::PopText),
        2 => (4..8_u8).prop_map(Step::PopOnce),
        1 => Just(Step::Clear),
        1 => (0..12_usize).prop_map(Step::Trim),
        2 => (0..6_usize, 0..6_usize, items(), any::<bool>()).prop_map(|(n, from, items, add)| Step::Replace(n, from, items, add)),
    ]
}

fn a_session_behaves_like_a_vector(world: &World) -> Outcome {
    let cases = if world.mode().is_cheap() { 120 } else { 40 };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let databases = Cell::new(0);
    runner.run(&proptest::collection::vec(step(), 1..40), |steps| {
        databases.set(databases.get() + 1);
        let failed = |error: Box<dyn std::error::Error>| TestCaseError::fail(format!("{error:?}"));
        let db = world.db_named(&format!("acme/model-{}", databases.get())).map_err(|error| failed(error.into()))?;
        let session = PerSqlSession::new(db, "ada");
        let mut model = Model::default();
        for step in steps {
            model.check(&session, &step).map_err(failed)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// A session as it should be.
#[derive(Default)]
struct Model {
    /// The rows; `None` for one that is not JSON.
    rows: Vec<Option<String>>,
    /// What each operation was asked, and what it answered.
    added: HashMap<u8, Vec<String>>,
    popped: HashMap<u8, Option<String>>,
}

type Check = Result<(), Box<dyn std::error::Error>>;

impl Model {
    fn check(&mut self, session: &Session, step: &Step) -> Check {
        match step {
            Step::Add(items) => {
                session.add_items_text(items)?;
                self.rows.extend(items.iter().cloned().map(Some));
            }
            Step::AddOnce(id, items) => {
                let outcome = session.operation(format!("op-{id}")).add_items_text(items);
                match self.added.get(id) {
                    _ if items.is_empty() => outcome?,
                    Some(before) if before != items => {
                        assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
                    }
                    Some(_) => outcome?,
                    None => {
                        outcome?;
                        self.added.insert(*id, items.clone());
                        self.rows.extend(items.iter().cloned().map(Some));
                    }
                }
            }
            Step::BadRow => {
                session.create_tables()?;
                insert_row(session.database(), "ada", "{bad")?;
                self.rows.push(None);
            }
            Step::Get(limit) => {
                let items = self.items();
                let from = limit.map_or(0, |limit| items.len().saturating_sub(limit));
                let expected = items.get(from..).unwrap_or_default();
                assert_eq!(session.get_items_text(*limit)?, expected);
                // A value can hold it all, or it is an error.
                let values: Result<Vec<Value>, _> = expected.iter().map(|text| serde_json::from_str(text)).collect();
                assert_eq!(session.get_items(*limit).ok(), values.ok());
            }
            Step::GetWhole(limit) => {
                let items = self.items();
                let from = whole(&items, items.len().saturating_sub(*limit));
                let read = session.get_items_text(Limit::items(*limit).with_whole_calls())?;
                assert_eq!(read, items.get(from..).unwrap_or_default());
            }
            Step::GetTurns(turns) => {
                let items = self.items();
                let users: Vec<usize> = (0..items.len()).filter(|n| head(&items, *n, "role") == "user").collect();
                let from = match turns {
                    0 => items.len(),
                    _ => users.len().checked_sub(*turns).and_then(|n| users.get(n)).copied().unwrap_or(0),
                };
                assert_eq!(session.get_items_text(Limit::turns(*turns))?, items.get(from..).unwrap_or_default());
            }
            Step::Pop => match session.pop_item() {
                Ok(popped) => {
                    let expected = self.pop().map(|text| serde_json::from_str::<Value>(&text)).transpose()?;
                    assert_eq!(popped, expected);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt);
                    assert_eq!(self.items().last().map(String::as_str), Some("NaN"));
                }
            },
            Step::PopText => assert_eq!(session.pop_item_text()?, self.pop()),
            Step::PopOnce(id) => {
                let popped = session.operation(format!("op-{id}")).pop_item_text()?;
                let expected = match self.popped.get(id) {
                    Some(before) => before.clone(),
                    None => {
                        let expected = self.pop();
                        self.popped.insert(*id, expected.clone());
                        expected
                    }
                };
                assert_eq!(popped, expected);
            }
            Step::Clear => {
                session.clear_session()?;
                *self = Self::default();
            }
            Step::Trim(keep) => {
                session.trim(*keep)?;
                let mut kept = 0;
                let from = (0..self.rows.len()).rev().find(|n| {
                    kept += usize::from(self.rows.get(*n).is_some_and(Option::is_some));
                    kept == *keep
                });
                match (keep, from) {
                    (0, _) => self.rows.clear(),
                    (_, Some(from)) => drop(self.rows.drain(..from)),
                    (_, None) => {}
                }
            }
            Step::Replace(n, from, items, add) => self.replace(session, *n, *from, items, *add)?,
        }
        Ok(())
    }

    fn replace(&mut self, session: &Session, n: usize, from: usize, items: &[String], add: bool) -> Check {
        let start = self.rows.len().saturating_sub(n);
        let tail = match session.tail(n) {
            Ok(tail) => tail,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                assert!(self.rows.iter().skip(start).any(Option::is_none));
                return Ok(());
            }
        };
        assert!(tail.texts().map(Some).eq(self.rows.iter().skip(start).map(Option::as_deref)));
        assert_eq!(tail.is_complete(), start == 0);
        if add {
            session.add_items_text(&["1"])?;
            self.rows.push(Some("1".to_owned()));
        }
        let values: Vec<String> = items.iter().filter(|item| *item != "NaN").cloned().collect();
        // `NaN` is no JSON for serde, so it cannot be an item here.
        let raw: Result<Vec<_>, _> = values.iter().map(|text| RawValue::from_string(text.clone())).collect();
        match session.replace_tail(&tail, from, &raw?) {
            Ok(()) => {
                // A tail of nothing knows no id to stand behind, so it is replaced only where nothing is.
                assert!(!add && from <= tail.len() && (!tail.is_empty() || self.rows.is_empty()));
                self.rows.truncate(start + from);
                self.rows.extend(values.into_iter().map(Some));
            }
            Err(error) if from > tail.len() => assert_eq!(error.kind(), ErrorKind::InvalidInput),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict);
                assert!(add || tail.is_empty());
            }
        }
        Ok(())
    }

    fn items(&self) -> Vec<String> {
        self.rows.iter().flatten().cloned().collect()
    }

    fn pop(&mut self) -> Option<String> {
        while let Some(row) = self.rows.pop() {
            if row.is_some() {
                return row;
            }
        }
        None
    }
}

/// What an item has under this key.
fn head(items: &[String], n: usize, key: &str) -> String {
    let item = items.get(n).and_then(|text| serde_json::from_str::<Value>(text).ok());
    item.and_then(|item| item.get(key)?.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Moves the start back until no output stands without its call if that is before it, and no call without the
/// reasoning right before it: the rule, said in the plainest way.
fn whole(items: &[String], mut from: usize) -> usize {
    if from >= items.len() {
        return items.len();
    }
    loop {
        let is = |n: usize, kind: &str, id: &str| head(items, n, "type") == kind && head(items, n, "call_id") == id;
        let cut = (from..items.len()).filter(|n| head(items, *n, "type") == "function_call_output").filter_map(|n| {
            let id = head(items, n, "call_id");
            let has_call = (from..n).any(|call| is(call, "function_call", &id));
            if has_call { None } else { (0..from).rev().find(|call| is(*call, "function_call", &id)) }
        });
        match cut.max() {
            Some(call) => from = call,
            None => break,
        }
    }
    let first_other = (from..items.len()).find(|n| head(items, *n, "type") != "reasoning");
    let begins_with_call = first_other.is_some_and(|n| head(items, n, "type") == "function_call");
    while begins_with_call && from > 0 && head(items, from - 1, "type") == "reasoning" {
        from -= 1;
    }
    from
}
