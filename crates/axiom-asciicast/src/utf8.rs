//! Bytes as text, across any cutting: a character that is split over two pieces is joined, and what is no UTF-8 is
//! replaced and counted with its place. Pure; it holds three bytes at most.

/// Places that are named one by one; of more only the number is told.
const PLACES_MAX: usize = 5;

/// What was no UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// How many bytes.
    pub bytes: u64,
    /// Where the first of them are.
    pub places: Vec<u64>,
    /// How many places there are in all. Neighbours are one.
    pub places_total: u64,
    /// Where the newest ends, to see whether the next one goes on there.
    end: u64,
}

impl Broken {
    fn add(&mut self, offset: u64, bytes: u64) {
        let goes_on = self.bytes > 0 && self.end == offset;
        self.bytes += bytes;
        self.end = offset + bytes;
        if goes_on {
            return;
        }
        self.places_total += 1;
        if self.places.len() < PLACES_MAX {
            self.places.push(offset);
        }
    }
}

/// Joins one stream's pieces.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    held: [u8; 3],
    len: usize,
    /// The place of the first byte that is held.
    held_at: u64,
}

impl Joiner {
    /// Takes a piece that begins at this offset, appends text.
    pub(super) fn push(
        &mut self,
        offset: u64,
        bytes: &[u8],
        text: &mut String,
        broken: &mut Broken,
    ) {
        let mut rest = bytes;
        let mut at = offset;
        // At most three turns: each takes a byte into what is held, until that is a character or cannot be one.
        while self.len > 0 && !rest.is_empty() {
            let taken = self.complete(rest, text, broken);
            rest = &rest[taken..];
            at += taken as u64;
        }
        if self.len == 0 {
            self.plain(at, rest, text, broken);
        }
    }

    /// Says that no more will come: a character that was begun is none.
    pub(super) fn finish(&mut self, text: &mut String, broken: &mut Broken) {
        if self.len > 0 {
            broken.add(self.held_at, self.len as u64);
            text.push(char::REPLACEMENT_CHARACTER);
            self.len = 0;
        }
    }

    /// One step with bytes that are held. Gives how many of the new ones were used.
    fn complete(&mut self, rest: &[u8], text: &mut String, broken: &mut Broken) -> usize {
        let mut bytes = [0; 4];
        bytes[..self.len].copy_from_slice(&self.held[..self.len]);
        bytes[self.len] = rest[0];
        match std::str::from_utf8(&bytes[..=self.len]) {
            Ok(whole) => {
                text.push_str(whole);
                self.len = 0;
                1
            }
            Err(error) if error.error_len().is_none() => {
                self.held[self.len] = rest[0];
                self.len += 1;
                1
            }
            // The byte does not go on with it, and may begin something else.
            Err(_) => {
                self.finish(text, broken);
                0
            }
        }
    }

    fn plain(&mut self, offset: u64, bytes: &[u8], text: &mut String, broken: &mut Broken) {
        let mut at = offset;
        let mut rest = bytes;
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    return;
                }
                Err(error) => error,
            };
            let (good, bad) = rest.split_at(error.valid_up_to());
            text.push_str(std::str::from_utf8(good).expect("this part was just found to be text"));
            at += good.len() as u64;
            let Some(len) = error.error_len() else {
                self.held[..bad.len()].copy_from_slice(bad);
                self.len = bad.len();
                self.held_at = at;
                return;
            };
            broken.add(at, len as u64);
            text.push(char::REPLACEMENT_CHARACTER);
            at += len as u64;
            rest = &bad[len..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of pieces, and what was no text.
    fn joined(pieces: &[&[u8]]) -> (String, Broken) {
        let (mut joiner, mut text, mut broken) =
            (Joiner::default(), String::new(), Broken::default());
        let mut offset = 0;
        for piece in pieces {
            joiner.push(offset, piece, &mut text, &mut broken);
            offset += piece.len() as u64;
        }
        joiner.finish(&mut text, &mut broken);
        (text, broken)
    }

    const SAMPLES: &[&[u8]] = &[
        "plain, é, 你好, 🦀.".as_bytes(),
        b"\xff\xfe broken \xc3( \xe4\xbd( \xf0\x9f\xa6",
        b"\xed\xa0\x80 surrogate \xf4\x90\x80\x80 too far \xc0\xaf long",
        b"\x80\x80\x80\x80",
        "🦀🦀".as_bytes(),
    ];

    #[test]
    fn any_cutting_gives_the_same_text_and_the_same_places() {
        for sample in SAMPLES {
            let whole = joined(&[sample]);
            assert_eq!(whole.0, String::from_utf8_lossy(sample), "{sample:?}");
            for first in 0..=sample.len() {
                for second in first..=sample.len() {
                    let pieces = [&sample[..first], &sample[first..second], &sample[second..]];
                    assert_eq!(joined(&pieces), whole, "{sample:?} cut at {first} and {second}");
                }
            }
            let bytes: Vec<&[u8]> = sample.chunks(1).collect();
            assert_eq!(joined(&bytes), whole, "{sample:?} byte by byte");
        }
    }

    #[test]
    fn what_is_no_text_is_counted_with_its_places_and_neighbours_are_one() {
        let (text, broken) = joined(&[b"ab\xff\xffc\xe4\xbd", b"d\xe4\xbd"]);
        assert_eq!(text, "ab\u{fffd}\u{fffd}c\u{fffd}d\u{fffd}");
        assert_eq!(broken.bytes, 6);
        assert_eq!(broken.places, [2, 5, 8]);
    }

    #[test]
    fn of_many_places_the_first_are_named() {
        let (_, broken) = joined(&[b"\xffa".repeat(1000).as_slice()]);
        assert_eq!((broken.bytes, broken.places_total), (1000, 1000));
        assert_eq!(broken.places, [0, 2, 4, 6, 8]);
    }
}
