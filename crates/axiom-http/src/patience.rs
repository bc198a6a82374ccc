//! A connection whose peer must read: one that takes nothing of an answer for a while is closed, and what waited for it is
//! let go. Not those that became live connections: they hold little, and may stop reading for as long as they like; and
//! their socket is given back when the protocol on it is done.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

/// How long a peer may take nothing: as long as it may say nothing.
const STALL_MAX: Duration = Duration::from_secs(30);

/// A connection's two directions, of either door.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Debug + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Debug + Unpin + Send + 'static> Socket for S {}

/// Whether a connection may stall: yes, once it is live.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience(Arc<Lasting>);

#[derive(Debug, Default)]
struct Lasting {
    lasts: AtomicBool,
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

    fn may_stall(&self) -> bool {
        self.0.lasts.load(Ordering::Relaxed)
    }

    fn heir(&self) -> Option<oneshot::Sender<Box<dyn Socket>>> {
        self.0.heir.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The stream of a connection.
#[derive(Debug)]
pub(crate) struct Stream<S: Socket> {
    /// There until it is dropped.
    inner: Option<S>,
    patience: Patience,
    /// Runs while a write waits.
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S: Socket> Drop for Stream<S> {
    fn drop(&mut self) {
        if let (Some(heir), Some(socket)) = (self.patience.heir(), self.inner.take()) {
            // Refused where nobody waits: then it is closed.
            let _closed: Result<(), _> = heir.send(Box::new(socket));
        }
    }
}

impl<S: Socket> Stream<S> {
    pub(crate) fn new(inner: S, patience: Patience) -> Self {
        Self { inner: Some(inner), patience, stall: None }
    }

    fn inner(&mut self) -> Pin<&mut S> {
        Pin::new(self.inner.as_mut().expect("taken by drop alone"))
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

impl<S: Socket> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(context, buffer)
    }
}

impl<S: Socket> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.inner().poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.inner().poll_write_vectored(context, bytes);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.inner().poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

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
