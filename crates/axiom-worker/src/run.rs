//! The loop: waits for everything at once, reads, journals, acts. One thread; nothing in it waits for a peer or for the disk's sync.

use std::os::fd::{AsFd, OwnedFd};

use axiom_holder::wire::{PACKET_BYTES_MAX, ToHolder, ToWorker};
use axiom_proto::frame::{FrameKind, Micros};
use axiom_proto::id::SessionId;
use axiom_proto::keyframe::{Keyframe, KeyframeNote};
use axiom_proto::link::{Control, Hello, PROTOCOL, PROTOCOL_OLDEST};
use axiom_proto::record::{Exit, InputNote};
use axiom_session::{Ask, Effect, Gathering, Input, READ_BYTES_MAX, Reply, Scope, Terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::asks::{Asks, from_wire, holders_of};
use crate::child_end::exit_of;
use crate::disk::ASK_AGAIN;
use crate::ends::{Ends, InputModes, Read};
use crate::notes::note;
use crate::opening::WorkerError;
use crate::picture::{Drawn, Mail, Mailbox};
use crate::recorder::Recorder;

/// Reads in one turn while output keeps coming: few polls in a flood, and everything else still gets its turn
/// after 64 KiB at most.
const READS_MAX: usize = 16;

/// At the end, peers get this long to take the rest; the journal has it anyway.
const FAREWELL: u64 = 500_000;

/// Who this worker is.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) session: SessionId,
    pub(crate) epoch: u64,
    pub(crate) holder_pid: u32,
    pub(crate) started_unix_us: u64,
}

/// Without a holder the system's init reaps the child, nearly always at once; some never do.
const REAPED_WITHIN: u64 = 1_000_000;

/// An interrupt whose intent is not in the journal could be carried out twice by two workers. A stop may be: it is
/// carried out even on a full disk.
const NOT_JOURNALED: &str =
    "disk_full: the interrupt cannot be journaled; free some space, or stop the task";

/// What the loop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Serve,
    /// Everything is journaled.
    Done,
    /// The next worker goes on.
    Leave,
}

/// What a descriptor in the poll set stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Holder,
    Bell,
    Child,
    Output(FrameKind),
    Input,
    Listener,
    Picture,
    Peer(usize),
}

/// One session's worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) recorder: Recorder,
    pub(crate) asks: Asks,
    ends: Ends,
    /// The child, until its end is known.
    pidfd: Option<OwnedFd>,
    /// It is dead, and its exit is known once somebody has reaped it; waited for until then.
    reaped_by: Option<Micros>,
    identity: Identity,
    effects: Vec<Effect>,
    wake_at: Option<Micros>,
    paused: bool,
    gathering: Gathering,
    /// Until when a terminal's output gathers before it is read.
    gathers_until: Option<Micros>,
    course: Course,
    packet: Vec<u8>,
    /// What a read of output fills; kept, so that it is cleared once and not before each read.
    output: Vec<u8>,
}

impl Worker {
    pub(crate) fn new(
        recorder: Recorder,
        asks: Asks,
        ends: Ends,
        pidfd: Option<OwnedFd>,
        identity: Identity,
    ) -> Self {
        Self {
            recorder,
            asks,
            ends,
            pidfd,
            reaped_by: None,
            identity,
            effects: Vec::new(),
            wake_at: None,
            paused: false,
            gathering: Gathering::default(),
            gathers_until: None,
            course: Course::Serve,
            packet: vec![0; PACKET_BYTES_MAX],
            output: vec![0; READ_BYTES_MAX],
        }
    }

    /// Serves until the session is over or handed on.
    pub(crate) fn run(mut self) -> Result<(), WorkerError> {
        while self.course == Course::Serve {
            self.recorder.picture.follow(self.recorder.writer.head());
            for source in self.wait()? {
                self.serve(source)?;
            }
            self.mind_time()?;
            self.mind_room();
            self.recorder.links.catch_up(self.recorder.writer.head().seq);
        }
        self.leave()
    }

    /// Hands one input to the session and carries out what it wants.
    pub(crate) fn handle(&mut self, input: Input) {
        let now = self.recorder.clock.now();
        let mut effects = std::mem::take(&mut self.effects);
        self.recorder.session.handle(now, input, &mut effects);
        self.carry_out(&mut effects);
        self.effects = effects;
    }

    /// Effects in order; what they bring about comes back as inputs after the last of them.
    fn carry_out(&mut self, effects: &mut Vec<Effect>) {
        let mut inputs = Vec::new();
        for effect in effects.drain(..) {
            inputs.extend(self.act(effect));
        }
        for input in inputs {
            let now = self.recorder.clock.now();
            self.recorder.session.handle(now, input, effects);
            self.carry_out(effects);
        }
    }

    fn act(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Append(record) => self.recorder.record(&record),
            Effect::AppendInput { id, author, request_id, bytes } => {
                let (len, hidden) = (bytes.len() as u64, self.ends.asks_for_secret());
                let note = InputNote { id, author, request_id, len, hidden, answers: None };
                self.recorder.input(&note, &bytes);
            }
            Effect::AppendAnswers { until, bytes } => {
                let note = InputNote::of_answers(until, bytes.len() as u64);
                self.recorder.input(&note, &bytes);
            }
            Effect::Ask { request, ask: Ask::Signal { scope: Scope::Child, .. } }
                if self.recorder.owes() =>
            {
                let reply = Reply::Failed { reason: NOT_JOURNALED.to_owned() };
                return Some(Input::Replied { request, reply });
            }
            Effect::Ask { request, ask } => {
                self.asks.ask(request, ask, self.pidfd.is_some());
            }
            Effect::SignalForeground { id, .. } if self.recorder.owes() => {
                return Some(Input::ForegroundSignaled {
                    id,
                    error: Some(NOT_JOURNALED.to_owned()),
                });
            }
            Effect::SignalForeground { id, signal } => {
                let signaled = self.ends.interrupt(signal, self.asks.child());
                let error = signaled.err().map(|error| error.to_string());
                return Some(Input::ForegroundSignaled { id, error });
            }
            Effect::Resize(size) => {
                if let Err(error) = self.ends.resize(size) {
                    note(&format!("the terminal was not resized: {error}"));
                }
            }
            Effect::CloseInput => self.close_input(),
            Effect::ReleaseTerminal => {
                (self.pidfd, self.reaped_by) = (None, None);
                self.ends.release();
            }
            Effect::FindHolders(processes) => return Some(Input::HeldBy(self.holders(&processes))),
            Effect::CloseOutput => self.ends.close_output(None),
            Effect::WakeAt(at) => self.wake_at = Some(at),
            Effect::Done => self.course = Course::Done,
            Effect::Leave => self.course = Course::Leave,
        }
        None
    }

    fn close_input(&mut self) {
        self.ends.close_input();
        let ask = ToHolder::Ask { request: 0, ask: axiom_holder::wire::Ask::CloseInput };
        if self.asks.holder().is_some_and(|holder| holder.send(&ask.encode(), &[]).is_err()) {
            self.lose_holder();
        }
    }

    fn holders(
        &self,
        processes: &[axiom_proto::task::ProcessNote],
    ) -> Vec<axiom_proto::task::ProcessNote> {
        let mut holders = Vec::new();
        for (fd, _) in self.ends.outputs().into_iter().flatten() {
            for process in holders_of(fd, processes) {
                if !holders.contains(&process) {
                    holders.push(process);
                }
            }
        }
        holders
    }

    /// Waits until something can be done.
    fn wait(&self) -> Result<Vec<Source>, WorkerError> {
        let (mut fds, mut sources) = (Vec::with_capacity(12), Vec::with_capacity(12));
        let mut add = |fd, flags, source| {
            fds.push(PollFd::from_borrowed_fd(fd, flags));
            sources.push(source);
        };
        if let Some(holder) = self.asks.holder() {
            add(holder.as_fd(), PollFlags::IN, Source::Holder);
        } else {
            add(self.asks.bell(), PollFlags::IN, Source::Bell);
            if let Some(pidfd) = &self.pidfd {
                // A dead child is always readable; then only its reaping is waited for.
                let flags =
                    if self.reaped_by.is_some() { PollFlags::empty() } else { PollFlags::IN };
                add(pidfd.as_fd(), flags, Source::Child);
            }
        }
        if !self.paused && self.gathers_until.is_none() {
            for (fd, kind) in self.ends.outputs().into_iter().flatten() {
                add(fd, PollFlags::IN, Source::Output(kind));
            }
        }
        if let Some(input) = self.ends.input()
            && self.recorder.session.pending_write().is_some()
        {
            add(input, PollFlags::OUT, Source::Input);
        }
        if let Some(mailbox) = self.recorder.picture.mailbox() {
            add(mailbox.bell(), PollFlags::IN, Source::Picture);
        }
        let head = self.recorder.writer.head().seq;
        add(self.recorder.links.listener(), PollFlags::IN, Source::Listener);
        for (index, (fd, owes)) in self.recorder.links.peers(head).enumerate() {
            let take =
                if self.recorder.owes_too_much() { PollFlags::empty() } else { PollFlags::IN };
            let give = if owes { PollFlags::OUT } else { PollFlags::empty() };
            add(fd, take | give, Source::Peer(index));
        }
        pause(&mut fds, self.timeout())?;
        let ready = fds.iter().map(|fd| !fd.revents().is_empty());
        Ok(sources
            .into_iter()
            .zip(ready)
            .filter_map(|(source, ready)| ready.then_some(source))
            .collect())
    }

    /// How long nothing has to be done, in microseconds.
    fn timeout(&self) -> Option<u64> {
        let recheck = self.paused.then(|| self.recorder.clock.now().plus(ASK_AGAIN));
        let (sync, show) = (self.recorder.syncer.due(), self.recorder.show_due());
        let next = [self.wake_at, self.reaped_by, sync, show, recheck, self.gathers_until];
        Some(next.into_iter().flatten().min()?.0.saturating_sub(self.recorder.clock.now().0))
    }

    fn serve(&mut self, source: Source) -> Result<(), WorkerError> {
        match source {
            Source::Holder => self.hear_holder()?,
            Source::Bell => {
                for (request, reply) in self.asks.answered() {
                    self.handle(Input::Replied { request, reply });
                }
            }
            Source::Child => self.see_child_end()?,
            Source::Output(kind) => self.read_output(kind)?,
            Source::Input => self.write_input(),
            Source::Listener => self.accept(),
            Source::Picture => self.take_mail(),
            Source::Peer(index) => self.hear_peer(index),
        }
        Ok(())
    }

    fn hear_holder(&mut self) -> Result<(), WorkerError> {
        let Some(holder) = self.asks.holder() else { return Ok(()) };
        let received = match holder.recv(&mut self.packet) {
            Ok(received) if received.len > 0 => received,
            Ok(_) | Err(_) => {
                self.lose_holder();
                return Ok(());
            }
        };
        match ToWorker::decode(&self.packet[..received.len]) {
            Ok(ToWorker::Exited { status }) => self.end_child(Exit::of_wait_status(status))?,
            Ok(ToWorker::Reply { request, reply }) => {
                self.handle(Input::Replied { request, reply: from_wire(reply) });
            }
            Ok(ToWorker::Retire) => self.handle(Input::Retire),
            Ok(ToWorker::Grant(_)) => note("a second grant is ignored"),
            Err(error) => note(&format!("a packet of the holder is ignored: {error}")),
        }
        Ok(())
    }

    /// The task runs on without its holder.
    pub(crate) fn lose_holder(&mut self) {
        note("the holder is dead; the task runs on unguarded");
        self.asks.lose_holder();
        self.handle(Input::HolderLost);
    }

    /// Without a holder, the kernel tells how the child ended, where it can.
    fn see_child_end(&mut self) -> Result<(), WorkerError> {
        let Some(pidfd) = &self.pidfd else { return Ok(()) };
        let now = self.recorder.clock.now();
        let until = *self.reaped_by.get_or_insert(now.plus(REAPED_WITHIN));
        match exit_of(pidfd.as_fd(), self.asks.child()) {
            Some(status) => self.end_child(Exit::of_wait_status(status)),
            None if now < until => Ok(()),
            None => self.end_child(Exit::Unknown),
        }
    }

    /// The child has ended. What it printed lies in the kernel, and comes first: whoever waits for the end reads all of it. It is no
    /// more than one turn of reading takes; what others go on printing does not hold the end up.
    fn end_child(&mut self, exit: Exit) -> Result<(), WorkerError> {
        if !self.paused {
            let kinds = self.ends.outputs().map(|output| output.map(|(_, kind)| kind));
            for kind in kinds.into_iter().flatten() {
                self.read_output(kind)?;
            }
        }
        self.handle(Input::Exited(exit));
        Ok(())
    }

    fn read_output(&mut self, kind: FrameKind) -> Result<(), WorkerError> {
        let mut buffer = std::mem::take(&mut self.output);
        let read = self.read_through(kind, &mut buffer);
        self.output = buffer;
        read
    }

    fn read_through(&mut self, kind: FrameKind, buffer: &mut [u8]) -> Result<(), WorkerError> {
        let mut bytes = 0;
        for _ in 0..READS_MAX {
            let read = self.ends.read(kind, buffer).map_err(WorkerError::io("read output"))?;
            match read {
                Read::Nothing => {
                    if self.ends.is_terminal() {
                        self.gathers_until = self.gathering.read(self.recorder.clock.now(), bytes);
                    }
                    return Ok(());
                }
                Read::Closed => {
                    if self.ends.is_closed() {
                        self.handle(Input::OutputClosed);
                    }
                    return Ok(());
                }
                Read::Bytes(len) => {
                    bytes += len;
                    self.keep_output(kind, &buffer[..len]);
                }
            }
            if self.recorder.shortage().is_some() || self.course != Course::Serve {
                return Ok(());
            }
        }
        Ok(())
    }

    fn keep_output(&mut self, kind: FrameKind, bytes: &[u8]) {
        self.recorder.append(kind, bytes);
        let now = self.recorder.clock.now();
        let mut effects = std::mem::take(&mut self.effects);
        self.recorder.session.output(now, &mut effects);
        self.carry_out(&mut effects);
        self.effects = effects;
    }

    fn write_input(&mut self) {
        let Some(bytes) = self.recorder.session.pending_write() else { return };
        match self.ends.write(bytes) {
            Ok(0) => {}
            Ok(taken) => self.handle(Input::Wrote(taken)),
            Err(error) => {
                let why = format!("the task's input is closed: {error}");
                self.handle(Input::WriteFailed(why));
            }
        }
    }

    fn take_mail(&mut self) {
        let Some(mail) = self.recorder.picture.mailbox().map(Mailbox::take) else { return };
        let Mail { answers, keyframes } = mail;
        if let Some((until, bytes)) = answers {
            self.handle(Input::Answers { until, bytes });
        }
        let may_keep = self.course == Course::Serve && !self.recorder.session.has_new_answers();
        for Drawn { note, dump, state } in keyframes.into_iter().filter(|_| may_keep) {
            let InputModes { line_mode, echo } = self.ends.input_modes();
            let note = KeyframeNote { line_mode, echo, ..note };
            self.recorder.keyframe(&Keyframe { note, dump: &dump, rest: &state });
        }
    }

    fn accept(&mut self) {
        let Identity { session, epoch, holder_pid, started_unix_us, .. } = self.identity;
        let summary = self.recorder.session.summary();
        self.recorder.links.accept(|| Hello {
            protocol: PROTOCOL,
            protocol_oldest: PROTOCOL_OLDEST,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            session,
            epoch,
            worker_pid: std::process::id(),
            holder_pid,
            started_unix_us,
            summary: summary.clone(),
        });
    }

    fn hear_peer(&mut self, index: usize) {
        let mut commands = Vec::new();
        self.recorder.links.take(index, &mut commands);
        for (command, bytes) in commands {
            let terminal =
                if bytes.is_empty() { Terminal::default() } else { self.ends.terminal() };
            self.handle(Input::Command { command, bytes: bytes.to_vec(), terminal });
        }
    }

    fn mind_time(&mut self) -> Result<(), WorkerError> {
        let now = self.recorder.clock.now();
        self.gathers_until = self.gathers_until.filter(|until| now < *until);
        if self.wake_at.is_some_and(|at| now >= at) {
            self.wake_at = None;
            self.handle(Input::Tick);
        }
        if self.pidfd.is_some() && self.reaped_by.is_some_and(|at| now >= at) {
            self.see_child_end()?;
        }
        if self.recorder.syncer.due().is_some_and(|at| now >= at) {
            self.recorder.sync(now);
        }
        if self.recorder.show_due().is_some_and(|at| now >= at) {
            self.recorder.show_held();
        }
        Ok(())
    }

    /// Pauses reading when the disk runs short, and goes on when there is room again.
    fn mind_room(&mut self) {
        match (self.paused, self.recorder.shortage().map(str::to_owned)) {
            (false, Some(reason)) => {
                note(&format!("reading pauses: {reason}"));
                self.paused = true;
                self.recorder.links.say(&Control::Paused { reason: Some(reason.clone()) });
                self.handle(Input::Paused(reason));
            }
            (true, _) => {
                if self.recorder.retry() {
                    note("reading goes on");
                    self.paused = false;
                    self.recorder.links.say(&Control::Paused { reason: None });
                    self.handle(Input::Unpaused);
                }
            }
            (false, None) => {}
        }
    }

    fn leave(mut self) -> Result<(), WorkerError> {
        while self.recorder.owes() && !self.recorder.retry() {
            // Whatever else is ready stays so, for nobody serves it any more: only time is waited for.
            pause(&mut [], Some(ASK_AGAIN))?;
        }
        let synced = self.recorder.writer.sync();
        if let Err(error) = synced {
            note(&format!("the journal's end is not power-safe: {error}"));
        }
        let reason = if self.course == Course::Done {
            self.recorder.free_reserve();
            if let Some(holder) = self.asks.holder() {
                let _dead_holder_does_not_matter = holder.send(&ToHolder::Done.encode(), &[]);
            }
            "ended"
        } else {
            "handover"
        };
        self.say_farewell(reason)
    }

    fn say_farewell(&mut self, reason: &str) -> Result<(), WorkerError> {
        self.recorder.show_held();
        let until = self.recorder.clock.now().plus(FAREWELL);
        let head = self.recorder.writer.head().seq;
        loop {
            let left = until.0.saturating_sub(self.recorder.clock.now().0);
            if left == 0 || !self.recorder.links.owe(head) {
                break;
            }
            let owed = self.recorder.links.peers(head).filter(|(_, owes)| *owes);
            let mut fds: Vec<PollFd<'_>> =
                owed.map(|(fd, _)| PollFd::from_borrowed_fd(fd, PollFlags::OUT)).collect();
            pause(&mut fds, Some(left))?;
            self.recorder.links.catch_up(head);
        }
        self.recorder.links.say(&Control::Goodbye { reason: reason.to_owned() });
        Ok(())
    }
}

/// Until one of these is ready, or so many microseconds are over.
fn pause(fds: &mut [PollFd<'_>], micros: Option<u64>) -> Result<(), WorkerError> {
    let timeout = micros.map(|micros| Timespec {
        tv_sec: i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(micros % 1_000_000 * 1000).unwrap_or(0),
    });
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(WorkerError::io("wait")(error)),
    }
}
