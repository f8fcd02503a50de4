//! Operations as values: what adapters are made of.

use persql_conformance::{Case, Outcome, World, cases};
use persql_core::{ErrorKind, Handle, Ident, Operation, PageSize, Plan, Schema, Sql, Statement, pack};

use crate::expect::{Failure, insert, integers, kinds, refused, stored};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_read_of_what_is_not_there_is_empty,
        a_write_creates_its_tables_once,
        a_write_that_may_not_create_fails,
        a_missing_table_of_others_is_an_error,
        two_clients_may_create_at_the_same_time,
        a_write_that_returns_is_one_request,
        an_operation_id_applies_once,
        an_operation_id_is_not_spent_by_a_failure,
        many_texts_go_in_one_statement,
        a_long_read_goes_in_pages,
        an_error_has_the_context_it_was_given,
    ]
}

fn schema() -> Result<Schema, persql_core::Error> {
    Ok(Schema::new([Ident::new("t")?], [Sql::from("CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY)")]))
}

fn numbers(schema: &Schema) -> Plan<Vec<i64>> {
    Plan::read(Statement::from("SELECT a FROM t ORDER BY a")).or_absent(schema).try_map(|rows| integers(&rows))
}

fn a_read_of_what_is_not_there_is_empty(world: &World) -> Outcome {
    let (db, schema) = (world.db()?, schema()?);
    for _ in 0..2 {
        let (requests, found) = db.counting(|| db.run(numbers(&schema)));
        assert_eq!((requests, found?), (1, vec![]));
    }
    assert!(world.file().is_none_or(|file| !file.exists()), "a read creates no file");
    db.query("CREATE TABLE other(a)", ())?;
    assert_eq!(db.run(numbers(&schema))?, [0; 0]);
    db.run(Plan::write([Statement::from("DELETE FROM t")]).or_nothing(&schema))?;
    Ok(())
}

fn a_write_creates_its_tables_once(world: &World) -> Outcome {
    let (db, schema) = (world.db()?, schema()?);
    let (first, result) = db.counting(|| db.run(Plan::write([insert(1)]).creating(&schema)));
    result?;
    let (second, result) = db.counting(|| db.run(Plan::write([insert(2)]).creating(&schema)));
    result?;
    assert_eq!((first, second), (3, 1));
    db.run(schema.create())?;
    assert_eq!(db.run(numbers(&schema))?, [1, 2]);
    Ok(())
}

fn a_write_that_may_not_create_fails(world: &World) -> Outcome {
    let (db, schema) = (world.db()?, schema()?.on_demand(false));
    for _ in 0..2 {
        assert_eq!(kinds(db.run(Plan::write([insert(1)]).creating(&schema)))?.0, ErrorKind::Sql);
    }
    db.run(schema.create())?;
    db.run(Plan::write([insert(1)]).creating(&schema))?;
    assert_eq!(stored(&db)?, [1]);
    Ok(())
}

fn a_missing_table_of_others_is_an_error(world: &World) -> Outcome {
    let (db, schema) = (world.db()?, schema()?);
    db.run(schema.create())?;
    let read = Plan::read(Statement::from("SELECT * FROM others")).or_absent(&schema);
    assert_eq!(kinds(db.run(read))?.0, ErrorKind::Sql);
    let write = Plan::write([Statement::from("INSERT INTO others VALUES (1)")]).creating(&schema);
    assert_eq!(kinds(db.run(write))?.0, ErrorKind::Sql);
    Ok(())
}

fn two_clients_may_create_at_the_same_time(world: &World) -> Outcome {
    let schema = schema()?;
    let handles = [world.db()?, world.other_db()?, world.db()?, world.other_db()?];
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(&handles)
            .map(|(number, db)| {
                let schema = &schema;
                scope.spawn(move || db.run(Plan::write([insert(number)]).creating(schema)))
            })
            .collect();
        threads.into_iter().try_for_each(|thread| Ok::<_, Failure>(thread.join().map_err(|_| "a thread panicked")??))
    })?;
    let [db, ..] = &handles;
    assert_eq!(stored(db)?, [0, 1, 2, 3]);
    Ok(())
}

fn a_write_that_returns_is_one_request(world: &World) -> Outcome {
    let (db, schema) = (world.db()?, schema()?);
    db.run(schema.create())?;
    let pop = || Plan::write_returning("DELETE FROM t WHERE a = (SELECT max(a) FROM t) RETURNING a".into());
    db.run(Plan::write([insert(1), insert(2)]))?;
    for expected in [vec![2], vec![1], vec![], vec![]] {
        let (requests, rows) = db.counting(|| db.run(pop()));
        assert_eq!((requests, integers(&rows?)?), (1, expected));
    }
    Ok(())
}

fn an_operation_id_applies_once(world: &World) -> Outcome {
    let schema = Operation::schema(&schema()?, []);
    let apply = |db: &persql_conformance::Any, id: &str, number: i64, answer: &str| {
        let operation = Operation::new("suite", id, [number.to_string().as_str()])?;
        let batch = [operation.record(Some(answer)), insert(number)];
        db.run(operation.apply(batch, &schema))
    };
    let (db, other) = (world.db()?, world.other_db()?);
    assert_eq!(apply(&db, "one", 1, "first")?, None);
    for db in [&db, &other] {
        let (requests, recorded) = db.counting(|| apply(db, "one", 1, "second"));
        assert_eq!((requests, recorded?.and_then(|recorded| recorded.result).as_deref()), (2, Some("first")));
    }
    let error = refused(apply(&db, "one", 2, "third"))?;
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("operation: one"), "{error}");
    assert_eq!(apply(&db, "'; DROP TABLE t; --", 2, "")?, None);
    assert_eq!(stored(&db)?, [1, 2]);
    Ok(())
}

fn an_operation_id_is_not_spent_by_a_failure(world: &World) -> Outcome {
    let (db, schema) = (world.db()?, Operation::schema(&schema()?, []));
    let operation = Operation::new("suite", "id", ["x"])?;
    db.run(schema.create())?;
    db.run(Plan::write([insert(1)]))?;
    assert_eq!(kinds(db.run(operation.apply([operation.record(None), insert(1)], &schema)))?.0, ErrorKind::Conflict);
    assert_eq!(db.run(operation.find(&schema))?, None);
    assert_eq!(db.run(operation.apply([operation.record(None), insert(2)], &schema))?, None);
    assert!(db.run(operation.find(&schema))?.is_some());
    assert_eq!(stored(&db)?, [1, 2]);
    Ok(())
}

fn many_texts_go_in_one_statement(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let texts: Vec<String> = (0..101)
        .map(|n| ["{\"n\": NaN, \"b\" : 1}", "a\0b'\"\\", "😀\u{2028}", "\"\\ud800\""].concat().repeat(n % 7))
        .chain(["x".repeat(1_899_990), "y".repeat(1_000_000), "z".repeat(1_000_000)])
        .collect();
    let statements = pack(&texts).into_iter().map(|pack| match pack {
        persql_core::Pack::One(text) => Statement::new("INSERT INTO t VALUES (?1)", [text]),
        persql_core::Pack::Many { array, .. } => {
            Statement::new("INSERT INTO t SELECT value FROM json_each(?1) ORDER BY key", [array])
        }
    });
    db.run(Plan::write(statements))?;
    let mut back = Vec::new();
    for rowid in (0..i64::try_from(texts.len())?).step_by(26) {
        let rows = db.query("SELECT a FROM t WHERE rowid > ?1 ORDER BY rowid LIMIT 26", [rowid])?;
        back.extend(rows.iter().map(|row| row.get::<String>("a")).collect::<Result<Vec<_>, _>>()?);
    }
    assert!(back == texts, "texts changed on their way");
    Ok(())
}

/// All numbers above this one, a page at a time.
fn pages(after: i64, size: PageSize, mut found: Vec<i64>) -> Plan<Vec<i64>> {
    let page = Statement::new("SELECT a, b FROM t WHERE a > ?1 ORDER BY a LIMIT ?2", (after, PageSize::ROWS));
    size.read(usize::MAX, page, &Schema::new([], [])).and_then(move |page| match integers(&page.rows) {
        Ok(numbers) => {
            found.extend(numbers);
            match found.last() {
                Some(last) if page.is_full() => pages(*last, page.next, found),
                _ => Plan::ok(found),
            }
        }
        Err(error) => Plan::err(error),
    })
}

fn a_long_read_goes_in_pages(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", ())?;
    let many = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT 700)
        INSERT INTO t SELECT a, printf('%.*c', 40000, 'x') FROM n";
    db.query(many, ())?;
    let (requests, found) = db.counting(|| db.run(pages(0, PageSize::default(), Vec::new())));
    assert_eq!(found?, (1..=700).collect::<Vec<_>>());
    // 256 at first, then 4 MB in rows of 40 kB.
    assert_eq!(requests, 1 + 5);
    Ok(())
}

fn an_error_has_the_context_it_was_given(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let plan = Plan::read(Statement::from("SELECT b FROM t")).map(|_| ()).context("session", "ada");
    let error = refused(db.run(plan))?;
    assert!(error.to_string().ends_with("(session: ada)"), "{error}");
    Ok(())
}
