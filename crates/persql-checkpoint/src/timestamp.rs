//! The time as a checkpoint's `ts` has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time now, in UTC, as Python's `isoformat` writes it: what a checkpoint's `ts` is.
///
/// # Examples
/// ```
/// use persql_checkpoint::{Checkpoint, new_checkpoint_id, timestamp};
///
/// let checkpoint = Checkpoint::new(new_checkpoint_id(-1), timestamp());
/// assert!(checkpoint.ts.ends_with("+00:00"));
/// ```
pub fn timestamp() -> String {
    iso(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn iso(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let micros = match since_epoch.subsec_micros() {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{micros}+00:00")
}

/// The date so many days after 1970-01-01. Years are counted from March, so that a leap day is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_written_as_python_writes_it() {
        for (seconds, micros, expected) in [
            (0, 0, "1970-01-01T00:00:00+00:00"),
            (951_782_400, 1, "2000-02-29T00:00:00.000001+00:00"),
            (1_714_804_362, 235_444, "2024-05-04T06:32:42.235444+00:00"),
            (1_709_251_199, 999_999, "2024-02-29T23:59:59.999999+00:00"),
            (4_107_542_400, 0, "2100-03-01T00:00:00+00:00"),
        ] {
            assert_eq!(iso(Duration::new(seconds, micros * 1_000)), expected);
        }
    }
}
