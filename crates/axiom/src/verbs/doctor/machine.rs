//! What the machine allows: terminals, open files, processes, and who comes first at the processor.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::Finding;

/// Fewer terminals left than this will not last long.
const TERMINALS_MIN: u64 = 16;

/// Fewer descriptors than this are too few for a hundred tasks.
const OPEN_FILES_MIN: u64 = 1024;

/// A task takes three processes, or more: fewer than this are soon used up.
const PROCESSES_MIN: u64 = 512;

pub(super) fn terminals() -> Finding {
    const WHAT: &str = "terminals";
    match (number("/proc/sys/kernel/pty/nr"), number("/proc/sys/kernel/pty/max")) {
        (Some(used), Some(max)) if max.saturating_sub(used) < TERMINALS_MIN => {
            let text = format!("{used} of {max} are in use");
            Finding::problem(WHAT, text, "raise /proc/sys/kernel/pty/max, or use --no-pty")
        }
        (Some(used), Some(max)) => Finding::good(WHAT, format!("{used} of {max} are in use")),
        (None, _) | (_, None) => {
            Finding::note(WHAT, "the kernel does not say how many are left", "")
        }
    }
}

pub(super) fn open_files() -> Finding {
    const WHAT: &str = "limits";
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < OPEN_FILES_MIN => {
            let remedy = format!("raise it: ulimit -Hn {OPEN_FILES_MIN}");
            Finding::problem(WHAT, format!("{most} open files at most"), remedy)
        }
        Some(most) => Finding::good(WHAT, format!("{most} open files at most")),
        None => Finding::good(WHAT, "open files without limit"),
    }
}

pub(super) fn processes() -> Finding {
    const WHAT: &str = "limits";
    let of_user = getrlimit(Resource::Nproc).maximum;
    let of_kernel = number("/proc/sys/kernel/pid_max");
    match of_user.into_iter().chain(of_kernel).min() {
        Some(most) if most < PROCESSES_MIN => {
            let remedy = "raise it: ulimit -Hu, or /proc/sys/kernel/pid_max";
            Finding::problem(WHAT, format!("{most} processes at most"), remedy)
        }
        Some(most) => Finding::good(WHAT, format!("{most} processes at most")),
        None => Finding::good(WHAT, "processes without limit"),
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
