//! Random programs, run here and on a plain map.

use std::collections::BTreeMap;

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::{Handle, Plan, Statement};
use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_oneof},
    test_runner::{Config, TestCaseError, TestRunner},
};

pub(crate) fn cases() -> Vec<Case> {
    cases![the_database_behaves_like_a_map]
}

type Model = BTreeMap<i64, String>;

#[derive(Clone, Debug)]
enum Change {
    /// Fails if the key is there.
    Insert(i64, String),
    Put(i64, String),
    Update(i64, String),
    Delete(i64),
}

#[derive(Clone, Debug)]
enum Action {
    Query(Change),
    Batch(Vec<Change>),
    Transaction(Vec<Change>),
    Write(Vec<Change>),
    Pop,
    ReadAll,
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0..8_i64;
    prop_oneof![
        (key.clone(), any::<String>()).prop_map(|(key, text)| Change::Insert(key, text)),
        (key.clone(), any::<String>()).prop_map(|(key, text)| Change::Put(key, text)),
        (key.clone(), any::<String>()).prop_map(|(key, text)| Change::Update(key, text)),
        key.prop_map(Change::Delete),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let changes = || vec(change(), 0..5);
    prop_oneof![
        change().prop_map(Action::Query),
        changes().prop_map(Action::Batch),
        changes().prop_map(Action::Transaction),
        changes().prop_map(Action::Write),
        proptest::prelude::Just(Action::Pop),
        proptest::prelude::Just(Action::ReadAll),
    ]
}

fn statement(change: &Change) -> Statement {
    match change {
        Change::Insert(key, text) => Statement::new("INSERT INTO t VALUES (?1, ?2)", (*key, text.as_str())),
        Change::Put(key, text) => Statement::new("REPLACE INTO t VALUES (?1, ?2)", (*key, text.as_str())),
        Change::Update(key, text) => Statement::new("UPDATE t SET b = ?2 WHERE a = ?1", (*key, text.as_str())),
        Change::Delete(key) => Statement::new("DELETE FROM t WHERE a = ?1", [*key]),
    }
}

/// Whether the change is possible; it is made if so.
fn apply(model: &mut Model, change: &Change) -> bool {
    match change {
        Change::Insert(key, text) => {
            if model.contains_key(key) {
                return false;
            }
            model.insert(*key, text.clone());
        }
        Change::Put(key, text) => {
            model.insert(*key, text.clone());
        }
        Change::Update(key, text) => {
            if let Some(old) = model.get_mut(key) {
                old.clone_from(text);
            }
        }
        Change::Delete(key) => {
            model.remove(key);
        }
    }
    true
}

fn apply_all(model: &mut Model, changes: &[Change]) -> bool {
    let mut after = model.clone();
    let whole = changes.iter().all(|change| apply(&mut after, change));
    if whole {
        *model = after;
    }
    whole
}

/// Does the action in both worlds; `None` if they agree about its outcome.
fn disagreement(db: &Any, model: &mut Model, action: &Action) -> persql_core::Result<Option<String>> {
    let statements = |changes: &[Change]| changes.iter().map(statement).collect::<Vec<_>>();
    let (expected, found) = match action {
        Action::Query(change) => (apply(model, change), db.run(Plan::query(statement(change))).is_ok()),
        Action::Batch(changes) => {
            (changes.iter().all(|change| apply(model, change)), db.batch(statements(changes)).is_ok())
        }
        Action::Transaction(changes) => (apply_all(model, changes), db.transaction(statements(changes)).is_ok()),
        Action::Write(changes) => (apply_all(model, changes), db.run(Plan::write(statements(changes))).is_ok()),
        Action::Pop => {
            let pop = Statement::from("DELETE FROM t WHERE a = (SELECT max(a) FROM t) RETURNING a, b");
            let popped: Vec<(i64, String)> = db.run(Plan::write_returning(pop))?.deserialize()?;
            let expected: Vec<_> = model.pop_last().into_iter().collect();
            (true, popped == expected)
        }
        Action::ReadAll => {
            let rows: Vec<(i64, String)> = db.query("SELECT a, b FROM t ORDER BY a", ())?.deserialize()?;
            (true, rows.into_iter().collect::<Model>() == *model)
        }
    };
    Ok((expected != found).then(|| format!("expected {expected}, found {found}, after {action:?}")))
}

fn the_database_behaves_like_a_map(world: &World) -> Outcome {
    let handles = [world.db()?, world.other_db()?];
    let [db, _] = &handles;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL)", ())?;
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let program = vec((action(), 0..2_usize), 1..40);
    TestRunner::new(config).run(&program, |program| {
        let fail = |error: persql_core::Error| TestCaseError::fail(format!("{error:?}"));
        db.query("DELETE FROM t", ()).map_err(fail)?;
        let mut model = Model::new();
        for (action, handle) in program.iter().map(|(action, handle)| (action, *handle)).chain([(&Action::ReadAll, 0)])
        {
            let Some(db) = handles.get(handle) else { continue };
            if let Some(difference) = disagreement(db, &mut model, action).map_err(fail)? {
                return Err(TestCaseError::fail(difference));
            }
        }
        Ok(())
    })?;
    Ok(())
}
