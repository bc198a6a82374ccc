//! From the holder's grant to a worker that is ready: takes the journal over, folds its last segment, says what came before.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use axiom_holder::channel::Channel;
use axiom_holder::wire::{self, Grant, Launched, PACKET_BYTES_MAX, ToHolder, ToWorker};
use axiom_journal::{JournalError, Reader, Recovered, SeekTo, Writer, frames};
use axiom_proto::frame::{FrameKind, Seq};
use axiom_proto::record::{Exit, Failure, Record, Stage};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Mode, SessionOptions, Size};
use axiom_session::{Input, Session, first_inputs, first_records};
use thiserror::Error;

use crate::asks::Asks;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::ends::Ends;
use crate::links::Links;
use crate::picture::{Picture, Subject};
use crate::recorder::{Parts, Recorder};
use crate::run::{Identity, Worker};
use crate::syncing::Syncer;

/// Journal bytes read at once while a session is taken over.
const FOLD_BYTES: usize = 1 << 20;

/// Why a worker could not begin, or go on.
#[derive(Debug, Error)]
pub(crate) enum WorkerError {
    #[error("read the holder's grant: {0}")]
    Grant(#[from] wire::WireError),
    #[error("the holder spoke before it granted anything, or is dead")]
    NoGrant,
    #[error("the grant's options are not understood: {0}; is the worker older than the server?")]
    Options(#[from] serde_json::Error),
    #[error("open the journal: {0}")]
    Journal(#[from] JournalError),
    #[error("{what}: {source}")]
    Io {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

impl WorkerError {
    pub(crate) fn io<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { what, source: source.into() }
    }
}

/// Takes the grant and everything that comes with it.
pub(crate) fn open() -> Result<Worker, WorkerError> {
    let channel = Channel::inherited().map_err(WorkerError::io("take the holder's channel"))?;
    let (grant, fds) = receive_grant(&channel)?;
    let granted = grant.take(fds)?;
    let options: SessionOptions = serde_json::from_slice(&grant.options)?;
    // Frames are written through the folder's descriptor: long paths work, and a moved home does no harm.
    let folder = PathBuf::from(format!("/proc/self/fd/{}", granted.folder.as_raw_fd()));
    let clock = Clock::new(grant.started_mono_ns);
    let (writer, recovered) = Writer::open(&folder, options.session, grant.started_unix_us)?;
    let summary = match &recovered {
        Some(recovered) => fold(&folder, recovered)?,
        None => Summary::default(),
    };
    let writer_now = axiom_session::Writer {
        epoch: grant.epoch,
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        orderly: grant.orderly,
    };
    let exit = grant.exit.map(Exit::of_wait_status);
    let records = first_records(&summary, writer_now);
    let inputs = first_inputs(&summary, how_launched(&grant), exit);
    let links = Links::new(granted.link, folder.clone())
        .map_err(WorkerError::io("take the link's listener"))?;
    let child_lives = matches!(grant.launched, Launched::Child { .. }) && grant.exit.is_none();
    let (pidfd, ends) = match granted.child {
        Some(child) => {
            let ends = Ends::new(child.ends, child_lives && summary.exit.is_none())
                .map_err(WorkerError::io("take the child's ends"))?;
            (Some(child.pidfd), ends)
        }
        None => (None, Ends::None),
    };
    let picture = picture(&grant, &summary, folder, clock);
    let identity = identity(&grant, &options);
    let disk = Disk::new(granted.folder, options.disk_min_free_bytes);
    let mut recorder = Recorder::new(Parts {
        writer,
        session: Session::new(options.clone(), summary),
        syncer: Syncer::start().map_err(WorkerError::io("start the syncing thread"))?,
        disk,
        clock,
        links,
        picture,
    });
    records.iter().for_each(|record| recorder.record(record));
    let child = match grant.launched {
        Launched::Child { pid } => pid,
        Launched::Failed { .. } => 0,
    };
    let asks = Asks::new(channel, child, grant.task.clone(), grant.cgroup.clone())
        .map_err(WorkerError::io("make the bell"))?;
    let mut worker = Worker::new(recorder, asks, ends, pidfd, identity);
    inputs.into_iter().for_each(|input| worker.handle(input));
    let ready = ToHolder::Ready.encode();
    if worker.asks.holder().is_some_and(|holder| holder.send(&ready, &[]).is_err()) {
        worker.lose_holder();
    }
    Ok(worker)
}

/// A task on a terminal has a picture while its child may look at it: after that nobody is answered.
fn picture(grant: &Grant, summary: &Summary, folder: PathBuf, clock: Clock) -> Picture {
    let lives = grant.exit.is_none() && summary.exit.is_none() && !summary.closed;
    match grant.mode {
        wire::Mode::Terminal { .. } if lives => {
            Picture::Blank(Subject { folder, clock, answered: summary.answered })
        }
        wire::Mode::Terminal { .. } | wire::Mode::Pipes => Picture::Off,
    }
}

fn receive_grant(channel: &Channel) -> Result<(Grant, Vec<OwnedFd>), WorkerError> {
    let mut packet = vec![0; PACKET_BYTES_MAX];
    let received =
        channel.recv(&mut packet).map_err(WorkerError::io("receive the holder's grant"))?;
    if received.len == 0 {
        return Err(WorkerError::NoGrant);
    }
    match ToWorker::decode(&packet[..received.len])? {
        ToWorker::Grant(grant) => Ok((grant, received.fds)),
        ToWorker::Exited { .. } | ToWorker::Reply { .. } | ToWorker::Retire => {
            Err(WorkerError::NoGrant)
        }
    }
}

fn identity(grant: &Grant, options: &SessionOptions) -> Identity {
    Identity {
        session: options.session,
        epoch: grant.epoch,
        holder_pid: grant.holder_pid,
        started_unix_us: grant.started_unix_us,
    }
}

/// Everything that the journal says, from its last segment: a segment begins with a summary.
fn fold(folder: &Path, recovered: &Recovered) -> Result<Summary, WorkerError> {
    let until = recovered.head.seq;
    if let Some(summary) = fold_from(folder, recovered.last_segment_first_seq, until)? {
        return Ok(summary);
    }
    // The last segment was begun, and its worker was killed before it wrote the summary.
    let headers = axiom_journal::headers(folder)?;
    let starts = headers.iter().rev().map(|header| header.first_seq);
    for first in starts.filter(|first| *first > Seq(0)) {
        if let Some(summary) = fold_from(folder, first, until)? {
            return Ok(summary);
        }
    }
    Ok(fold_from(folder, Seq(0), until)?.unwrap_or_default())
}

fn fold_from(folder: &Path, from: Seq, until: Seq) -> Result<Option<Summary>, WorkerError> {
    let mut summary = Summary::default();
    let mut reader = Reader::open(folder)?;
    // The beginning is wherever what is kept begins.
    if from > Seq(0) {
        reader.seek(SeekTo::Seq(from))?;
    }
    loop {
        let batch = reader.read(FOLD_BYTES, Some(until))?;
        if batch.is_empty() {
            return Ok((summary.next_seq == until).then_some(summary));
        }
        for frame in frames(&batch) {
            let first = frame.header.seq == from;
            if first && from != Seq(0) && !is_summary(frame.header.kind, frame.payload) {
                return Ok(None);
            }
            summary.fold(&frame);
        }
    }
}

fn is_summary(kind: FrameKind, payload: &[u8]) -> bool {
    kind == FrameKind::Record && matches!(Record::decode(payload), Record::Summary(_))
}

fn how_launched(grant: &Grant) -> Input {
    match grant.launched {
        Launched::Child { pid } => started_as(pid, grant.mode),
        Launched::Failed { stage, errno } => Input::StartFailed(failure(stage, errno)),
    }
}

fn started_as(pid: u32, mode: wire::Mode) -> Input {
    match mode {
        wire::Mode::Terminal { cols, rows } => {
            Input::Started { pid, mode: Mode::Terminal, size: Some(Size { cols, rows }) }
        }
        wire::Mode::Pipes => Input::Started { pid, mode: Mode::Pipes, size: None },
    }
}

/// What people and `run` are told of a command that did not start.
fn failure(stage: wire::Stage, errno: i32) -> Failure {
    let why = io::Error::from_raw_os_error(errno);
    let not_found = why.kind() == io::ErrorKind::NotFound;
    let (stage, message, exit_code) = match stage {
        wire::Stage::Pty => (Stage::Pty, format!("no terminal could be had: {why}"), 126),
        wire::Stage::Cwd => (Stage::Cwd, format!("working directory: {why}"), 126),
        wire::Stage::Cgroup => (Stage::Cgroup, format!("cgroup: {why}"), 125),
        wire::Stage::Fork => (Stage::Fork, format!("no process could be made: {why}"), 125),
        wire::Stage::Exec if not_found => (Stage::Exec, "command not found".to_owned(), 127),
        wire::Stage::Exec => (Stage::Exec, format!("command not executable: {why}"), 126),
    };
    Failure { stage, errno, message, exit_code }
}
