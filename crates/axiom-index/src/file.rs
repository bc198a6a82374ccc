//! `axiom.db`, the file: how it is opened, and what is done with a broken one: it is set aside, since all in it is derived.
//! Writes are process-safe only; a power cut may cost the file. Several parts of a server have a connection each.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use thiserror::Error;

/// The file's version. Another one is set aside like a broken file: everything in it can be derived again.
const VERSION: i64 = 2;

/// The version before had no events: it is taken over as it is.
const VERSION_WITHOUT_EVENTS: i64 = 1;

/// How long one connection waits for another one's commit: they take milliseconds, unless the disk hangs.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(10);

/// One transaction at a time in this process, whichever part's: a second one waits its turn here, not by asking again.
static WRITING: Mutex<()> = Mutex::new(());

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

impl IndexError {
    /// True where the file may be as good as ever: it is the disk that is full, or another one that has it.
    fn is_of_the_moment(&self) -> bool {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, PermissionDenied,
            ReadOnly,
        };
        match self {
            Self::File { .. } => true,
            Self::Database { source, .. } => source.sqlite_error_code().is_some_and(|code| {
                [
                    CannotOpen,
                    DatabaseBusy,
                    DatabaseLocked,
                    DiskFull,
                    OutOfMemory,
                    PermissionDenied,
                    ReadOnly,
                ]
                .contains(&code)
            }),
        }
    }
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

/// A table, and how it is made. Only it is checked, so that opening one part does not wait for the size of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) create: &'static str,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    pub(crate) connection: Connection,
    path: PathBuf,
    /// Device and inode of the open file: another file may lie at the path by now.
    identity: (u64, u64),
}

impl DatabaseFile {
    /// Opens the file, or makes it. What is wrong with it is set aside as `<path>.broken`.
    pub(crate) fn open(path: &Path, table: Table) -> Result<(Self, OpenedAs), IndexError> {
        let existed = path.exists();
        match Self::open_as_is(path, table) {
            Ok(file) if existed => Ok((file, OpenedAs::Found)),
            Ok(file) => Ok((file, OpenedAs::New)),
            Err(error) if !existed || error.is_of_the_moment() => Err(error),
            Err(_broken) => {
                let aside = set_aside(path)?;
                Ok((Self::open_as_is(path, table)?, OpenedAs::Rebuilt { aside }))
            }
        }
    }

    fn open_as_is(path: &Path, table: Table) -> Result<Self, IndexError> {
        let identity = create(path)?;
        let connection = connect(path, table)
            .map_err(|source| IndexError::Database { path: path.to_owned(), source })?;
        Ok(Self { connection, path: path.to_owned(), identity })
    }

    /// False once the file was deleted or replaced under us.
    pub(crate) fn is_current(&self) -> bool {
        identity(&self.path).is_ok_and(|now| now == self.identity)
    }

    /// Carries out a transaction: all of it, or nothing.
    ///
    /// The file is locked for writing from its beginning. One that only reads at first and writes then is refused at once
    /// where another wants to commit meanwhile: each would wait for the other.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, IndexError> {
        let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let written = transaction.and_then(|transaction| {
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        });
        written.map_err(|source| self.refusal(source))
    }

    pub(crate) fn refusal(&self, source: rusqlite::Error) -> IndexError {
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

fn connect(path: &Path, table: Table) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    // A rollback journal survives our death, not a power cut: then the check below finds the damage, if any.
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if ![0, VERSION_WITHOUT_EVENTS, VERSION].contains(&version) {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.execute_batch(table.create)?;
    let check = format!("PRAGMA quick_check({})", table.name);
    let check: String = connection.query_row(&check, [], |row| row.get(0))?;
    if check != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    if version != VERSION {
        connection.pragma_update(None, "user_version", VERSION)?;
    }
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
