//! The search of a storage.

use std::cmp::Reverse;

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_strands::{PerSqlStorage, Result};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::{storage, with_tables};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_search_finds_the_values_with_most_of_its_words_first,
        a_search_looks_at_keys_but_not_at_their_extensions,
        a_search_for_nothing_sends_nothing,
        a_search_where_nothing_is_stored_is_empty_and_makes_no_table,
        a_search_reads_bytes_as_text_as_far_as_they_are,
        a_search_passes_over_what_cannot_be_read,
        a_namespace_searches_its_own_keys,
        a_long_search_comes_in_pages_of_whole_values,
        a_search_that_the_server_cannot_answer_goes_in_smaller_pages,
        a_search_finds_what_reading_everything_finds,
    ]
}

/// Keys and scores.
fn found(storage: &PerSqlStorage<Any>, question: &str) -> Result<Vec<(String, usize)>> {
    Ok(storage.search(question)?.into_iter().map(|result| (result.key, result.score)).collect())
}

fn keys(storage: &PerSqlStorage<Any>, question: &str) -> Result<Vec<String>> {
    Ok(found(storage, question)?.into_iter().map(|(key, _)| key).collect())
}

fn a_search_finds_the_values_with_most_of_its_words_first(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    storage.write("a", "Mode, mode, MODE: a mode of its own.")?;
    storage.write("c", "The dark-mode switch")?;
    storage.write("b", "in DARK mode, switch")?;
    storage.write("d", "modern darkness")?;
    let (requests, results) = db.counting(|| storage.search("What is the dark mode's switch?"));
    let results = results?;
    assert_eq!(requests, 1);
    let scores: Vec<(&str, usize)> = results.iter().map(|result| (result.key.as_str(), result.score)).collect();
    assert_eq!(scores, [("b", 3), ("c", 3), ("a", 1)]);
    assert_eq!(results[1].data, b"The dark-mode switch");
    for hostile in ["'; DROP TABLE strands_storage; --", "%", "_", "\"", "\0", "x\u{10ffff}", &"word ".repeat(50_000)] {
        assert_eq!(found(&storage, hostile)?, [], "{:?}", hostile.get(..20));
    }
    Ok(())
}

fn a_search_looks_at_keys_but_not_at_their_extensions(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    for key in ["notes/release-plan.md", "plan.of/x", "plan/.md", "x.plan"] {
        storage.write(key, "")?;
    }
    assert_eq!(keys(&storage, "plan")?, ["notes/release-plan.md", "plan.of/x", "plan/.md"]);
    assert_eq!(keys(&storage, "md")?, ["plan/.md"]);
    assert_eq!(found(&storage, "release notes plan")?[0], ("notes/release-plan.md".to_owned(), 3));
    Ok(())
}

fn a_search_for_nothing_sends_nothing(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    storage.write("the", "what is the")?;
    for question in ["", "  ", "?!", "What is the ... of THEIR"] {
        let (requests, results) = db.counting(|| found(&storage, question));
        assert_eq!((requests, results?), (0, vec![]), "{question}");
    }
    Ok(())
}

fn a_search_where_nothing_is_stored_is_empty_and_makes_no_table(world: &World) -> Outcome {
    let db = world.db()?;
    assert_eq!(found(&storage(&db), "word")?, []);
    assert!(db.tables().map_or(true, |tables| tables.is_empty()));
    storage(&db).create_tables()?;
    assert_eq!(found(&storage(&db), "word")?, []);
    Ok(())
}

fn a_search_reads_bytes_as_text_as_far_as_they_are(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    let mixed = b"\xff\xfeword\xffsecond\x00third".to_vec();
    storage.write("k", &mixed)?;
    storage.write("u", "Größe, ПРИВЕТ, 日本語 ŻÓŁĆ")?;
    assert_eq!(found(&storage, "word second third")?, [("k".to_owned(), 3)]);
    assert_eq!(storage.search("word")?[0].data, mixed);
    for word in ["größe", "привет", "日本語", "żółć"] {
        assert_eq!(keys(&storage, word)?, ["u"], "{word}");
    }
    Ok(())
}

fn a_search_passes_over_what_cannot_be_read(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    for (key, part, encoding, data) in [
        ("bad", 0, "base64", "word!"),
        ("other", 0, "zip", "word"),
        ("rest", 0, "utf8", "word"),
        ("rest", 1, "zip", "word"),
        ("rest", 2, "utf8", "word"),
    ] {
        db.query("INSERT INTO strands_storage VALUES (?1, ?2, ?3, ?4, '')", (key, part, encoding, data))?;
    }
    storage.write("whole", "word")?;
    assert_eq!(keys(&storage, "word")?, ["whole"]);
    Ok(())
}

fn a_namespace_searches_its_own_keys(world: &World) -> Outcome {
    let storage = storage(&world.db()?);
    let view = storage.namespace("memory/agent")?;
    view.write("deploy.md", "blue green")?;
    view.write("theme.md", "dark mode")?;
    for key in ["memory/agent2", "memory/agent.md", "memory", "x/memory/agent/x"] {
        storage.write(key, "deploy")?;
    }
    assert_eq!(found(&view, "deploy the memory agent")?, [("deploy.md".to_owned(), 1)]);
    assert_eq!(view.search("deploy")?[0].data, b"blue green");
    assert_eq!(keys(&storage, "green")?, ["memory/agent/deploy.md"]);
    Ok(())
}

fn a_long_search_comes_in_pages_of_whole_values(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let storage = storage(&db);
    db.query(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 599)
         INSERT INTO strands_storage SELECT printf('k/%03d', i), 0, 'utf8', 'word ' || i, '' FROM n",
        (),
    )?;
    // The first page goes up to the row behind 256 rows; this value is not at its end yet there.
    for (part, data) in [(2, "d end"), (1, "-wor")] {
        db.query("INSERT INTO strands_storage VALUES ('k/255', ?1, 'utf8', ?2, '')", (part, data))?;
    }
    let (requests, results) = db.counting(|| storage.search("word"));
    let results = results?;
    assert_eq!((requests, results.len()), (2, 600));
    assert_eq!(results[255].data, b"word 255-word end");
    assert!(results.is_sorted_by(|one, other| one.key < other.key));
    // After large values the pages are smaller, until the rows are small again.
    storage.delete_all("k/3")?;
    for key in ["a/30", "a/31", "a/32"] {
        storage.write(key, "word ".repeat(500_000))?;
    }
    let (requests, found) = db.counting(|| keys(&storage, "word"));
    assert_eq!((requests, found?.len()), (3, 503));
    assert_eq!(storage.search("31 word")?[0].data.len(), 2_500_000);
    Ok(())
}

fn a_search_that_the_server_cannot_answer_goes_in_smaller_pages(world: &World) -> Outcome {
    let db = world.terse_db()?;
    let storage = storage(&db);
    for key in ["1", "2", "3", "4", "5"] {
        storage.write(key, "word ".repeat(240_000))?;
    }
    // A page goes one row further than asked: 256, 32 and 4 are too many, 1 gives 2 values, and 3 what is left.
    let expected = if world.mode().is_server() { 5 } else { 1 };
    let (requests, found) = db.counting(|| keys(&storage, "word"));
    assert_eq!((requests, found?), (expected, ["1", "2", "3", "4", "5"].map(str::to_owned).to_vec()));
    Ok(())
}

const WORDS: [&str; 6] = ["dark", "mode", "the", "Café", "x_1", "42"];

fn a_search_finds_what_reading_everything_finds(world: &World) -> Outcome {
    let db = with_tables(world)?;
    let text = || prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6);
    let entries = prop::collection::btree_map("[abé]{1,2}(/[ab])?", text(), 0..8);
    let cases = if world.mode().is_cheap() { 64 } else { 16 };
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    runner.run(&(entries, text()), |(entries, question)| {
        let storage = storage(&db);
        storage.delete_all("").unwrap();
        let mut expected: Vec<(String, usize)> = Vec::new();
        for (key, value) in &entries {
            storage.write(key, value.join("-")).unwrap();
            let asked = WORDS.iter().filter(|word| **word != "the" && question.contains(word));
            expected.push((key.clone(), asked.filter(|word| value.contains(word)).count()));
        }
        expected.retain(|(_, score)| *score > 0);
        expected.sort_by_key(|(_, score)| Reverse(*score));
        prop_assert_eq!(found(&storage, &question.join(", ").to_uppercase()).unwrap(), expected);
        Ok(())
    })?;
    Ok(())
}
