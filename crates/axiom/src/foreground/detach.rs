//! The detach key: Ctrl-] and then d; where there is something to scroll through, also Ctrl-] and then [ or PageUp. Ctrl-] twice types one Ctrl-]; before any other key it is typed as it is.
//! Pure: keystrokes in, keystrokes and wishes out. A key in the form of the newer keyboard protocols is known as well.

/// Ctrl-] as every terminal sends it.
const CTRL_BRACKET: u8 = 0x1d;

/// Ctrl-] as a terminal sends it once a program has asked for unambiguous keys.
const CTRL_BRACKET_FORMS: &[&[u8]] = &[b"\x1d", b"\x1b[93;5u", b"\x1b[93;5:1u", b"\x1b[27;5;93~"];

/// d likewise.
const D_FORMS: &[&[u8]] = &[b"d", b"D", b"\x1b[100u", b"\x1b[100;1u", b"\x1b[100;1:1u"];

/// [ likewise, and PageUp.
const SCROLL_FORMS: &[&[u8]] = &[b"[", b"\x1b[91u", b"\x1b[91;1u", b"\x1b[5~", b"\x1b[5;1~"];

/// What keystrokes mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keys {
    /// To be typed; may be none.
    Type(Vec<u8>),
    /// These are to be typed, and then comes the wish to leave. What followed is dropped.
    Detach(Vec<u8>),
    /// These are to be typed, and then comes the wish to scroll back, with keys for that.
    Scroll(Vec<u8>, Vec<u8>),
}

/// Looks for the detach key. Only its first half is ever held back, never an Escape.
#[derive(Debug, Default)]
pub(crate) struct DetachKey {
    /// The first half as it was typed.
    held: Option<&'static [u8]>,
    /// True if there is something to scroll through.
    scrolls: bool,
}

impl DetachKey {
    /// Knows the keys for scrolling back, too.
    pub(crate) fn with_scrolling() -> Self {
        Self { held: None, scrolls: true }
    }

    pub(crate) fn take(&mut self, mut keys: &[u8]) -> Keys {
        let mut typed = Vec::with_capacity(keys.len());
        while !keys.is_empty() {
            let Some(held) = self.held.take() else {
                match form_at(keys, CTRL_BRACKET_FORMS) {
                    Some(form) => {
                        self.held = Some(form);
                        keys = &keys[form.len()..];
                    }
                    None => {
                        typed.push(keys[0]);
                        keys = &keys[1..];
                    }
                }
                continue;
            };
            if form_at(keys, D_FORMS).is_some() {
                return Keys::Detach(typed);
            }
            if self.scrolls
                && let Some(form) = form_at(keys, SCROLL_FORMS)
            {
                return Keys::Scroll(typed, keys[form.len()..].to_vec());
            }
            if let Some(form) = form_at(keys, CTRL_BRACKET_FORMS) {
                typed.extend_from_slice(form);
                keys = &keys[form.len()..];
                continue;
            }
            typed.extend_from_slice(held);
        }
        Keys::Type(typed)
    }
}

fn form_at(keys: &[u8], forms: &[&'static [u8]]) -> Option<&'static [u8]> {
    forms.iter().copied().find(|form| keys.starts_with(form))
}

/// The name that is shown.
pub(crate) const SHOWN: &str = "Ctrl-] d";

const _: () = assert!(CTRL_BRACKET_FORMS[0][0] == CTRL_BRACKET);

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything typed and whether it detached, for keys that come in these pieces.
    fn take(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut key = DetachKey::default();
        let mut typed = Vec::new();
        for piece in pieces {
            match key.take(piece) {
                Keys::Type(keys) => typed.extend(keys),
                Keys::Detach(keys) => {
                    typed.extend(keys);
                    return (typed, true);
                }
                Keys::Scroll(..) => panic!("there is nothing to scroll through"),
            }
        }
        (typed, false)
    }

    fn one_by_one(keys: &[u8]) -> (Vec<u8>, bool) {
        take(&keys.chunks(1).collect::<Vec<_>>())
    }

    #[test]
    fn every_other_key_is_typed_as_it_came_and_at_once() {
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                if first == CTRL_BRACKET || second == CTRL_BRACKET {
                    continue;
                }
                assert_eq!(take(&[&[first, second]]), (vec![first, second], false));
                let mut key = DetachKey::default();
                assert_eq!(key.take(&[first]), Keys::Type(vec![first]));
            }
        }
    }

    #[test]
    fn the_key_detaches_in_one_piece_or_two_and_drops_what_follows() {
        assert_eq!(take(&[b"ab\x1ddcd"]), (b"ab".to_vec(), true));
        assert_eq!(one_by_one(b"ab\x1dD"), (b"ab".to_vec(), true));
        assert_eq!(take(&[b"x\x1b[93;5u", b"\x1b[100u"]), (b"x".to_vec(), true));
        assert_eq!(take(&[b"\x1b[27;5;93~d"]), (Vec::new(), true));
    }

    #[test]
    fn twice_types_one_and_before_another_key_it_is_typed_as_well() {
        assert_eq!(one_by_one(b"\x1d\x1dd"), (b"\x1dd".to_vec(), false));
        assert_eq!(one_by_one(b"\x1d\x1d\x1d\x1d"), (b"\x1d\x1d".to_vec(), false));
        for other in (0..=255u8).filter(|byte| ![CTRL_BRACKET, b'd', b'D'].contains(byte)) {
            assert_eq!(one_by_one(&[CTRL_BRACKET, other]), (vec![CTRL_BRACKET, other], false));
        }
        assert_eq!(take(&[b"\x1b[93;5u", b"x"]), (b"\x1b[93;5ux".to_vec(), false));
    }

    #[test]
    fn where_there_is_something_to_scroll_through_a_bracket_or_page_up_does_it() {
        for keys in [&b"a\x1d[kk"[..], b"a\x1d\x1b[5~kk", b"a\x1b[93;5u\x1b[91ukk"] {
            let mut key = DetachKey::with_scrolling();
            assert_eq!(key.take(keys), Keys::Scroll(b"a".to_vec(), b"kk".to_vec()));
            assert_eq!(key.take(b"\x1dd"), Keys::Detach(Vec::new()));
        }
        assert_eq!(take(&[b"\x1d["]), (b"\x1d[".to_vec(), false), "elsewhere it is typed");
    }
}
