//! The numbers of a `CSI` sequence: separated by `;`, or by `:` where one belongs to the one before.
//! Refuses more than [`PARAMS_MAX`]; a number over 65535 is 65535.

/// Most numbers in a sequence. A colour that is set by its parts takes six; nobody sets more than a few in one go.
const PARAMS_MAX: usize = 32;

/// The numbers, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Params {
    values: [u16; PARAMS_MAX],
    /// Bit i: number i belongs to number i-1.
    joined: u32,
    /// Bit i: number i has a digit.
    given: u32,
    len: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { values: [0; PARAMS_MAX], joined: 0, given: 0, len: 0 }
    }
}

impl Params {
    pub(super) fn clear(&mut self) {
        self.joined = 0;
        self.given = 0;
        self.len = 0;
    }

    /// True if there was neither a digit nor a separator.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many numbers there are, not given ones included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes digits, `;`, and `:` which joins, as many as the bytes begin with; says how many bytes. Nothing if there are too
    /// many numbers.
    #[inline]
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        if !matches!(bytes, [b'0'..=b';', ..]) {
            return Some(0);
        }
        if self.len == 0 {
            self.begin(false);
        }
        let (mut value, mut given) = (u32::from(self.values[self.len - 1]), false);
        let mut used = 0;
        for byte in bytes {
            match byte {
                b'0'..=b'9' => {
                    value = (value * 10 + u32::from(byte - b'0')).min(u32::from(u16::MAX));
                    given = true;
                }
                b':' | b';' => {
                    self.set_last(value, given);
                    if !self.begin(*byte == b':') {
                        return None;
                    }
                    (value, given) = (0, false);
                }
                _ => break,
            }
            used += 1;
        }
        self.set_last(value, given);
        Some(used)
    }

    fn set_last(&mut self, value: u32, given: bool) {
        let last = self.len - 1;
        self.values[last] = u16::try_from(value).unwrap_or(u16::MAX);
        self.given |= u32::from(given) << last;
    }

    fn begin(&mut self, joined: bool) -> bool {
        if self.len == PARAMS_MAX {
            return false;
        }
        self.values[self.len] = 0;
        if joined {
            self.joined |= 1 << self.len;
        }
        self.len += 1;
        true
    }

    /// True if a number belongs to the one before: only colours and underlines are written so.
    pub(crate) fn has_joined(&self) -> bool {
        self.joined != 0
    }

    /// A number; nothing if it was not given.
    pub(crate) fn at(&self, index: usize) -> Option<u16> {
        (index < self.len && self.given & (1 << index) != 0).then(|| self.values[index])
    }

    /// A number of which 0 means what its absence means.
    pub(crate) fn or(&self, index: usize, absent: u16) -> u16 {
        match self.at(index) {
            None | Some(0) => absent,
            Some(value) => value,
        }
    }

    /// The numbers, a 0 for each that was not given. At least one.
    pub(crate) fn values(&self) -> &[u16] {
        if self.len == 0 { &[0] } else { &self.values[..self.len] }
    }

    /// The numbers in groups: each with those that belong to it. At least one group, of a 0.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[u16]> {
        let values = self.values();
        let len = values.len();
        let mut start = 0;
        std::iter::from_fn(move || {
            if start >= len {
                return None;
            }
            let mut end = start + 1;
            while end < len && self.joined & (1 << end) != 0 {
                end += 1;
            }
            let group = &values[start..end];
            start = end;
            Some(group)
        })
    }

    /// The same, with greater numbers made this one.
    pub(crate) fn clamped(&self, max: u16) -> Self {
        let mut clamped = *self;
        for value in &mut clamped.values[..self.len] {
            *value = (*value).min(max);
        }
        clamped
    }

    /// Writes them as they came, but for leading zeros.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        for index in 0..self.len {
            if index > 0 {
                bytes.push(if self.joined & (1 << index) != 0 { b':' } else { b';' });
            }
            if let Some(value) = self.at(index) {
                bytes.extend_from_slice(value.to_string().as_bytes());
            }
        }
    }
}
