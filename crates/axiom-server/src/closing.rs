//! Closes the journal of a session that nobody serves any more: holder and worker are dead, or never lived.
//! Works under the holder's and the writer's lock, with the next epoch, by the same recovery code as a worker.
//! Refuses to touch a session in which anybody lives.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use axiom_holder::read_exit_file;
use axiom_holder::tree::{Root, Tree};
use axiom_journal::{AppendError, JournalError, LockError, Writer};
use axiom_proto::frame::Frame;
use axiom_proto::frame::{FrameKind, Header, Micros};
use axiom_proto::id::SessionId;
use axiom_proto::record::{After, Closing, Exit, Failure, OutputEnd, Record, WriterRole};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Leftovers, Mode};
use thiserror::Error;

use crate::child;
use crate::clock::now_us;
use crate::evidence::HolderLock;
use crate::history::{self, Folded};
use crate::home::{self, HomeError};

/// What a dead holder and worker leave unread at most. Of a terminal: the worker's last read and the kernel's two
/// buffers between child and reader, 8 KiB and 4 KiB. Of pipes: that read and two pipes of the kernel's usual size.
const TERMINAL_BYTES_LOST_MAX: u64 = 16 * 1024;
const PIPE_BYTES_LOST_MAX: u64 = 2 * 64 * 1024 + 4 * 1024;

/// Sockets that the dead leave behind.
const SOCKETS: [&str; 2] =
    [axiom_holder::channel::LINK_SOCKET, axiom_holder::channel::HOLDER_SOCKET];

/// Why a journal was not closed.
#[derive(Debug, Error)]
pub(crate) enum CloseError {
    /// Somebody lives after all: dial again.
    #[error("the session is served")]
    Alive,
    #[error("failed to look at the session's folder: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Folder(#[from] HomeError),
    #[error(transparent)]
    Journal(JournalError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl From<JournalError> for CloseError {
    fn from(error: JournalError) -> Self {
        if matches!(error, JournalError::Lock(LockError::Held { .. })) {
            return Self::Alive;
        }
        Self::Journal(error)
    }
}

/// The session to close.
#[derive(Debug)]
pub(crate) struct Unserved {
    pub(crate) id: SessionId,
    pub(crate) folder: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) leftovers: Leftovers,
    /// Its cgroup, if sessions have one.
    pub(crate) cgroup: Option<PathBuf>,
}

/// A journal that we write for once.
struct Pen {
    writer: Writer,
    summary: Summary,
    started_unix_us: u64,
}

impl Pen {
    fn write(&mut self, record: &Record) -> Result<(), AppendError> {
        let payload = record.encode();
        let time = Micros(now_us().saturating_sub(self.started_unix_us));
        let header: Header = self.writer.append(FrameKind::Record, time, &payload)?;
        self.summary.fold(&Frame { header, payload: &payload });
        Ok(())
    }

    fn folded(&self) -> Folded {
        Folded { summary: self.summary.clone(), started_unix_us: self.started_unix_us }
    }
}

/// Closes the journal of a session whose holder and worker are dead. `publish` is called as soon as the journal says what
/// became of it, and again when it is closed.
pub(crate) fn close_lost(session: &Unserved, publish: &dyn Fn(Folded)) -> Result<(), CloseError> {
    let holder = HolderLock::take(&session.folder)?.ok_or(CloseError::Alive)?;
    let started_unix_us = holder.started_unix_us()?.filter(|us| *us > 0).unwrap_or_else(now_us);
    let mut pen = take_pen(session, started_unix_us)?;
    if !pen.summary.closed {
        // Before the journal says that nothing is known of it.
        let child = living_child(&pen);
        open(&mut pen)?;
        write_fate(&mut pen, session)?;
        publish(pen.folded());
        empty_tree(&mut pen, session, child)?;
        write_end(&mut pen)?;
    }
    clear_away(&session.folder)?;
    publish(pen.folded());
    Ok(())
}

/// Writes the whole journal of a session that could not be started.
pub(crate) fn close_unstarted(
    session: &Unserved,
    failure: &Failure,
    publish: &dyn Fn(Folded),
) -> Result<(), CloseError> {
    home::make(&session.folder)?;
    let _holder = HolderLock::take(&session.folder)?.ok_or(CloseError::Alive)?;
    let mut pen = take_pen(session, now_us())?;
    if !pen.summary.closed {
        open(&mut pen)?;
        pen.write(&Record::StartFailed(failure.clone()))?;
        pen.write(&Record::Closed { reason: Closing::Ended })?;
        pen.writer.sync()?;
    }
    publish(pen.folded());
    Ok(())
}

fn take_pen(session: &Unserved, started_unix_us: u64) -> Result<Pen, CloseError> {
    let (writer, recovered) = Writer::open(&session.folder, session.id, started_unix_us)?;
    let folded = match recovered {
        Some(_) => history::fold(&session.folder)?,
        None => Folded { summary: Summary::default(), started_unix_us },
    };
    let Folded { summary, started_unix_us } = folded;
    Ok(Pen { writer, summary, started_unix_us })
}

fn open(pen: &mut Pen) -> Result<(), AppendError> {
    let after = if pen.summary.epoch == 0 { After::Start } else { After::Crash };
    pen.write(&Record::Opened {
        epoch: pen.summary.epoch + 1,
        role: WriterRole::Server,
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        after,
    })
}

/// What may be missing, what became of open commands, and how the session ended: by the exit file if the holder lived to
/// write one, else it is lost.
fn write_fate(pen: &mut Pen, session: &Unserved) -> Result<(), CloseError> {
    if pen.summary.output_end.is_none() && pen.summary.failure.is_none() {
        let bytes_max = match session.mode {
            Mode::Terminal => TERMINAL_BYTES_LOST_MAX,
            Mode::Pipes => PIPE_BYTES_LOST_MAX,
        };
        pen.write(&Record::Gap { bytes_max, certain: false })?;
    }
    for id in pen.summary.open.clone() {
        pen.write(&Record::Outcome(axiom_proto::record::Outcome::unknown(id)))?;
    }
    if pen.summary.exit.is_some() || pen.summary.failure.is_some() {
        return Ok(());
    }
    match read_exit_file(&session.folder) {
        Ok(Some(note)) => {
            let exit = Exit::of_wait_status(note.status);
            pen.write(&Record::Exited { exit })?;
        }
        // A broken exit file says as little as none.
        Ok(None) | Err(_) => {
            let reason = "holder and worker died; nothing is known of the child".to_owned();
            pen.write(&Record::Lost { reason })?;
        }
    }
    Ok(())
}

/// The child, if it lives and can only be the one that the journal names.
fn living_child(pen: &Pen) -> Option<u32> {
    let started = pen.started_unix_us.saturating_add(pen.summary.started?.0);
    pen.summary.pid.filter(|pid| child::is_the_one(*pid, started))
}

/// Kills what is left of the tree, unless the child ended by itself and its left-over processes are to be kept.
fn empty_tree(pen: &mut Pen, session: &Unserved, child: Option<u32>) -> Result<(), CloseError> {
    let summary = &pen.summary;
    let ended_by_itself =
        (summary.exit.is_some() || summary.failure.is_some()) && !summary.stop_asked;
    if summary.tree_emptied || (ended_by_itself && session.leftovers == Leftovers::Keep) {
        return Ok(());
    }
    let tree = Tree::new(Root::Lost { child }, session.id.task.as_str(), session.cgroup.as_deref());
    let left = tree.kill(&mut || {}).map_err(io::Error::from)?;
    if !left.is_empty() {
        // Not emptied: the journal must not say so. They are deep in the kernel, or another user's.
        tracing::error!(
            task = session.id.task.short(),
            left = left.len(),
            "processes of a lost task would not die"
        );
        return Ok(());
    }
    if let Err(errno) = tree.remove_cgroup() {
        tracing::warn!(task = session.id.task.short(), %errno, "a lost task's cgroup stays");
    }
    pen.write(&Record::TreeEmptied)?;
    Ok(())
}

fn write_end(pen: &mut Pen) -> Result<(), CloseError> {
    if pen.summary.output_end.is_none() && pen.summary.failure.is_none() {
        pen.write(&Record::OutputEnded { reason: OutputEnd::Lost, held_by: Vec::new() })?;
    }
    pen.write(&Record::Closed { reason: Closing::Ended })?;
    pen.writer.sync()?;
    Ok(())
}

pub(crate) fn clear_away(folder: &Path) -> io::Result<()> {
    for name in SOCKETS {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
