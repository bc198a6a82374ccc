//! A session under test: starts a holder, meets its workers, and leaves no process behind. Owner of
//! every wait: each has the same patience, and says what it waited for.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axiom_holder::channel::{Channel, HOLDER_SOCKET, socket_path};
use axiom_holder::tree::{Root, Tree};
use axiom_holder::wire::{
    Ask, Control, ControlReply, Ends, Grant, Granted, LaunchSpec, Launched, Mode, PACKET_BYTES_MAX,
    Priority, Reply, ToHolder, ToWorker,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, Signal};

/// Far more than anything takes here; only a failure waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const PASS: u8 = b'P';
const EXIT: u8 = b'X';
const FLOOD: u8 = b'F';

/// The holder's program.
pub(crate) const HOLDER: &str = env!("CARGO_BIN_EXE_axiom-holder-under-test");

/// The worker's program, which does what the test says.
pub(crate) const WORKER: &str = env!("CARGO_BIN_EXE_axiom-worker-under-test");

/// A task id that no other test has.
fn fresh_task() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A moment that ends a search, or fails the test with what was hoped for.
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn begin() -> Self {
        Self(Instant::now() + PATIENCE)
    }

    pub(crate) fn check(&self, hope: &str) {
        assert!(Instant::now() < self.0, "searched {PATIENCE:?} for {hope}");
    }
}

/// Waits for a descriptor, or fails the test with what was hoped for.
pub(crate) fn await_fd(fd: impl AsFd, flags: PollFlags, hope: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "waited {PATIENCE:?} for {hope}");
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(&fd, flags)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return,
            Err(error) => panic!("wait for {hope}: {error}"),
        }
    }
}

/// A pidfd of a process that is known to be there.
pub(crate) fn pidfd(pid: u32) -> OwnedFd {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

/// Waits for a process' death.
pub(crate) fn await_death(pidfd: impl AsFd, whose: &str) {
    await_fd(pidfd, PollFlags::IN, &format!("the death of {whose}"));
}

pub(crate) fn signal(pidfd: impl AsFd, signal: Signal) {
    rustix::process::pidfd_send_signal(pidfd, signal).unwrap();
}

/// The kernel's letter for a process' state; `X` for one that is gone.
pub(crate) fn state(pid: u32) -> char {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 'X' };
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap()
}

/// Reads until the text has come, and returns all that came; fails if the end comes before.
pub(crate) fn read_until(fd: impl AsFd, text: &str) -> String {
    let mut seen = Vec::new();
    loop {
        if String::from_utf8_lossy(&seen).contains(text) {
            return String::from_utf8(seen).unwrap();
        }
        let end = !read_some(&fd, &mut seen, &format!("{text:?}"));
        assert!(!end, "the end came before {text:?}: {:?}", String::from_utf8_lossy(&seen));
    }
}

/// Reads to the end.
pub(crate) fn read_to_end(fd: impl AsFd) -> Vec<u8> {
    let mut seen = Vec::new();
    while read_some(&fd, &mut seen, "the end of output") {}
    seen
}

fn read_some(fd: &impl AsFd, seen: &mut Vec<u8>, hope: &str) -> bool {
    await_fd(fd, PollFlags::IN, hope);
    let mut chunk = [0; 4096];
    match rustix::io::read(fd, &mut chunk) {
        // A terminal whose last user is gone says IO.
        Ok(0) | Err(Errno::IO) => false,
        Ok(len) => {
            seen.extend_from_slice(&chunk[..len]);
            true
        }
        Err(Errno::INTR | Errno::AGAIN) => true,
        Err(error) => panic!("read for {hope}: {error}"),
    }
}

/// One session with its holder. Dropped, it kills what is left and checks that nothing is.
pub(crate) struct Session {
    pub(crate) spec: LaunchSpec,
    pub(crate) holder: Child,
    workers: std::cell::RefCell<Vec<OwnedFd>>,
    listener: OwnedFd,
    /// Holds the folder, and the socket that workers dial.
    _home: tempfile::TempDir,
}

impl Session {
    /// Starts a session of `sh -c SCRIPT` in a terminal.
    pub(crate) fn of_script(script: &str) -> Self {
        Self::start(|spec| spec.args = bytes(&["sh", "-c", script]))
    }

    /// Starts a session with a changed specification.
    pub(crate) fn start(change: impl FnOnce(&mut LaunchSpec)) -> Self {
        Self::start_by(&mut Command::new(HOLDER), change)
    }

    /// Starts it by a command of one's own that becomes the holder.
    pub(crate) fn start_by(command: &mut Command, change: impl FnOnce(&mut LaunchSpec)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let task = fresh_task();
        let mut spec = LaunchSpec {
            folder: home.path().join("session"),
            worker: PathBuf::from(WORKER),
            args: bytes(&["cat"]),
            env: bytes(&["PATH=/usr/bin:/bin", &format!("AXIOM_TASK={task}")]),
            cwd: PathBuf::from("/"),
            mode: Mode::Terminal { cols: 80, rows: 24 },
            umask: 0o022,
            cgroup: None,
            priority: Priority::Same,
            options: home.path().as_os_str().as_encoded_bytes().to_vec(),
            task,
        };
        change(&mut spec);
        fs::create_dir_all(&spec.folder).unwrap();
        let listener = listen(home.path());
        let holder = start_holder(command, &spec);
        Self { spec, holder, workers: Vec::new().into(), listener, _home: home }
    }

    /// A second holder for the same session.
    pub(crate) fn rival(&self) -> Child {
        start_holder(&mut Command::new(HOLDER), &self.spec)
    }

    /// Meets the next worker.
    pub(crate) fn worker(&self) -> Worker {
        await_fd(&self.listener, PollFlags::IN, &format!("a worker; log: {}", self.log()));
        let fd = rustix::net::accept_with(&self.listener, SocketFlags::CLOEXEC).unwrap();
        let pid = rustix::net::sockopt::socket_peercred(&fd).unwrap().pid;
        let pid = pid.as_raw_nonzero().get().cast_unsigned();
        self.workers.borrow_mut().push(pidfd(pid));
        let stage = Channel::from_fd(fd);
        let mut buffer = vec![0; PACKET_BYTES_MAX + 1];
        await_fd(&stage, PollFlags::IN, "the worker's grant");
        let received = stage.recv(&mut buffer).unwrap();
        let ToWorker::Grant(grant) = ToWorker::decode(&buffer[1..received.len]).unwrap() else {
            panic!("the first packet is no grant");
        };
        let granted = grant.take(received.fds).unwrap();
        Worker { pid, pidfd: pidfd(pid), grant, granted, stage }
    }

    /// Meets the next worker and says that it is ready.
    pub(crate) fn ready_worker(&self) -> Worker {
        let worker = self.worker();
        worker.say(&ToHolder::Ready);
        worker
    }

    pub(crate) fn folder(&self) -> File {
        File::open(&self.spec.folder).unwrap()
    }

    /// Dials the control socket.
    pub(crate) fn call(&self) -> Caller {
        Caller(Channel::connect(self.folder().as_fd(), HOLDER_SOCKET).unwrap())
    }

    /// Ends the session as a worker does after the child's death, and waits for the holder to
    /// leave.
    pub(crate) fn finish(mut self, worker: Worker) -> Self {
        let started = matches!(worker.grant.launched, Launched::Child { .. });
        if started && worker.grant.exit.is_none() {
            worker.await_exit();
        }
        worker.say(&ToHolder::Done);
        worker.exit(0);
        assert_eq!(self.holder_exit(), Some(0), "log: {}", self.log());
        self
    }

    /// The holder's exit code, once it has one.
    pub(crate) fn holder_exit(&mut self) -> Option<i32> {
        await_child(&mut self.holder, "the holder's exit")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.spec.folder.join(name).exists()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.spec.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Errors here mean that it is dead already.
        drop(self.holder.kill());
        drop(self.holder.wait());
        let mut lost = Tree::new(Root::Lost { child: None }, &self.spec.task, None);
        lost.exclude(vec![std::process::id()]);
        let left = lost.kill(&mut || ());
        for worker in self.workers.get_mut().drain(..) {
            let _ = rustix::process::pidfd_send_signal(&worker, Signal::KILL);
            if !std::thread::panicking() {
                await_death(&worker, "a worker");
            }
        }
        if let Some(cgroup) = &self.spec.cgroup {
            let _ = Tree::new(Root::Lost { child: None }, "none", Some(cgroup)).remove_cgroup();
            drop(axiom_holder::cgroup::find(&self.spec.folder).map(|root| root.remove()));
        }
        if !std::thread::panicking() {
            assert_eq!(left, Ok(Vec::new()), "processes of the task are left");
        }
    }
}

pub(crate) fn await_child(child: &mut Child, hope: &str) -> Option<i32> {
    await_fd(pidfd(child.id()), PollFlags::IN, hope);
    child.wait().unwrap().code()
}

fn listen(home: &Path) -> OwnedFd {
    let folder = File::open(home).unwrap();
    let kind = SocketType::SEQPACKET;
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
    let address = SocketAddrUnix::new(socket_path(folder.as_fd(), "stage.sock")).unwrap();
    rustix::net::bind(&socket, &address).unwrap();
    rustix::net::listen(&socket, 16).unwrap();
    socket
}

fn start_holder(command: &mut Command, spec: &LaunchSpec) -> Child {
    let mut holder =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = holder.stdin.take().unwrap();
    stdin.write_all(&spec.encode().unwrap()).unwrap();
    // It closes its end when its sockets are there, or when it gives up.
    await_fd(&stdin, PollFlags::ERR, "the holder to be set up");
    holder
}

/// A worker, played by the test.
pub(crate) struct Worker {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) grant: Grant,
    pub(crate) granted: Granted,
    stage: Channel,
}

impl Worker {
    pub(crate) fn say(&self, packet: &ToHolder) {
        self.say_bytes(&packet.encode());
    }

    pub(crate) fn say_bytes(&self, packet: &[u8]) {
        self.stage.send(&[&[PASS], packet].concat(), &[]).unwrap();
    }

    pub(crate) fn hear(&self, hope: &str) -> ToWorker {
        await_fd(&self.stage, PollFlags::IN, hope);
        let mut buffer = vec![0; PACKET_BYTES_MAX + 1];
        let received = self.stage.recv(&mut buffer).unwrap();
        assert_ne!(received.len, 0, "the worker is gone; hoped for {hope}");
        ToWorker::decode(&buffer[1..received.len]).unwrap()
    }

    /// Asks the holder and waits for the answer.
    pub(crate) fn ask(&self, ask: Ask) -> Reply {
        self.say(&ToHolder::Ask { request: 7, ask: ask.clone() });
        let heard = self.hear(&format!("the answer to {ask:?}"));
        let ToWorker::Reply { request: 7, reply } = heard else { panic!("{heard:?} to {ask:?}") };
        reply
    }

    pub(crate) fn await_exit(&self) -> i32 {
        let heard = self.hear("the child's exit");
        let ToWorker::Exited { status } = heard else { panic!("{heard:?} in place of an exit") };
        status
    }

    /// Lets the worker exit, and waits for its death.
    pub(crate) fn exit(&self, code: u8) {
        self.stage.send(&[EXIT, code], &[]).unwrap();
        await_death(&self.pidfd, "the worker");
    }

    /// Lets the worker ask and ask, and read no answer.
    pub(crate) fn flood(&self) {
        self.stage.send(&[FLOOD], &[]).unwrap();
    }

    pub(crate) fn kill(&self) {
        signal(&self.pidfd, Signal::KILL);
        await_death(&self.pidfd, "the worker");
    }

    pub(crate) fn child_pid(&self) -> u32 {
        match self.grant.launched {
            Launched::Child { pid } => pid,
            failed => panic!("{failed:?}"),
        }
    }

    pub(crate) fn master(&self) -> BorrowedFd<'_> {
        match &self.granted.child.as_ref().unwrap().ends {
            Ends::Terminal { master } => master.as_fd(),
            Ends::Pipes { .. } => panic!("there is no terminal"),
        }
    }

    /// Standard input, output and error of a child on pipes.
    pub(crate) fn take_pipes(&mut self) -> (Option<OwnedFd>, OwnedFd, OwnedFd) {
        match self.granted.child.take().unwrap().ends {
            Ends::Terminal { .. } => panic!("there are no pipes"),
            Ends::Pipes { stdin, stdout, stderr } => (stdin, stdout, stderr),
        }
    }
}

/// A connection to the control socket.
pub(crate) struct Caller(Channel);

impl Caller {
    pub(crate) fn say_bytes(&self, packet: &[u8]) {
        self.0.send(packet, &[]).unwrap();
    }

    pub(crate) fn say(&self, packet: &Control) {
        self.say_bytes(&packet.encode());
    }

    /// Sends a packet without waiting for room; false if there is none or the holder has hung up.
    pub(crate) fn try_say(&self, packet: &Control) -> bool {
        self.0.set_nonblocking(true).unwrap();
        self.0.send(&packet.encode(), &[]).is_ok()
    }

    /// The next answer; None if the holder has hung up.
    pub(crate) fn hear(&self, hope: &str) -> Option<ControlReply> {
        await_fd(&self.0, PollFlags::IN, hope);
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        match self.0.recv(&mut buffer) {
            Ok(received) if received.len > 0 => {
                Some(ControlReply::decode(&buffer[..received.len]).unwrap())
            }
            Ok(_) | Err(_) => None,
        }
    }

    /// Asks one that may hang up instead.
    pub(crate) fn attempt(&self, packet: &Control) -> Option<ControlReply> {
        self.0.send(&packet.encode(), &[]).ok()?;
        self.hear("an answer, or the end")
    }

    pub(crate) fn ask(&self, packet: &Control) -> ControlReply {
        self.say(packet);
        self.hear(&format!("the answer to {packet:?}")).unwrap()
    }
}

/// Whether a test that needs it can change its user.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
