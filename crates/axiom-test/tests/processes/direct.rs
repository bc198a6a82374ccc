//! A session without a server: the test launches the holder and is the link's other end.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use axiom_holder::channel::{Channel, HOLDER_SOCKET, LINK_SOCKET};
use axiom_holder::wire::{Control as HolderControl, ControlReply, LaunchSpec, Mode, Priority};
use axiom_journal::{Reader, SeekTo};
use axiom_proto::command::{Action, Command};
use axiom_proto::frame::{Frame, FrameKind, Header, Seq};
use axiom_proto::id::{CommandId, SessionId, TaskId};
use axiom_proto::link::{self, Control, Hello, Message, PROTOCOL, Resume, Splitter};
use axiom_proto::record::{Outcome, Record};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Leftovers, Limits, SessionOptions};

use sha2::{Digest, Sha256};

use crate::lab::{EVENT_WAIT, Lab, binary, kill};

/// A frame as it came over the link.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
}

/// How a session is to be started.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) leftovers: Leftovers,
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) min_free: u64,
}

impl Setup {
    pub(crate) fn shell(line: &str) -> Self {
        Self::command(&["/bin/sh", "-c", line])
    }

    pub(crate) fn command(args: &[&str]) -> Self {
        Self {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            mode: Mode::Terminal { cols: 80, rows: 24 },
            // A test that is killed leaves its session behind: it must end by itself.
            limits: Limits {
                timeout_ms: Some(300_000),
                output_bytes_max: Some(4 << 30),
                tasks_max: None,
            },
            leftovers: Leftovers::Keep,
            cgroup: None,
            min_free: 0,
        }
    }

    pub(crate) fn on_pipes(self) -> Self {
        Self { mode: Mode::Pipes, ..self }
    }
}

/// A session whose server is this test.
#[derive(Debug)]
pub(crate) struct Direct {
    pub(crate) folder: PathBuf,
    pub(crate) holder: Child,
    pub(crate) link: Option<DirectLink>,
    pub(crate) frames: Vec<Seen>,
    pub(crate) summary: Summary,
    /// What the worker said besides frames.
    pub(crate) said: Vec<Control>,
    ids: u8,
}

/// A dialled link.
#[derive(Debug)]
pub(crate) struct DirectLink {
    stream: UnixStream,
    splitter: Splitter,
    pub(crate) hello: Hello,
}

impl Direct {
    /// Launches a holder with this session, and links.
    pub(crate) fn start(lab: &Lab, setup: &Setup) -> Self {
        let mut direct = Self::launch(lab, setup);
        direct.relink();
        direct
    }

    /// Launches a holder; nobody links.
    pub(crate) fn launch(lab: &Lab, setup: &Setup) -> Self {
        let folder = lab.home().join("session");
        fs::create_dir_all(&folder).unwrap();
        let spec = spec(lab, setup, &folder);
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
        let mut holder = Process::new(binary("axiom-holder"))
            .env("AXIOM_HOME", lab.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let mut stdin = holder.stdin.take().unwrap();
        stdin.write_all(&spec.encode().unwrap()).unwrap();
        wait_until_let_go(&stdin);
        let (link, frames, said) = (None, Vec::new(), Vec::new());
        Self { folder, holder, link, frames, summary: Summary::default(), said, ids: 0 }
    }

    /// Dials the link, and asks for what has not been seen. Waits for a worker. A session that is over is read
    /// from its journal, as a server does.
    pub(crate) fn relink(&mut self) {
        let socket = self.folder.join(LINK_SOCKET);
        let deadline = Instant::now() + EVENT_WAIT;
        loop {
            // A dial waits in the backlog for the next worker. One that a dying worker has taken up is hung up on.
            let dialled = UnixStream::connect(&socket);
            let refused = dialled.is_err();
            self.link = dialled.ok().and_then(|stream| DirectLink::greet(stream, self.next_seq()));
            if self.link.is_some() {
                return;
            }
            // While the holder lives there is a next worker; without it, a refusal is final.
            let holder_is_gone = self.holder.try_wait().unwrap().is_some();
            if refused && holder_is_gone || Instant::now() > deadline {
                break;
            }
        }
        // Nobody listens: the session is over, or nobody is left to end it.
        self.read_journal();
    }

    /// Sees what the journal has beyond what was seen.
    pub(crate) fn read_journal(&mut self) {
        let mut reader = Reader::open(&self.folder).unwrap();
        reader.seek(SeekTo::Seq(self.next_seq())).unwrap();
        loop {
            let batch = reader.read(1 << 20, None).unwrap();
            if batch.is_empty() {
                return;
            }
            for frame in axiom_journal::frames(&batch) {
                self.see(frame.header, &frame.to_vec());
            }
        }
    }

    pub(crate) fn next_seq(&self) -> Seq {
        self.frames.last().map_or(Seq(0), |frame| frame.header.seq.next())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    pub(crate) fn hello(&self) -> &Hello {
        &self.link.as_ref().expect("linked").hello
    }

    /// Takes frames until one of them is what is waited for. Links again when a worker dies.
    pub(crate) fn wait_for(&mut self, what: &str, until: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + EVENT_WAIT;
        while !until(self) {
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}; status {:?}, {} frames, output ends {:?}, log: {}",
                self.summary.status,
                self.frames.len(),
                tail(&self.output()),
                self.log()
            );
            if !self.take(deadline) {
                self.relink();
                let over = self.link.is_none() && !until(self);
                assert!(
                    !over,
                    "no worker is left, and still no {what}; holder {:?}, status {:?}, log: {}",
                    self.holder.try_wait(),
                    self.summary.changes.last(),
                    self.log()
                );
            }
        }
    }

    /// Takes what came. False when the link is over.
    fn take(&mut self, deadline: Instant) -> bool {
        let Some(link) = &mut self.link else { return false };
        let left = deadline.saturating_duration_since(Instant::now());
        link.stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
        let mut buffer = vec![0; 64 * 1024];
        match link.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(len) => link.splitter.buffer().extend_from_slice(&buffer[..len]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return false,
            Err(_) => return true,
        }
        let mut messages = Vec::new();
        while let Some(message) = link.splitter.message().unwrap() {
            messages.push(message);
        }
        for message in messages {
            match message {
                Message::Frame(header, bytes) => self.see(header, &bytes),
                Message::Control(control, _) => self.said.push(control),
            }
        }
        true
    }

    fn see(&mut self, header: Header, bytes: &[u8]) {
        assert_eq!(header.seq, self.next_seq(), "the next frame must come next");
        let frame = Frame::decode(bytes).unwrap();
        assert_eq!(frame.header.offset, self.summary.offset, "offsets are contiguous");
        self.summary.fold(&frame);
        self.frames.push(Seen { header, payload: frame.payload.to_vec() });
    }

    /// Output bytes so far.
    pub(crate) fn output(&self) -> Vec<u8> {
        self.bytes_of(|kind| kind.is_output())
    }

    pub(crate) fn bytes_of(&self, wanted: impl Fn(FrameKind) -> bool) -> Vec<u8> {
        let wanted = self.frames.iter().filter(|frame| wanted(frame.header.kind));
        wanted.flat_map(|frame| frame.payload.iter().copied()).collect()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let records = self.frames.iter().filter(|frame| frame.header.kind == FrameKind::Record);
        records.map(|frame| Record::decode(&frame.payload)).collect()
    }

    pub(crate) fn wait_for_output(&mut self, text: &str) {
        self.wait_for(&format!("output {text:?}"), |direct| {
            String::from_utf8_lossy(&direct.output()).contains(text)
        });
    }

    pub(crate) fn wait_for_record(&mut self, what: &str, is: impl Fn(&Record) -> bool) -> Record {
        self.wait_for(what, |direct| direct.records().iter().any(&is));
        self.records().into_iter().rev().find(is).unwrap()
    }

    /// Waits until the session is over and its holder is gone.
    pub(crate) fn wait_for_end(&mut self) {
        self.wait_for("the journal's closing", |direct| direct.summary.closed);
        assert!(self.holder.wait().unwrap().success(), "the holder's exit; log: {}", self.log());
    }

    /// Sends a command; its id.
    pub(crate) fn send(&mut self, action: Action, bytes: &[u8]) -> CommandId {
        self.ids += 1;
        let id = CommandId::from_random([self.ids; 10]);
        let (author, cause, request_id) = ("test".to_owned(), String::new(), String::new());
        let command = Control::Command(Command { id, author, cause, request_id, action });
        let message = link::encode(&command, bytes);
        let link = self.link.as_mut().expect("linked");
        if link.stream.write_all(&message).is_err() {
            // This worker has left; the next one takes the command, and knows by its id if it was taken before.
            self.relink();
            let link = self.link.as_mut().expect("the next worker greets");
            link.stream.write_all(&message).unwrap();
        }
        id
    }

    /// Sends a command and waits for its outcome.
    pub(crate) fn command(&mut self, action: Action, bytes: &[u8]) -> Outcome {
        let what = format!("the outcome of {action:?}");
        let id = self.send(action, bytes);
        self.outcome(id, &what)
    }

    pub(crate) fn outcome(&mut self, id: CommandId, what: &str) -> Outcome {
        let found = self.wait_for_record(
            what,
            |record| matches!(record, Record::Outcome(outcome) if outcome.id == id),
        );
        let Record::Outcome(outcome) = found else { unreachable!("matched above") };
        outcome
    }

    pub(crate) fn type_text(&mut self, text: &str) -> Outcome {
        self.command(Action::Type, text.as_bytes())
    }

    /// Asks the holder for an orderly change of workers.
    pub(crate) fn replace_worker(&self) {
        let reply = self.ask_holder(&HolderControl::Replace);
        assert!(matches!(reply, Some(ControlReply::Replaced { .. })), "{reply:?}");
    }

    /// None if the holder leaves instead of answering.
    pub(crate) fn ask_holder(&self, control: &HolderControl) -> Option<ControlReply> {
        let folder = fs::File::open(&self.folder).unwrap();
        let channel = Channel::connect(folder.as_fd(), HOLDER_SOCKET).ok()?;
        channel.send(&control.encode(), &[]).ok()?;
        let mut packet = vec![0; axiom_holder::wire::PACKET_BYTES_MAX];
        let received = channel.recv(&mut packet).ok().filter(|received| received.len > 0)?;
        Some(ControlReply::decode(&packet[..received.len]).unwrap())
    }

    /// Kills the worker that greeted last.
    pub(crate) fn kill_worker(&self) -> u32 {
        let pid = self.hello().worker_pid;
        kill(pid, libc::SIGKILL);
        pid
    }

    pub(crate) fn child_pid(&mut self) -> u32 {
        self.wait_for("the child's start", |direct| direct.summary.started.is_some());
        self.summary.pid.expect("it runs")
    }
}

impl DirectLink {
    /// None if the worker hangs up before it has said hello.
    fn greet(mut stream: UnixStream, from: Seq) -> Option<Self> {
        let mut splitter = Splitter::default();
        stream.set_read_timeout(Some(EVENT_WAIT)).unwrap();
        let hello = loop {
            if let Some(message) = splitter.message().unwrap() {
                match message {
                    Message::Control(Control::Hello(hello), _) => break *hello,
                    other @ (Message::Control(..) | Message::Frame(..)) => {
                        panic!("waited for a hello, got {other:?}")
                    }
                }
            }
            let mut buffer = vec![0; 64 * 1024];
            match stream.read(&mut buffer) {
                Ok(len) if len > 0 => splitter.buffer().extend_from_slice(&buffer[..len]),
                Ok(_) | Err(_) => return None,
            }
        };
        let resume = Control::Resume(Resume { protocol: PROTOCOL, from });
        stream.write_all(&link::encode(&resume, b"")).ok()?;
        Some(Self { stream, splitter, hello })
    }
}

/// The holder lets go of its standard input once its sockets listen.
fn wait_until_let_go(stdin: &std::process::ChildStdin) {
    let timeout =
        rustix::event::Timespec { tv_sec: EVENT_WAIT.as_secs().cast_signed(), tv_nsec: 0 };
    let mut fds = [rustix::event::PollFd::new(stdin, rustix::event::PollFlags::ERR)];
    let ready = rustix::event::poll(&mut fds, Some(&timeout)).unwrap();
    assert_eq!(ready, 1, "waited in vain for the holder's sockets");
}

fn tail(bytes: &[u8]) -> String {
    let from = bytes.len().saturating_sub(200);
    String::from_utf8_lossy(&bytes[from..]).into_owned()
}

fn spec(lab: &Lab, setup: &Setup, folder: &Path) -> LaunchSpec {
    // One of its own for each test: a tree without a holder is found by the task's id in its environment.
    let hash = Sha256::digest(lab.home().as_os_str().as_encoded_bytes());
    let task = TaskId::from_random(*hash.first_chunk().unwrap());
    let options = SessionOptions {
        session: SessionId { task, number: 1 },
        limits: setup.limits,
        leftovers: setup.leftovers,
        disk_min_free_bytes: setup.min_free,
    };
    let mut env = vec![
        format!("AXIOM_HOME={}", lab.home().display()),
        format!("AXIOM_TASK={task}"),
        format!("PATH={}", std::env::var("PATH").unwrap()),
        "TERM=xterm-256color".to_owned(),
    ];
    env.extend(setup.env.clone());
    LaunchSpec {
        task: task.to_string(),
        folder: folder.to_owned(),
        worker: binary("axiom-worker"),
        args: setup.args.iter().map(|arg| arg.clone().into_bytes()).collect(),
        env: env.into_iter().map(String::into_bytes).collect(),
        cwd: setup.cwd.clone(),
        mode: setup.mode,
        umask: 0o022,
        cgroup: setup.cgroup.clone(),
        priority: Priority::Same,
        options: serde_json::to_vec(&options).unwrap(),
    }
}
