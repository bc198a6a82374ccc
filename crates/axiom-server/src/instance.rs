//! One server per home: the locks that decide, the socket and the note by which clients find it.
//! The kernel drops a lock with its holder, so nothing here can be stale: whoever has them may replace the rest.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use axiom_holder::channel::socket_path;
use axiom_proto::api::ServerNote;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;

use crate::home::Home;

/// The file in `run/` that holds the pid of the server, for people; locked too, as servers before this one did.
const LOCK_FILE: &str = "server.lock";

/// The socket's name in `run/`.
pub const SOCKET_FILE: &str = "axiom.sock";

/// Where it is bound: clients see it only when it listens.
const SOCKET_FILE_NEW: &str = "axiom.sock.new";

/// A second name of the same socket, from which the first is put back when somebody removes it.
const SOCKET_FILE_SPARE: &str = ".axiom.sock";

/// The note's name in `run/`.
const NOTE_FILE: &str = "server.json";

/// The longest pid that is read from a lock file.
const PID_BYTES_MAX: u64 = 16;

/// Why this process is not the home's server.
#[derive(Debug, Error)]
pub enum InstanceError {
    /// Another one is.
    #[error("a server already runs for this home: pid {}", pid.map_or("unknown".to_owned(), |pid| pid.to_string()))]
    AlreadyRuns {
        /// Its process, if it has said so yet.
        pid: Option<u32>,
    },
    /// The file system refused.
    #[error("failed to {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The right to serve a home, as long as this lives.
#[derive(Debug)]
pub(crate) struct Instance {
    run: PathBuf,
    /// The socket that is ours, by device and inode, once it listens.
    socket: OnceLock<(u64, u64)>,
    _locks: (Option<File>, File),
}

impl Instance {
    /// Takes the locks without waiting. The first is on the home's folder itself: it lasts when `run/` is emptied.
    ///
    /// # Errors
    /// [`InstanceError::AlreadyRuns`] while another server lives.
    pub(crate) fn take(home: &Home) -> Result<Self, InstanceError> {
        let run = home.run();
        let folder = lock_folder(home.root(), &run)?;
        let path = run.join(LOCK_FILE);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(refused("open", &path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(InstanceError::AlreadyRuns { pid: read_pid(&lock) });
            }
            Err(errno) => return Err(refused("lock", &path)(errno.into())),
        }
        let note = format!("{}\n", std::process::id());
        if let Err(error) = lock.set_len(0).and_then(|()| lock.write_all(note.as_bytes())) {
            // Only a courtesy to the next one: a full disk is no reason not to serve.
            tracing::warn!(%error, "the lock does not name its holder");
        }
        Ok(Self { run, socket: OnceLock::new(), _locks: (folder, lock) })
    }

    /// Binds the socket, gives it its name once it listens, and writes the note.
    ///
    /// # Errors
    /// The file system refused.
    pub(crate) fn listen(
        &self,
        note: &ServerNote,
    ) -> Result<std::os::unix::net::UnixListener, InstanceError> {
        let folder = File::open(&self.run).map_err(refused("open", &self.run))?;
        let new = self.run.join(SOCKET_FILE_NEW);
        remove(&new)?;
        // By descriptor: the path may be longer than a socket address.
        let bound =
            std::os::unix::net::UnixListener::bind(socket_path(folder.as_fd(), SOCKET_FILE_NEW))
                .map_err(refused("bind", &new))?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600))
            .map_err(refused("protect", &new))?;
        bound.set_nonblocking(true).map_err(refused("set up", &new))?;
        let json = serde_json::to_vec(note).expect("a note is always JSON");
        write_renamed(&self.run.join(NOTE_FILE), &json)
            .map_err(refused("write", &self.run.join(NOTE_FILE)))?;
        let socket = self.run.join(SOCKET_FILE);
        if let Some(own) = identity(&new) {
            self.socket.get_or_init(|| own);
        }
        let spare = self.run.join(SOCKET_FILE_SPARE);
        remove(&spare)?;
        fs::hard_link(&new, &spare).map_err(refused("link", &spare))?;
        fs::rename(&new, &socket).map_err(refused("rename", &new))?;
        Ok(bound)
    }

    /// The socket's name, for whoever keeps it there.
    pub(crate) fn socket_name(&self) -> SocketName {
        SocketName { run: self.run.clone() }
    }

    /// Takes socket and note away: a client that finds none knows that nobody serves.
    ///
    /// # Errors
    /// The file system refused; the next server replaces them anyway.
    pub(crate) fn leave(self) -> Result<(), InstanceError> {
        let socket = self.run.join(SOCKET_FILE);
        let own = self.socket.get().copied();
        if own.is_some() && identity(&socket).is_some_and(|there| own != Some(there)) {
            // Somebody removed our names, and another server serves the home now: where a folder cannot be locked.
            return Ok(());
        }
        remove(&self.run.join(SOCKET_FILE_SPARE))?;
        remove(&socket)?;
        remove(&self.run.join(NOTE_FILE))
    }
}

/// The name by which clients find the socket.
#[derive(Debug)]
pub(crate) struct SocketName {
    run: PathBuf,
}

impl SocketName {
    /// Makes sure that both names are there.
    ///
    /// # Errors
    /// The file system refused.
    pub(crate) fn put_back(&self) -> io::Result<Name> {
        let (name, spare) = (self.run.join(SOCKET_FILE), self.run.join(SOCKET_FILE_SPARE));
        match fs::hard_link(&spare, &name) {
            Ok(()) => Ok(Name::PutBack),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Name::There),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match fs::hard_link(&name, &spare) {
                    Ok(()) => Ok(Name::There),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Name::Lost),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// How the socket's name was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    There,
    /// It was gone, and is there again.
    PutBack,
    /// Both are gone, and no other leads to the socket: nobody will come by it again.
    Lost,
}

/// Locks the home's folder. Some file systems of the network lock only what can be written to: there the file decides.
fn lock_folder(root: &Path, run: &Path) -> Result<Option<File>, InstanceError> {
    let folder = File::open(root).map_err(refused("open", root))?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(folder)),
        Err(Errno::WOULDBLOCK) => {
            let pid = File::open(run.join(LOCK_FILE)).ok().and_then(|lock| read_pid(&lock));
            Err(InstanceError::AlreadyRuns { pid })
        }
        Err(errno) => {
            tracing::warn!(%errno, "the home's folder cannot be locked: do not empty its run/");
            Ok(None)
        }
    }
}

/// What a path leads to, whatever its name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn refused(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstanceError {
    let path = path.to_owned();
    move |source| InstanceError::Io { action, path, source }
}

fn remove(path: &Path) -> Result<(), InstanceError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(refused("remove", path)(source))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn read_pid(lock: &File) -> Option<u32> {
    let mut text = String::new();
    lock.take(PID_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}

/// Writes a file whole, for us alone, and gives it its name only then.
///
/// # Errors
/// The file system refused; no half of it stays behind under that name.
pub(crate) fn write_renamed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        fs::rename(&new, path)
    };
    let written = write();
    if written.is_err() {
        // What is left of it is replaced by the next attempt.
        let _tried: io::Result<()> = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> ServerNote {
        ServerNote { pid: 1, version: "0".to_owned(), url: None }
    }

    #[test]
    fn the_second_server_of_a_home_is_told_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        home.prepare().unwrap();
        let first = Instance::take(&home).unwrap();
        let second = Instance::take(&home).unwrap_err();
        let pid = std::process::id();
        assert_eq!(second.to_string(), format!("a server already runs for this home: pid {pid}"));
        fs::remove_dir_all(home.run()).unwrap();
        home.prepare().unwrap();
        let third = Instance::take(&home).unwrap_err();
        assert_eq!(third.to_string(), "a server already runs for this home: pid unknown");
        drop(first);
        Instance::take(&home).unwrap();
    }

    #[test]
    fn a_socket_with_a_long_path_listens_and_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("long".repeat(50))).unwrap();
        home.prepare().unwrap();
        for _ in 0..2 {
            let instance = Instance::take(&home).unwrap();
            let listener = instance.listen(&note()).unwrap();
            let run = File::open(home.run()).unwrap();
            let path = socket_path(run.as_fd(), SOCKET_FILE);
            drop(std::os::unix::net::UnixStream::connect(&path).unwrap());
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            drop(listener);
            // The first round leaves a stale socket behind, as a killed server does.
            drop(instance);
        }
        let instance = Instance::take(&home).unwrap();
        let _listener = instance.listen(&note()).unwrap();
        for (removed, found) in [(SOCKET_FILE_SPARE, Name::There), (SOCKET_FILE, Name::PutBack)] {
            assert_eq!(instance.socket_name().put_back().unwrap(), Name::There);
            fs::remove_file(home.run().join(removed)).unwrap();
            assert_eq!(instance.socket_name().put_back().unwrap(), found);
        }
        let run = File::open(home.run()).unwrap();
        let path = socket_path(run.as_fd(), SOCKET_FILE);
        drop(std::os::unix::net::UnixStream::connect(path).unwrap());
        for file in [SOCKET_FILE, SOCKET_FILE_SPARE] {
            fs::remove_file(home.run().join(file)).unwrap();
        }
        assert_eq!(instance.socket_name().put_back().unwrap(), Name::Lost);
        instance.leave().unwrap();
        assert!(!home.run().join(SOCKET_FILE).exists() && !home.run().join(NOTE_FILE).exists());
    }
}
