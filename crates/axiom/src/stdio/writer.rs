//! Writes to standard output and error in order, from a bounded queue. What the stream takes at once is written at once, in the
//! caller's thread; the rest waits in a thread of its own, so that a reader who stands still holds up nothing else.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait, each of one frame or batch of lines.
const WRITES_MAX: usize = 32;

/// As much is gathered from waiting writes into one.
const WRITE_BYTES: usize = 64 * 1024;

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Writes in order, from a bounded queue.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<(Stream, Bytes)>,
    done: oneshot::Receiver<io::Result<()>>,
    /// Writes that the thread has not finished.
    waiting: Arc<AtomicUsize>,
    /// Standard output opened once more, where that can be done: ours alone, so that it may refuse to wait.
    output: Option<OwnedFd>,
}

/// Room for one write.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    place: mpsc::Permit<'a, (Stream, Bytes)>,
    waiting: &'a AtomicUsize,
    output: Option<&'a OwnedFd>,
}

impl Room<'_> {
    /// Writes it, or lets it wait behind what waits.
    pub(crate) fn send(self, (stream, bytes): (Stream, Bytes)) {
        let mut bytes = bytes;
        if stream == Stream::Output
            && let Some(output) = self.output
            && self.waiting.load(Ordering::Acquire) == 0
        {
            let taken = write_now(output, &bytes);
            if taken == bytes.len() {
                return;
            }
            bytes = bytes.split_off(taken);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.place.send((stream, bytes));
    }
}

impl Writer {
    /// Begins.
    #[must_use]
    pub(crate) fn start() -> Self {
        Self::start_with(WRITES_MAX)
    }

    /// Begins, with so many writes that may wait.
    #[must_use]
    pub(crate) fn start_with(writes_max: usize) -> Self {
        let (queue, mut writes) = mpsc::channel(writes_max);
        let (tell, done) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = waiting.clone();
        thread::spawn(move || {
            // Who gave up waiting does not want to know.
            drop(tell.send(write_all(&mut writes, &counted)));
        });
        Self { queue, done, waiting, output: opened_anew() }
    }

    /// Waits for room. Cancel-safe. `None` once writing has failed: [`Writer::finish`] says why.
    pub(crate) async fn room(&self) -> Option<Room<'_>> {
        let place = self.queue.reserve().await.ok()?;
        Some(Room { place, waiting: &self.waiting, output: self.output.as_ref() })
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// The first failure to write.
    pub(crate) async fn finish(self) -> io::Result<()> {
        let Self { queue, done, waiting: _, output: _ } = self;
        drop(queue);
        done.await.unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")))
    }
}

/// Standard output with a description of its own: that it does not wait is then nobody else's matter. A pipe or a terminal can be
/// opened so; a socket cannot, a file need not: its offset is shared.
fn opened_anew() -> Option<OwnedFd> {
    let output = io::stdout();
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&output).ok()?.st_mode);
    let waits = kind == FileType::Fifo || rustix::termios::isatty(&output);
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    waits.then(|| rustix::fs::open("/proc/self/fd/1", flags, Mode::empty()).ok()).flatten()
}

/// As much as is taken without waiting. What fails is tried again by the thread, whose error is the one that is told.
fn write_now(output: &OwnedFd, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        match rustix::io::write(output, &bytes[taken..]) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(Errno::INTR) => {}
            Err(_) => break,
        }
    }
    taken
}

fn write_all(
    writes: &mut mpsc::Receiver<(Stream, Bytes)>,
    waiting: &AtomicUsize,
) -> io::Result<()> {
    let mut next = None;
    loop {
        let Some((stream, bytes)) = next.take().or_else(|| writes.blocking_recv()) else {
            return Ok(());
        };
        let (mut gathered, mut count) = (bytes.to_vec(), 1);
        while gathered.len() < WRITE_BYTES {
            match writes.try_recv() {
                Ok((same, bytes)) if same == stream => {
                    gathered.extend_from_slice(&bytes);
                    count += 1;
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        write(stream, &gathered)?;
        waiting.fetch_sub(count, Ordering::Release);
    }
}

fn write(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Output => {
            let mut output = io::stdout().lock();
            output.write_all(bytes)?;
            output.flush()
        }
        Stream::Error => io::stderr().lock().write_all(bytes),
    }
}
