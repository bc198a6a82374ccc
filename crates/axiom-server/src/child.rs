//! Whether a pid in a journal is still the child it was: a recycled one must never be hit.
//! Used only where holder and worker are dead, so that nobody has a descriptor of the child.

use rustix::process::{Pid, getsid};
use rustix::time::{ClockId, clock_gettime};

use crate::clock::now_us;

/// The kernel's ticks as user space sees them, on every architecture we build for.
const TICKS_PER_SECOND: u64 = 100;

/// How far a process' start may be from the moment in its journal: the clocks are read one after another.
const TOLERANCE_US: u64 = 2_000_000;

/// True if the process leads a session of its own and started at about that moment, as our children do.
pub(crate) fn is_the_one(pid: u32, started_unix_us: u64) -> bool {
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    let leads = getsid(Some(process)).is_ok_and(|session| session == process);
    leads && started_at_us(pid).is_some_and(|at| at.abs_diff(started_unix_us) <= TOLERANCE_US)
}

/// When a process started, by the wall clock.
fn started_at_us(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let ticks = start_ticks(&stat)?;
    let uptime = clock_gettime(ClockId::Boottime);
    let uptime_us =
        u64::try_from(uptime.tv_sec).ok()? * 1_000_000 + u64::try_from(uptime.tv_nsec).ok()? / 1000;
    let age_us = uptime_us.saturating_sub(ticks * (1_000_000 / TICKS_PER_SECOND));
    Some(now_us().saturating_sub(age_us))
}

/// Field 22; the name before it, in parentheses, may hold anything.
fn start_ticks(stat: &[u8]) -> Option<u64> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 2;
    let fields = stat.get(after_name..)?;
    let field = fields.split(|byte| *byte == b' ').nth(19)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Stdio;

    use super::*;

    /// A process in a session of its own, killed when the test is over, however it ends.
    struct Sleeper(std::process::Child);

    impl Sleeper {
        fn start() -> Self {
            let mut command = std::process::Command::new("setsid");
            command.args(["sh", "-c", "echo up; exec sleep 1000"]);
            let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
            let mut sleeper = Self(child);
            let mut line = [0; 3];
            // Once it has spoken it leads its session.
            sleeper.0.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
            sleeper
        }

        fn end(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _dead_already: std::io::Result<()> = self.0.kill();
            let _reaped_already = self.0.wait().is_ok();
        }
    }

    #[test]
    fn a_process_is_known_by_its_session_and_its_start() {
        let mut sleeper = Sleeper::start();
        let pid = sleeper.0.id();
        let started = now_us();
        assert!(is_the_one(pid, started), "{:?} is about {started}", started_at_us(pid));
        assert!(!is_the_one(pid, started - 60_000_000));
        assert!(!is_the_one(u32::MAX, started));
        sleeper.end();
        assert!(!is_the_one(pid, started));
    }

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let stat = b"42 (a) b) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
        assert_eq!(start_ticks(stat), Some(98765));
        for len in 0..stat.len() {
            let _any: Option<u64> = start_ticks(&stat[..len]);
        }
    }
}
