//! How a case is measured: rounds in which both sides take their turns, by the CPU time of the whole process.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

use crate::{
    case::{Bar, Case, Failed, Ground},
    side::{Side, Work},
};

/// How long a lone caller's turn is: thousands of operations, but for the longest reads.
const TURN: Duration = Duration::from_millis(300);

/// How long several callers' turn is: SQLite's own waiting lasts up to 0.1 s at a time.
const WRITERS_TURN: Duration = Duration::from_secs(1);

/// What one side did in its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Operations a second, all callers together.
    pub(crate) throughput: f64,
    /// CPU seconds an operation, all threads together.
    pub(crate) cpu: f64,
    /// What the slowest caller did, as a part of the mean.
    pub(crate) slowest: f64,
    /// Transactions an operation, where they were counted.
    pub(crate) commits: Option<f64>,
}

/// One turn of both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) ours: Sample,
    pub(crate) by_hand: Sample,
}

/// Both sides, and the directories that they work in.
struct Contest {
    ours: Side,
    by_hand: Side,
    // After the sides, so that the files are closed when they are deleted.
    _directory: tempfile::TempDir,
}

/// Measures a case after a warm-up; every other round goes the other way round.
pub(crate) fn run(case: &Case, rounds: usize) -> Result<Vec<Round>, Failed> {
    let mut contest = Contest::set_up(case)?;
    let turn = if matches!(case.bar, Bar::Writers(_) | Bar::Rate(_)) { WRITERS_TURN } else { TURN };
    sample(&mut contest.ours, turn / 3)?;
    sample(&mut contest.by_hand, turn / 3)?;
    (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                let ours = sample(&mut contest.ours, turn)?;
                Ok(Round { ours, by_hand: sample(&mut contest.by_hand, turn)? })
            } else {
                let by_hand = sample(&mut contest.by_hand, turn)?;
                Ok(Round { ours: sample(&mut contest.ours, turn)?, by_hand })
            }
        })
        .collect()
}

/// Whether both sides do anything at all, for the tests.
#[cfg(test)]
pub(crate) fn try_once(case: &Case) -> Result<bool, Failed> {
    let mut contest = Contest::set_up(case)?;
    let turn = Duration::from_millis(20);
    (contest.ours)(Instant::now() + turn)?;
    (contest.by_hand)(Instant::now() + turn)?;
    Ok(true)
}

impl Contest {
    fn set_up(case: &Case) -> Result<Self, Failed> {
        let directory = directory()?;
        let ground = |file: &str| Ground::new(case.calls, case.durability, directory.path().join(file));
        let ours = (case.ours)(&ground("ours.db"))?;
        let by_hand = (case.by_hand)(&ground("by_hand.db"))?;
        Ok(Self { ours, by_hand, _directory: directory })
    }
}

/// On the disk that holds this program, for a directory for temporary files is often in memory.
pub(crate) fn directory() -> Result<tempfile::TempDir, Failed> {
    let program = std::env::current_exe()?;
    Ok(tempfile::tempdir_in(program.parent().ok_or("this program is in no directory")?)?)
}

/// What a side does in one turn.
pub(crate) fn sample(side: &mut Side, turn: Duration) -> Result<Sample, Failed> {
    let cpu = ProcessTime::now();
    let work = side(Instant::now() + turn)?;
    let cpu = cpu.elapsed();
    Ok(Sample::new(&work, work.cpu.unwrap_or(cpu)))
}

impl Sample {
    #[allow(clippy::cast_precision_loss, reason = "nobody does 2^53 operations in a second")]
    fn new(work: &Work, cpu: Duration) -> Self {
        let operations = work.by_caller.iter().sum::<u64>().max(1) as f64;
        let slowest = work.by_caller.iter().min().copied().unwrap_or_default() as f64;
        Self {
            throughput: operations / work.wall.as_secs_f64(),
            cpu: cpu.as_secs_f64() / operations,
            slowest: slowest * work.by_caller.len() as f64 / operations,
            commits: work.transactions.map(|transactions| transactions as f64 / operations),
        }
    }
}

/// The middle of what was measured; the lower of two middles.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_what_lies_far_out() {
        assert!((median([5.0, 1.0, 900.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 3.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }

    #[test]
    fn the_slowest_caller_is_a_part_of_the_mean() {
        let work =
            Work { by_caller: vec![10, 20, 30], wall: Duration::from_secs(2), transactions: Some(15), cpu: None };
        let sample = Sample::new(&work, Duration::from_secs(6));
        assert!((sample.slowest - 0.5).abs() < 1e-9 && (sample.throughput - 30.0).abs() < 1e-9);
        assert!((sample.cpu - 0.1).abs() < 1e-9 && sample.commits == Some(0.25));
    }
}
