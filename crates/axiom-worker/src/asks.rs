//! What is asked of the process tree: by the holder while it lives, else by a thread of this worker with the same code.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use axiom_holder::channel::Channel;
use axiom_holder::tree::{Root, Tree};
use axiom_holder::wire::{self, ToHolder};
use axiom_proto::record::FreezeMeans;
use axiom_proto::task::ProcessNote;
use axiom_session::{Ask, Reply, Scope};
use rustix::event::{EventfdFlags, eventfd};
use rustix::process::Signal;

/// A request's number and its answer.
type Answer = (u32, Reply);

/// The child's tree as this worker can reach it.
#[derive(Debug)]
pub(crate) struct Asks {
    holder: Option<Channel>,
    child: u32,
    task: String,
    cgroup: Option<PathBuf>,
    answers: (Sender<Answer>, Receiver<Answer>),
    bell: OwnedFd,
}

impl Asks {
    pub(crate) fn new(
        holder: Channel,
        child: u32,
        task: String,
        cgroup: Option<PathBuf>,
    ) -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { holder: Some(holder), child, task, cgroup, answers: channel(), bell })
    }

    /// The holder's channel, while it lives.
    pub(crate) fn holder(&self) -> Option<&Channel> {
        self.holder.as_ref()
    }

    /// The holder is dead: from now on this process acts.
    pub(crate) fn lose_holder(&mut self) {
        self.holder = None;
    }

    /// Readable when [`Self::answered`] has something.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// The child's process id.
    pub(crate) fn child(&self) -> u32 {
        self.child
    }

    /// Asks. The answer comes from the holder, or from [`Self::answered`].
    pub(crate) fn ask(&self, request: u32, ask: Ask, child_lives: bool) {
        let Some(holder) = &self.holder else {
            return self.act(request, ask, child_lives);
        };
        let packet = ToHolder::Ask { request, ask: to_wire(ask.clone()) }.encode();
        if holder.send(&packet, &[]).is_err() {
            self.act(request, ask, child_lives);
        }
    }

    /// Answers of this process' own thread.
    pub(crate) fn answered(&self) -> Vec<Answer> {
        let mut rung = [0; 8];
        let _empty: rustix::io::Result<usize> = rustix::io::read(&self.bell, &mut rung);
        self.answers.1.try_iter().collect()
    }

    fn act(&self, request: u32, ask: Ask, child_lives: bool) {
        let (answers, child) = (self.answers.0.clone(), self.child);
        let (task, cgroup) = (self.task.clone(), self.cgroup.clone());
        let Ok(bell) = self.bell.try_clone() else { return };
        let act = move || {
            let root = Root::Lost { child: child_lives.then_some(child) };
            let reply = act_on(&Tree::new(root, &task, cgroup.as_deref()), ask, child);
            if answers.send((request, reply)).is_ok() {
                let _full: rustix::io::Result<usize> =
                    rustix::io::write(&bell, &1u64.to_ne_bytes());
            }
        };
        if thread::Builder::new().name("tree".to_owned()).spawn(act).is_err() {
            let reason = "no thread could be started".to_owned();
            let _receiver_is_ours = self.answers.0.send((request, Reply::Failed { reason }));
            let _full: rustix::io::Result<usize> =
                rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }
    }
}

fn act_on(tree: &Tree, ask: Ask, child: u32) -> Reply {
    let done = match ask {
        Ask::Signal { signal, scope } => {
            let Some(signal) = Signal::from_named_raw(signal) else {
                return Reply::Failed { reason: format!("signal {signal} is not known") };
            };
            match scope {
                Scope::Tree => tree.signal(signal).map(|_reached| Reply::Done),
                Scope::Child => signal_group(child, signal).map(|()| Reply::Done),
            }
        }
        Ask::Freeze => tree.freeze().map(|frozen| Reply::Frozen {
            means: means(frozen.by),
            already_stopped: frozen.already_stopped,
        }),
        Ask::Thaw { keep_stopped } => tree.thaw(&keep_stopped).map(|()| Reply::Done),
        Ask::Kill => tree.kill(&mut || {}).map(|left| Reply::Killed { left: notes(left) }),
        Ask::Tree => {
            tree.list().map(|list| Reply::Tree { processes: notes(list), truncated: false })
        }
    };
    done.unwrap_or_else(|error| Reply::Failed { reason: error.to_string() })
}

fn signal_group(child: u32, signal: Signal) -> rustix::io::Result<()> {
    let group = i32::try_from(child).ok().and_then(rustix::process::Pid::from_raw);
    group.map_or(Ok(()), |group| rustix::process::kill_process_group(group, signal))
}

fn to_wire(ask: Ask) -> wire::Ask {
    match ask {
        Ask::Signal { signal, scope: Scope::Child } => {
            wire::Ask::Signal { signal, scope: wire::Scope::Child }
        }
        Ask::Signal { signal, scope: Scope::Tree } => {
            wire::Ask::Signal { signal, scope: wire::Scope::Tree }
        }
        Ask::Freeze => wire::Ask::Freeze,
        Ask::Thaw { keep_stopped } => wire::Ask::Thaw { keep_stopped },
        Ask::Kill => wire::Ask::Kill,
        Ask::Tree => wire::Ask::Tree,
    }
}

/// The holder's answer in the session's words.
pub(crate) fn from_wire(reply: wire::Reply) -> Reply {
    match reply {
        wire::Reply::Done => Reply::Done,
        wire::Reply::Frozen { by, already_stopped } => {
            Reply::Frozen { means: means(by), already_stopped }
        }
        wire::Reply::Killed { left } => Reply::Killed { left: notes(left) },
        wire::Reply::Tree { processes, truncated } => {
            Reply::Tree { processes: notes(processes), truncated }
        }
        wire::Reply::Failed { errno } => {
            Reply::Failed { reason: io::Error::from_raw_os_error(errno).to_string() }
        }
    }
}

fn means(by: wire::Means) -> FreezeMeans {
    match by {
        wire::Means::Cgroup => FreezeMeans::Cgroup,
        wire::Means::Signals => FreezeMeans::Signals,
    }
}

fn notes(processes: Vec<wire::Process>) -> Vec<ProcessNote> {
    processes
        .into_iter()
        .map(|process| ProcessNote {
            pid: process.pid,
            ppid: process.ppid,
            name: String::from_utf8_lossy(&process.name).into_owned(),
            state: char::from(process.state).to_string(),
        })
        .collect()
}

/// Which of these processes hold this terminal or pipe open.
pub(crate) fn holders_of(fd: BorrowedFd<'_>, processes: &[ProcessNote]) -> Vec<ProcessNote> {
    let Some(target) = device_of(fd) else { return Vec::new() };
    let holds = |process: &&ProcessNote| {
        let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", process.pid)) else {
            return false;
        };
        entries
            .flatten()
            .any(|entry| std::fs::metadata(entry.path()).is_ok_and(|found| target.is(&found)))
    };
    processes.iter().filter(holds).cloned().collect()
}

/// What a process must have open to hold the output.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// The terminal's slave, by device number.
    Device(u64),
    /// The pipe, by its place in the pipe file system.
    Pipe { dev: u64, ino: u64 },
}

impl Target {
    fn is(self, found: &std::fs::Metadata) -> bool {
        use std::os::unix::fs::MetadataExt;
        match self {
            Self::Device(number) => found.rdev() == number,
            Self::Pipe { dev, ino } => (found.dev(), found.ino()) == (dev, ino),
        }
    }
}

fn device_of(fd: BorrowedFd<'_>) -> Option<Target> {
    if let Ok(name) = rustix::pty::ptsname(fd, Vec::new()) {
        let slave = rustix::fs::stat(name.as_c_str()).ok()?;
        return Some(Target::Device(slave.st_rdev));
    }
    let stat = rustix::fs::fstat(fd).ok()?;
    Some(Target::Pipe { dev: stat.st_dev, ino: stat.st_ino })
}
