//! What of a viewer's terminal is neither cell nor pen: cursor, title, keyboard, mouse; and what changes it.

use super::{Input, Painting, Place};
use crate::cursor::CursorStyle;
use crate::mode::{Mode, Mouse, MouseEncoding};
use crate::title;
use crate::view::InputModes;

/// The terminal's switches. As [`super::ENTER`] leaves them by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Switches {
    /// Row and column; nothing if it is not known.
    cursor: Option<(u16, u16)>,
    shown: bool,
    style: CursorStyle,
    title: String,
    reversed: bool,
    input: InputModes,
    other_keys: u16,
    /// The wheel as cursor keys; what the terminal does by itself nobody knows.
    wheel: Option<bool>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            cursor: None,
            shown: true,
            style: CursorStyle::default(),
            title: String::new(),
            reversed: false,
            input: InputModes::default(),
            other_keys: 0,
            wheel: None,
        }
    }
}

impl Switches {
    pub(super) fn of(what: &Painting<'_>, place: Place) -> Self {
        let terminal = &what.screen.terminal;
        let seen = |at: usize, first: u16, seen: u16| {
            u16::try_from(at).ok()?.checked_sub(first).filter(|at| *at < seen)
        };
        let row = seen(terminal.cursor.row, place.top, what.room.rows());
        let column = seen(terminal.cursor.column, place.left, what.room.columns());
        let hidden = what.note.is_some() && row == Some(what.room.rows() - 1);
        let (input, other_keys, wheel) = match what.input {
            Input::Task => {
                let wheel = terminal.on_alternate && terminal.modes.has(Mode::AlternateScroll);
                (terminal.input_modes(), terminal.other_keys, wheel)
            }
            Input::Ours => (InputModes::default(), 0, true),
            Input::None => (InputModes::default(), 0, false),
        };
        Self {
            cursor: row.zip(column),
            shown: terminal.modes.has(Mode::CursorShown) && !hidden && row.zip(column).is_some(),
            style: terminal.cursor_style,
            title: terminal.title.text().to_owned(),
            reversed: terminal.modes.has(Mode::ReverseScreen),
            input,
            other_keys,
            wheel: Some(wheel),
        }
    }

    pub(super) fn is_cursor_shown(&self) -> bool {
        self.shown
    }

    /// Something was drawn elsewhere.
    pub(super) fn forget_cursor(&mut self) {
        self.cursor = None;
    }

    /// Appends what changes these into others. While something was drawn the cursor was moved, and hidden if it is to be
    /// shown.
    pub(super) fn change(&mut self, to: &Self, drawn: bool, bytes: &mut Vec<u8>) {
        let mut say = |text: &str| bytes.extend_from_slice(text.as_bytes());
        if self.reversed != to.reversed {
            say(switch(5, to.reversed).as_str());
        }
        self.change_input(to, &mut say);
        if self.style != to.style {
            say("\x1b[0 q");
            to.style.write(bytes);
        }
        // An empty title is none: the viewer's own stays.
        if self.title != to.title && !(to.title.is_empty() && self.title.is_empty()) {
            title::write_one(&to.title, bytes);
        }
        if let Some((row, column)) = to.cursor.filter(|_| drawn || self.cursor != to.cursor) {
            bytes.extend_from_slice(format!("\x1b[{};{}H", row + 1, column + 1).as_bytes());
        }
        if self.shown != to.shown || drawn && to.shown {
            bytes.extend_from_slice(switch(25, to.shown).as_bytes());
        }
        *self = to.clone();
    }

    fn change_input(&self, to: &Self, say: &mut impl FnMut(&str)) {
        let (before, now) = (&self.input, &to.input);
        for (number, was, is) in [
            (1, before.cursor_keys, now.cursor_keys),
            (2004, before.paste, now.paste),
            (1004, before.focus, now.focus),
        ] {
            if was != is {
                say(&switch(number, is));
            }
        }
        if before.keypad != now.keypad {
            say(if now.keypad { "\x1b=" } else { "\x1b>" });
        }
        if before.mouse_encoding != now.mouse_encoding {
            change(before.mouse_encoding.number(), now.mouse_encoding.number(), say);
        }
        if before.mouse != now.mouse {
            change(before.mouse.number(), now.mouse.number(), say);
        }
        if before.key_flags != now.key_flags {
            say(&format!("\x1b[={};1u", now.key_flags));
        }
        if self.other_keys != to.other_keys {
            say(&format!("\x1b[>4;{}m", to.other_keys));
        }
        if let Some(wheel) = to.wheel.filter(|wheel| self.wheel != Some(*wheel)) {
            say(&switch(1007, wheel));
        }
    }
}

const _: () = assert!(Mouse::Off.number() == 0 && MouseEncoding::Bytes.number() == 0);

/// One of several modes gives way to another; 0 is none of them.
fn change(from: u16, to: u16, say: &mut impl FnMut(&str)) {
    if from != 0 {
        say(&switch(from, false));
    }
    if to != 0 {
        say(&switch(to, true));
    }
}

fn switch(number: u16, on: bool) -> String {
    format!("\x1b[?{number}{}", if on { 'h' } else { 'l' })
}
