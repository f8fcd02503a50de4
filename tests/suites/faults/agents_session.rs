//! What a program does with `persql-agents-session`.

use persql_agents_session::{PerSqlSession, Result};
use persql_conformance::{Any, faults::Random};
use serde_json::{Value, json};

/// Turns, pops and compactions in a few sessions. Gives what each call gave.
pub(crate) fn work(db: &Any, random: &mut Random, operations: u64) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for number in 0..operations {
        let session = PerSqlSession::new(db.clone(), random.one_of(&["ada", "bob", "it's \"eve\""]));
        let items = items(number, random.below(4));
        let id = format!("operation {number}");
        told.push(match random.below(20) {
            0..8 => format!("{:?}", session.add_items(&items)?),
            8..12 => format!("{:?}", session.operation(id).add_items(&items)?),
            12..14 => format!("{:?}", session.pop_item()?),
            14 => format!("{:?}", session.pop_item_as::<Value>()?),
            15 => format!("{:?}", session.operation(id).pop_item()?),
            16..18 => format!("{:?}", session.get_items(5)?),
            18 => {
                let tail = session.tail(3)?;
                format!("{:?}", session.replace_tail(&tail, 0, &items)?)
            }
            _ if number % 5 == 0 => format!("{:?}", session.clear_session()?),
            _ => format!("{:?}", session.trim(40)?),
        });
    }
    Ok(told)
}

pub(crate) fn items(number: u64, more: u64) -> Vec<Value> {
    (0..=more).map(|part| json!({"role": "user", "content": format!("message {number}.{part}")})).collect()
}
