//! One dial of a home's server. Nothing is started here and nothing is tried twice.
//! The path goes through /proc/self/fd, so that a home's path may be longer than a socket address.

use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use thiserror::Error;
use tokio::net::UnixStream;

use crate::home::{Home, SOCKET};

/// Why a server could not be dialled.
#[derive(Debug, Error)]
pub enum DialError {
    /// Nobody listens.
    #[error("no server runs for home {}", home.display())]
    NoServer {
        /// The home.
        home: PathBuf,
    },
    /// Somebody else's server answers.
    #[error("the server of home {} belongs to user {uid}", home.display())]
    Foreign {
        /// The home.
        home: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Anything else.
    #[error("dial {}", socket.display())]
    Io {
        /// The socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Dials once.
pub(crate) async fn dial(home: &Home) -> Result<UnixStream, DialError> {
    let failed = |source: io::Error| {
        let nobody = [
            io::ErrorKind::NotFound,
            io::ErrorKind::ConnectionRefused,
            // Killed while we stood in its backlog.
            io::ErrorKind::ConnectionReset,
        ];
        if nobody.contains(&source.kind()) {
            return DialError::NoServer { home: home.path().to_owned() };
        }
        DialError::Io { socket: home.socket(), source }
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder =
        rustix::fs::open(home.run(), flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    let stream = UnixStream::connect(path).await.map_err(failed)?;
    // The environment and what is typed go to whoever listens: it must be us.
    let uid = stream.peer_cred().map_err(failed)?.uid();
    if uid != rustix::process::geteuid().as_raw() {
        return Err(DialError::Foreign { home: home.path().to_owned(), uid });
    }
    Ok(stream)
}
