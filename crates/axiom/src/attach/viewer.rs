//! What a viewer is shown, and when: the first picture and what answers a key at once, a flood no faster than eyes can see.
//! Knows the moment only as an argument.

use std::time::Duration;

use axiom_screen::{Answers, Input, Painter, Painting, Place, Screen, Size};
use bytes::Bytes;
use tokio::time::Instant;

/// The least time between two pictures: a display shows no more of them.
const PICTURE_EVERY: Duration = Duration::from_millis(16);

/// For how long a picture that a program has not finished is waited for.
const UPDATE_WAIT: Duration = Duration::from_millis(150);

/// How long a note stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// Until it is taken away.
    Standing,
    /// Until then.
    Until(Instant),
    /// Until then, or until a key is pressed.
    UntilKey(Instant),
}

impl Lasting {
    fn ends_at(self) -> Option<Instant> {
        match self {
            Self::Standing => None,
            Self::Until(moment) | Self::UntilKey(moment) => Some(moment),
        }
    }
}

/// One line over the last row.
#[derive(Debug)]
struct Note {
    text: String,
    lasting: Lasting,
}

/// A model of the task's screen, and the terminal that shows it.
#[derive(Debug)]
pub(super) struct Viewer {
    screen: Screen,
    painter: Painter,
    room: Size,
    input: Input,
    note: Option<Note>,
    /// Lines in front of the screen, and what is said of them.
    page: Option<(Screen, String)>,
    /// True if the terminal may show something else than the model.
    stale: bool,
    /// The next picture comes no earlier.
    earliest: Instant,
    /// When the update began that is not finished.
    updating: Option<Instant>,
}

impl Viewer {
    /// Nothing is shown yet.
    pub(super) fn new(screen: Screen, room: Size, input: Input, now: Instant) -> Self {
        let (painter, note, page, updating) = (Painter::new(), None, None, None);
        Self { screen, painter, room, input, note, page, stale: true, earliest: now, updating }
    }

    /// The task printed this.
    pub(super) fn feed(&mut self, output: &[u8], now: Instant) {
        // The task's own side answers.
        self.screen.feed(output, &mut Answers::default());
        self.updating = self.screen.is_updating().then(|| self.updating.unwrap_or(now));
        self.stale = true;
    }

    /// The task's terminal has this size now.
    pub(super) fn resize(&mut self, size: Size) {
        self.screen.resize(size);
        self.stale = true;
    }

    /// The size of the task's terminal.
    pub(super) fn size(&self) -> Size {
        self.screen.size()
    }

    /// The viewer's terminal has this size now.
    pub(super) fn make_room(&mut self, room: Size) {
        self.room = room;
        self.painter.forget();
        self.stale = true;
    }

    /// The size of the viewer's terminal.
    pub(super) fn room(&self) -> Size {
        self.room
    }

    /// The terminal was left to others and taken again.
    pub(super) fn enter_again(&mut self, room: Size) {
        self.painter = Painter::new();
        self.make_room(room);
    }

    /// Another screen in the place of this one.
    pub(super) fn replace(&mut self, screen: Screen) {
        self.screen = screen;
        self.updating = None;
        self.stale = true;
    }

    /// Which part of the task's screen is seen.
    pub(super) fn place(&self) -> Place {
        self.painter.place()
    }

    /// Says something, in the place of what was said before.
    pub(super) fn note(&mut self, text: String, lasting: Lasting) {
        self.note = Some(Note { text, lasting });
        self.stale = true;
    }

    /// What stood until it would be taken away is over.
    pub(super) fn take_standing_note_away(&mut self) {
        self.stale |= self.note.take_if(|note| note.lasting == Lasting::Standing).is_some();
    }

    /// A key was pressed.
    pub(super) fn pressed(&mut self) {
        let goes = |note: &mut Note| matches!(note.lasting, Lasting::UntilKey(_));
        self.stale |= self.note.take_if(goes).is_some();
    }

    /// Shows lines in front of the screen, which goes on behind them.
    pub(super) fn show_page(&mut self, rows: &[String], words: String) {
        let mut page = Screen::new(self.room);
        let title = self.screen.view().title;
        let text = format!("\x1b]2;{title}\x1b\\\x1b[?25l\x1b[?7l{}", rows.join("\r\n"));
        page.feed(text.as_bytes(), &mut Answers::default());
        self.page = Some((page, words));
        self.stale = true;
    }

    /// Back to the screen.
    pub(super) fn show_screen(&mut self) {
        self.page = None;
        self.stale = true;
    }

    /// When to paint next; nothing if all is shown.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let ends = self.note.as_ref().and_then(|note| note.lasting.ends_at());
        if !self.stale {
            return ends;
        }
        let finished = self.updating.map(|since| since + UPDATE_WAIT);
        Some(finished.map_or(self.earliest, |finished| finished.max(self.earliest)))
    }

    /// What brings the terminal to the newest picture.
    pub(super) fn paint(&mut self, now: Instant) -> Bytes {
        let is_over = |note: &mut Note| note.lasting.ends_at().is_some_and(|end| end <= now);
        drop(self.note.take_if(is_over));
        let mut bytes = Vec::new();
        let note = self.note.as_ref().map(|note| note.text.as_str());
        let what = match &self.page {
            Some((screen, words)) => {
                let note = Some(note.unwrap_or(words));
                Painting { screen, room: self.room, note, input: Input::Ours }
            }
            None => Painting { screen: &self.screen, room: self.room, note, input: self.input },
        };
        self.painter.paint(&what, &mut bytes);
        self.stale = false;
        self.earliest = now + PICTURE_EVERY;
        Bytes::from(bytes)
    }
}
