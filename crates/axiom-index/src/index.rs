//! The table and its file. Owner of the file's version and of what is done with a broken one: it is set aside.
//! Writes are process-safe only; a power cut may cost the file, which costs nothing but reading journals again.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;
use rusqlite::{Connection, OpenFlags, params};
use thiserror::Error;

use crate::stamp::Stamp;

/// The file's version. Another one is set aside like a broken file: everything in it can be derived again.
const VERSION: i64 = 1;

/// Why the index cannot be used now. The server goes on without it.
#[derive(Debug, Error)]
pub enum IndexError {
    /// The file cannot be made, or set aside.
    #[error("failed to {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database refused.
    #[error("failed to use {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// What `Index::open` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedAs {
    /// A good file.
    Found,
    /// No file; there is one now.
    New,
    /// A broken file, or one of another version; it was set aside.
    Rebuilt {
        /// Where it lies now.
        aside: PathBuf,
    },
}

/// One ended task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The task.
    pub id: TaskId,
    /// The journal that the view was derived from.
    pub stamp: Stamp,
    /// How the task is shown.
    pub view: TaskView,
}

/// The open index.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: PathBuf,
    /// Device and inode of the open file: another file may lie at the path by now.
    identity: (u64, u64),
}

impl Index {
    /// Opens the index at `path`, or makes it. What is wrong with the file is set aside as `<path>.broken`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(path: &Path) -> Result<(Self, OpenedAs), IndexError> {
        let existed = path.exists();
        match Self::open_as_is(path) {
            Ok(index) if existed => Ok((index, OpenedAs::Found)),
            Ok(index) => Ok((index, OpenedAs::New)),
            Err(error) if !existed => Err(error),
            Err(_broken) => {
                let aside = set_aside(path)?;
                Ok((Self::open_as_is(path)?, OpenedAs::Rebuilt { aside }))
            }
        }
    }

    fn open_as_is(path: &Path) -> Result<Self, IndexError> {
        let identity = create(path)?;
        let connection = connect(path)
            .map_err(|source| IndexError::Database { path: path.to_owned(), source })?;
        Ok(Self { connection, path: path.to_owned(), identity })
    }

    /// False once the file was deleted or replaced under us: open it anew, and put everything again.
    #[must_use]
    pub fn is_current(&self) -> bool {
        identity(&self.path).is_ok_and(|now| now == self.identity)
    }

    /// Every entry that can be read; one that cannot is left out, so that its journal is read instead.
    ///
    /// # Errors
    /// The file is broken.
    pub fn entries(&self) -> Result<Vec<Entry>, IndexError> {
        self.read_entries().map_err(|source| self.refusal(source))
    }

    fn read_entries(&self) -> rusqlite::Result<Vec<Entry>> {
        let mut select =
            self.connection.prepare("SELECT id, segments, bytes, modified_ns, view FROM ended")?;
        let mut rows = select.query([])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let stamp =
                Stamp { segments: row.get(1)?, bytes: row.get(2)?, modified_ns: row.get(3)? };
            let view: String = row.get(4)?;
            let (Ok(id), Ok(view)) = (id.parse(), serde_json::from_str::<TaskView>(&view)) else {
                continue;
            };
            if view.id == id {
                entries.push(Entry { id, stamp, view });
            }
        }
        Ok(entries)
    }

    /// Puts entries, all or none.
    ///
    /// # Errors
    /// The file is broken, or the disk is full.
    pub fn put(&mut self, entries: &[Entry]) -> Result<(), IndexError> {
        self.write_entries(entries).map_err(|source| self.refusal(source))
    }

    fn write_entries(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare(
                "INSERT OR REPLACE INTO ended (id, segments, bytes, modified_ns, view) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for Entry { id, stamp, view } in entries {
                let view = serde_json::to_string(view).expect("a view is always JSON");
                let Stamp { segments, bytes, modified_ns } = stamp;
                insert.execute(params![id.as_str(), segments, bytes, modified_ns, view])?;
            }
        }
        transaction.commit()
    }

    /// Forgets tasks that were removed.
    ///
    /// # Errors
    /// The file is broken, or the disk is full.
    pub fn forget(&mut self, tasks: &[TaskId]) -> Result<(), IndexError> {
        self.delete_entries(tasks).map_err(|source| self.refusal(source))
    }

    fn delete_entries(&mut self, tasks: &[TaskId]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut delete = transaction.prepare("DELETE FROM ended WHERE id = ?1")?;
            for task in tasks {
                delete.execute([task.as_str()])?;
            }
        }
        transaction.commit()
    }

    fn refusal(&self, source: rusqlite::Error) -> IndexError {
        IndexError::Database { path: self.path.clone(), source }
    }
}

/// Makes the file if there is none, for us alone, and says which it is.
fn create(path: &Path) -> Result<(u64, u64), IndexError> {
    let refused = |action| move |source| IndexError::File { action, path: path.to_owned(), source };
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(refused("open"))?;
    identity(path).map_err(refused("look at"))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let meta = fs::metadata(path)?;
    Ok((meta.dev(), meta.ino()))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // A rollback journal survives our death, not a power cut: then the check below finds the damage, if any.
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if check != "ok" || (version != 0 && version != VERSION) {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS ended (id TEXT PRIMARY KEY, segments INTEGER NOT NULL, \
         bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, view TEXT NOT NULL) WITHOUT ROWID",
    )?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(connection)
}

/// Renames a broken file, over an earlier broken one, and removes what a killed writer left beside it.
fn set_aside(path: &Path) -> Result<PathBuf, IndexError> {
    let aside = with_suffix(path, ".broken");
    fs::rename(path, &aside).map_err(|source| IndexError::File {
        action: "set aside",
        path: path.to_owned(),
        source,
    })?;
    let left = with_suffix(path, "-journal");
    match fs::remove_file(&left) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(IndexError::File { action: "remove", path: left, source })
        }
        Ok(()) | Err(_) => Ok(aside),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
