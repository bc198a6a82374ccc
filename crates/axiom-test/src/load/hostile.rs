//! `hostile`: output that no terminal, parser or log should trust, from a seed.
//! Unfinished and oversized escapes, forged status lines, invalid UTF-8, control bytes, endless lines.

use super::LoadError;
use super::options::Options;
use super::text::Dice;
use super::writing::write;

/// The longest run of one byte: more than any line that a reader would expect.
const RUN_BYTES_MAX: u64 = 8192;

/// The script's options.
#[derive(Debug)]
pub(super) struct Hostile {
    bytes: u64,
    seed: u64,
}

impl Hostile {
    pub(super) fn of(options: &mut Options) -> Result<Self, LoadError> {
        let seed = options.value("--seed")?.unwrap_or(1);
        Ok(Self { bytes: options.needed("--bytes")?, seed })
    }
}

pub(super) fn run(hostile: &Hostile, rest: Options) -> Result<(), LoadError> {
    rest.end()?;
    let mut dice = Dice::of(hostile.seed);
    let mut left = hostile.bytes;
    while left > 0 {
        let attack = attack(&mut dice);
        let len = usize::try_from(left).map_or(attack.len(), |left| attack.len().min(left));
        write(&attack[..len])?;
        left -= len as u64;
    }
    Ok(())
}

/// One attack: fixed ones that are known to hurt, and random ones.
fn attack(dice: &mut Dice) -> Vec<u8> {
    const KNOWN: &[&[u8]] = &[
        b"\x1b]0;a title that never ends ",
        b"\x1b]52;c;c3RvbGVu\x07",
        b"\x1bP+q544e\x1b\\",
        b"\x1b[99999999999999999999;99999999999999999999H",
        b"\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29;30m",
        b"\x1b[?1049h\x1b[2J\x1b[?25l",
        b"\x1bc\x1b[!p",
        b"\r\x1b[2K[build] [COMPLETED] in 0.1 s\r\n",
        b"\x1b]8;;file:///etc/passwd\x1b\\here\x1b]8;;\x1b\\",
        b"\xc3\x28\xf0\x28\x8c\xbc\xff\xfe\xed\xa0\x80",
        b"\x9b31m\x9d0;c1 controls\x9c",
        b"\x00\x05\x07\x08\x0e\x0f\x11\x13\x1a\x7f",
        b"\x1b[?2026h",
        b"\x1b[6n\x1b[c\x1b[>q",
        b"\xe2\x80\xae reversed \xe2\x80\xac\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
    ];
    let kind = usize::try_from(dice.below(KNOWN.len() as u64 + 3)).unwrap_or(0);
    if let Some(known) = KNOWN.get(kind) {
        return known.to_vec();
    }
    let len = usize::try_from(1 + dice.below(RUN_BYTES_MAX)).unwrap_or(1);
    match kind - KNOWN.len() {
        0 => vec![b'A'; len],
        1 => [b"\x1b[".as_slice(), &b"1;".repeat(len / 2)].concat(),
        _ => (0..len).map(|_| dice.next().to_le_bytes()[3]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_attacks() {
        let all = |seed| {
            let mut dice = Dice::of(seed);
            (0..200).flat_map(|_| attack(&mut dice)).collect::<Vec<u8>>()
        };
        assert_eq!(all(9), all(9));
        assert_ne!(all(9), all(10));
    }
}
