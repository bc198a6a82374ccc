//! Keeps the socket's name in `run/`: whoever takes it away, with a broom or by mistake, would lock everybody out of a server
//! that lives. Where every name is gone, the server leaves, and the next request starts another: tasks run on.
//! The kernel tells of it, so nothing is polled.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe::Receiver;

use crate::fault::sentence;
use crate::fleet::Fleet;
use crate::instance::{Name, SocketName};

/// Room for the kernel's words, each at most 272 bytes; what does not fit is read in the next turn.
const CHANGES_BYTES: usize = 1024;

/// Puts the name back for as long as the server lives, or ends the server.
pub(crate) async fn run(fleet: Arc<Fleet>, name: SocketName) {
    match keep(&fleet.home.run(), &name).await {
        Ok(()) => {
            tracing::error!("every name of the socket was taken away: leaving, tasks run on");
            fleet.begin_leaving();
            fleet.ended.send_replace(true);
        }
        Err(error) => {
            let error = sentence(&error);
            tracing::warn!(error, "the socket's name is not watched: a restart brings it back");
        }
    }
}

/// Returns when the names are lost.
async fn keep(run: &Path, name: &SocketName) -> io::Result<()> {
    let watched = match watch(run) {
        Ok(watched) => watched,
        // The folder was gone before it could be watched.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    loop {
        // After the watch began, and after each word of it: nothing can go unseen.
        match name.put_back() {
            Ok(Name::There) => {}
            Ok(Name::PutBack) => tracing::warn!("the socket was taken away, and is put back"),
            Ok(Name::Lost) => return Ok(()),
            Err(error) => tracing::error!(%error, "the socket was taken away: restart the server"),
        }
        watched.readable().await?;
        let mut changes = [0; CHANGES_BYTES];
        loop {
            match watched.try_read(&mut changes) {
                // What changed does not matter: the name is looked at either way.
                Ok(_bytes) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The kernel's words come as bytes, like those of a pipe.
fn watch(run: &Path) -> io::Result<Receiver> {
    let watched = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let taken = WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF;
    inotify::add_watch(&watched, run, taken)?;
    Receiver::from_owned_fd_unchecked(watched)
}
