//! Gives memory that sessions let go of back to the system. The allocator keeps what was freed below anything that is still
//! in use: after ten tasks of 50 MB these were 12 of the server's 17 MB. Asked after ends only: idle costs nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::background::beside;
use crate::fleet::Fleet;

/// After an end, before memory is given back: a thousand ends in a row cost one pass every so often. A pass takes a
/// millisecond or two, beside the runtime.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives back what ended sessions held, for as long as the server lives.
pub(crate) async fn run(fleet: Arc<Fleet>) {
    loop {
        fleet.freed.notified().await;
        sleep(PAUSE).await;
        beside(give_back).await;
    }
}

/// Asks the allocator to return every page that holds nothing.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the allocator of the C library has no safe wrapper")]
fn give_back() {
    // SAFETY: it may be called at any time, by any thread; it touches free memory only.
    let _was_any_returned = unsafe { libc::malloc_trim(0) };
}

/// Other C libraries return freed memory by themselves, or not at all.
#[cfg(not(target_env = "gnu"))]
fn give_back() {}
