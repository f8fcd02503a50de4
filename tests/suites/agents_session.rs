//! Cases of `persql-agents-session`.

use persql_agents_session::PerSqlSession;
use persql_conformance::{Outcome, World, cases, run};
use serde_json::{Value, json};

fn main() {
    run(cases![add_then_get]);
}

fn add_then_get(world: &World) -> Outcome {
    let db = world.db()?;
    let session = PerSqlSession::new(db.clone(), "ada");
    let items: Vec<Value> = (0..4).map(|n| json!({"role": "user", "content": format!("message {n}")})).collect();
    let (first, added) = db.counting(|| session.add_items(&items));
    added?;
    assert_eq!(first, 3, "the first write creates the tables");
    let (second, added) = db.counting(|| session.add_items(&items));
    added?;
    assert_eq!(second, 1);
    let (reads, stored) = db.counting(|| session.get_items(None));
    assert_eq!((reads, stored?), (1, [items.clone(), items].concat()));
    Ok(())
}
