//! How a child ended that nobody of ours can wait for: its holder is dead, and whoever adopted it may reap it now,
//! later or never.

use std::os::fd::BorrowedFd;

use axiom_holder::exit_of_pidfd;

/// Place of the state in `/proc/PID/stat`, counted after the name.
const STATE_FIELD: usize = 0;

/// Place of the wait status there: field 52 of proc(5).
const EXIT_FIELD: usize = 49;

/// The raw wait status of a dead child: from its pidfd once it is reaped, where the kernel keeps it;
/// from its zombie until then.
pub(crate) fn exit_of(pidfd: BorrowedFd<'_>, pid: u32) -> Option<i32> {
    exit_of_pidfd(pidfd).ok().flatten().or_else(|| exit_of_zombie(pid))
}

/// A zombie keeps its number, so the number cannot mean another process.
fn exit_of_zombie(pid: u32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(&stat[after_name..]).ok()?;
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.get(STATE_FIELD) != Some(&"Z") {
        return None;
    }
    fields.get(EXIT_FIELD)?.parse().ok()
}
