//! SGR: what the pen becomes.

use super::Terminal;
use crate::color::Color;
use crate::parser::Params;
use crate::style::{Attributes, Style, Underline};

impl Terminal {
    pub(super) fn select_graphics(&mut self, params: &Params) {
        let style = &mut self.cursor.pen.style;
        if !params.has_joined() {
            return separate(style, params.values());
        }
        let mut groups = params.groups();
        while let Some(group) = groups.next() {
            match group {
                [0] => *style = Style::default(),
                [4, kind] => {
                    if let Some(kind) = underline(*kind) {
                        style.attributes.set_underline(kind);
                    }
                }
                [target @ (38 | 48 | 58)] => {
                    // Written with `;`: the colour's parts are the next groups.
                    let color = match groups.next() {
                        Some([5]) => one(&mut groups).map(Color::Indexed),
                        Some([2]) => exact(&mut groups),
                        _ => None,
                    };
                    paint(style, *target, color);
                }
                [target @ (38 | 48 | 58), parts @ ..] => paint(style, *target, joined(parts)),
                [number] => plain(style, *number),
                _ => {}
            }
        }
    }
}

/// Numbers none of which belongs to the one before.
fn separate(style: &mut Style, mut numbers: &[u16]) {
    let byte = |value: &u16| u8::try_from(*value).ok();
    while let [number, rest @ ..] = numbers {
        numbers = rest;
        let target = match number {
            0 => {
                *style = Style::default();
                continue;
            }
            38 | 48 | 58 => *number,
            _ => {
                plain(style, *number);
                continue;
            }
        };
        let (taken, color) = match rest {
            [5, index, ..] => (2, byte(index).map(Color::Indexed)),
            [2, red, green, blue, ..] => {
                let parts = byte(red).zip(byte(green)).zip(byte(blue));
                (4, parts.map(|((red, green), blue)| Color::Rgb(red, green, blue)))
            }
            // What is cut off takes the rest of the sequence with it.
            [2 | 5, ..] => (rest.len(), None),
            _ => (rest.len().min(1), None),
        };
        paint(style, target, color);
        numbers = &rest[taken..];
    }
}

fn underline(kind: u16) -> Option<Underline> {
    Some(match kind {
        0 => Underline::None,
        1 => Underline::Single,
        2 => Underline::Double,
        3 => Underline::Curly,
        4 => Underline::Dotted,
        5 => Underline::Dashed,
        _ => return None,
    })
}

fn paint(style: &mut Style, target: u16, color: Option<Color>) {
    let Some(color) = color else {
        return;
    };
    match target {
        38 => style.foreground = color,
        48 => style.background = color,
        _ => style.underline = color,
    }
}

fn one<'a>(groups: &mut impl Iterator<Item = &'a [u16]>) -> Option<u8> {
    u8::try_from(*groups.next()?.first()?).ok()
}

fn exact<'a>(groups: &mut impl Iterator<Item = &'a [u16]>) -> Option<Color> {
    let (red, green, blue) = (one(groups), one(groups), one(groups));
    Some(Color::Rgb(red?, green?, blue?))
}

/// A colour written with `:`, with or without the place for a colour space.
fn joined(parts: &[u16]) -> Option<Color> {
    let byte = |value: &u16| u8::try_from(*value).ok();
    match parts {
        [5, index] => Some(Color::Indexed(byte(index)?)),
        [2, red, green, blue] | [2, _, red, green, blue, ..] => {
            Some(Color::Rgb(byte(red)?, byte(green)?, byte(blue)?))
        }
        _ => None,
    }
}

fn plain(style: &mut Style, number: u16) {
    let index = |base: u16, first: u8| {
        Color::Indexed(first + number.to_le_bytes()[0] - base.to_le_bytes()[0])
    };
    match number {
        30..=37 => style.foreground = index(30, 0),
        39 => style.foreground = Color::Default,
        40..=47 => style.background = index(40, 0),
        49 => style.background = Color::Default,
        59 => style.underline = Color::Default,
        90..=97 => style.foreground = index(90, 8),
        100..=107 => style.background = index(100, 8),
        _ => attribute(&mut style.attributes, number),
    }
}

fn attribute(attributes: &mut Attributes, number: u16) {
    match number {
        1 => attributes.set(Attributes::BOLD, true),
        2 => attributes.set(Attributes::DIM, true),
        3 => attributes.set(Attributes::ITALIC, true),
        4 => attributes.set_underline(Underline::Single),
        5 | 6 => attributes.set(Attributes::BLINK, true),
        7 => attributes.set(Attributes::REVERSE, true),
        8 => attributes.set(Attributes::HIDDEN, true),
        9 => attributes.set(Attributes::STRIKE, true),
        21 => attributes.set_underline(Underline::Double),
        22 => {
            attributes.set(Attributes::BOLD, false);
            attributes.set(Attributes::DIM, false);
        }
        23 => attributes.set(Attributes::ITALIC, false),
        24 => attributes.set_underline(Underline::None),
        25 => attributes.set(Attributes::BLINK, false),
        27 => attributes.set(Attributes::REVERSE, false),
        28 => attributes.set(Attributes::HIDDEN, false),
        29 => attributes.set(Attributes::STRIKE, false),
        53 => attributes.set(Attributes::OVERLINE, true),
        55 => attributes.set(Attributes::OVERLINE, false),
        _ => {}
    }
}
