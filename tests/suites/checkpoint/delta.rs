//! x
pub(crate) fn cases() -> Vec<persql_conformance::Case> {
    Vec::new()
}
