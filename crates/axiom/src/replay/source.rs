//! The events of what is played, read beside the playing and a little ahead of it: a thread for a file, a task for a
//! session's frames. Bounded by the portions that may wait.

use std::path::{Path, PathBuf};
use std::thread;

use axiom_asciicast::{Event, What};
use axiom_client::{Connection, Place};
use axiom_proto::task::{Mode, Size, TaskView};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::recording::{CastError, CastFile, FilePoint, Jump, Place as Point, TaskEvents};

use super::player::Reach;

/// Portions that may wait: one while the other is played.
const PORTIONS_MAX: usize = 1;

/// A portion of a file is given on once it has so many bytes of data, or so many events.
const PORTION_BYTES: usize = 64 * 1024;
const PORTION_EVENTS: usize = 1024;

/// What is played.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A task's newest session.
    Task {
        /// Its server.
        place: Place,
        /// The task as it was when playing began.
        view: Box<TaskView>,
    },
    /// A file.
    File {
        /// Where it is.
        path: PathBuf,
        /// The recorded terminal's size at the start.
        size: Size,
        /// True if it can be read from the start again.
        rewinds: bool,
    },
}

impl Origin {
    /// The recorded terminal's size at the start, as far as it is known before anything is read.
    #[must_use]
    pub(crate) fn size(&self) -> Size {
        match self {
            Self::Task { view, .. } => view.size.unwrap_or_default(),
            Self::File { size, .. } => *size,
        }
    }

    /// What the recorded streams were.
    #[must_use]
    pub(crate) fn mode(&self) -> Mode {
        match self {
            Self::Task { view, .. } => view.mode,
            Self::File { .. } => Mode::Terminal,
        }
    }

    /// Where reading can begin.
    #[must_use]
    pub(crate) fn reach(&self) -> Reach {
        match self {
            // Only a terminal has a picture, which its server knows at any place.
            Self::Task { view, .. } if view.mode == Mode::Terminal => Reach::Anywhere,
            Self::Task { .. } | Self::File { rewinds: true, .. } => Reach::Start,
            Self::File { rewinds: false, .. } => Reach::Onward,
        }
    }

    /// Begins to read it.
    ///
    /// # Errors
    /// [`Failure`] for a task without a session.
    pub(crate) fn read(&self, begin: Begin) -> Result<Source, Failure> {
        let (sender, portions) = mpsc::channel(PORTIONS_MAX);
        let reading = match self {
            Self::Task { place, view } => {
                let events = TaskEvents::of((**view).clone())?;
                let point = match begin {
                    Begin::At(point) => Some(point),
                    Begin::Start | Begin::Opened(_) | Begin::InFile(_) => None,
                };
                Some(tokio::spawn(read_task(place.clone(), events, point, sender)))
            }
            Self::File { path, .. } => {
                let path = path.clone();
                thread::spawn(move || read_file(&path, begin, &sender));
                None
            }
        };
        Ok(Source { portions, reading })
    }
}

/// Where reading begins.
#[derive(Debug)]
pub(crate) enum Begin {
    /// At the start.
    Start,
    /// In a file that is open already.
    Opened(CastFile),
    /// At a place of a task.
    At(Point),
    /// At a place of a file.
    InFile(FilePoint),
}

/// What is read, piece by piece.
#[derive(Debug)]
pub(crate) enum Portion {
    /// The place that was asked for. It comes first.
    Begun(Jump),
    /// The next events, and in a file the place before them.
    Events(Vec<Event>, Option<FilePoint>),
}

/// Events as they are read. Reading ends with it.
#[derive(Debug)]
pub(crate) struct Source {
    portions: mpsc::Receiver<Result<Portion, Failure>>,
    reading: Option<JoinHandle<()>>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.reading.iter().for_each(JoinHandle::abort);
    }
}

impl Source {
    /// The next portion; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`Failure`] when there are more, and they cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Portion>, Failure> {
        self.portions.recv().await.transpose()
    }
}

/// Until the end, a failure, or until nobody listens any more.
async fn read_task(
    place: Place,
    events: TaskEvents,
    point: Option<Point>,
    sender: mpsc::Sender<Result<Portion, Failure>>,
) {
    if let Err(failure) = send_task(place, events, point, &sender).await {
        // Whoever listens no longer does not want to know.
        drop(sender.send(Err(failure)).await);
    }
}

async fn send_task(
    place: Place,
    mut events: TaskEvents,
    point: Option<Point>,
    sender: &mpsc::Sender<Result<Portion, Failure>>,
) -> Result<(), Failure> {
    let mut connection = Connection::open(place).await?;
    let mut size = None;
    if let Some(point) = point {
        let jump = events.jump(&mut connection, point).await?;
        size = Some(jump.size);
        if sender.send(Ok(Portion::Begun(jump))).await.is_err() {
            return Ok(());
        }
    }
    while let Some(mut portion) = events.next(&mut connection).await? {
        // The size at the start is known with the first page, and before its events.
        if let (None, Some(first)) = (size, events.journaled.size) {
            size = Some(first);
            let at = axiom_proto::frame::Micros(0);
            portion.insert(0, Event { at, what: What::Resized(first) });
        }
        if sender.send(Ok(Portion::Events(portion, None))).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn read_file(path: &Path, begin: Begin, sender: &mpsc::Sender<Result<Portion, Failure>>) {
    // Whoever listens no longer wants no more of it.
    drop(
        read_portions(path, begin, |events, point| {
            sender.blocking_send(Ok(Portion::Events(events, point))).is_ok()
        })
        .or_else(|error| sender.blocking_send(Err(not_played(&error)))),
    );
}

fn read_portions(
    path: &Path,
    begin: Begin,
    mut give: impl FnMut(Vec<Event>, Option<FilePoint>) -> bool,
) -> Result<(), CastError> {
    let mut file = match begin {
        Begin::Opened(file) => file,
        Begin::InFile(point) => CastFile::open_at(path, point)?,
        Begin::Start | Begin::At(_) => CastFile::open(path)?,
    };
    let mut point = file.point();
    let (mut portion, mut bytes) = (Vec::new(), 0);
    while let Some(event) = file.next()? {
        if let What::Output(output) = &event.what {
            bytes += output.len();
        }
        portion.push(event);
        let full = bytes >= PORTION_BYTES || portion.len() >= PORTION_EVENTS;
        // A file that grows while it is played is played as far as it goes.
        if full || !file.has_more_at_hand() {
            bytes = 0;
            let before = std::mem::replace(&mut point, file.point());
            if !give(std::mem::take(&mut portion), before) {
                return Ok(());
            }
        }
    }
    give(portion, point);
    Ok(())
}

/// Why a file is not played, or no further.
pub(crate) fn not_played(error: &CastError) -> Failure {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let hint = match error {
        CastError::Read { .. } => "name a recording, or a task: axiom ps --all lists them",
        CastError::Bad { .. } => "asciicast files of versions 1, 2 and 3 can be played",
    };
    Failure::invalid(format!("{error}: {cause}"), hint)
}
