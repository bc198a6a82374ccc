//! A connection whose peer must read: one that takes nothing of an answer for a while is closed, and what waited for it is
//! let go. Not those that became live connections: they hold little, and may stop reading for as long as they like; and
//! their socket is given back when the protocol on it is done.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

/// How long a peer may take nothing: as long as it may say nothing.
const STALL_MAX: Duration = Duration::from_secs(30);

/// A connection's two directions, of either door.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Debug + Unpin + Send + 'static {
    /// True once its peer has closed it, for sending at least.
    fn is_abandoned(&self) -> bool;
}

impl Socket for UnixStream {
    fn is_abandoned(&self) -> bool {
        has_ended(self.as_fd())
    }
}

impl Socket for TcpStream {
    fn is_abandoned(&self) -> bool {
        has_ended(self.as_fd())
    }
}

/// Asks the kernel without waiting, whatever bytes lie before the end. A peer that has only finished speaking cannot be told
/// from one that has gone, not by the network: it is taken for gone, as hyper does while an answer is made.
fn has_ended(socket: BorrowedFd<'_>) -> bool {
    let end = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut asked = [PollFd::from_borrowed_fd(socket, end)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let told = poll(&mut asked, Some(&at_once));
    told.is_ok() && asked[0].revents().intersects(end)
}

/// What a connection and its requests share: whether it may stall (yes, once it is live), and the socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience(Arc<Lasting>);

#[derive(Debug, Default)]
struct Lasting {
    lasts: AtomicBool,
    /// There while [`Stream`] is. Locked for single calls that do not wait.
    socket: Mutex<Option<Box<dyn Socket>>>,
    /// Who gets the socket at the end.
    heir: Mutex<Option<oneshot::Sender<Box<dyn Socket>>>>,
}

impl Patience {
    /// From now on it may; its socket comes when whoever speaks on it has let go.
    pub(crate) fn lasts(&self) -> oneshot::Receiver<Box<dyn Socket>> {
        let (heir, socket) = oneshot::channel();
        self.0.lasts.store(true, Ordering::Relaxed);
        *self.0.heir.lock().unwrap_or_else(PoisonError::into_inner) = Some(heir);
        socket
    }

    /// True once nobody waits for an answer on this connection.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.socket().as_ref().is_none_or(|socket| socket.is_abandoned())
    }

    fn socket(&self) -> MutexGuard<'_, Option<Box<dyn Socket>>> {
        self.0.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_stall(&self) -> bool {
        self.0.lasts.load(Ordering::Relaxed)
    }

    fn heir(&self) -> Option<oneshot::Sender<Box<dyn Socket>>> {
        self.0.heir.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The stream of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    patience: Patience,
    /// Runs while a write waits.
    stall: Option<Pin<Box<Sleep>>>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        let socket = self.patience.socket().take();
        if let (Some(heir), Some(socket)) = (self.patience.heir(), socket) {
            // Refused where nobody waits: then it is closed.
            let _closed: Result<(), _> = heir.send(socket);
        }
    }
}

impl Stream {
    pub(crate) fn new(socket: impl Socket, patience: Patience) -> Self {
        *patience.socket() = Some(Box::new(socket));
        Self { patience, stall: None }
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut dyn Socket>) -> T) -> T {
        let mut socket = self.patience.socket();
        act(Pin::new(socket.as_mut().expect("taken by drop alone").as_mut()))
    }

    /// Passes a write's answer on, and ends the wait of one that lasts too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() || self.patience.may_stall() {
            self.stall = None;
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL_MAX)));
        stall.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.with(|socket| socket.poll_write(context, bytes));
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.with(|socket| socket.poll_write_vectored(context, bytes));
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.with(|socket| socket.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.with(|socket| socket.poll_flush(context));
        self.watch(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    impl Socket for DuplexStream {
        fn is_abandoned(&self) -> bool {
            false
        }
    }

    /// A connection of each door, and its peer, which has said something.
    fn by_socket() -> (Patience, Stream, OwnedFd) {
        let patience = Patience::default();
        let (ours, mut peer) = std::os::unix::net::UnixStream::pair().unwrap();
        peer.write_all(b"x").unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = Stream::new(UnixStream::from_std(ours).unwrap(), patience.clone());
        (patience, ours, peer.into())
    }

    fn by_network() -> (Patience, Stream, OwnedFd) {
        let patience = Patience::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.write_all(b"x").unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = Stream::new(TcpStream::from_std(ours).unwrap(), patience.clone());
        (patience, ours, peer.into())
    }

    #[tokio::test]
    async fn a_peer_that_has_gone_is_seen_behind_what_it_said_last() {
        for (patience, ours, peer) in [by_socket(), by_network()] {
            assert!(!patience.is_abandoned(), "it is there");
            drop(peer);
            assert!(patience.is_abandoned(), "it has closed");
            drop(ours);
            assert!(patience.is_abandoned(), "nothing is left of it");
        }
    }

    #[tokio::test]
    async fn a_peer_that_has_finished_speaking_is_taken_for_gone() {
        for (patience, _ours, peer) in [by_socket(), by_network()] {
            rustix::net::shutdown(&peer, rustix::net::Shutdown::Write).unwrap();
            assert!(patience.is_abandoned());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Stream::new(ours, Patience::default());
        ours.write_all(b"12345678").await.unwrap();
        let mut taken = [0; 4];
        theirs.read_exact(&mut taken).await.unwrap();
        // What was taken makes room, and time begins anew.
        ours.write_all(b"9abc").await.unwrap();
        let stalled = ours.write_all(b"d").await.unwrap_err();
        assert_eq!(stalled.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_live_connection_may_stall() {
        let (ours, _theirs) = duplex(8);
        let patience = Patience::default();
        let back = patience.lasts();
        let mut ours = Stream::new(ours, patience);
        ours.write_all(b"12345678").await.unwrap();
        let long = tokio::time::timeout(STALL_MAX * 100, ours.write_all(b"9")).await;
        assert!(long.is_err(), "it was given up: {long:?}");
        drop(ours);
        assert!(back.await.is_ok(), "the socket comes back");
    }
}
