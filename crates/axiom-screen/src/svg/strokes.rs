//! Lines under, through and over text.

use super::palette::hex;
use super::{CELL_WIDTH, ROW_HEIGHT, Stretch, draw, x_of};
use crate::style::{Attributes, Underline};

/// Where lines are, from the top of a row.
const UNDER: f32 = ROW_HEIGHT - 2.5;
const THROUGH: f32 = ROW_HEIGHT / 2.0 + 0.5;
const OVER: f32 = 1.5;

/// How far a wave goes up and down.
const WAVE: f32 = 2.0;

/// Draws all lines of a stretch, whose row begins at `y`.
pub(super) fn draw_all(stretch: &Stretch, y: f32, svg: &mut String) {
    let look = &stretch.look;
    let mut line = |down: f32, dashes: &str, color: [u8; 3]| {
        let (from, y) = (x_of(stretch.column), y + down);
        let to = x_of(stretch.column + stretch.columns);
        let color = hex(color);
        draw(
            svg,
            format_args!(
                "<line x1=\"{from:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\" stroke=\"{color}\"{dashes}/>\n"
            ),
        );
    };
    match look.attributes.underline() {
        Underline::None | Underline::Curly => {}
        Underline::Single => line(UNDER, "", look.line),
        Underline::Double => {
            line(UNDER - 1.0, "", look.line);
            line(UNDER + 1.0, "", look.line);
        }
        Underline::Dotted => line(UNDER, " stroke-dasharray=\"1.4\"", look.line),
        Underline::Dashed => line(UNDER, " stroke-dasharray=\"4.2 2.8\"", look.line),
    }
    if look.attributes.contains(Attributes::STRIKE) {
        line(THROUGH, "", look.ink);
    }
    if look.attributes.contains(Attributes::OVERLINE) {
        line(OVER, "", look.ink);
    }
    if look.attributes.underline() == Underline::Curly {
        wave(stretch, y + UNDER, svg);
    }
}

/// One swing for each column.
fn wave(stretch: &Stretch, y: f32, svg: &mut String) {
    let (x, half) = (x_of(stretch.column), CELL_WIDTH / 2.0);
    let swings = "t".to_owned() + &format!("{half:.1} 0 ").repeat(2 * stretch.columns - 1);
    let color = hex(stretch.look.line);
    draw(
        svg,
        format_args!(
            "<path d=\"M{x:.1} {y:.1}q{:.1} {WAVE:.1} {half:.1} 0{swings}\" fill=\"none\" stroke=\"{color}\"/>\n",
            half / 2.0
        ),
    );
}
