//! What a viewer types, as orders to the player. Pure; a key may come in pieces, and what is no key of ours is dropped.

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Pause, or go on.
    Pause,
    /// So many seconds on, or back.
    Seek(i32),
    /// To the next output, or the one before.
    Step(i8),
    /// To the next marker.
    Marker,
    /// To the start.
    Start,
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// Enough.
    Leave,
}

/// What the arrow keys seek by, in seconds.
const NEAR: i32 = 5;
const FAR: i32 = 60;

/// The end of a terminal's sequence comes within so many bytes, or it is none.
const SEQUENCE_BYTES_MAX: usize = 32;

/// Takes what is typed.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// After ESC `[` or ESC `O`; so many bytes of it have come.
    Sequence(usize),
}

impl Keys {
    /// The keys in these bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        bytes.iter().filter_map(|byte| self.byte(*byte)).collect()
    }

    fn byte(&mut self, byte: u8) -> Option<Key> {
        match (self.state, byte) {
            (_, 0x1b) => self.state = State::Escape,
            (State::Escape, b'[' | b'O') => self.state = State::Sequence(0),
            (State::Escape, _) => self.state = State::Ground,
            (State::Sequence(len), 0x20..0x40) if len < SEQUENCE_BYTES_MAX => {
                self.state = State::Sequence(len + 1);
            }
            (State::Sequence(len), _) => {
                self.state = State::Ground;
                // With a modifier or a number it is another key.
                return if len == 0 { arrow(byte) } else { None };
            }
            (State::Ground, _) => return plain(byte),
        }
        None
    }
}

fn arrow(last: u8) -> Option<Key> {
    match last {
        b'A' => Some(Key::Seek(FAR)),
        b'B' => Some(Key::Seek(-FAR)),
        b'C' => Some(Key::Seek(NEAR)),
        b'D' => Some(Key::Seek(-NEAR)),
        b'H' => Some(Key::Start),
        _other => None,
    }
}

fn plain(byte: u8) -> Option<Key> {
    match byte {
        b' ' => Some(Key::Pause),
        b'.' => Some(Key::Step(1)),
        b',' => Some(Key::Step(-1)),
        b']' => Some(Key::Marker),
        b'0' => Some(Key::Start),
        b'+' | b'=' => Some(Key::Faster),
        b'-' | b'_' => Some(Key::Slower),
        // A terminal that sends Ctrl-C as a key, and one that ends.
        b'q' | b'Q' | 0x03 | 0x04 => Some(Key::Leave),
        _other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_known_however_it_is_cut() {
        let typed = b" .,]0+=-q\x1b[A\x1b[B\x1b[C\x1bOD\x1b[H";
        let expected = [
            Key::Pause,
            Key::Step(1),
            Key::Step(-1),
            Key::Marker,
            Key::Start,
            Key::Faster,
            Key::Faster,
            Key::Slower,
            Key::Leave,
            Key::Seek(60),
            Key::Seek(-60),
            Key::Seek(5),
            Key::Seek(-5),
            Key::Start,
        ];
        for cut in 0..=typed.len() {
            let mut keys = Keys::default();
            let mut taken = keys.take(&typed[..cut]);
            taken.extend(keys.take(&typed[cut..]));
            assert_eq!(taken, expected, "cut at {cut}");
        }
    }

    #[test]
    fn other_keys_and_a_terminals_reports_are_nothing() {
        let typed = b"abc\r\x1b[1;5C\x1b[3~\x1bq\x1b[<0;10;5M\x1b[200~x\x1b[201~\x1b\x1b\xc3\xa9";
        assert_eq!(Keys::default().take(typed), []);
        let mut endless = b"\x1b[".to_vec();
        endless.extend([b'1'; 100]);
        endless.push(b' ');
        assert_eq!(Keys::default().take(&endless), [Key::Pause]);
    }
}
