//! Lines for operators in the session's log, which is this process' standard error. Never a session's bytes.

use std::io::Write;

/// Writes one line. A log that cannot be written is no reason to stop.
pub(crate) fn note(line: &str) {
    let mut stderr = std::io::stderr().lock();
    let _unwritable: Result<(), std::io::Error> =
        writeln!(stderr, "axiom-worker {}: {line}", std::process::id());
}
