//! Colours as most terminals show them on a dark ground.

use crate::color::Color;

/// Red, green, blue.
type Rgb = [u8; 3];

pub(super) const BACKGROUND: Rgb = [0x11, 0x15, 0x1c];
pub(super) const FOREGROUND: Rgb = [0xd5, 0xdb, 0xe5];

/// The first sixteen of the palette.
const NAMED: [u32; 16] = [
    0x3b_4252, 0xf0_7178, 0xa5_d66f, 0xf2_c14e, 0x6c_b6ff, 0xc7_92ea, 0x56_d4cf, 0xd5_dbe5,
    0x66_728a, 0xff_8b92, 0xc3_e88d, 0xff_d580, 0x9c_cbff, 0xdd_b3ff, 0x8b_e9e2, 0xff_ffff,
];

/// The steps of the cube's sides.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// A colour, where the terminal's own is `own`.
pub(super) fn rgb(color: Color, own: Rgb) -> Rgb {
    match color {
        Color::Default => own,
        Color::Rgb(red, green, blue) => [red, green, blue],
        Color::Indexed(number @ 0..16) => {
            let [_, red, green, blue] = NAMED[usize::from(number)].to_be_bytes();
            [red, green, blue]
        }
        Color::Indexed(number @ 16..232) => {
            let place = number - 16;
            [place / 36, place / 6 % 6, place % 6].map(|step| CUBE[usize::from(step)])
        }
        Color::Indexed(number @ 232..) => [8 + 10 * (number - 232); 3],
    }
}

/// Half way from one to the other.
pub(super) fn between(one: Rgb, other: Rgb) -> Rgb {
    let mut middle = one;
    for (side, other) in middle.iter_mut().zip(other) {
        *side = side.midpoint(other);
    }
    middle
}

pub(super) fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
