//! A connection whose peer must read: one that takes nothing of an answer for a while is closed, and what waited for it is
//! let go. Not those that became live connections: they hold little, and may stop reading for as long as they like.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a peer may take nothing: as long as it may say nothing.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Whether a connection may stall: yes, once it is live.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience(Arc<AtomicBool>);

impl Patience {
    /// From now on it may.
    pub(crate) fn lasts(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The stream of a connection.
#[derive(Debug)]
pub(crate) struct Stream<S> {
    inner: S,
    patience: Patience,
    /// Runs while a write waits.
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S> Stream<S> {
    pub(crate) fn new(inner: S, patience: Patience) -> Self {
        Self { inner, patience, stall: None }
    }

    /// Passes a write's answer on, and ends the wait of one that lasts too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() || self.patience.0.load(Ordering::Relaxed) {
            self.stall = None;
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL_MAX)));
        stall.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
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
        patience.lasts();
        let mut ours = Stream::new(ours, patience);
        ours.write_all(b"12345678").await.unwrap();
        let long = tokio::time::timeout(STALL_MAX * 100, ours.write_all(b"9")).await;
        assert!(long.is_err(), "it was given up: {long:?}");
    }
}
