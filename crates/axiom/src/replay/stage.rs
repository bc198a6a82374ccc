//! A viewer's terminal while a recording plays on it: what may pass to it, the picture after a seek, and the way back.
//! It holds a screen of its own, fed with all that was played. Pure: output in, bytes for the terminal out.

mod harmless;

use axiom_proto::task::{Mode, Size};
use axiom_screen::{Answers, RESET, Screen, Size as ScreenSize};

use harmless::Harmless;

/// Scrolls what stands on the terminal away before something is drawn over it, so that it is kept above.
const MAKE_ROOM: &str = "\x1b[9999;1H";

/// A viewer's terminal.
#[derive(Debug)]
pub(crate) struct Stage {
    screen: Screen,
    harmless: Harmless,
    /// What the recorded streams were: on pipes, newlines have no returns yet.
    mode: Mode,
    /// The viewer's terminal, where it says its size.
    room: Option<Size>,
    /// True once something was drawn, and the terminal's rows are the recording's.
    cleared: bool,
}

impl Stage {
    /// Nothing is played yet.
    #[must_use]
    pub(crate) fn new(recorded: Size, mode: Mode, room: Option<Size>) -> Self {
        let screen = Screen::new(nearest(recorded));
        Self { screen, harmless: Harmless::default(), mode, room, cleared: false }
    }

    /// Output is played: what the terminal gets of it.
    pub(crate) fn show(&mut self, output: &[u8]) -> Vec<u8> {
        let output = self.as_on_a_terminal(output);
        self.feed(&output);
        self.harmless.pass(&output)
    }

    /// Output is passed over.
    pub(crate) fn skip(&mut self, output: &[u8]) {
        let output = self.as_on_a_terminal(output);
        self.feed(&output);
    }

    /// The recorded terminal has another size.
    pub(crate) fn resize(&mut self, size: Size) {
        self.screen.resize(nearest(size));
    }

    /// The viewer's terminal has another size.
    pub(crate) fn make_room(&mut self, room: Option<Size>) {
        self.room = room;
    }

    /// The recording begins again.
    pub(crate) fn begin_again(&mut self, recorded: Size) {
        self.screen = Screen::new(nearest(recorded));
    }

    /// The recording goes on from another place, where its terminal has this size, and these bytes draw its picture.
    pub(crate) fn begin_with(&mut self, recorded: Size, dump: &[u8]) {
        self.begin_again(recorded);
        self.feed(dump);
    }

    /// What [`Stage::begin_with`] needs to go on from here.
    #[must_use]
    pub(crate) fn picture(&self) -> (Size, Vec<u8>) {
        let size = self.screen.size();
        (Size { cols: size.columns(), rows: size.rows() }, self.screen.dump())
    }

    /// The whole picture.
    pub(crate) fn draw(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !std::mem::replace(&mut self.cleared, true) {
            let rows = self.room.map_or(0, |room| usize::from(room.rows));
            bytes.extend_from_slice(MAKE_ROOM.as_bytes());
            bytes.extend(std::iter::repeat_n(b'\n', rows));
        }
        bytes.extend_from_slice(RESET);
        self.harmless = Harmless::default();
        let dump = self.fitting().dump();
        bytes.extend(self.harmless.pass(&dump));
        bytes
    }

    /// What gives the terminal back as it was, with the cursor below what was shown.
    #[must_use]
    pub(crate) fn leave(&self) -> Vec<u8> {
        let mut bytes = self.harmless.undo();
        let cursor = self.screen.view().cursor;
        if cursor.column > 0 || cursor.pending_wrap {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }

    fn feed(&mut self, output: &[u8]) {
        // Nobody hears what it would answer: the program that asked has long ended.
        self.screen.feed(output, &mut Answers::default());
    }

    fn as_on_a_terminal(&self, output: &[u8]) -> Vec<u8> {
        match self.mode {
            Mode::Terminal => output.to_vec(),
            Mode::Pipes => with_returns(output),
        }
    }

    /// The screen, made as small as the viewer's terminal where that is smaller.
    fn fitting(&self) -> Screen {
        let mut screen = self.screen.clone();
        if let Some(room) = self.room {
            let size = screen.size();
            let (columns, rows) = (size.columns().min(room.cols), size.rows().min(room.rows));
            screen.resize(ScreenSize::nearest(columns.into(), rows.into()));
        }
        screen
    }
}

fn nearest(size: Size) -> ScreenSize {
    ScreenSize::nearest(size.cols.into(), size.rows.into())
}

/// What a terminal makes of newlines.
fn with_returns(output: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(output.len() + output.len() / 16);
    for byte in output {
        if *byte == b'\n' {
            bytes.push(b'\r');
        }
        bytes.push(*byte);
    }
    bytes
}

#[cfg(test)]
mod tests;
