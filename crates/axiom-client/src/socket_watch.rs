//! Waits until a server's socket appears in `run/`, told by the kernel: nobody looks again and again.
//! Make the watch before you dial, so that a socket which comes in between is not missed.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::home::{Home, SOCKET};

/// Room for some events with their names; the rest is read next time.
const EVENT_BYTES: usize = 1024;

/// A watch on a home's `run/`.
#[derive(Debug)]
pub(crate) struct SocketWatch {
    inotify: AsyncFd<OwnedFd>,
}

/// What an event in the folder means.
enum News {
    /// The socket is there, or events were lost and it may be.
    Look,
    /// The folder itself is gone.
    Gone,
}

impl SocketWatch {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; it asks for what an OwnedFd gives: one descriptor for life"
    )]
    pub(crate) fn new(home: &Home) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let events = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE_SELF;
        inotify::add_watch(&fd, home.run(), events | WatchFlags::ONLYDIR)?;
        Ok(Self { inotify: AsyncFd::new(fd)? })
    }

    /// Returns when a socket has come since the last call, or since the watch was made. Cancel-safe.
    pub(crate) async fn appeared(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable().await?;
            match read(self.inotify.get_ref())? {
                Some(News::Look) => return Ok(()),
                Some(News::Gone) => {
                    return Err(io::Error::new(io::ErrorKind::NotFound, "the home was removed"));
                }
                None => ready.clear_ready(),
            }
        }
    }
}

/// Reads all events there are. What the kernel gave must be looked at whole: it is given once.
fn read(fd: &OwnedFd) -> io::Result<Option<News>> {
    let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
    let mut reader = inotify::Reader::new(fd, &mut buffer);
    let mut news = None;
    loop {
        let event = match reader.next() {
            Ok(event) => event,
            Err(Errno::WOULDBLOCK) => return Ok(news),
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        if event.events().intersects(ReadFlags::DELETE_SELF | ReadFlags::IGNORED) {
            return Ok(Some(News::Gone));
        }
        let is_socket = event.file_name().is_some_and(|name| name.to_bytes() == SOCKET.as_bytes());
        if is_socket || event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            news = Some(News::Look);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_socket_that_comes_between_watch_and_wait_is_seen_and_others_are_not() {
        let folder = std::env::temp_dir().join(format!("axiom-watch-{}", std::process::id()));
        let home = Home::at(folder.clone()).unwrap();
        home.prepare().unwrap();
        let mut watch = SocketWatch::new(&home).unwrap();
        std::fs::write(home.run().join("other"), "").unwrap();
        std::fs::write(home.run().join("axiom.sock.new"), "").unwrap();
        std::fs::rename(home.run().join("axiom.sock.new"), home.socket()).unwrap();
        let deadline = Duration::from_secs(10);
        tokio::time::timeout(deadline, watch.appeared())
            .await
            .expect("waited for the event of the renamed socket")
            .unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let gone = tokio::time::timeout(deadline, watch.appeared())
            .await
            .expect("waited for the event of the removed folder");
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
