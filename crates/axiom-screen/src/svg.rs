//! A screen as an SVG: colours, looks, wide glyphs and the cursor, each glyph at its own column whatever the viewer's font.
//! Nothing in it acts or refers to anything: elements that draw, and text that is escaped. Links are drawn, not followed.

mod palette;
mod strokes;

use std::fmt::Write;

use crate::cell::Cell;
use crate::cursor::CursorShape;
use crate::mode::Mode;
use crate::row::Row;
use crate::screen::Screen;
use crate::style::{Attributes, Style};
use crate::terminal::Terminal;
use crate::unseen::is_unseen;

use palette::{BACKGROUND, FOREGROUND, hex};

/// Of one column, in the picture's units; the font is asked to fit.
const CELL_WIDTH: f32 = 8.4;
/// Of one row.
const ROW_HEIGHT: f32 = 18.0;
/// Around the screen.
const MARGIN: f32 = 16.0;
/// Where letters stand, from the top of their row.
const BASELINE: f32 = 13.5;

const FONTS: &str = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK SC',monospace";

impl Screen {
    /// The picture now, as one SVG with this title.
    #[must_use]
    pub fn svg(&self, title: &str) -> String {
        let terminal = &self.terminal;
        let width = terminal.columns() as f32 * CELL_WIDTH + 2.0 * MARGIN;
        let height = terminal.rows() as f32 * ROW_HEIGHT + 2.0 * MARGIN;
        let reversed = terminal.modes.has(Mode::ReverseScreen);
        let ground = if reversed { FOREGROUND } else { BACKGROUND };
        let mut svg = String::new();
        draw(
            &mut svg,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
                 font-family=\"{FONTS}\" font-size=\"14\" xml:space=\"preserve\">\n\
                 <title>{}</title>\n\
                 <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
                escaped(title),
                hex(ground)
            ),
        );
        let mut picture = Picture { svg, terminal, reversed };
        for index in 0..terminal.rows() {
            picture.row(index, terminal.grid().row(index));
        }
        picture.svg.push_str("</svg>\n");
        picture.svg
    }
}

/// A picture that is being drawn.
struct Picture<'a> {
    svg: String,
    terminal: &'a Terminal,
    reversed: bool,
}

/// What a cell looks like in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: [u8; 3],
    /// Nothing where it is the screen's own.
    ground: Option<[u8; 3]>,
    line: [u8; 3],
    attributes: Attributes,
}

/// Glyphs that look the same, one column after the other.
struct Stretch {
    look: Look,
    column: usize,
    columns: usize,
    wide: bool,
    text: String,
}

impl Picture<'_> {
    fn row(&mut self, index: usize, row: &Row) {
        let mut stretches: Vec<Stretch> = Vec::new();
        for (column, cell) in row.cells().enumerate() {
            if cell.glyph.is_spacer() {
                continue;
            }
            let look = self.look(cell.pen.style, self.cursor_covers(index, column));
            let mut text = String::new();
            self.terminal.write_glyph(cell.glyph, &mut text);
            let wide = cell.glyph.is_wide();
            match stretches.last_mut() {
                Some(last) if last.takes(&cell, look) => {
                    last.columns += 1;
                    last.text.push_str(&text);
                }
                _ => {
                    let columns = 1 + usize::from(wide);
                    stretches.push(Stretch { look, column, columns, wide, text });
                }
            }
        }
        let y = MARGIN + index as f32 * ROW_HEIGHT;
        stretches.iter().for_each(|stretch| stretch.ground(y, &mut self.svg));
        self.cursor(index, y);
        for stretch in &stretches {
            stretch.text(y, &mut self.svg);
            strokes::draw_all(stretch, y, &mut self.svg);
        }
    }

    /// True where a block stands over the glyph, which then has the colour of what is behind it.
    fn cursor_covers(&self, row: usize, column: usize) -> bool {
        let at = &self.terminal.cursor;
        let is_block = match self.terminal.cursor_style.shape {
            CursorShape::Default | CursorShape::Block => true,
            CursorShape::Underline | CursorShape::Bar => false,
        };
        is_block
            && self.terminal.modes.has(Mode::CursorShown)
            && (at.row, at.column) == (row, column)
    }

    fn cursor(&mut self, row: usize, y: f32) {
        let at = &self.terminal.cursor;
        if at.row != row || !self.terminal.modes.has(Mode::CursorShown) {
            return;
        }
        let wide = self.terminal.grid().row(row).cell(at.column).glyph.is_wide();
        let full = if wide { 2.0 * CELL_WIDTH } else { CELL_WIDTH };
        let (down, width, height) = match self.terminal.cursor_style.shape {
            CursorShape::Default | CursorShape::Block => (0.0, full, ROW_HEIGHT),
            CursorShape::Underline => (ROW_HEIGHT - 2.0, full, 2.0),
            CursorShape::Bar => (0.0, 2.0, ROW_HEIGHT),
        };
        let color = if self.reversed { BACKGROUND } else { FOREGROUND };
        rectangle(&mut self.svg, (x_of(at.column), y + down), (width, height), color);
    }

    fn look(&self, style: Style, covered: bool) -> Look {
        let has = |attribute| style.attributes.contains(attribute);
        let (fore, back) =
            if self.reversed { (BACKGROUND, FOREGROUND) } else { (FOREGROUND, BACKGROUND) };
        let mut ink = palette::rgb(style.foreground, fore);
        let mut ground = palette::rgb(style.background, back);
        if has(Attributes::REVERSE) {
            (ink, ground) = (ground, ink);
        }
        if has(Attributes::DIM) {
            ink = palette::between(ink, ground);
        }
        let line = palette::rgb(style.underline, ink);
        let shown = Some(ground).filter(|ground| *ground != back);
        let ink = if covered { ground } else { ink };
        Look { ink, ground: shown, line, attributes: style.attributes }
    }
}

impl Stretch {
    /// A wide glyph stands alone, so that a font with another idea of its width moves nothing else.
    fn takes(&self, cell: &Cell, look: Look) -> bool {
        !self.wide && !cell.glyph.is_wide() && self.look == look
    }

    fn ground(&self, y: f32, svg: &mut String) {
        if let Some(ground) = self.look.ground {
            let width = self.columns as f32 * CELL_WIDTH;
            rectangle(svg, (x_of(self.column), y), (width, ROW_HEIGHT), ground);
        }
    }

    fn text(&self, y: f32, svg: &mut String) {
        let blanks = self.text.bytes().take_while(|byte| *byte == b' ').count();
        let text = self.text[blanks..].trim_end_matches(' ');
        if text.is_empty() || self.look.attributes.contains(Attributes::HIDDEN) {
            return;
        }
        let after = self.text.len() - blanks - text.len();
        let columns = self.columns - blanks - after;
        let (x, width) = (x_of(self.column + blanks), columns as f32 * CELL_WIDTH);
        let has = |attribute| self.look.attributes.contains(attribute);
        let weight = if has(Attributes::BOLD) { " font-weight=\"bold\"" } else { "" };
        let slant = if has(Attributes::ITALIC) { " font-style=\"italic\"" } else { "" };
        draw(
            svg,
            format_args!(
                "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{}\"{weight}{slant} textLength=\"{width:.1}\" \
                 lengthAdjust=\"spacingAndGlyphs\">{}</text>\n",
                y + BASELINE,
                hex(self.look.ink),
                escaped(text)
            ),
        );
    }
}

fn x_of(column: usize) -> f32 {
    MARGIN + column as f32 * CELL_WIDTH
}

fn rectangle(svg: &mut String, (x, y): (f32, f32), (width, height): (f32, f32), color: [u8; 3]) {
    let color = hex(color);
    draw(
        svg,
        format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>\n"
        ),
    );
}

/// Adds to the picture.
fn draw(svg: &mut String, what: std::fmt::Arguments<'_>) {
    svg.write_fmt(what).expect("writing to a string cannot fail");
}

/// Text as XML has it; the characters that XML has not are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            hidden if hidden.is_control() || is_unseen(hidden) => {}
            shown => escaped.push(shown),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
