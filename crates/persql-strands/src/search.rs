//! What a search of a storage means: the framework's keyword search.

use std::{collections::BTreeSet, fmt};

/// What a search has found.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchResult {
    /// The key under which it stands.
    pub key: String,
    /// How many of the words that were asked for are in it.
    pub score: usize,
    /// The bytes that stand under the key.
    pub data: Vec<u8>,
}

impl fmt::Debug for SearchResult {
    /// Without the bytes: what is stored does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchResult").field("key", &self.key).field("score", &self.score).finish_non_exhaustive()
    }
}

/// The words of a search: those of the question that say something.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    words: BTreeSet<String>,
}

impl Query {
    pub(crate) fn new(question: &str) -> Self {
        let stop: BTreeSet<&str> = STOP_WORDS.split_ascii_whitespace().collect();
        let question = question.to_lowercase();
        Self { words: words(&question).filter(|word| !stop.contains(word)).map(str::to_owned).collect() }
    }

    /// Whether it asks for nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The result, if one of the words is in the key or the bytes.
    pub(crate) fn matched(&self, key: &str, data: Vec<u8>) -> Option<SearchResult> {
        let text = format!("{} {}", without_extension(key), String::from_utf8_lossy(&data)).to_lowercase();
        let found: BTreeSet<&str> = words(&text).filter(|word| self.words.contains(*word)).collect();
        let score = found.len();
        (score > 0).then(|| SearchResult { key: key.to_owned(), score, data })
    }
}

/// Runs of letters, digits and underscores.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// A key as it is searched: `md` does not find every `.md`. A name that begins with its only dot is no extension.
fn without_extension(key: &str) -> &str {
    match key.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') && !stem.is_empty() && !stem.ends_with('/') => stem,
        _ => key,
    }
}

/// Words that are not searched for: those of the framework's `KeywordSearchStrategy` (strands-agents 1.62).
const STOP_WORDS: &str = "\
a about above after again all although an and any are as at be because been before being below between both but by can \
could dare did do does during each either every few for from further had has have he her him his how i if in into is it \
its just may me might more most my need neither no nor not of off on once only or other ought our out over own same \
shall she should since so some such than that the their them then these they this those though through to too under \
unless until up us used very was we were what when where which while who whom why will with would yet you your";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_as_the_framework_does() {
        let found = |text: &str| words(&text.to_lowercase()).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            found("snake_case, Kebab-Case: 3.14 Ünïcode 日本語 - !"),
            ["snake_case", "kebab", "case", "3", "14", "ünïcode", "日本語"]
        );
        assert!(Query::new("What is THE, of... ?").is_empty());
    }

    #[test]
    fn an_extension_ends_a_name_that_begins_before_it() {
        for (key, stem) in [
            ("a/b.md", "a/b"),
            ("a.b/c", "a.b/c"),
            (".md", ".md"),
            ("a/.md", "a/.md"),
            ("a..md", "a."),
            ("a.tar.gz", "a.tar"),
            ("a.", "a"),
        ] {
            assert_eq!(without_extension(key), stem);
        }
    }

    #[test]
    fn debug_quotes_nothing_that_is_stored() {
        let result = Query::new("secret").matched("k", b"a secret".to_vec()).unwrap();
        assert!(!format!("{result:?}").contains("secret"));
    }
}
