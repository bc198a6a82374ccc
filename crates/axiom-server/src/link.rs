//! The server's end of a link: it dials a session's worker, says where to go on, takes frames and sends commands.
//! docs/link.md has the walk. One conversation is one connection; who dials again, and when, is the supervision's matter.

mod conversation;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use axiom_holder::channel::{LINK_SOCKET, socket_path};
use tokio::net::UnixStream;

pub(crate) use conversation::{Hangup, converse};

/// What came of a dial.
#[derive(Debug)]
pub(crate) enum Dialled {
    /// A holder or a worker has the socket: somebody will say hello.
    Connected(UnixStream),
    /// Nobody has it.
    Refused,
}

/// Dials the link socket in a session's folder, however long its path is.
///
/// # Errors
/// Neither connected nor refused: too many dials wait already, or this process has no descriptor left.
pub(crate) async fn dial(folder: &Path) -> io::Result<Dialled> {
    let folder = match File::open(folder) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Dialled::Refused),
        Err(error) => return Err(error),
    };
    match UnixStream::connect(socket_path(folder.as_fd(), LINK_SOCKET)).await {
        Ok(stream) => Ok(Dialled::Connected(stream)),
        Err(error) if is_refusal(&error) => Ok(Dialled::Refused),
        Err(error) => Err(error),
    }
}

/// A reset says that whoever had the socket died before taking us in.
fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
