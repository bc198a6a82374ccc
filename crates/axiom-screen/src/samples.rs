//! Samples for tests: pieces of output, valid and broken, strung together at random.

use std::fmt;
use std::ops::Deref;

use proptest::prelude::*;
use proptest::sample::select;

/// Output that a failure prints readably.
#[derive(Clone)]
pub(crate) struct Output(pub(crate) Vec<u8>);

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "b\"{}\"", self.0.escape_ascii())
    }
}

impl Deref for Output {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Final bytes of `CSI` that the model knows, and some that it does not.
const LAST: &[u8] = b"@ABCDEFGHIJKLMPSTXZ`abdefghlmnpqrstu";

/// Numbers that mean something to one sequence or another.
const NUMBERS: &[u16] = &[
    22, 23, 25, 31, 38, 47, 48, 58, 66, 100, 200, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015,
    1016, 1047, 1048, 1049, 2004, 2026, 65535,
];

const TEXTS: &[&str] = &[
    "a",
    "hello world",
    "漢字",
    "e\u{301}",
    "\u{301}",
    "😀",
    "👩\u{200d}👩",
    "\u{202e}",
    "─",
    "   ",
    "0123456789012345678901234567890123456789",
    "\u{9b}",
    "q",
];

const OTHERS: &[&str] = &[
    "\r",
    "\n",
    "\r\n",
    "\t",
    "\x08",
    "\x0e",
    "\x0f",
    "\x0b",
    "\x07",
    "\x1b7",
    "\x1b8",
    "\x1bD",
    "\x1bE",
    "\x1bM",
    "\x1bH",
    "\x1bc",
    "\x1b=",
    "\x1b>",
    "\x1b(0",
    "\x1b(B",
    "\x1b)0",
    "\x1b*A",
    "\x1bN",
    "\x1bO",
    "\x1bn",
    "\x1b#8",
    "\x1b]0;title\x07",
    "\x1b]2;\x1b\\",
    "\x1b]133;A\x07",
    "\x1b]133;D;1\x1b\\",
    "\x1b]8;;http://a\x07",
    "\x1b]8;id=7;http://b\x07",
    "\x1b]8;;\x07",
    "\x1bPx\x1b\\",
    "\x1b_x\x1b\\",
    "\x1b]52;c;x\x07",
    "\x1b[",
    "\x1b",
    "\x1b]",
    "\x18",
];

fn csi() -> impl Strategy<Value = Vec<u8>> {
    let prefix = select(vec!["", "", "", "", "?", ">", "<", "="]);
    let between = select(vec!["", "", "", "", "", "!", " ", "$"]);
    let number = prop_oneof![8 => 0u16..12, 2 => select(NUMBERS)];
    let params = prop::collection::vec(number, 0..6);
    (prefix, params, between, select(LAST), prop::bool::weighted(0.1)).prop_map(
        |(prefix, params, between, last, joined)| {
            let params: Vec<String> = params.iter().map(u16::to_string).collect();
            let params = params.join(if joined { ":" } else { ";" });
            format!("\x1b[{prefix}{params}{between}{}", char::from(last)).into_bytes()
        },
    )
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => csi(),
        4 => select(TEXTS).prop_map(|text| text.as_bytes().to_vec()),
        3 => select(OTHERS).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

/// Up to sixty pieces.
pub(crate) fn output() -> impl Strategy<Value = Output> {
    prop::collection::vec(piece(), 0..60).prop_map(|pieces| Output(pieces.concat()))
}
