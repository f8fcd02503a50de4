//! As much of SQL's syntax as it takes to tell what kind of statement a text is.

/// A piece of SQL. Blanks and comments are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A keyword, a name or a number.
    Word(&'a str),
    /// A text or a name in quotes. One with a doubled quote in it comes as two.
    Quoted,
    Symbol(char),
}

impl Token<'_> {
    fn is(self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let text = after_blank(self.0);
        // No character of a word is cut: all that are not ASCII belong to words.
        let (word, rest) = text.split_at(text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len()));
        if !word.is_empty() {
            self.0 = rest;
            return Some(Token::Word(word));
        }
        let mut after = text.chars();
        let first = after.next()?;
        let close = match first {
            '[' => ']',
            '\'' | '"' | '`' => first,
            _ => {
                self.0 = after.as_str();
                return Some(Token::Symbol(first));
            }
        };
        self.0 = after.as_str().split_once(close).map_or("", |(_, rest)| rest);
        Some(Token::Quoted)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

/// What stands behind leading blanks and comments. SQLite also passes over byte-order marks, and over vertical tabs behind
/// another blank.
fn after_blank(sql: &str) -> &str {
    let blank = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}', '\u{feff}'];
    let mut rest = sql.trim_start_matches(blank);
    loop {
        let after = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            return rest;
        };
        rest = after.trim_start_matches(blank);
    }
}

/// Whether the text holds nothing to run.
pub(crate) fn is_empty(sql: &str) -> bool {
    Tokens(sql).all(|token| token == Token::Symbol(';'))
}

/// Whether anything follows the first statement.
pub(crate) fn holds_several(sql: &str) -> bool {
    // Nearly every statement, and a look at every token takes longer than all other checks.
    if !sql.contains(';') {
        return false;
    }
    // The body of a trigger is full of semicolons: it ends with the one before which stands END, and another before.
    let is_trigger =
        Tokens(sql).take(5).any(|token| token.is("trigger")) && Tokens(sql).take(4).any(|t| t.is("create"));
    let (mut before_last, mut last) = (None, None);
    let mut tokens = Tokens(sql);
    for token in tokens.by_ref() {
        let ends_body = before_last == Some(Token::Symbol(';')) && last.is_some_and(|last: Token<'_>| last.is("end"));
        if token == Token::Symbol(';') && (!is_trigger || ends_body) {
            return tokens.any(|token| token != Token::Symbol(';'));
        }
        (before_last, last) = (last, Some(token));
    }
    false
}

/// The word that says what the statement does, behind EXPLAIN and the tables of a WITH.
pub(crate) fn verb(sql: &str) -> &str {
    let mut tokens = Tokens(sql).skip_while(|token| ["explain", "query", "plan"].iter().any(|word| token.is(word)));
    match tokens.next() {
        Some(with) if with.is("with") => verb_after_with(tokens).unwrap_or(""),
        Some(Token::Word(word)) => word,
        _ => "",
    }
}

fn verb_after_with<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Option<&'a str> {
    const VERBS: [&str; 6] = ["select", "values", "insert", "replace", "update", "delete"];
    let mut depth = 0_usize;
    // The name of a table is a word too, and may be that of a verb.
    let mut names_a_table = true;
    for token in tokens {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            Token::Symbol(',') if depth == 0 => names_a_table = true,
            _ if depth > 0 || token.is("recursive") => {}
            Token::Word(word) if !names_a_table && VERBS.iter().any(|verb| token.is(verb)) => return Some(word),
            _ => names_a_table = false,
        }
    }
    None
}

/// Whether the statement reads, by its text alone: for a database that is not there, where nothing can be prepared.
pub(crate) fn reads(sql: &str) -> bool {
    is_one_of(verb(sql), &["select", "values", "pragma"]) || begins_with(sql, &["explain"])
}

/// Whether the statement inserts, updates or deletes rows, by its text alone.
pub(crate) fn changes_rows(sql: &str) -> bool {
    is_one_of(verb(sql), &["insert", "replace", "update", "delete"]) && !begins_with(sql, &["explain"])
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// Whether one of its words is this.
pub(crate) fn has(sql: &str, word: &str) -> bool {
    Tokens(sql).any(|token| token.is(word))
}

/// Whether the text's first word is one of these.
pub(crate) fn begins_with(sql: &str, words: &[&str]) -> bool {
    Tokens(sql).next().is_some_and(|first| words.iter().any(|word| first.is(word)))
}

/// Whether the statement is of this kind.
pub(crate) fn is(sql: &str, keyword: &str) -> bool {
    verb(sql).eq_ignore_ascii_case(keyword)
}

/// Whether the statement is `PRAGMA wal_checkpoint`, with or without the schema before the name.
pub(crate) fn is_checkpoint(sql: &str) -> bool {
    let mut tokens = Tokens(sql);
    let is_pragma = tokens.next().is_some_and(|token| token.is("pragma"));
    let first = tokens.next();
    let name = if tokens.next() == Some(Token::Symbol('.')) { tokens.next() } else { first };
    is_pragma && name.is_some_and(|name| name.is("wal_checkpoint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_statement_is_seen_and_a_semicolon_in_a_text_is_not_one() {
        for one in [
            "SELECT 1",
            "SELECT 1;",
            "SELECT ';' AS \"a;b\"; -- end",
            "SELECT [;], `;` /* ; x */ ;;",
            "SELECT 1 - 2 / 3; /* x",
            "create temp trigger t after insert on a begin select 1; select 2; end",
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2; /* x */ END ; -- x",
            "-- c;\nSELECT 'it''s; fine'",
            "SELECT 1; -- c\n;",
        ] {
            assert!(!holds_several(one), "{one}");
        }
        for two in [
            "SELECT 1; DROP TABLE t",
            "SELECT ';';;-- x\n SELECT 2",
            "/* ; */ SELECT 1; x",
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END; DROP TABLE a",
            "SELECT 1;\u{c}'x'",
        ] {
            assert!(holds_several(two), "{two}");
        }
    }

    #[test]
    fn the_verb_is_found_behind_names_and_comments() {
        for (sql, expected) in [
            ("/* x */ insert into t", "insert"),
            ("EXPLAIN QUERY PLAN UPDATE t", "UPDATE"),
            ("WITH a AS (DELETE), b(x, y) AS (INSERT) SELECT 1", "SELECT"),
            (
                "with recursive replace(a) as materialized (select 1), \"update\" as (select 2) replace into t",
                "replace",
            ),
            ("WITH a AS (SELECT ')')", ""),
            ("", ""),
            ("(", ""),
        ] {
            assert_eq!(verb(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_checkpoint_is_told_from_other_pragmas() {
        for sql in ["PRAGMA wal_checkpoint", "/* x */ pragma MAIN.WAL_checkpoint(TRUNCATE);"] {
            assert!(is_checkpoint(sql), "{sql}");
        }
        for sql in ["PRAGMA table_info(wal_checkpoint)", "SELECT wal_checkpoint", "PRAGMA wal_checkpoint.x", "PRAGMA"] {
            assert!(!is_checkpoint(sql), "{sql}");
        }
    }

    #[test]
    fn a_text_of_blanks_holds_nothing() {
        assert!(is_empty(" ;; -- x\n /* ; */") && is_empty(""));
        assert!(is_empty("\u{feff} \u{b}") && begins_with("\u{feff}drop TABLE t", &["drop"]));
        assert!(
            begins_with(" \u{b}/**/\u{feff}\u{feff}\u{b}VACUUM", &["vacuum"])
                && is("\u{feff}\u{feff}update t", "update")
        );
        assert!(!is_empty("\u{a0}") && !is_empty("'"));
    }
}
