//! The child and its tree: what everybody may ask a holder to do to them. Owner of our ends of the
//! child's terminal or pipes between two grants. Refuses to signal a child that has been reaped:
//! its pid may be another's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::tree::{Root, Tree};
use crate::wire::{Ask, Ends, LaunchSpec, Launched, Priority, Reply, Scope};

use super::child::Child;
use super::log;
use super::lowering::Lowering;
use super::reaper::{ChildState, Reaper};
use super::start::Refusal;

/// What descends from the holder, except its worker.
pub(super) struct Family {
    pub(super) launched: Launched,
    pub(super) reaper: Reaper,
    pub(super) tree: Tree,
    /// The child's pidfd and our ends; None if it did not start.
    held: Option<(OwnedFd, Ends)>,
    /// What is still to be tried to lower the child.
    lowering: Option<Lowering>,
    folder: OwnedFd,
}

impl Family {
    pub(super) fn new(
        spec: &LaunchSpec,
        child: Result<Child, Refusal>,
        reaper: impl FnOnce(Option<u32>) -> Reaper,
        folder: OwnedFd,
    ) -> Self {
        let root = Root::Holder { pid: std::process::id() };
        let cgroup = |child: &Child| spec.cgroup.as_deref().filter(|_| child.in_cgroup);
        let tree = Tree::new(root, &spec.task, child.as_ref().ok().and_then(cgroup));
        match child {
            Ok(child) => Self {
                launched: Launched::Child { pid: child.pid },
                reaper: reaper(Some(child.pid)),
                tree,
                held: Some((child.pidfd, child.ends)),
                lowering: (spec.priority == Priority::Autogroup).then(|| Lowering::of(child.pid)),
                folder,
            },
            Err(Refusal { stage, errno }) => Self {
                launched: Launched::Failed { stage, errno },
                reaper: reaper(None),
                tree,
                held: None,
                lowering: None,
                folder,
            },
        }
    }

    /// The child's descriptors for a grant, in the protocol's order.
    pub(super) fn lend<'a>(&'a self, to: &mut Vec<BorrowedFd<'a>>) {
        let Some((pidfd, ends)) = &self.held else { return };
        to.push(pidfd.as_fd());
        match ends {
            Ends::Terminal { master } => to.push(master.as_fd()),
            Ends::Pipes { stdin, stdout, stderr } => {
                to.extend(stdin.as_ref().map(AsFd::as_fd));
                to.extend([stdout.as_fd(), stderr.as_fd()]);
            }
        }
    }

    /// Whether standard input's write end is among what [`Self::lend`] lends.
    pub(super) fn input_open(&self) -> bool {
        matches!(&self.held, Some((_, Ends::Pipes { stdin: Some(_), .. })))
    }

    /// Reaps the dead and writes the exit file if it was the child.
    pub(super) fn reap(&mut self) {
        self.reaper.reap(self.folder.as_fd());
    }

    /// When [`Self::lower_child`] is to be called next.
    pub(super) fn lowering_due_us(&self) -> Option<u64> {
        self.lowering.as_ref().map(Lowering::due_us)
    }

    /// Gives the child its lower priority, if it is to have one and it is time to try.
    pub(super) fn lower_child(&mut self, now_us: u64) {
        let lives = matches!(self.reaper.child(), ChildState::Living { .. });
        let Some(lowering) = self.lowering.take().filter(|_| lives) else { return };
        let (left, result) = lowering.attempt(now_us);
        self.lowering = left;
        if let Err(error) = result {
            log(&format!("lower the child's priority: {error}; it runs as it is"));
        }
    }

    /// Does what is asked.
    pub(super) fn answer(&mut self, ask: &Ask) -> Reply {
        match self.attempt(ask) {
            Ok(reply) => reply,
            Err(errno) => Reply::Failed { errno: errno.raw_os_error() },
        }
    }

    fn attempt(&mut self, ask: &Ask) -> Result<Reply, Errno> {
        match ask {
            Ask::Signal { signal, scope } => {
                let signal = Signal::from_named_raw(*signal).ok_or(Errno::INVAL)?;
                match scope {
                    Scope::Child => self.signal_group(signal)?,
                    Scope::Tree => {
                        self.tree.signal(signal)?;
                    }
                }
                Ok(Reply::Done)
            }
            Ask::Freeze => {
                let frozen = self.tree.freeze()?;
                Ok(Reply::Frozen { by: frozen.by, already_stopped: frozen.already_stopped })
            }
            Ask::Thaw { keep_stopped } => self.tree.thaw(keep_stopped).map(|()| Reply::Done),
            Ask::Kill => {
                let (reaper, folder) = (&mut self.reaper, self.folder.as_fd());
                let left = self.tree.kill(&mut || reaper.reap(folder))?;
                Ok(Reply::Killed { left })
            }
            Ask::Tree => {
                let processes = self.tree.list()?;
                Ok(Reply::Tree { processes, truncated: false })
            }
            Ask::CloseInput => self.close_input(),
        }
    }

    fn signal_group(&self, signal: Signal) -> Result<(), Errno> {
        match self.reaper.child() {
            ChildState::Living { pid } => {
                let group = Pid::from_raw(pid.cast_signed()).ok_or(Errno::SRCH)?;
                kill_process_group(group, signal)
            }
            ChildState::Never | ChildState::Reaped { .. } => Err(Errno::SRCH),
        }
    }

    fn close_input(&mut self) -> Result<Reply, Errno> {
        match &mut self.held {
            Some((_, Ends::Pipes { stdin, .. })) => {
                *stdin = None;
                Ok(Reply::Done)
            }
            Some((_, Ends::Terminal { .. })) => Err(Errno::INVAL),
            None => Err(Errno::SRCH),
        }
    }
}
