//! System calls that no safe wrapper has.

/// A file size limit (`ulimit -f`) must be an error of the write, which pauses reading, and not this process' death.
#[expect(unsafe_code, reason = "no safe wrapper sets a signal's action")]
pub(crate) fn ignore_file_size_signal() {
    // SAFETY: a plain call; the action is one of the two that need no handler.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
