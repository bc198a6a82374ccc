//! Processor time of others, by /proc, and of this process, by the kernel's own count.
//! A server's children that ended and were waited for are in its sums: holder, worker and child of an ended task.

use std::fs;

use anyhow::{Context, anyhow};

use super::offspring;

/// Microseconds of a tick of /proc, on every architecture we build for.
const TICK_US: u64 = 10_000;

/// User and system time of a process and of all its descendants that were waited for, in microseconds.
pub(super) fn with_waited_for_us(pid: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("read the times of process {pid}"))?;
    let ticks = ticks(&stat).ok_or_else(|| anyhow!("/proc/{pid}/stat is not understood"))?;
    Ok(ticks.iter().sum::<u64>() * TICK_US)
}

/// All that is alive below a process, and all that it or they have waited for, in microseconds: what has ended counts on, so the
/// difference of two moments is what was spent between them.
pub(super) fn below_us(root: u32) -> anyhow::Result<u64> {
    let mut sum = waited_for_us(root)?;
    for (pid, _) in offspring::below(root) {
        // One that ends just now is in its parent's sums with the next look.
        sum += waited_for_us(pid).unwrap_or(0) + of_process_ns(pid).map_or(0, |ns| ns / 1000);
    }
    Ok(sum)
}

/// The same with the process itself.
pub(super) fn with_below_us(root: u32) -> anyhow::Result<u64> {
    Ok(of_process_ns(root)? / 1000 + below_us(root)?)
}

fn waited_for_us(pid: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("read the times of process {pid}"))?;
    let ticks = ticks(&stat).ok_or_else(|| anyhow!("/proc/{pid}/stat is not understood"))?;
    Ok((ticks[2] + ticks[3]) * TICK_US)
}

/// utime, stime, cutime, cstime: fields 14 to 17. The name before them may hold anything.
fn ticks(stat: &str) -> Option<[u64; 4]> {
    let after_name = stat.get(stat.rfind(')')? + 2..)?;
    let mut fields = after_name.split(' ').skip(11).map(str::parse);
    let mut next = || fields.next()?.ok();
    Some([next()?, next()?, next()?, next()?])
}

/// Time on a processor of a process and all its threads, ended ones too, in nanoseconds: exact where ticks are too coarse.
#[expect(unsafe_code, reason = "the one clock that counts another process's time")]
pub(super) fn of_process_ns(pid: u32) -> anyhow::Result<u64> {
    let (mut clock, process) = (0, i32::try_from(pid).context("a pid fits")?);
    // SAFETY: the clock's number is written to a place that we own.
    let found = unsafe { libc::clock_getcpuclockid(process, &raw mut clock) };
    anyhow::ensure!(found == 0, "process {pid} has no clock: is it gone?");
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to a place that we own.
    let read = unsafe { libc::clock_gettime(clock, &raw mut time) };
    anyhow::ensure!(read == 0, "the clock of process {pid} cannot be read: is it gone?");
    Ok(time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned())
}

/// What this process and the children that it waited for have used, in microseconds.
#[expect(unsafe_code, reason = "the one call that tells it to the microsecond")]
pub(super) fn own_us() -> u64 {
    let mut sum = 0;
    for who in [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN] {
        // SAFETY: zero is a value of every field.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills the struct that we own.
        let filled = unsafe { libc::getrusage(who, &raw mut usage) };
        assert_eq!(filled, 0, "these two always exist");
        for time in [usage.ru_utime, usage.ru_stime] {
            sum += time.tv_sec.cast_unsigned() * 1_000_000 + time.tv_usec.cast_unsigned();
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "42 (a) b) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 98765 1 2 3\n";
        assert_eq!(ticks(stat), Some([10, 20, 30, 40]));
        assert_eq!(ticks("42 (cut"), None);
    }

    #[test]
    fn a_process_that_works_is_seen_to() {
        let before = of_process_ns(std::process::id()).unwrap();
        while of_process_ns(std::process::id()).unwrap() == before {}
    }

    #[test]
    fn work_shows_in_our_own_time() {
        let before = own_us();
        while own_us() == before {
            std::hint::black_box(vec![1u8; 4096]);
        }
    }
}
