//! `task.json`, the truth about what was asked, and `cancelled`, the mark of a task that was stopped before it started.
//! Both are written whole and renamed, before anything is done. Owner of their formats; refuses newer ones.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use axiom_proto::id::TaskId;
use axiom_proto::task::{TASK_RECORD_FORMAT, TaskRecord};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::home::Home;
use crate::instance::write_renamed;

/// The record's name in a task's folder.
const RECORD_FILE: &str = "task.json";

/// What a killed server may leave while it writes one.
const RECORD_FILE_NEW: &str = "task.json.new";

/// The mark's name.
const CANCELLED_FILE: &str = "cancelled";

/// The largest record: the largest request, and room for its JSON to be written in other ways.
const RECORD_BYTES_MAX: u64 = 4 * axiom_proto::api::BODY_BYTES_MAX as u64;

/// Why a record cannot be had.
#[derive(Debug, Error)]
pub(crate) enum RecordError {
    #[error("failed to {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is not understood: {source}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error(
        "{} has format {found}, this axiom reads {TASK_RECORD_FORMAT}: use a newer axiom",
        path.display()
    )]
    Newer { path: PathBuf, found: u16 },
    #[error("{} is of task {found}: move it back, or remove its folder", path.display())]
    OtherTask { path: PathBuf, found: TaskId },
    /// A server died before it had written the record; nobody was told of this task.
    #[error("{} holds no record", folder.display())]
    HalfMade { folder: PathBuf },
}

/// A task that was stopped before it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancelled {
    pub(crate) at_ms: u64,
    pub(crate) cause: String,
}

fn refused(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    let path = path.to_owned();
    move |source| RecordError::Io { action, path, source }
}

/// Writes a new task's record. On an error nothing of the task stays behind.
pub(crate) fn write(home: &Home, record: &TaskRecord) -> Result<(), RecordError> {
    let folder = home.task(record.id);
    DirBuilder::new().mode(0o700).create(&folder).map_err(refused("make", &folder))?;
    let json = serde_json::to_vec(record).expect("a record is always JSON");
    let path = folder.join(RECORD_FILE);
    write_renamed(&path, &json).map_err(|source| {
        // Without a record it is no task; what cannot be removed is removed by the next server.
        let _tried: io::Result<()> = fs::remove_dir_all(&folder);
        refused("write", &path)(source)
    })
}

/// Reads a task's record, its environment included.
pub(crate) fn read(home: &Home, id: TaskId) -> Result<TaskRecord, RecordError> {
    let folder = home.task(id);
    let path = folder.join(RECORD_FILE);
    let bytes = match read_bounded(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_half_made(&folder) => {
            return Err(RecordError::HalfMade { folder });
        }
        Err(error) => return Err(refused("read", &path)(error)),
    };
    #[derive(Deserialize)]
    struct Format {
        format: u16,
    }
    let json = |source| RecordError::Json { path: path.clone(), source };
    let Format { format: found } = serde_json::from_slice(&bytes).map_err(json)?;
    if found > TASK_RECORD_FORMAT {
        return Err(RecordError::Newer { path, found });
    }
    let record: TaskRecord = serde_json::from_slice(&bytes).map_err(json)?;
    if record.id != id {
        return Err(RecordError::OtherTask { path, found: record.id });
    }
    Ok(record)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > RECORD_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read(path)
}

/// True if a folder holds nothing, or no more than a record that was not finished.
fn is_half_made(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == RECORD_FILE_NEW))
    })
}

/// Marks a task as stopped before it started.
pub(crate) fn cancel(home: &Home, id: TaskId, cancelled: &Cancelled) -> Result<(), RecordError> {
    let path = home.task(id).join(CANCELLED_FILE);
    let json = serde_json::to_vec(cancelled).expect("a mark is always JSON");
    write_renamed(&path, &json).map_err(refused("write", &path))
}

/// The mark, if there is one.
pub(crate) fn read_cancelled(home: &Home, id: TaskId) -> Result<Option<Cancelled>, RecordError> {
    let path = home.task(id).join(CANCELLED_FILE);
    let bytes = match read_bounded(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused("read", &path)(error)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| RecordError::Json { path: path.clone(), source })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::PermissionsExt;

    use axiom_proto::task::TaskSpec;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        home.prepare().unwrap();
        (folder, home)
    }

    pub(crate) fn record() -> TaskRecord {
        let spec = TaskSpec { shell: Some("true".to_owned()), ..TaskSpec::default() };
        let id = TaskId::from_random([1; 10]);
        TaskRecord {
            format: 1,
            id,
            created_at_ms: 5,
            author: "me".to_owned(),
            request_id: String::new(),
            index: 0,
            group: None,
            ancestors: Vec::new(),
            spec,
        }
    }

    #[test]
    fn a_record_comes_back_and_is_ours_alone() {
        let (_folder, home) = home();
        write(&home, &record()).unwrap();
        assert_eq!(read(&home, record().id).unwrap(), record());
        let path = home.task(record().id);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(RECORD_FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no new file is left");
        assert_eq!(read_cancelled(&home, record().id).unwrap(), None);
        let mark = Cancelled { at_ms: 1, cause: "asked".to_owned() };
        cancel(&home, record().id, &mark).unwrap();
        assert_eq!(read_cancelled(&home, record().id).unwrap(), Some(mark));
    }

    #[test]
    fn what_is_broken_is_told_apart() {
        let (_folder, home) = home();
        let id = record().id;
        let path = home.task(id).join(RECORD_FILE);
        fs::create_dir(home.task(id)).unwrap();
        fs::write(home.task(id).join(RECORD_FILE_NEW), b"{\"for").unwrap();
        assert!(matches!(read(&home, id), Err(RecordError::HalfMade { .. })));
        fs::write(&path, b"{\"for").unwrap();
        assert!(matches!(read(&home, id), Err(RecordError::Json { .. })));
        fs::write(&path, b"{\"format\":2}").unwrap();
        assert!(matches!(read(&home, id), Err(RecordError::Newer { found: 2, .. })));
        let other = TaskRecord { id: TaskId::from_random([2; 10]), ..record() };
        fs::write(&path, serde_json::to_vec(&other).unwrap()).unwrap();
        assert!(matches!(read(&home, id), Err(RecordError::OtherTask { .. })));
    }
}
