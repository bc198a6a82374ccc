//! Ends what outlived an ended task: asked first, and killed once its grace is over. Who ends at once is not waited for longer.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axiom_holder::tree::{Root, Tree};
use axiom_holder::wire::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use crate::background::beside;
use crate::fleet::Fleet;
use crate::task::Task;

/// Between asking left-over processes to end and killing them, at most.
const GRACE_MAX: Duration = Duration::from_secs(1);

/// Ends them all; how many there were.
pub(super) async fn end(fleet: &Arc<Fleet>, task: &Arc<Task>, grace_ms: Option<u64>) -> usize {
    let (id, cgroup) = (task.id(), fleet.cgroup_of(task.session()));
    let grace = grace_ms.map_or(GRACE_MAX, Duration::from_millis).min(GRACE_MAX);
    beside(move || {
        let tree = Tree::new(Root::Lost { child: None }, id.as_str(), cgroup.as_deref());
        let found = tree.list().unwrap_or_default();
        if found.is_empty() {
            return 0;
        }
        // Before the signal, so that nobody's end is missed.
        let lives = found.iter().filter_map(life).collect();
        match tree.signal(Signal::TERM) {
            Ok(_reached) => wait_for_ends(lives, Instant::now() + grace),
            Err(error) => {
                tracing::debug!(task = id.short(), %error, "left-over processes are killed at once");
            }
        }
        if !tree.kill(&mut || {}).is_ok_and(|left| left.is_empty()) {
            tracing::warn!(task = id.short(), "some left-over processes do not die");
        }
        found.len()
    })
    .await
}

/// Tells when it ends. None for one that has ended; of a number that was given away since, the wrong end is waited for,
/// within the grace, and nobody is harmed.
fn life(process: &Process) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(process.pid).ok()?)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// Waits until all have ended, or until then.
fn wait_for_ends(mut lives: Vec<OwnedFd>, until: Instant) {
    while !lives.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let timeout = Timespec::try_from(left).expect("a grace is short");
        let mut fds: Vec<PollFd<'_>> =
            lives.iter().map(|life| PollFd::new(life, PollFlags::IN)).collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            // Then the grace is over early.
            Err(_) => return,
        }
        let ended: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ended = ended.into_iter();
        lives.retain(|_| !ended.next().unwrap_or(false));
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn cat() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn life_of(child: &Child) -> OwnedFd {
        let pid = Pid::from_child(child);
        pidfd_open(pid, PidfdFlags::empty()).unwrap()
    }

    #[test]
    fn the_wait_is_over_when_the_last_has_ended() {
        let mut cats = [cat(), cat()];
        let lives = cats.iter().map(life_of).collect();
        let far = Instant::now() + Duration::from_secs(3600);
        let waits = std::thread::spawn(move || wait_for_ends(lives, far));
        cats[0].kill().unwrap();
        assert!(!waits.is_finished(), "one of them lives");
        cats[1].kill().unwrap();
        waits.join().unwrap();
        for mut cat in cats {
            cat.wait().unwrap();
        }
    }

    #[test]
    fn who_does_not_end_is_waited_for_as_long_as_the_grace() {
        let mut cat = cat();
        wait_for_ends(vec![life_of(&cat)], Instant::now() + Duration::from_millis(20));
        assert!(cat.try_wait().unwrap().is_none());
        cat.kill().unwrap();
        cat.wait().unwrap();
    }
}
