//! Cases of `persql-core`.

use persql_conformance::{Outcome, World, cases, run};

fn main() {
    run(cases![query_and_transaction]);
}

fn query_and_transaction(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", ())?;
    let rows = db.query("INSERT INTO t(b) VALUES (?1) RETURNING a", ["x"])?;
    assert_eq!(rows.row(0).map(|row| row.get::<i64>("a")).transpose()?, Some(1));
    db.transaction(["INSERT INTO t(b) VALUES ('y')", "INSERT INTO t(b) VALUES ('z')"])?;
    assert_eq!(db.tables()?.first().map(|table| table.row_count), Some(3));
    Ok(())
}
