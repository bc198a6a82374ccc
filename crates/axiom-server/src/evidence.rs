//! What a session's folder says about who lives: the holder's lock, the writer's lock, the journal.
//! Asked only when the link socket refuses. Takes the locks for a moment and lets go; changes nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use axiom_journal::{JournalError, LockError, WriterLock};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::kill_process;
use thiserror::Error;

use crate::history::{self, Folded};

/// The file that a holder locks for life, and writes before it starts anything.
const HOLDER_FILE: &str = "holder";

/// The longest holder note that is read.
const NOTE_BYTES_MAX: u64 = 4096;

/// Who lives.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// A holder or a worker: dial again.
    Alive,
    /// Nobody, and nobody ever did: the session was never started.
    NotStarted,
    /// Nobody, and the journal says that nothing more will come.
    Closed(Box<Folded>),
    /// Nobody, and the journal is open: it must be closed.
    Dead,
}

/// Why the folder says nothing.
#[derive(Debug, Error)]
pub(crate) enum EvidenceError {
    #[error("failed to look at the session's folder: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The holder's lock, held by us: no holder can start while this lives.
#[derive(Debug)]
pub(crate) struct HolderLock {
    file: File,
}

impl HolderLock {
    /// Takes it; `None` while a holder lives.
    pub(crate) fn take(folder: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join(HOLDER_FILE))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// When the holder started, if one ever did.
    pub(crate) fn started_unix_us(&self) -> io::Result<Option<u64>> {
        let mut text = String::new();
        io::Read::read_to_string(&mut io::Read::take(&self.file, NOTE_BYTES_MAX), &mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        let line = text.lines().find_map(|line| line.strip_prefix("started_unix_us "));
        // A holder that wrote less than that has started nothing yet, but nobody can tell: it counts as started.
        Ok(Some(line.and_then(|number| number.parse().ok()).unwrap_or(0)))
    }
}

/// Looks at a session's folder.
///
/// # Errors
/// The folder or the journal cannot be read. A damaged journal is no error here: whoever closes it cuts the damage.
pub(crate) fn look(folder: &Path) -> Result<Evidence, EvidenceError> {
    if !fs::exists(folder)? {
        return Ok(Evidence::NotStarted);
    }
    let Some(lock) = HolderLock::take(folder)? else { return Ok(Evidence::Alive) };
    match WriterLock::take(folder) {
        Ok(writer) => drop(writer),
        Err(LockError::Held { .. }) => return Ok(Evidence::Alive),
        Err(LockError::Io { source, .. }) => return Err(source.into()),
    }
    match history::fold(folder) {
        Ok(folded) if folded.summary.closed => Ok(Evidence::Closed(Box::new(folded))),
        Ok(_) | Err(JournalError::Damaged { .. }) => Ok(Evidence::Dead),
        Err(JournalError::Missing { .. }) => match lock.started_unix_us()? {
            Some(_) => Ok(Evidence::Dead),
            None => Ok(Evidence::NotStarted),
        },
        Err(error) => Err(error.into()),
    }
}

/// The process that a session's holder says it is.
pub(crate) fn holder_pid(folder: &Path) -> Option<u32> {
    let mut text = String::new();
    let note = File::open(folder.join(HOLDER_FILE)).ok()?;
    io::Read::read_to_string(&mut io::Read::take(note, NOTE_BYTES_MAX), &mut text).ok()?;
    text.lines().find_map(|line| line.strip_prefix("pid "))?.parse().ok()
}

/// Continues a holder that somebody has stopped; false if it was not stopped, or is no holder any more.
pub(crate) fn continue_stopped_holder(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let Some((name, rest)) = stat.rsplit_once(')') else { return false };
    let is_stopped_holder = name.contains("(axiom-holder") && rest.trim_start().starts_with('T');
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    is_stopped_holder
        && pid.is_some_and(|pid| kill_process(pid, rustix::process::Signal::CONT).is_ok())
}

#[cfg(test)]
mod tests {
    use axiom_journal::Writer;
    use axiom_proto::frame::{FrameKind, Micros};
    use axiom_proto::id::{SessionId, TaskId};
    use axiom_proto::record::{Closing, Record};

    use super::*;

    #[test]
    fn a_session_is_not_started_then_alive_then_dead_then_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(matches!(look(&path.join("absent")).unwrap(), Evidence::NotStarted));
        assert!(matches!(look(path).unwrap(), Evidence::NotStarted));
        let holder = HolderLock::take(path).unwrap().unwrap();
        assert!(matches!(look(path).unwrap(), Evidence::Alive));
        fs::write(path.join(HOLDER_FILE), "axiom-holder 1\npid 1\nstarted_unix_us 55\n").unwrap();
        drop(holder);
        assert!(matches!(look(path).unwrap(), Evidence::Dead));
        let holder = HolderLock::take(path).unwrap().unwrap();
        assert_eq!(holder.started_unix_us().unwrap(), Some(55));
        drop(holder);
        let session = SessionId { task: TaskId::from_random([0; 10]), number: 1 };
        let mut writer = Writer::create(path, session, 55).unwrap();
        assert!(matches!(look(path).unwrap(), Evidence::Alive));
        let record = Record::Closed { reason: Closing::Ended }.encode();
        drop(writer);
        assert!(matches!(look(path).unwrap(), Evidence::Dead));
        writer = Writer::recover(path).unwrap().0;
        writer.append(FrameKind::Record, Micros(0), &record).unwrap();
        drop(writer);
        assert!(matches!(look(path).unwrap(), Evidence::Closed(_)));
    }
}
