//! The picture: a screen that a second thread makes of what the hot one journaled. It gives keyframes and the terminal's
//! answers, may lag behind, and may die: the task goes on without it. The hot thread never waits for it.

mod mailbox;
mod model;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, Thread};

use axiom_journal::Head;
use axiom_proto::frame::Offset;

pub(crate) use mailbox::{Drawn, Mail, Mailbox};
use model::Model;

use crate::clock::Clock;
use crate::notes::note;

/// What the model needs lies on the heap; the deepest call is JSON of a record.
const STACK_BYTES: usize = 256 << 10;

/// Below all that moves bytes. A task that stands lower by its group stays below it.
const NICE: i32 = 19;

/// What a picture is made of.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Where the journal is.
    pub(crate) folder: PathBuf,
    pub(crate) clock: Clock,
    /// Questions in the output before this were answered by an earlier worker.
    pub(crate) answered: Offset,
}

/// The hot thread's side of it.
#[derive(Debug)]
pub(crate) enum Picture {
    /// There is none: no terminal, no child, or no thread could be had.
    Off,
    /// Nothing was printed yet: nothing is spent on it.
    Blank(Subject),
    Live(Live),
}

/// A picture that a thread makes.
#[derive(Debug)]
pub(crate) struct Live {
    mailbox: Arc<Mailbox>,
    thread: Thread,
    /// How much output the thread was told of.
    told: Offset,
}

impl Picture {
    /// Says how far the journal is. Cheap: it wakes the thread only if that sleeps and there is new output.
    pub(crate) fn follow(&mut self, head: Head) {
        match self {
            Self::Off => {}
            Self::Blank(_) if head.offset == Offset(0) => {}
            Self::Blank(subject) => match start(subject.clone(), head) {
                Ok(live) => *self = Self::Live(live),
                Err(error) => {
                    note(&format!("the task goes on without its picture: {error}"));
                    *self = Self::Off;
                }
            },
            Self::Live(live) if live.told == head.offset => {}
            Self::Live(live) => {
                live.told = head.offset;
                if live.mailbox.announce(head.seq) {
                    live.thread.unpark();
                }
            }
        }
    }

    /// What the thread gives, and the descriptor that is readable when there is something.
    pub(crate) fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Live(live) => Some(&live.mailbox),
            Self::Off | Self::Blank(_) => None,
        }
    }
}

fn start(subject: Subject, head: Head) -> std::io::Result<Live> {
    let mailbox = Arc::new(Mailbox::new(head.seq)?);
    let theirs = mailbox.clone();
    let draw = move || {
        lower();
        // What the thread holds is lost with it, and nobody else looks at it.
        match catch_unwind(AssertUnwindSafe(|| Model::open(&subject, head.seq)?.run(&theirs))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => note(&format!("the task goes on without its picture: {error}")),
            Err(_panic) => note("the task goes on without its picture: drawing it failed"),
        }
    };
    let thread = thread::Builder::new().name("picture".to_owned()).stack_size(STACK_BYTES);
    let thread = thread.spawn(draw)?.thread().clone();
    Ok(Live { mailbox, thread, told: head.offset })
}

/// The hot thread comes first where processors are short. A kernel that refuses costs nothing but that.
fn lower() {
    let thread = rustix::thread::gettid();
    let _refused: rustix::io::Result<()> = rustix::process::setpriority_process(Some(thread), NICE);
}
