//! The holder's one loop: waits for deaths, packets and deadlines, and does what the fence decides.
//! Owner of the order in which news are taken: the dead first, then a dead worker's last packets,
//! then the living. Idle, it waits forever.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};

use crate::clock;
use crate::exit::ExitFile;
use crate::grants::{Effect, Grants, Input};
use crate::wire::{
    Control, ControlReply, Grant, Mode, PACKET_BYTES_MAX, Reply, ToHolder, ToWorker, VERSION,
    WireError,
};

use super::callers::Callers;
use super::family::Family;
use super::folder::Folder;
use super::reaper::ChildState;
use super::start::Refusal;
use super::worker::{Program, Unfit, Worker};
use super::{log, signals};

/// Packets taken from one worker before the others get their turn.
const PACKETS_PER_TURN: usize = 64;

/// What each grant repeats.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) task: String,
    pub(super) mode: Mode,
    pub(super) options: Vec<u8>,
    pub(super) cgroup: Option<std::path::PathBuf>,
    pub(super) started_mono_ns: u64,
    pub(super) started_unix_us: u64,
}

/// The running holder.
pub(super) struct Holder {
    pub(super) session: Session,
    pub(super) folder: Folder,
    pub(super) family: Family,
    /// Readable when something died.
    pub(super) sigchld: OwnedFd,
    pub(super) program: Program,
    /// Started together with the child, to lose no time; granted when the loop begins.
    pub(super) first_worker: Option<Result<Worker, Refusal>>,
    pub(super) state: Watch,
}

/// What changes while the loop runs.
#[derive(Default)]
pub(super) struct Watch {
    grants: Grants,
    worker: Option<Worker>,
    callers: Callers,
    /// The fence knows that the child is gone.
    child_gone: bool,
    /// The worker knows how the child ended.
    exit_told: bool,
    left: bool,
    buffer: Vec<u8>,
}

/// What a wait found.
#[derive(Default)]
struct Turn {
    deaths: bool,
    calls: bool,
    worker: bool,
    callers: Vec<usize>,
}

impl Holder {
    /// Runs until the fence says that the session is journaled to its end.
    pub(super) fn run(mut self) {
        self.state.buffer = vec![0; PACKET_BYTES_MAX];
        // First, since the worker of a session without a child may be done at any moment.
        self.notice_child();
        self.step(Input::Begin);
        self.family.lower_child(clock::mono_us());
        while !self.state.left {
            let turn = self.wait();
            if turn.deaths {
                signals::drain(&self.sigchld);
            }
            self.notice_deaths();
            if turn.worker {
                self.serve_worker();
            }
            for index in turn.callers {
                self.serve_caller(index);
            }
            self.state.callers.sweep();
            if turn.calls {
                self.state.callers.accept(&self.folder.control);
            }
            self.notice_deaths();
            self.step(Input::Tick);
            self.family.lower_child(clock::mono_us());
        }
        self.leave();
    }

    fn wait(&self) -> Turn {
        let deadlines = [self.state.grants.deadline(), self.family.lowering_due_us()];
        let until = deadlines.into_iter().flatten().min();
        let timeout = until.map(|at| clock::span_us(at.saturating_sub(clock::mono_us())));
        let mut fds = vec![
            PollFd::new(&self.sigchld, PollFlags::IN),
            PollFd::new(&self.folder.control, PollFlags::IN),
        ];
        let worker = self.state.worker.as_ref().filter(|worker| !worker.closed);
        if let Some(worker) = worker {
            let room = if worker.is_behind() { PollFlags::OUT } else { PollFlags::empty() };
            fds.push(PollFd::from_borrowed_fd(worker.as_fd(), PollFlags::IN | room));
        }
        let before_callers = fds.len();
        let callers = self.state.callers.fds();
        fds.extend(callers.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            // Interrupted, or out of memory for a moment: look everywhere, nothing blocks.
            Err(_) => return Turn { deaths: true, ..Turn::default() },
        }
        let ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Turn {
            deaths: ready(&fds[0]),
            calls: ready(&fds[1]),
            worker: worker.is_some() && ready(&fds[2]),
            callers: (0..fds.len() - before_callers)
                .filter(|index| ready(&fds[before_callers + index]))
                .collect(),
        }
    }

    /// Tells the fence, and does what it answers.
    fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.state.grants.handle(clock::mono_us(), input, &mut effects);
        for effect in effects {
            match effect {
                Effect::StartWorker { epoch, orderly } => self.start_worker(epoch, orderly),
                Effect::Retire => {
                    let sent = self.tell_worker(&ToWorker::Retire);
                    if let Some(worker) = self.state.worker.as_ref().filter(|_| sent.is_ok()) {
                        worker.resume();
                    }
                }
                Effect::Kill => {
                    if let Some(worker) = &mut self.state.worker {
                        worker.closed = true;
                        worker.kill();
                    }
                }
                Effect::Replaced { epoch } => self.state.callers.tell_replaced(epoch),
                Effect::Leave => self.state.left = true,
            }
        }
    }

    fn start_worker(&mut self, epoch: u64, orderly: bool) {
        let worker = match self.first_worker.take().unwrap_or_else(|| self.program.start()) {
            Ok(worker) => worker,
            Err(Refusal { stage, errno }) => {
                log(&format!("start the worker of epoch {epoch}: {stage:?}, error {errno}"));
                self.step(Input::CannotStart);
                return;
            }
        };
        self.family.reaper.watch_worker(worker.pid);
        self.family.tree.exclude(vec![worker.pid]);
        self.step(Input::Started);
        let grant = ToWorker::Grant(self.grant(epoch, orderly));
        let granted = worker.grant(&grant, &self.lend());
        self.state.exit_told = self.exit_status().is_some();
        self.state.worker = Some(worker);
        if granted.is_err() {
            self.step(Input::Unfit);
        }
    }

    fn grant(&self, epoch: u64, orderly: bool) -> Grant {
        Grant {
            version: VERSION,
            epoch,
            started_mono_ns: self.session.started_mono_ns,
            started_unix_us: self.session.started_unix_us,
            mode: self.session.mode,
            launched: self.family.launched,
            exit: self.exit_status(),
            orderly,
            cgroup: self.session.cgroup.clone(),
            holder_pid: std::process::id(),
            task: self.session.task.clone(),
            options: self.session.options.clone(),
            input_open: self.family.input_open(),
        }
    }

    fn lend(&self) -> Vec<BorrowedFd<'_>> {
        let mut fds = vec![self.folder.link.as_fd(), self.folder.fd()];
        self.family.lend(&mut fds);
        fds
    }

    fn exit_status(&self) -> Option<i32> {
        match self.family.reaper.child() {
            ChildState::Reaped { status } => Some(status),
            ChildState::Never | ChildState::Living { .. } => None,
        }
    }

    /// Reaps, and tells fence and worker what that means.
    fn notice_deaths(&mut self) {
        if self.state.worker.as_ref().is_some_and(Worker::resume_if_stopped) {
            log("the worker was stopped, and is continued");
        }
        self.family.reap();
        if let Some(status) = self.family.reaper.take_worker_death() {
            // What it said before it died counts: it may have been done.
            let _ = self.read_worker(usize::MAX);
            self.state.worker = None;
            self.family.tree.exclude(Vec::new());
            self.notice_child();
            self.step(Input::Died { code: exit_code(status) });
        }
        self.notice_child();
    }

    fn notice_child(&mut self) {
        let exit = self.exit_status();
        let never = self.family.reaper.child() == ChildState::Never;
        if !self.state.child_gone && (never || exit.is_some()) {
            self.state.child_gone = true;
            self.step(Input::ChildGone);
        }
        let Some(status) = exit.filter(|_| !self.state.exit_told) else { return };
        if self.state.worker.is_some() {
            self.state.exit_told = true;
            let _ = self.tell_worker(&ToWorker::Exited { status });
        }
    }

    /// Sends a packet to the worker, if there is one. One that cannot take it is replaced.
    fn tell_worker(&mut self, packet: &ToWorker) -> Result<(), Unfit> {
        let Some(worker) = self.state.worker.as_mut().filter(|worker| !worker.closed) else {
            return Ok(());
        };
        let sent = worker.send(packet);
        if sent.is_err() {
            self.step(Input::Unfit);
        }
        sent
    }

    fn serve_worker(&mut self) {
        let flushed = self.state.worker.as_mut().map_or(Ok(()), Worker::flush);
        if flushed.and_then(|()| self.read_worker(PACKETS_PER_TURN)).is_err() {
            self.step(Input::Unfit);
        }
    }

    /// Takes the worker's packets, as many as there are up to a number.
    fn read_worker(&mut self, packets_max: usize) -> Result<(), Unfit> {
        let mut buffer = std::mem::take(&mut self.state.buffer);
        let mut result = Ok(());
        for _ in 0..packets_max {
            let Some(worker) = self.state.worker.as_mut().filter(|worker| !worker.closed) else {
                break;
            };
            match worker.receive(&mut buffer) {
                Ok(None) => break,
                Ok(Some(len)) => result = self.take_packet(&buffer[..len]),
                Err(unfit) => result = Err(unfit),
            }
            if result.is_err() {
                break;
            }
        }
        self.state.buffer = buffer;
        result
    }

    fn take_packet(&mut self, packet: &[u8]) -> Result<(), Unfit> {
        let reply = match ToHolder::decode(packet) {
            Ok(ToHolder::Ready) => {
                self.step(Input::Ready);
                return Ok(());
            }
            Ok(ToHolder::Done) => {
                self.step(Input::Done);
                return Ok(());
            }
            Ok(ToHolder::Ask { request, ask }) => {
                ToWorker::Reply { request, reply: self.family.answer(&ask) }
            }
            Err(WireError::UnknownAsk { request, .. }) => unknown_ask(request),
            Err(WireError::UnknownPacket { .. }) => return Ok(()),
            Err(error) => {
                log(&format!("understand the worker: {error}"));
                return Err(Unfit);
            }
        };
        self.tell_worker(&reply)
    }

    fn serve_caller(&mut self, index: usize) {
        let mut buffer = std::mem::take(&mut self.state.buffer);
        if let Some(len) = self.state.callers.receive(index, &mut buffer)
            && let Some(reply) = self.answer_caller(index, &buffer[..len])
        {
            self.state.callers.send(index, &reply);
        }
        self.state.buffer = buffer;
    }

    /// The answer to a caller; None if it comes later.
    fn answer_caller(&mut self, index: usize, packet: &[u8]) -> Option<ControlReply> {
        let refused = |errno| Some(ControlReply::Refused { errno });
        match Control::decode(packet) {
            Ok(Control::Version) => Some(ControlReply::Version(VERSION)),
            Ok(Control::Status) => Some(self.status()),
            Ok(Control::Replace) => {
                self.state.callers.await_replacement(index);
                self.step(Input::ReplaceAsked);
                None
            }
            Ok(Control::Ask { request, ask }) => {
                Some(ControlReply::Reply { request, reply: self.family.answer(&ask) })
            }
            Ok(Control::Shutdown) if self.state.grants.may_shut_down() => {
                self.step(Input::ShutdownAsked);
                Some(ControlReply::Reply { request: 0, reply: Reply::Done })
            }
            Ok(Control::Shutdown) => refused(libc::EBUSY),
            Err(WireError::UnknownAsk { request, .. }) => {
                let reply = Reply::Failed { errno: libc::ENOSYS };
                Some(ControlReply::Reply { request, reply })
            }
            Err(WireError::UnknownPacket { .. }) => refused(libc::ENOSYS),
            Err(_garbled) => refused(libc::EBADMSG),
        }
    }

    fn status(&self) -> ControlReply {
        let child = match self.family.reaper.child() {
            ChildState::Living { pid } => Some(pid),
            ChildState::Never | ChildState::Reaped { .. } => None,
        };
        ControlReply::Status {
            epoch: self.state.grants.epoch(),
            worker: self.state.worker.as_ref().map(|worker| worker.pid),
            child,
            exited: child.is_none(),
        }
    }

    /// Leaves nothing behind but the files: what the session told is in them.
    fn leave(mut self) {
        self.family.reaper.publish(self.folder.fd());
        if self.family.reaper.child() == ChildState::Never {
            // Reserved for an exit that will not come; a file too many does no harm.
            let _ = ExitFile::discard(self.folder.fd());
        }
        self.folder.remove_sockets();
        if let Err(error) = self.family.tree.remove_cgroup() {
            log(&format!("remove the cgroup: {error}; processes of the task live on in it"));
        }
    }
}

fn unknown_ask(request: u32) -> ToWorker {
    ToWorker::Reply { request, reply: Reply::Failed { errno: libc::ENOSYS } }
}

/// The code of a process that exited; None of one that a signal ended.
fn exit_code(status: i32) -> Option<i32> {
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}
