//! What a person's terminal sends, on its way to the task: without what the terminal says by itself, and looked through for
//! the keys that are ours. Pure, but for the moment, which it is given: a lone Escape is waited for a little.

use std::time::Duration;

use axiom_screen::{Patience, Replies};
use tokio::time::Instant;

use super::detach::{DetachKey, Keys};

/// For how long what may be a key is held back: an answer of a terminal comes in one piece. No finger is as fast.
const KEY_WAIT: Duration = Duration::from_millis(30);

/// For how long the rest of what is no key is waited for, over a slow line.
const REPORT_WAIT: Duration = Duration::from_secs(1);

/// A person's keyboard.
#[derive(Debug, Default)]
pub(crate) struct Keyboard {
    replies: Replies,
    detach_key: DetachKey,
    wakes_at: Option<Instant>,
}

impl Keyboard {
    /// Knows the keys for scrolling back, too.
    pub(crate) fn with_scrolling() -> Self {
        Self { detach_key: DetachKey::with_scrolling(), ..Self::default() }
    }

    /// The terminal sent this.
    pub(crate) fn sent(&mut self, bytes: &[u8], now: Instant) -> Keys {
        let mut keys = Vec::with_capacity(bytes.len());
        self.replies.feed(bytes, &mut keys);
        self.wakes_at = self.replies.pending().map(|patience| {
            now + match patience {
                Patience::Key => KEY_WAIT,
                Patience::Report => REPORT_WAIT,
            }
        });
        self.detach_key.take(&keys)
    }

    /// When to ask what was [`Keyboard::waited`] for.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.wakes_at
    }

    /// Nothing more came in time.
    pub(crate) fn waited(&mut self) -> Keys {
        self.wakes_at = None;
        let mut keys = Vec::new();
        self.replies.flush(&mut keys);
        self.detach_key.take(&keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_typed_after_a_moment_and_an_answer_never() {
        let mut keyboard = Keyboard::default();
        let now = Instant::now();
        assert_eq!(keyboard.sent(b"a\x1b", now), Keys::Type(b"a".to_vec()));
        assert_eq!(keyboard.wakes_at(), Some(now + KEY_WAIT));
        assert_eq!(keyboard.waited(), Keys::Type(b"\x1b".to_vec()));
        assert_eq!(keyboard.wakes_at(), None);
        assert_eq!(keyboard.sent(b"b\x1b[?62", now), Keys::Type(b"b".to_vec()));
        assert_eq!(keyboard.wakes_at(), Some(now + REPORT_WAIT));
        assert_eq!(keyboard.sent(b";22cc", now), Keys::Type(b"c".to_vec()));
        assert_eq!(keyboard.wakes_at(), None);
    }

    #[test]
    fn the_detach_key_is_found_in_any_form_and_any_pieces() {
        let mut keyboard = Keyboard::default();
        let now = Instant::now();
        assert_eq!(keyboard.sent(b"x\x1b[9", now), Keys::Type(b"x".to_vec()));
        assert_eq!(keyboard.sent(b"3;5u", now), Keys::Type(Vec::new()));
        assert_eq!(keyboard.sent(b"d", now), Keys::Detach(Vec::new()));
    }
}
