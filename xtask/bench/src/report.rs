//! The table, as it stands in `docs/benchmarks.md`.

use crate::{
    case::{Bar, Calls, Case, Writers, durability_name},
    measure::{Round, Sample, median},
};

/// What a lone caller that blocks is to reach in the end, whatever the bar of its adapter.
const LONE: f64 = 1.15;

/// The head of the table.
pub(crate) const HEAD: &str = "\
| case | handle | durability | ops/s ours | ops/s by hand | CPU µs ours | CPU µs by hand | CPU ratio | bar | |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |";

/// A row of the table.
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) missed: bool,
    /// Whether [`LONE`] is missed, and the bar is not.
    pub(crate) short: bool,
}

/// The row of a case: medians of the rounds; ratios are medians of the ratios within a round.
pub(crate) fn row(case: &Case, rounds: &[Round]) -> Row {
    let ours = |figure: fn(&Sample) -> f64| median(rounds.iter().map(|round| figure(&round.ours)));
    let by_hand = |figure: fn(&Sample) -> f64| median(rounds.iter().map(|round| figure(&round.by_hand)));
    let ratio =
        |figure: fn(&Sample) -> f64| median(rounds.iter().map(|round| figure(&round.ours) / figure(&round.by_hand)));
    let cpu = ratio(|sample| sample.cpu);
    let aim = (case.calls == Calls::Blocking).then_some(LONE);
    let (bar, met) = match (case.bar, aim) {
        (Bar::Cpu(most), Some(aim)) => (format!("at most {aim} ({most}) × CPU"), Some(cpu <= most)),
        (Bar::Cpu(most), None) => (format!("at most {most} × CPU"), Some(cpu <= most)),
        (Bar::Writers(bar), _) => {
            let throughput = ratio(|sample| sample.throughput);
            let commits = ours(|sample| sample.commits.unwrap_or(f64::INFINITY));
            let slowest = ours(|sample| sample.slowest);
            let text = format!(
                "ops/s at least {} ×: {throughput:.1}; commits ÷ turns at most {}: {commits:.2}; \
                 slowest ÷ mean at least {}: {slowest:.2} (by hand {:.2})",
                bar.throughput,
                bar.commits,
                bar.slowest,
                by_hand(|sample| sample.slowest),
            );
            (text, Some(bar.is_met(throughput, commits, slowest)))
        }
        (Bar::Rate(least), _) => {
            let rate = ratio(|sample| sample.throughput);
            let bar = least.map_or_else(String::new, |least| format!(" at least {least} ×"));
            (format!("ops/s{bar}: {rate:.2}"), least.map(|least| rate >= least))
        }
        (Bar::Open, _) => ("–".to_owned(), None),
    };
    let short = met == Some(true) && matches!(case.bar, Bar::Cpu(_)) && aim.is_some_and(|aim| cpu > aim);
    let verdict = match met {
        Some(true) if short => "**missed** (ok)",
        Some(true) => "ok",
        Some(false) => "**missed**",
        None => "",
    };
    let text = format!(
        "| {} | {} | {} | {:.0} | {:.0} | {:.1} | {:.1} | {cpu:.2} | {bar} | {verdict} |",
        case.name,
        case.calls.name(),
        durability_name(case.durability),
        ours(|sample| sample.throughput),
        by_hand(|sample| sample.throughput),
        ours(|sample| sample.cpu * 1e6),
        by_hand(|sample| sample.cpu * 1e6),
    );
    Row { text, missed: met == Some(false), short }
}

impl Writers {
    fn is_met(&self, throughput: f64, commits: f64, slowest: f64) -> bool {
        throughput >= self.throughput && commits <= self.commits && slowest >= self.slowest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use persql_core::Durability;

    fn sample(throughput: f64, cpu: f64) -> Sample {
        Sample { throughput, cpu, slowest: 0.9, commits: Some(0.2) }
    }

    fn case(calls: Calls, bar: Bar) -> Case {
        let nothing = |_: &crate::case::Ground| Err("not run".into());
        Case { name: "case", calls, durability: Durability::Full, bar, ours: nothing, by_hand: nothing }
    }

    #[test]
    fn a_row_says_whether_its_bar_is_met() {
        let rounds: Vec<Round> = [(1.0, 1.2), (1.0, 1.3), (9.0, 1.0)]
            .map(|(ours, by_hand)| Round { ours: sample(60.0, ours), by_hand: sample(10.0, by_hand) })
            .to_vec();
        let met = row(&case(Calls::Async, Bar::Cpu(1.0)), &rounds);
        assert!(!met.missed && met.text.contains("| 0.83 | at most 1 × CPU | ok |"), "{}", met.text);
        assert!(row(&case(Calls::Async, Bar::Cpu(0.8)), &rounds).missed);
        let dear: Vec<Round> = [1.2].map(|ours| Round { ours: sample(1.0, ours), by_hand: sample(1.0, 1.0) }).to_vec();
        let short = row(&case(Calls::Blocking, Bar::Cpu(1.3)), &dear);
        assert!(short.text.contains("| 1.20 | at most 1.15 (1.3) × CPU | **missed** (ok) |"), "{}", short.text);
        assert!(short.short && !short.missed);
        assert!(!row(&case(Calls::Async, Bar::Cpu(1.3)), &dear).short);
        let eight = Writers { throughput: 5.0, commits: 0.25, slowest: 0.8 };
        assert!(!row(&case(Calls::Blocking, Bar::Writers(eight)), &rounds).missed);
        for wanted in [
            Writers { throughput: 7.0, ..eight },
            Writers { commits: 0.1, ..eight },
            Writers { slowest: 0.95, ..eight },
        ] {
            assert!(row(&case(Calls::Blocking, Bar::Writers(wanted)), &rounds).missed, "{wanted:?}");
        }
        assert!(!row(&case(Calls::Blocking, Bar::Open), &rounds).missed);
    }
}
