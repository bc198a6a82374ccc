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
mod tests {
    use super::*;

    const SIZE: Size = Size { cols: 20, rows: 5 };

    /// What a terminal of this size shows once it has got these bytes.
    fn shown(bytes: &[u8]) -> Screen {
        let mut screen = Screen::new(nearest(SIZE));
        screen.feed(bytes, &mut Answers::default());
        screen
    }

    const OUTPUT: &[u8] = "one\r\n\x1b[31mtwo\x1b[0m\x1b[?1049h\x1b[2;3Halt\x1b[?25l é".as_bytes();

    #[test]
    fn a_picture_that_is_drawn_is_the_one_that_playing_gives() {
        for cut in 0..=OUTPUT.len() {
            let mut played = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
            let whole = shown(&played.show(OUTPUT));
            let mut sought = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
            let mut bytes = sought.show(b"something else");
            sought.begin_again(SIZE);
            sought.skip(&OUTPUT[..cut]);
            bytes.extend(sought.draw());
            bytes.extend(sought.show(&OUTPUT[cut..]));
            let drawn = shown(&bytes);
            let picture = |screen: &Screen| {
                (screen.view().text(), screen.view().cursor, screen.view().alternate)
            };
            assert_eq!(picture(&drawn), picture(&whole), "cut at {cut}");
        }
    }

    #[test]
    fn newlines_of_pipes_draw_no_stairs() {
        let mut stage = Stage::new(SIZE, Mode::Pipes, None);
        assert_eq!(stage.show(b"a\nb\n"), b"a\r\nb\r\n");
        assert_eq!(shown(&stage.draw()).view().text(), "a\nb");
    }

    #[test]
    fn a_picture_that_is_larger_than_the_terminal_is_made_to_fit() {
        let large = Size { cols: 200, rows: 60 };
        let mut stage = Stage::new(large, Mode::Terminal, Some(SIZE));
        stage.show(format!("\x1b[60;1H{}", "x".repeat(30)).as_bytes());
        assert_eq!(stage.fitting().size(), nearest(SIZE));
    }

    #[test]
    fn whatever_was_played_the_terminal_is_left_as_it_was() {
        for output in [
            OUTPUT,
            b"\x1b[?6h\x1b[2;3r\x1b[?7l\x1b[4h\x1b(0lqk",
            b"\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?1h\x1b=\x1b[>1u\x1b]0;title\x07",
            b"\x1b[?2026hhalf of an update \x1b]8;;http://x\x07link\x1b[3",
            b"\x1b[1mbold\x1b[?5h\x1b[5 q",
        ] {
            let mut stage = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
            let mut bytes = b"$ replay\r\n".to_vec();
            bytes.extend(stage.show(output));
            bytes.extend(stage.leave());
            let mut left = shown(&bytes);
            let mut fresh = shown(b"");
            for screen in [&mut left, &mut fresh] {
                // Where programs last saved the cursor is nobody's to give back.
                screen.feed(b"\x1b[H\x1b[2J\x1b7", &mut Answers::default());
            }
            assert_eq!(left.dump(), fresh.dump(), "{}", String::from_utf8_lossy(output));
        }
    }
}
