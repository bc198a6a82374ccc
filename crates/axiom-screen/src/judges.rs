//! Two terminals that others wrote judge this one. What it dumps is fed to them and must show the same; and real programs'
//! recordings must look the same in all three. What a judge does not know (links, kinds of underline, …) is not asked of it.

use std::num::NonZeroU16;

use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;

use crate::answers::Answers;
use crate::color::Color;
use crate::mode::Mode;
use crate::recordings::{Event, recordings};
use crate::samples::output;
use crate::screen::Screen;
use crate::size::Size;
use crate::style::{Attributes, Style, Underline};

/// What the judges are shown for U+FFFD, which vt100 leaves out.
const INSTEAD: &str = "?";

/// A cell as every judge can tell of it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    character: char,
    width: u8,
    style: Style,
}

/// A picture as every judge can tell of it.
#[derive(Debug, Clone, PartialEq)]
struct Picture {
    rows: Vec<Vec<Seen>>,
    /// Column and row; the column is the width if a wrap is pending.
    cursor: (usize, usize),
    shown: bool,
    alternate: bool,
    /// Application cursor keys.
    cursor_keys: bool,
}

/// The picture, with only those attributes that a judge knows.
fn ours(screen: &Screen, known: &[Attributes]) -> Picture {
    let terminal = &screen.terminal;
    let row = |row: usize| (0..terminal.columns()).map(move |column| (row, column));
    let seen = |(row, column): (usize, usize)| {
        let cell = terminal.grid().row(row).cell(column);
        let mut text = String::new();
        terminal.write_glyph(cell.glyph, &mut text);
        let width = if cell.glyph.is_wide() { 2 } else { u8::from(!cell.glyph.is_spacer()) };
        let style = cell.pen.style;
        let text = text.replace(char::REPLACEMENT_CHARACTER, INSTEAD);
        Seen {
            character: text.chars().next().unwrap_or(' '),
            width,
            style: plain(style, |attribute| style.attributes.contains(attribute), known),
        }
    };
    let pending = usize::from(terminal.cursor.pending_wrap);
    Picture {
        rows: (0..terminal.rows()).map(|index| row(index).map(seen).collect()).collect(),
        cursor: (terminal.cursor.column + pending, terminal.cursor.row),
        shown: terminal.modes.has(Mode::CursorShown),
        alternate: terminal.on_alternate,
        cursor_keys: terminal.modes.has(Mode::CursorKeys),
    }
}

/// A style with only those attributes that a judge knows, and one kind of underline.
fn plain(style: Style, has: impl Fn(Attributes) -> bool, known: &[Attributes]) -> Style {
    let mut attributes = Attributes::default();
    for attribute in known.iter().filter(|attribute| has(**attribute)) {
        attributes.set(*attribute, true);
    }
    // Both judges have one intensity: the last one that was set.
    if attributes.contains(Attributes::DIM) {
        attributes.set(Attributes::BOLD, false);
    }
    if style.attributes.underline() != Underline::None {
        attributes.set_underline(Underline::Single);
    }
    Style { underline: Color::Default, attributes, ..style }
}

fn underlined(style: &mut Style, on: bool) {
    style.attributes.set_underline(if on { Underline::Single } else { Underline::None });
}

mod by_vt100 {
    use super::*;

    const KNOWN: [Attributes; 4] =
        [Attributes::BOLD, Attributes::DIM, Attributes::ITALIC, Attributes::REVERSE];

    fn color(color: vt100::Color) -> Color {
        match color {
            vt100::Color::Default => Color::Default,
            vt100::Color::Idx(index) => Color::Indexed(index),
            vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
        }
    }

    fn cell(cell: &vt100::Cell) -> Seen {
        let mut style = Style {
            foreground: color(cell.fgcolor()),
            background: color(cell.bgcolor()),
            ..Style::default()
        };
        style.attributes.set(Attributes::BOLD, cell.bold());
        style.attributes.set(Attributes::DIM, cell.dim());
        style.attributes.set(Attributes::ITALIC, cell.italic());
        style.attributes.set(Attributes::REVERSE, cell.inverse());
        underlined(&mut style, cell.underline());
        let width = if cell.is_wide() { 2 } else { u8::from(!cell.is_wide_continuation()) };
        Seen { character: cell.contents().chars().next().unwrap_or(' '), width, style }
    }

    pub(super) fn new(size: Size) -> vt100::Parser {
        let side = |side| NonZeroU16::new(side).unwrap();
        vt100::Parser::new(side(size.rows()), side(size.columns()), 0)
    }

    pub(super) fn picture(parser: &vt100::Parser) -> Picture {
        let screen = parser.screen();
        let (rows, columns) = screen.size();
        let row = |row| (0..columns.get()).map(move |column| screen.cell(row, column).unwrap());
        let (cursor_row, cursor_column) = screen.cursor_position();
        Picture {
            rows: (0..rows.get()).map(|index| row(index).map(cell).collect()).collect(),
            cursor: (usize::from(cursor_column), usize::from(cursor_row)),
            shown: !screen.hide_cursor(),
            alternate: screen.alternate_screen(),
            cursor_keys: screen.application_cursor(),
        }
    }

    pub(super) fn ours(screen: &Screen) -> Picture {
        super::ours(screen, &KNOWN)
    }
}

mod by_avt {
    use super::*;

    const KNOWN: [Attributes; 6] = [
        Attributes::BOLD,
        Attributes::DIM,
        Attributes::ITALIC,
        Attributes::REVERSE,
        Attributes::STRIKE,
        Attributes::BLINK,
    ];

    fn color(color: Option<avt::Color>) -> Color {
        match color {
            None => Color::Default,
            Some(avt::Color::Indexed(index)) => Color::Indexed(index),
            Some(avt::Color::RGB(rgb)) => Color::Rgb(rgb.r, rgb.g, rgb.b),
        }
    }

    fn cell(cell: &avt::Cell) -> Seen {
        let pen = cell.pen();
        let mut style = Style {
            foreground: color(pen.foreground()),
            background: color(pen.background()),
            ..Style::default()
        };
        style.attributes.set(Attributes::BOLD, pen.is_bold());
        style.attributes.set(Attributes::DIM, pen.is_faint());
        style.attributes.set(Attributes::ITALIC, pen.is_italic());
        style.attributes.set(Attributes::REVERSE, pen.is_inverse());
        style.attributes.set(Attributes::STRIKE, pen.is_strikethrough());
        style.attributes.set(Attributes::BLINK, pen.is_blink());
        underlined(&mut style, pen.is_underline());
        Seen { character: cell.char(), width: cell.width(), style }
    }

    pub(super) fn new(size: Size) -> avt::Terminal {
        avt::Terminal::new(usize::from(size.columns()), usize::from(size.rows())).unwrap()
    }

    pub(super) fn picture(terminal: &avt::Terminal) -> Picture {
        let cursor = terminal.cursor();
        Picture {
            rows: terminal
                .screen()
                .visible_lines()
                .map(|line| line.cells().iter().map(cell).collect())
                .collect(),
            cursor: (cursor.col, cursor.row),
            shown: cursor.visible,
            alternate: terminal.active_screen_kind() == avt::ScreenKind::Alternate,
            cursor_keys: terminal.cursor_key_app_mode(),
        }
    }

    pub(super) fn ours(screen: &Screen) -> Picture {
        super::ours(screen, &KNOWN)
    }
}

/// avt has no marks on letters: it gives each a cell of its own.
fn has_marked_letters(screen: &Screen) -> bool {
    let terminal = &screen.terminal;
    let mut pages = [&terminal.primary, &terminal.alternate].into_iter();
    pages.any(|page| {
        let mut glyphs = page.grid.all_rows().flat_map(|row| row.glyphs());
        glyphs.any(|glyph| glyph.cluster().is_some())
    })
}

impl Picture {
    /// The right half of a wide glyph looks like its left half, whatever a judge keeps there.
    fn without_halves(mut self) -> Self {
        for seen in self.rows.iter_mut().flatten().filter(|seen| seen.width == 0) {
            *seen = Seen { character: ' ', width: 0, style: Style::default() };
        }
        self
    }
}

/// Where two pictures differ.
fn difference(judge: &Picture, ours: &Picture) -> String {
    let mut lines = Vec::new();
    for (row, (judged, own)) in judge.rows.iter().zip(&ours.rows).enumerate() {
        for (column, (judged, own)) in judged.iter().zip(own).enumerate() {
            if judged != own {
                lines.push(format!("{row},{column}: judge {judged:?}\n     ours {own:?}"));
            }
        }
    }
    let rest = |picture: &Picture| format!("{:?}", Picture { rows: Vec::new(), ..picture.clone() });
    if rest(judge) != rest(ours) {
        lines.push(format!("judge {}\n ours {}", rest(judge), rest(ours)));
    }
    lines.truncate(6);
    lines.join("\n")
}

/// Feeds the dump to both judges and compares.
fn judge(screen: &Screen) {
    assert_judges_see(&screen.dump(), screen);
}

/// Asserts that both judges show what this screen does, once they are fed with these bytes.
pub(crate) fn assert_judges_see(bytes: &[u8], screen: &Screen) {
    judge_parts(bytes, screen, |picture| picture);
}

/// The same of cells and cursor alone.
pub(crate) fn assert_judges_see_cells(bytes: &[u8], screen: &Screen) {
    judge_parts(bytes, screen, |picture| Picture {
        alternate: false,
        cursor_keys: false,
        ..picture
    });
}

fn judge_parts(bytes: &[u8], screen: &Screen, part: fn(Picture) -> Picture) {
    let bytes = String::from_utf8_lossy(bytes).replace(char::REPLACEMENT_CHARACTER, INSTEAD);
    let shown = || bytes.escape_debug().to_string();
    let whole = |picture: Picture| part(picture.without_halves());
    let mut first = by_vt100::new(screen.size());
    first.process(bytes.as_bytes());
    let (judged, own) = (whole(by_vt100::picture(&first)), whole(by_vt100::ours(screen)));
    assert!(judged == own, "vt100: {}\n{}", difference(&judged, &own), shown());
    // A mark that is long gone may have moved avt's cursor.
    if has_marked_letters(screen) || bytes.chars().any(|one| one.width() == Some(0)) {
        return;
    }
    let mut second = by_avt::new(screen.size());
    second.feed(&*bytes);
    let (judged, own) = (whole(by_avt::picture(&second)), whole(by_avt::ours(screen)));
    assert!(judged == own, "avt: {}\n{}", difference(&judged, &own), shown());
}

#[test]
fn both_judges_see_the_dump_of_each_moment_of_a_recording() {
    for recording in recordings() {
        let mut screen = Screen::new(recording.size);
        for event in &recording.events {
            match event {
                Event::Output(bytes) => screen.feed(bytes, &mut Answers::default()),
                Event::Resize(size) => screen.resize(*size),
            }
            judge(&screen);
        }
    }
}

#[test]
fn both_judges_see_a_recording_as_we_do() {
    for recording in recordings() {
        let mut screen = Screen::new(recording.size);
        let mut first = by_vt100::new(recording.size);
        let mut second = by_avt::new(recording.size);
        for (index, event) in recording.events.iter().enumerate() {
            // The judges do not agree about what a resize does; after it they are not asked.
            let Event::Output(bytes) = event else {
                break;
            };
            screen.feed(bytes, &mut Answers::default());
            first.process(bytes);
            second.feed(std::str::from_utf8(bytes).unwrap());
            let (judged, own) = (
                by_vt100::picture(&first).without_halves(),
                by_vt100::ours(&screen).without_halves(),
            );
            let what = format!("{} {index}", recording.name);
            assert!(judged == own, "{what}, vt100: {}", difference(&judged, &own));
            if has_marked_letters(&screen) {
                continue;
            }
            let (judged, own) =
                (by_avt::picture(&second).without_halves(), by_avt::ours(&screen).without_halves());
            assert!(judged == own, "{what}, avt: {}", difference(&judged, &own));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn both_judges_see_the_dump_of_any_output(columns in 2u32..24, rows in 1u32..8, bytes in output()) {
        let mut screen = Screen::new(Size::new(columns, rows).unwrap());
        screen.feed(&bytes, &mut Answers::default());
        // What is unfinished each parser cuts off in its own way.
        screen.feed(b"\x18", &mut Answers::default());
        judge(&screen);
    }
}
