//! The pen as the reading terminal has it, and the bytes that change it.

use crate::cell::Pen;
use crate::color::Color;
use crate::link::LINK_END;
use crate::style::{Attributes, Style, Underline};
use crate::terminal::Terminal;

/// Attributes with the number that sets each.
const ATTRIBUTES: [(Attributes, u8); 8] = [
    (Attributes::BOLD, 1),
    (Attributes::DIM, 2),
    (Attributes::ITALIC, 3),
    (Attributes::BLINK, 5),
    (Attributes::REVERSE, 7),
    (Attributes::HIDDEN, 8),
    (Attributes::STRIKE, 9),
    (Attributes::OVERLINE, 53),
];

/// What the reading terminal writes with. A fresh one has the default pen.
#[derive(Default)]
pub(super) struct Ink {
    pen: Pen,
}

impl Ink {
    /// Appends what makes the terminal write with this pen.
    pub(super) fn change(&mut self, pen: Pen, terminal: &Terminal, bytes: &mut Vec<u8>) {
        if pen.style != self.pen.style {
            write_style(pen.style, bytes);
        }
        if pen.link != self.pen.link {
            match terminal.links.value(u32::from(pen.link)) {
                Some(link) => link.write(bytes),
                None => bytes.extend_from_slice(LINK_END),
            }
        }
        self.pen = pen;
    }
}

/// The whole style from nothing: shorter ways exist, but none that every terminal reads the same.
pub(crate) fn write_style(style: Style, bytes: &mut Vec<u8>) {
    let mut text = "\x1b[0".to_owned();
    for (attribute, number) in ATTRIBUTES {
        if style.attributes.contains(attribute) {
            text.push_str(&format!(";{number}"));
        }
    }
    let underline = style.attributes.underline();
    if underline != Underline::None {
        text.push_str(";4");
    }
    text.push_str(&color(style.foreground, 30));
    text.push_str(&color(style.background, 40));
    text.push('m');
    // Numbers joined by `:` come in sequences of their own: a terminal that does not know them loses only those.
    match underline {
        Underline::None | Underline::Single => {}
        Underline::Double => text.push_str("\x1b[4:2m"),
        Underline::Curly => text.push_str("\x1b[4:3m"),
        Underline::Dotted => text.push_str("\x1b[4:4m"),
        Underline::Dashed => text.push_str("\x1b[4:5m"),
    }
    match style.underline {
        Color::Default => {}
        Color::Indexed(index) => text.push_str(&format!("\x1b[58:5:{index}m")),
        Color::Rgb(red, green, blue) => text.push_str(&format!("\x1b[58:2::{red}:{green}:{blue}m")),
    }
    bytes.extend_from_slice(text.as_bytes());
}

/// A colour's numbers, with `;` before; `base` is 30 for text, 40 for what is behind it.
fn color(color: Color, base: u16) -> String {
    match color {
        Color::Default => String::new(),
        Color::Indexed(index @ 0..8) => format!(";{}", base + u16::from(index)),
        Color::Indexed(index @ 8..16) => format!(";{}", base + 52 + u16::from(index)),
        Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        Color::Rgb(red, green, blue) => format!(";{};2;{red};{green};{blue}", base + 8),
    }
}
