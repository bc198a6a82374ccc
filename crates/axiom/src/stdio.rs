//! The standard streams: read, and waited for, in threads of their own, so that a reader or writer that stands still holds up
//! nothing else, and so that the streams keep the modes in which they were given to us: others share them.

mod writer;

use std::io;
use std::thread;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use tokio::sync::{mpsc, oneshot};

pub(crate) use writer::{Stream, Writer};

/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// Reads that may wait: one while the other is sent.
const READS_MAX: usize = 1;

/// What came from standard input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// These bytes.
    Bytes(Bytes),
    /// The end.
    End,
}

/// Reads standard input from now on. The thread ends with the program at the latest: a read cannot be called back.
#[must_use]
pub(crate) fn read_input() -> mpsc::Receiver<Typed> {
    let (sender, receiver) = mpsc::channel(READS_MAX);
    thread::spawn(move || {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let typed = match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
                Ok(0) => Typed::End,
                Ok(len) => Typed::Bytes(Bytes::copy_from_slice(&buffer[..len])),
                Err(Errno::INTR) => continue,
                // A terminal that is gone says EIO: no more will come either way.
                Err(_) => Typed::End,
            };
            let ended = typed == Typed::End;
            if sender.blocking_send(typed).is_err() || ended {
                return;
            }
        }
    });
    receiver
}

/// No input at all: for who must not read it.
#[must_use]
pub(crate) fn no_input() -> mpsc::Receiver<Typed> {
    mpsc::channel(READS_MAX).1
}

/// Sees at once that nobody reads standard output any more: who prints nothing would not notice it by writing.
#[derive(Debug)]
pub(crate) struct OutputWatch(Option<oneshot::Receiver<()>>);

impl OutputWatch {
    /// Watches, where standard output is a pipe. The thread ends with the program at the latest, and costs nothing till then.
    #[must_use]
    pub(crate) fn start() -> Self {
        let is_pipe = rustix::fs::fstat(io::stdout())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
        if !is_pipe {
            return Self(None);
        }
        let (tell, told) = oneshot::channel();
        thread::spawn(move || {
            let output = io::stdout();
            // No event is asked for: that the reader is gone is told without.
            let mut fds = [PollFd::new(&output, PollFlags::empty())];
            loop {
                match poll(&mut fds, None) {
                    Ok(0) | Err(Errno::INTR) => {}
                    // Who left before does not want to know.
                    Ok(_) => {
                        let _unheard: Result<(), ()> = tell.send(());
                        return;
                    }
                    // What cannot be watched is noticed by the next write.
                    Err(_) => return,
                }
            }
        });
        Self(Some(told))
    }

    /// Waits until the pipe's reader is gone. Cancel-safe.
    pub(crate) async fn reader_gone(&mut self) {
        if let Some(told) = &mut self.0
            && told.await.is_ok()
        {
            return;
        }
        self.0 = None;
        std::future::pending().await
    }
}
