//! Between the hot thread and the picture's: how far the journal is goes one way, answers and keyframes come the other.
//! Bounded: so many of each wait. Neither side waits for the other.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use axiom_proto::frame::{Offset, Seq};
use axiom_proto::keyframe::KeyframeNote;
use axiom_screen::ANSWERS_BYTES_MAX;
use rustix::event::{EventfdFlags, eventfd};

/// Keyframes that wait, at tens of kilobytes each: a picture that catches up makes one every few milliseconds.
const KEYFRAMES_MAX: usize = 4;

/// A screen as it is to be kept.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) note: KeyframeNote,
    pub(crate) dump: Vec<u8>,
    /// The transcript's, beside its screen.
    pub(crate) state: Vec<u8>,
}

/// What the hot thread is given.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// What the terminal answers to all questions before this place.
    pub(crate) answers: Option<(Offset, Vec<u8>)>,
    /// Oldest first, at most [`KEYFRAMES_MAX`].
    pub(crate) keyframes: VecDeque<Drawn>,
}

/// The place of both.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// Frames before this one are in the journal.
    head: AtomicU64,
    /// The picture's thread sleeps, or is about to.
    sleeps: AtomicBool,
    mail: Mutex<Mail>,
    bell: OwnedFd,
}

impl Mailbox {
    pub(crate) fn new(head: Seq) -> io::Result<Self> {
        Ok(Self {
            head: AtomicU64::new(head.0),
            sleeps: AtomicBool::new(false),
            mail: Mutex::default(),
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// The journal has grown. True if the thread must be unparked: it is told once, then it is awake.
    ///
    /// One side writes the head and then looks who sleeps, the other says that it sleeps and then looks at the head: in
    /// one order for both, so that one of them sees the other.
    pub(crate) fn announce(&self, head: Seq) -> bool {
        self.head.store(head.0, Ordering::SeqCst);
        self.sleeps.load(Ordering::SeqCst) && self.sleeps.swap(false, Ordering::SeqCst)
    }

    /// How far the journal is.
    pub(crate) fn head(&self) -> Seq {
        Seq(self.head.load(Ordering::SeqCst))
    }

    /// Sleeps until the journal is further than `seen`, or so long. It may return earlier.
    pub(crate) fn sleep(&self, seen: Seq, longest: Option<Duration>) {
        self.sleeps.store(true, Ordering::SeqCst);
        if self.head() == seen {
            match longest {
                Some(longest) => thread::park_timeout(longest),
                None => thread::park(),
            }
        }
        self.sleeps.store(false, Ordering::SeqCst);
    }

    /// Gives answers. What is beyond [`ANSWERS_BYTES_MAX`] while others wait is dropped: the program does not read them.
    pub(crate) fn answer(&self, until: Offset, answers: &[u8]) {
        let mut mail = self.mail();
        let (upto, waiting) = mail.answers.get_or_insert_with(Default::default);
        *upto = until;
        if waiting.len() + answers.len() <= ANSWERS_BYTES_MAX {
            waiting.extend_from_slice(answers);
        }
        drop(mail);
        self.ring();
    }

    /// Gives a keyframe. The oldest that was not taken goes where too many wait: its neighbours stand for it.
    pub(crate) fn keep(&self, drawn: Drawn) {
        let mut mail = self.mail();
        if mail.keyframes.len() == KEYFRAMES_MAX {
            mail.keyframes.pop_front();
        }
        mail.keyframes.push_back(drawn);
        drop(mail);
        self.ring();
    }

    /// Takes what there is.
    pub(crate) fn take(&self) -> Mail {
        let mut rung = [0; 8];
        let _empty: rustix::io::Result<usize> = rustix::io::read(&self.bell, &mut rung);
        std::mem::take(&mut self.mail())
    }

    /// Readable when there is something to take.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn ring(&self) {
        let _full: rustix::io::Result<usize> = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn whoever_sleeps_is_woken_by_the_next_frame_and_told_once() {
        let mailbox = Arc::new(Mailbox::new(Seq(0)).unwrap());
        let theirs = mailbox.clone();
        let sleeper = thread::spawn(move || {
            let mut seen = Seq(0);
            while seen < Seq(10_000) {
                theirs.sleep(seen, None);
                seen = theirs.head();
            }
        });
        for seq in 1..=10_000 {
            if mailbox.announce(Seq(seq)) {
                sleeper.thread().unpark();
            }
        }
        sleeper.join().unwrap();
        assert!(!mailbox.announce(Seq(10_001)), "nobody sleeps");
    }

    #[test]
    fn answers_that_nobody_takes_are_bounded_and_say_how_far_they_go() {
        let mailbox = Mailbox::new(Seq(0)).unwrap();
        for question in 1..=5_000 {
            mailbox.answer(Offset(question), b"12345678");
        }
        let (until, bytes) = mailbox.take().answers.unwrap();
        assert_eq!((until, bytes.len()), (Offset(5_000), ANSWERS_BYTES_MAX));
        assert!(mailbox.take().answers.is_none());
    }

    #[test]
    fn keyframes_that_nobody_takes_are_bounded_and_the_newest_stay() {
        let mailbox = Mailbox::new(Seq(0)).unwrap();
        for next in 1..=10 {
            let note = KeyframeNote {
                size: axiom_proto::task::Size { cols: 80, rows: 24 },
                next: Seq(next),
                offset: Offset(next),
                time: axiom_proto::frame::Micros(1),
                line_mode: true,
                echo: true,
                lines: 0,
                dump_bytes: 0,
            };
            mailbox.keep(Drawn { note, dump: Vec::new(), state: Vec::new() });
        }
        let kept = mailbox.take().keyframes.into_iter().map(|drawn| drawn.note.next.0);
        assert_eq!(kept.collect::<Vec<_>>(), [7, 8, 9, 10]);
    }
}
