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
use crate::recording::{CastError, CastFile, TaskEvents};

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

    /// True if it can be read from the start again.
    #[must_use]
    pub(crate) fn rewinds(&self) -> bool {
        match self {
            Self::Task { .. } => true,
            Self::File { rewinds, .. } => *rewinds,
        }
    }

    /// Begins to read it. `opened` is the file, where it is open already.
    ///
    /// # Errors
    /// [`Failure`] for a task without a session.
    pub(crate) fn read(&self, opened: Option<CastFile>) -> Result<Source, Failure> {
        let (sender, portions) = mpsc::channel(PORTIONS_MAX);
        let reading = match self {
            Self::Task { place, view } => {
                let events = TaskEvents::of((**view).clone())?;
                Some(tokio::spawn(read_task(place.clone(), events, sender)))
            }
            Self::File { path, .. } => {
                let path = path.clone();
                thread::spawn(move || read_file(&path, opened, &sender));
                None
            }
        };
        Ok(Source { portions, reading })
    }
}

type Portion = Result<Vec<Event>, Failure>;

/// Events as they are read. Reading ends with it.
#[derive(Debug)]
pub(crate) struct Source {
    portions: mpsc::Receiver<Portion>,
    reading: Option<JoinHandle<()>>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.reading.iter().for_each(JoinHandle::abort);
    }
}

impl Source {
    /// The next events; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`Failure`] when there are more, and they cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Event>>, Failure> {
        self.portions.recv().await.transpose()
    }
}

/// Until the end, a failure, or until nobody listens any more.
async fn read_task(place: Place, mut events: TaskEvents, sender: mpsc::Sender<Portion>) {
    let mut connection = match Connection::open(place).await {
        Ok(connection) => connection,
        Err(error) => {
            drop(sender.send(Err(error.into())).await);
            return;
        }
    };
    let mut size = None;
    loop {
        let mut portion = match events.next(&mut connection).await {
            Ok(Some(portion)) => portion,
            Ok(None) => return,
            Err(failure) => {
                drop(sender.send(Err(failure)).await);
                return;
            }
        };
        // The size at the start is known with the first page, and before its events.
        if size.is_none()
            && let Some(first) = events.journaled.size
        {
            size = Some(first);
            let at = axiom_proto::frame::Micros(0);
            portion.insert(0, Event { at, what: What::Resized(first) });
        }
        if sender.send(Ok(portion)).await.is_err() {
            return;
        }
    }
}

fn read_file(path: &Path, opened: Option<CastFile>, sender: &mpsc::Sender<Portion>) {
    // Whoever listens no longer wants no more of it.
    drop(
        read_portions(path, opened, |portion| sender.blocking_send(Ok(portion)).is_ok())
            .or_else(|error| sender.blocking_send(Err(not_played(&error)))),
    );
}

fn read_portions(
    path: &Path,
    opened: Option<CastFile>,
    mut give: impl FnMut(Vec<Event>) -> bool,
) -> Result<(), CastError> {
    let mut file = match opened {
        Some(file) => file,
        None => CastFile::open(path)?,
    };
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
            if !give(std::mem::take(&mut portion)) {
                return Ok(());
            }
        }
    }
    give(portion);
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
