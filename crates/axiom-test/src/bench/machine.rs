//! The machine that is measured on: what it is, and how much of it others left over.

use std::fs;

use serde::Serialize;

/// What a figure should be read with.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) processors: usize,
    pub(super) memory_mb: u64,
    pub(super) kernel: String,
    pub(super) day: String,
}

impl Machine {
    pub(super) fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal");
        let kb: u64 = memory.split(' ').next().and_then(|kb| kb.parse().ok()).unwrap_or(0);
        Self {
            processor: after(&read("/proc/cpuinfo"), "model name"),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: kb / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            day: today(),
        }
    }
}

/// The day, as it is written in a table.
fn today() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let (year, month, day) = civil(now.tv_sec.div_euclid(86_400));
    format!("{year}-{month:02}-{day:02}")
}

/// Days since 1970-01-01 as a date, by the usual algorithm of 400-year eras.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Processor time since the start of the machine, in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    idle: u64,
    all: u64,
}

impl Load {
    pub(super) fn now() -> Self {
        Self::of(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    fn of(stat: &str) -> Self {
        let first = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> =
            first.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; guests are counted in user already.
        let counted = &ticks[..ticks.len().min(8)];
        let idle = counted.iter().skip(3).take(2).sum();
        Self { idle, all: counted.iter().sum() }
    }

    /// The part of all processors that was idle since then, 0 to 1: what we did counts as not idle.
    pub(super) fn idle_share_since(self) -> f64 {
        self.share_until(Self::now())
    }

    fn share_until(self, later: Self) -> f64 {
        let all = later.all.saturating_sub(self.all);
        if all == 0 {
            return 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "ticks are far below 2^52")]
        let share = later.idle.saturating_sub(self.idle) as f64 / all as f64;
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idle_share_is_of_all_processors() {
        let before = Load::of("cpu  100 0 50 800 50 0 0 0 9 9\ncpu0 1 2 3\n");
        let after = Load::of("cpu  150 0 75 810 65 0 0 0 9 9\n");
        assert_eq!(before.share_until(after), 0.25);
        assert_eq!(before.share_until(before), 1.0);
    }

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_454), (2026, 1, 1));
    }
}
