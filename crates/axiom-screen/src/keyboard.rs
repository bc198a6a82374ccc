//! How keys are to be encoded, as programs asked: kitty's stack of flags, and xterm's modifyOtherKeys.
//! The model only remembers it, so that a viewer's terminal can be told; it claims neither.

/// Flags that can be pushed on one page. Kitty keeps at least as many; the oldest falls off.
const FLAGS_MAX: usize = 16;

/// The flags that exist (kitty keyboard protocol).
const FLAGS_KNOWN: u8 = 0b1_1111;

/// A page's stack of flags. The last ones are in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFlags {
    stack: Vec<u8>,
}

impl Default for KeyFlags {
    fn default() -> Self {
        Self { stack: vec![0] }
    }
}

impl KeyFlags {
    /// What was set at the bottom, and what was pushed on it.
    pub(crate) fn stack(&self) -> &[u8] {
        &self.stack
    }

    pub(crate) fn push(&mut self, flags: u16) {
        if self.stack.len() > FLAGS_MAX {
            self.stack.remove(1);
        }
        self.stack.push(known(flags));
    }

    pub(crate) fn pop(&mut self, count: u16) {
        let left = self.stack.len().saturating_sub(usize::from(count));
        self.stack.truncate(left);
        if self.stack.is_empty() {
            self.stack.push(0);
        }
    }

    /// Changes the flags in force: 1 replaces, 2 adds, 3 takes away.
    pub(crate) fn set(&mut self, flags: u16, how: u16) {
        let flags = known(flags);
        if let Some(last) = self.stack.last_mut() {
            match how {
                1 => *last = flags,
                2 => *last |= flags,
                3 => *last &= !flags,
                _ => {}
            }
        }
    }
}

fn known(flags: u16) -> u8 {
    flags.to_le_bytes()[0] & FLAGS_KNOWN
}
