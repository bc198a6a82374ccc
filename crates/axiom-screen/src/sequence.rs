//! A `CSI` sequence as its bytes stand there, for who passes sequences on and only needs to know what they are.
//! Reads leniently: what terminals read differently is read as the one that means most.

/// The parts of a `CSI` sequence, without what introduced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// One of `<`, `=`, `>`, `?`, or 0.
    pub(crate) prefix: u8,
    /// Digits, `;` and `:`.
    pub(crate) params: Vec<u8>,
    pub(crate) intermediates: Vec<u8>,
    pub(crate) last: u8,
}

impl Sequence {
    /// Reads what follows the introducer, the last byte included. Controls and what is no ASCII are passed over.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut sequence =
            Self { prefix: 0, params: Vec::new(), intermediates: Vec::new(), last: 0 };
        for byte in body {
            match byte {
                0x20..=0x2f => sequence.intermediates.push(*byte),
                b'0'..=b'9' | b':' | b';' => sequence.params.push(*byte),
                b'<'..=b'?' if sequence.prefix == 0 => sequence.prefix = *byte,
                0x40..=0x7e => sequence.last = *byte,
                _ => {}
            }
        }
        sequence
    }

    /// How many numbers there are, not given ones included; 0 if there is nothing at all.
    pub(crate) fn len(&self) -> usize {
        if self.params.is_empty() { 0 } else { self.params.split(|byte| *byte == b';').count() }
    }

    /// A number, without what is joined to it by `:`. An absent one is 0.
    pub(crate) fn number(&self, index: usize) -> u32 {
        let text = self.params.split(|byte| *byte == b';').nth(index).unwrap_or_default();
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0u32, |number, digit| {
            number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_order_and_out_of_it() {
        let sequence = Sequence::read(b"?1;22\x0a3:4$p");
        assert_eq!((sequence.prefix, sequence.last), (b'?', b'p'));
        assert_eq!(sequence.params, b"1;223:4");
        assert_eq!(sequence.intermediates, b"$");
        assert_eq!((sequence.len(), sequence.number(0), sequence.number(1)), (2, 1, 223));
        assert_eq!(Sequence::read(b"c").len(), 0);
        assert_eq!(Sequence::read(b"99999999999999n").number(0), u32::MAX);
    }
}
