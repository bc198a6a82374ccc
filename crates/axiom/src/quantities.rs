//! Durations, sizes and dimensions as people type them. Pure; each error says what would have been understood.

use std::time::Duration;

use axiom_proto::cursor::Gone;
use axiom_proto::frame::Micros;
use axiom_proto::task::Size;
use thiserror::Error;

/// The longest duration: more is a slip of the hand.
const DURATION_DAYS_MAX: u64 = 3650;

/// The largest side of a terminal.
const SIDE_MAX: u16 = 10_000;

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum QuantityError {
    /// Not a duration.
    #[error("{text:?} is not a duration: a number with ms, s, m, h or d, like 500ms, 2s or 1m")]
    Duration {
        /// What was typed.
        text: String,
    },
    /// A duration without end.
    #[error("{text:?} is too long: {DURATION_DAYS_MAX}d is the most")]
    TooLong {
        /// What was typed.
        text: String,
    },
    /// Not a time in a recording.
    #[error("{text:?} is no time: a number of seconds, like 90 or 1.5, or a duration, like 2m")]
    Seconds {
        /// What was typed.
        text: String,
    },
    /// Not a size.
    #[error("{text:?} is not a size: a number of bytes, or with k, M or G, like 64k or 10M")]
    Bytes {
        /// What was typed.
        text: String,
    },
    /// Not a count of something that there must be one of.
    #[error("{text:?} is not a number of tasks: a whole number from 1 on")]
    Count {
        /// What was typed.
        text: String,
    },
    /// Not a count of lines.
    #[error("{text:?} is not a number of lines: a whole number from 0 on")]
    Lines {
        /// What was typed.
        text: String,
    },
    /// Not dimensions.
    #[error(
        "{text:?} is not a terminal's size: COLSxROWS from 1x1 to {SIDE_MAX}x{SIDE_MAX}, like 120x40"
    )]
    Dimensions {
        /// What was typed.
        text: String,
    },
}

/// `500ms`, `2s`, `1m`, `3h`, `1d`.
///
/// # Errors
/// [`QuantityError`] for anything else.
pub(crate) fn duration(text: &str) -> Result<Duration, QuantityError> {
    let refuse = || QuantityError::Duration { text: text.to_owned() };
    let (number, unit) = split(text).ok_or_else(refuse)?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refuse()),
    };
    let too_long = || QuantityError::TooLong { text: text.to_owned() };
    let millis = number.checked_mul(unit_ms).ok_or_else(too_long)?;
    if millis > DURATION_DAYS_MAX * 86_400_000 {
        return Err(too_long());
    }
    Ok(Duration::from_millis(millis))
}

/// A time in a recording: `90`, `1.5`, or a duration.
///
/// # Errors
/// [`QuantityError`] for anything else.
pub(crate) fn seconds(text: &str) -> Result<Micros, QuantityError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let time = match text.parse::<f64>().ok().filter(|_| plain) {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => duration(text).ok(),
    };
    let time = time.ok_or_else(|| QuantityError::Seconds { text: text.to_owned() })?;
    if time.as_secs() > DURATION_DAYS_MAX * 86_400 {
        return Err(QuantityError::TooLong { text: text.to_owned() });
    }
    Ok(Micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
}

/// `100`, `64k`, `10M`, `1G`: powers of 1024.
///
/// # Errors
/// [`QuantityError::Bytes`] for anything else.
pub(crate) fn bytes(text: &str) -> Result<u64, QuantityError> {
    let refuse = || QuantityError::Bytes { text: text.to_owned() };
    let (number, unit) = split(text).ok_or_else(refuse)?;
    let shift = match unit {
        "" | "B" => 0,
        "k" | "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(refuse()),
    };
    number.checked_mul(1 << shift).ok_or_else(refuse)
}

/// So many tasks, one at least.
///
/// # Errors
/// [`QuantityError::Count`] for anything else.
pub(crate) fn task_count(text: &str) -> Result<u32, QuantityError> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| QuantityError::Count { text: text.to_owned() })
}

/// So many lines.
///
/// # Errors
/// [`QuantityError::Lines`] for anything else.
pub(crate) fn line_count(text: &str) -> Result<u64, QuantityError> {
    text.parse().map_err(|_| QuantityError::Lines { text: text.to_owned() })
}

/// `120x40`.
///
/// # Errors
/// [`QuantityError::Dimensions`] for anything else.
pub(crate) fn dimensions(text: &str) -> Result<Size, QuantityError> {
    let side = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|side| plain && (1..=SIDE_MAX).contains(side))
    };
    let sides = text.split_once('x').and_then(|(cols, rows)| Some((side(cols)?, side(rows)?)));
    match sides {
        Some((cols, rows)) => Ok(Size { cols, rows }),
        None => Err(QuantityError::Dimensions { text: text.to_owned() }),
    }
}

/// A whole number and what follows it.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

/// How long something took or is ago, in one or two units.
#[must_use]
pub(crate) fn shown_duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// How long something takes, to a tenth of a second while that matters: `3.2 s`, `45 s`, `1m05s`.
#[must_use]
pub(crate) fn shown_span(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..60_000 => format!("{} s", millis / 1000),
        _ => shown_duration(millis),
    }
}

/// `1 line`, `2 lines`.
#[must_use]
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A number of bytes, with three digits or so.
#[must_use]
pub(crate) fn shown_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "k", "M", "G", "T"];
    let mut unit = 0;
    let mut whole = bytes;
    let mut tenths = 0;
    while whole >= 1024 && unit + 1 < UNITS.len() {
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit += 1;
    }
    if unit > 0 && whole < 10 {
        return format!("{whole}.{tenths}{}", UNITS[unit]);
    }
    format!("{whole}{}", UNITS[unit])
}

/// What is said where output that was asked for has gone, with the oldest segments of its journal.
#[must_use]
pub(crate) fn not_kept(gone: Gone) -> String {
    format!("{} of output before this is no longer kept", shown_bytes(gone.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1d"), duration("24h"));
        for wrong in ["", "5", "s", "-1s", "1.5s", "1 s", "1S", "1m30s", " 1s", "٣s"] {
            assert!(matches!(duration(wrong), Err(QuantityError::Duration { .. })), "{wrong:?}");
        }
        for long in ["4000d", "18446744073709551615d"] {
            assert!(matches!(duration(long), Err(QuantityError::TooLong { .. })), "{long:?}");
        }
    }

    #[test]
    fn times_in_a_recording_are_seconds_or_durations() {
        assert_eq!(seconds("90"), Ok(Micros(90_000_000)));
        assert_eq!(seconds("1.5"), Ok(Micros(1_500_000)));
        assert_eq!(seconds("0"), Ok(Micros(0)));
        assert_eq!(seconds("2m"), Ok(Micros(120_000_000)));
        for wrong in ["", ".", "-1", "1e3", "NaN", "inf", "1:30", "1.5s", "x"] {
            assert!(matches!(seconds(wrong), Err(QuantityError::Seconds { .. })), "{wrong:?}");
        }
        assert!(matches!(seconds("99999999999"), Err(QuantityError::TooLong { .. })));
    }

    #[test]
    fn sizes_count_in_powers_of_1024() {
        assert_eq!(bytes("0"), Ok(0));
        assert_eq!(bytes("64k"), Ok(65_536));
        assert_eq!(bytes("10M"), Ok(10 << 20));
        assert_eq!(bytes("1G"), Ok(1 << 30));
        for wrong in ["", "k", "1kB", "1.5M", "-1", "1m", "99999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn dimensions_are_two_sides() {
        assert_eq!(dimensions("80x24"), Ok(Size { cols: 80, rows: 24 }));
        for wrong in ["", "80", "80x", "x24", "0x24", "80x0", "80x24x2", "+8x9", "80X24", "99999x1"]
        {
            assert!(dimensions(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn spans_have_tenths_while_they_are_short() {
        let spans = [0, 3_249, 9_999, 10_000, 59_999, 65_000].map(shown_span);
        assert_eq!(spans, ["0.0 s", "3.2 s", "9.9 s", "10 s", "59 s", "1m05s"]);
    }

    #[test]
    fn what_is_shown_is_short() {
        let durations = [0, 999, 1000, 61_000, 3_600_000, 90_000_000].map(shown_duration);
        assert_eq!(durations, ["0ms", "999ms", "1s", "1m01s", "1h00m", "1d01h"]);
        let sizes = [0, 1023, 1024, 1536, 10_240, 10 << 20, u64::MAX].map(shown_bytes);
        assert_eq!(sizes, ["0B", "1023B", "1.0k", "1.5k", "10k", "10M", "16777215T"]);
    }
}
