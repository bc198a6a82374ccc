//! UTF-8, one byte at a time. Bytes that are none become one U+FFFD for each longest beginning of a character,
//! as the Unicode standard recommends, wherever a chunk ends.

/// What a byte did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The character is not whole yet.
    More,
    Character(char),
    /// What came so far is no character. `used` is 0 if this byte may begin another one, else 1.
    Invalid {
        used: usize,
    },
}

/// A character that is on its way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Utf8 {
    bytes: [u8; 4],
    len: usize,
}

impl Utf8 {
    pub(crate) fn is_at_rest(&self) -> bool {
        self.len == 0
    }

    /// The bytes of the unfinished character.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) fn push(&mut self, byte: u8) -> Step {
        if self.len == 0 {
            return self.begin(byte);
        }
        if !allowed(self.bytes[0], self.len).contains(&byte) {
            self.len = 0;
            return Step::Invalid { used: 0 };
        }
        self.bytes[self.len] = byte;
        self.len += 1;
        if self.len < whole(self.bytes[0]) {
            return Step::More;
        }
        let decoded = std::str::from_utf8(self.bytes()).ok().and_then(|text| text.chars().next());
        self.len = 0;
        decoded.map_or(Step::Invalid { used: 1 }, Step::Character)
    }

    fn begin(&mut self, byte: u8) -> Step {
        if !(0xc2..=0xf4).contains(&byte) {
            return Step::Invalid { used: 1 };
        }
        self.bytes[0] = byte;
        self.len = 1;
        Step::More
    }
}

/// How many bytes a character has that begins so.
fn whole(first: u8) -> usize {
    match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    }
}

/// Which bytes may come at a place: the second byte's range keeps out overlong forms, surrogates and what is over U+10FFFF.
fn allowed(first: u8, place: usize) -> std::ops::RangeInclusive<u8> {
    match (first, place) {
        (0xe0, 1) => 0xa0..=0xbf,
        (0xed, 1) => 0x80..=0x9f,
        (0xf0, 1) => 0x90..=0xbf,
        (0xf4, 1) => 0x80..=0x8f,
        _ => 0x80..=0xbf,
    }
}
