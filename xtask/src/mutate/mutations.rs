//! The changes: each is one replacement in an SQL text.

use std::ops::Range;

use crate::rust_source::in_word;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mutation {
    pub(crate) name: String,
    /// What is replaced.
    pub(crate) range: Range<usize>,
    pub(crate) replacement: String,
}

/// The words a text of SQL may start with; the later ones start parts that are put together.
const STARTS: [&str; 24] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "WITH",
    "ALTER",
    "DROP",
    "PRAGMA",
    "REPLACE",
    "EXPLAIN",
    "WHERE",
    "AND",
    "OR",
    "ORDER",
    "GROUP",
    "LIMIT",
    "UNION",
    "VALUES",
    "FROM",
    "JOIN",
    "LEFT",
    "SET",
    "RETURNING",
];

/// The words that end a WHERE clause.
const CLAUSES: [&str; 11] =
    ["ORDER", "GROUP", "LIMIT", "RETURNING", "ON", "UNION", "EXCEPT", "INTERSECT", "HAVING", "WINDOW", "WHERE"];

/// Whether a literal is SQL, and not a name or a message.
pub(crate) fn is_sql(text: &str) -> bool {
    let tokens = tokens(text);
    let starts = tokens.first().is_some_and(|first| STARTS.iter().any(|start| first.is(start)));
    starts && tokens.len() > 1
}

/// The changes for a text: the one that breaks it, and when asked those that change its meaning.
pub(crate) fn of(text: &str, deep: bool) -> Vec<Mutation> {
    let tokens = tokens(text);
    let mut mutations: Vec<Mutation> = tokens.first().map(broken).into_iter().collect();
    if deep {
        for at in 0..tokens.len() {
            mutations.extend(swapped(&tokens, at));
            mutations.extend(narrowed(text, &tokens, at));
        }
    }
    number(&mut mutations);
    mutations
}

/// The ranges of the statements of a text that has several.
pub(crate) fn statements(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = None;
    for token in tokens(text) {
        if token.text == ";" {
            ranges.extend(start.take().map(|start| start..token.range.start));
        } else if start.is_none() {
            start = Some(token.range.start);
        }
    }
    ranges.extend(start.map(|start| start..text.len()));
    ranges
}

/// A second change of the same name is told apart by its number.
fn number(mutations: &mut [Mutation]) {
    let names: Vec<String> = mutations.iter().map(|mutation| mutation.name.clone()).collect();
    for (at, mutation) in mutations.iter_mut().enumerate() {
        let earlier = names.iter().take(at).filter(|name| **name == mutation.name).count();
        if earlier > 0 {
            mutation.name = format!("{} ({})", mutation.name, earlier + 1);
        }
    }
}

fn broken(first: &Token<'_>) -> Mutation {
    Mutation { name: "first word broken".to_owned(), range: first.range.clone(), replacement: "BROKEN".to_owned() }
}

/// One word or operator for another.
fn swapped(tokens: &[Token<'_>], at: usize) -> Option<Mutation> {
    let here = tokens.get(at)?;
    let before =
        |word: &str| at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| token.is(word));
    let after = |word: &str| tokens.get(at + 1).is_some_and(|token| token.is(word));
    let new = match here.text.to_ascii_uppercase().as_str() {
        "DESC" => "ASC",
        "ASC" => "DESC",
        "<" => "<=",
        "<=" => "<",
        ">" => ">=",
        ">=" => ">",
        "MAX" if after("(") => "MIN",
        "MIN" if after("(") => "MAX",
        "IGNORE" if before("OR") => "REPLACE",
        "NOT" if after("EXISTS") && !before("IF") => "",
        _ => return None,
    };
    let name = if new.is_empty() { "NOT EXISTS -> EXISTS".to_owned() } else { format!("{} -> {new}", here.text) };
    Some(Mutation { name, range: here.range.clone(), replacement: new.to_owned() })
}

/// For a WHERE: without its last condition, or without the only one.
fn narrowed(text: &str, tokens: &[Token<'_>], at: usize) -> Option<Mutation> {
    let clause = tokens.get(at).filter(|token| token.is("WHERE"))?;
    let inside: Vec<&Token<'_>> = tokens
        .iter()
        .skip(at + 1)
        .take_while(|token| {
            let ended = token.depth < clause.depth
                || (token.depth == clause.depth && CLAUSES.iter().any(|word| token.is(word)));
            !ended && token.text != ";"
        })
        .collect();
    let (first, last) = (inside.first()?, inside.last()?);
    let and = inside.iter().rposition(|token| token.depth == clause.depth && token.is("AND"));
    let between = |at: usize| inside.iter().take(at).any(|token| token.is("BETWEEN"));
    let mutation = match and {
        // Without what stands behind its AND, a BETWEEN would be broken, not changed.
        Some(and) if between(and) => return None,
        Some(and) => Mutation {
            name: "last AND dropped".to_owned(),
            range: inside.get(and)?.range.start..last.range.end,
            replacement: String::new(),
        },
        None => Mutation {
            name: "WHERE always true".to_owned(),
            range: first.range.start..last.range.end,
            replacement: "1".to_owned(),
        },
    };
    text.get(mutation.range.clone()).map(|_| mutation)
}

/// A word, a number, a quoted text or an operator.
#[derive(Debug)]
struct Token<'a> {
    text: &'a str,
    range: Range<usize>,
    /// How many parentheses are open around it.
    depth: usize,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

/// The tokens of a text as it is written in Rust: a backslash is skipped.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = length(rest);
        let skipped = rest.starts_with(char::is_whitespace) || rest.starts_with('\\') || rest.starts_with("--");
        if rest.starts_with(')') {
            depth = depth.saturating_sub(1);
        }
        if !skipped {
            tokens.push(Token { text: rest.get(..length).unwrap_or(rest), range: at..at + length, depth });
        }
        if rest.starts_with('(') {
            depth += 1;
        }
        at += length;
    }
    tokens
}

/// The length of what the text starts with.
fn length(text: &str) -> usize {
    const OPERATORS: [&str; 9] = ["->>", "->", "<=", ">=", "<>", "<<", ">>", "||", "!="];
    if text.starts_with("--") {
        return text.find('\n').unwrap_or(text.len());
    }
    if let Some(operator) = OPERATORS.iter().find(|operator| text.starts_with(**operator)) {
        return operator.len();
    }
    let Some(first) = text.chars().next() else {
        return 0;
    };
    if first == '\'' {
        let rest = text.get(1..).unwrap_or_default();
        return rest.find('\'').map_or(text.len(), |end| end + 2);
    }
    // A parameter `?1` and a placeholder `{table}` are words of their own.
    let word = text.find(|c: char| !in_word(c)).unwrap_or(text.len());
    if word > 0 { word } else { first.len_utf8() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(text: &str) -> Vec<(String, String)> {
        let apply = |mutation: Mutation| {
            let mut changed = text.to_owned();
            changed.replace_range(mutation.range.clone(), &mutation.replacement);
            (mutation.name, changed)
        };
        of(text, true).into_iter().map(apply).collect()
    }

    fn expect(text: &str, name: &str, changed: &str) {
        let results = results(text);
        let found = results.iter().find(|result| result.0 == name);
        assert_eq!(found.map(|result| result.1.as_str()), Some(changed), "{results:?}");
    }

    #[test]
    fn the_first_word_is_broken() {
        let text = "\\\n  -- newest first\n  select 1 FROM a";
        assert_eq!(of(text, false).len(), 1);
        expect(text, "first word broken", "\\\n  -- newest first\n  BROKEN 1 FROM a");
    }

    #[test]
    fn order_and_comparison_are_swapped() {
        let text = "SELECT max(a) FROM t WHERE a < ?1 ORDER BY a DESC, b DESC";
        expect(text, "DESC -> ASC", "SELECT max(a) FROM t WHERE a < ?1 ORDER BY a ASC, b DESC");
        expect(text, "DESC -> ASC (2)", "SELECT max(a) FROM t WHERE a < ?1 ORDER BY a DESC, b ASC");
        expect(text, "< -> <=", "SELECT max(a) FROM t WHERE a <= ?1 ORDER BY a DESC, b DESC");
        expect(text, "max -> MIN", "SELECT MIN(a) FROM t WHERE a < ?1 ORDER BY a DESC, b DESC");
    }

    #[test]
    fn text_and_arrows_are_left_alone() {
        let names: Vec<String> = results("SELECT 'a < b DESC' FROM t JOIN u USING (x) -- a < b\nWHERE a ->> 'b' <> 1")
            .into_iter()
            .map(|result| result.0)
            .collect();
        assert_eq!(names, ["first word broken", "WHERE always true"]);
    }

    #[test]
    fn conditions_are_dropped() {
        let text = "DELETE FROM t WHERE a = ?1 AND (b = 1 AND c = 2) RETURNING a";
        expect(text, "last AND dropped", "DELETE FROM t WHERE a = ?1  RETURNING a");
        let text = "SELECT * FROM (SELECT a FROM t WHERE b = f(1)) ORDER BY a";
        expect(text, "WHERE always true", "SELECT * FROM (SELECT a FROM t WHERE 1) ORDER BY a");
        let text = "INSERT INTO t (a) SELECT NULL WHERE NOT EXISTS (SELECT 1)";
        expect(text, "NOT EXISTS -> EXISTS", "INSERT INTO t (a) SELECT NULL WHERE  EXISTS (SELECT 1)");
    }

    #[test]
    fn what_is_no_sql_is_known() {
        assert!(is_sql("\n  SELECT 1") && is_sql("WHERE a = ?1") && is_sql("insert into t VALUES (1)"));
        assert!(!is_sql("messages") && !is_sql("the table is missing") && !is_sql("SELECT"));
    }
}
