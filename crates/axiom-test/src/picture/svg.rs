//! A terminal's screen as an SVG: one text element a row, each run of one look at its own column. Pure.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// Of one cell, in the picture's units; the font is asked to fit.
const CELL_WIDTH: f32 = 8.4;
const ROW_HEIGHT: f32 = 18.0;
const MARGIN: f32 = 16.0;

const BACKGROUND: &str = "#11151c";
const FOREGROUND: &str = "#d5dbe5";
const DIMMED: &str = "#7d8899";

/// The sixteen colours of terminals, as most show them on a dark ground.
const PALETTE: [&str; 16] = [
    "#3b4252", "#f07178", "#a5d66f", "#f2c14e", "#6cb6ff", "#c792ea", "#56d4cf", "#d5dbe5",
    "#66728a", "#ff8b92", "#c3e88d", "#ffd580", "#9ccbff", "#ddb3ff", "#8be9e2", "#ffffff",
];

/// How a run of cells looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    color: &'static str,
    bold: bool,
}

/// Draws the screen.
pub(super) fn of_screen(screen: &Screen) -> String {
    let (rows, columns) = size_of(screen);
    let width = f32::from(columns) * CELL_WIDTH + 2.0 * MARGIN;
    let height = f32::from(rows) * ROW_HEIGHT + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n\
         <title>axiom demo: six tasks in one stream, with a bar for each</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        draw_row(&mut svg, screen, row);
    }
    svg.push_str("</svg>\n");
    svg
}

fn size_of(screen: &Screen) -> (u16, u16) {
    let (rows, columns) = screen.size();
    (rows.get(), columns.get())
}

fn draw_row(svg: &mut String, screen: &Screen, row: u16) {
    let y = MARGIN + (f32::from(row) + 0.75) * ROW_HEIGHT;
    let mut run: Option<(u16, Look, String)> = None;
    let (_, columns) = size_of(screen);
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else { continue };
        if cell.is_wide_continuation() {
            continue;
        }
        let (look, text) = (look_of(cell), cell.contents());
        let text = if text.is_empty() { " " } else { text };
        match &mut run {
            Some((_, same, so_far)) if *same == look => so_far.push_str(text),
            _other => {
                draw_run(svg, y, run.replace((column, look, text.to_owned())));
            }
        }
    }
    draw_run(svg, y, run);
}

fn draw_run(svg: &mut String, y: f32, run: Option<(u16, Look, String)>) {
    let Some((column, look, text)) = run else { return };
    let shown = text.trim_end();
    if shown.is_empty() {
        return;
    }
    let x = MARGIN + f32::from(column) * CELL_WIDTH;
    let width = shown.chars().count() as f32 * CELL_WIDTH;
    let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
    let escaped = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // Writing to a string cannot fail.
    let _: std::fmt::Result = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{}\"{weight} textLength=\"{width:.1}\" \
         lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{escaped}</text>",
        look.color
    );
}

fn look_of(cell: &Cell) -> Look {
    let color = match cell.fgcolor() {
        Color::Default if cell.dim() => DIMMED,
        Color::Default | Color::Rgb(..) => FOREGROUND,
        Color::Idx(number) => PALETTE.get(usize::from(number)).copied().unwrap_or(FOREGROUND),
    };
    Look { color, bold: cell.bold() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_look_stand_at_their_columns_and_text_stays_text() {
        let (two, twenty) = (2.try_into().unwrap(), 20.try_into().unwrap());
        let mut terminal = vt100::Parser::new(two, twenty, 0);
        terminal.process(b"\x1b[1;32mok\x1b[0m a<b&c\r\n\x1b[2mdim\x1b[0m");
        let svg = of_screen(terminal.screen());
        assert!(svg.contains(&format!("fill=\"{}\" font-weight=\"bold\"", PALETTE[2])), "{svg}");
        assert!(svg.contains(">ok</text>") && svg.contains("> a&lt;b&amp;c</text>"), "{svg}");
        assert!(svg.contains(&format!("fill=\"{DIMMED}\"")), "{svg}");
    }
}
