//! vttest through `axiom attach`: each of its screens as a viewer's terminal shows it, as our model makes it of the output, and
//! as two models that others wrote do. The walk, and what cannot agree with its reason, is data: `vttest.tsv`.

use std::time::{Duration, Instant};

use axiom_screen::{Answers, Attributes, Color, Screen, Size, Style, Underline, View};

use crate::attach_viewer::{INSTEAD, Viewer};
use crate::hostile_judge::unescaped;
use crate::lab::{EVENT_WAIT, Lab};

const SIZE: (u16, u16) = (80, 24);

/// How vttest ends what it says before it waits for a key.
const PROMPTS: [&[u8]; 4] = [b"Push <RETURN>", b"): ", b"key: ", b"\x05"];

/// One screen of the walk.
struct Step {
    keys: String,
    name: &'static str,
    /// Why vt100 and avt show something else; nothing where they agree.
    differ: [Option<&'static str>; 2],
    /// What must stand on the screen.
    says: &'static str,
}

fn walk() -> Vec<Step> {
    let lines = include_str!("vttest.tsv").lines();
    let lines = lines.filter(|line| !line.starts_with('#') && !line.is_empty());
    let step = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [keys, name, vt100, avt, says] = fields[..] else { panic!("not five: {line}") };
        let keys = String::from_utf8(unescaped(keys)).unwrap();
        let differ = [vt100, avt].map(|why| Some(why).filter(|why| *why != "same"));
        Step { keys, name, differ, says }
    };
    lines.map(step).collect()
}

/// A cell as all models can tell of it.
#[derive(Debug, Clone, PartialEq)]
struct Cell {
    text: String,
    /// Of the text and behind it.
    colors: [Color; 2],
    /// Bold, dim, italic, underlined, reversed.
    looks: [bool; 5],
}

/// Cells, row by row, and the cursor's row and column.
#[derive(Debug, PartialEq)]
struct Picture {
    cells: Vec<Vec<Cell>>,
    cursor: (u16, u16),
}

impl Cell {
    /// Of a blank without looks, the text's colour cannot be seen.
    fn new(text: &str, colors: [Color; 2], looks: [bool; 5]) -> Self {
        let text = if text.is_empty() { " " } else { text };
        let seen = if text == " " && looks == [false; 5] { Color::Default } else { colors[0] };
        Self { text: text.to_owned(), colors: [seen, colors[1]], looks }
    }

    fn of_ours(character: char, style: Style) -> Self {
        let has = |attribute| style.attributes.contains(attribute);
        let underlined = style.attributes.underline() != Underline::None;
        let (bold, dim) = (has(Attributes::BOLD), has(Attributes::DIM));
        // The others have one intensity.
        let looks =
            [bold && !dim, dim, has(Attributes::ITALIC), underlined, has(Attributes::REVERSE)];
        let text = character.to_string().replace(char::REPLACEMENT_CHARACTER, INSTEAD);
        Self::new(&text, [style.foreground, style.background], looks)
    }

    fn of_avt(cell: &avt::Cell) -> Self {
        let color = |color: Option<avt::Color>| match color {
            None => Color::Default,
            Some(avt::Color::Indexed(index)) => Color::Indexed(index),
            Some(avt::Color::RGB(rgb)) => Color::Rgb(rgb.r, rgb.g, rgb.b),
        };
        let pen = cell.pen();
        let looks =
            [pen.is_bold(), pen.is_faint(), pen.is_italic(), pen.is_underline(), pen.is_inverse()];
        let colors = [color(pen.foreground()), color(pen.background())];
        Self::new(&cell.char().to_string(), colors, looks)
    }

    fn of_vt100(cell: &vt100::Cell) -> Self {
        let color = |color: vt100::Color| match color {
            vt100::Color::Default => Color::Default,
            vt100::Color::Idx(index) => Color::Indexed(index),
            vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
        };
        let looks = [cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse()];
        Self::new(cell.contents(), [color(cell.fgcolor()), color(cell.bgcolor())], looks)
    }
}

impl Picture {
    fn of_avt(terminal: &avt::Terminal) -> Self {
        let cursor = terminal.cursor();
        let narrowed = |place: usize| u16::try_from(place).unwrap();
        let lines = terminal.screen().visible_lines();
        let cells = lines.map(|line| line.cells().iter().map(Cell::of_avt).collect()).collect();
        Self { cells, cursor: (narrowed(cursor.row), narrowed(cursor.col)) }
    }

    fn of_vt100(screen: &vt100::Screen) -> Self {
        let cell = |row, column| Cell::of_vt100(screen.cell(row, column).unwrap());
        let row = |row| (0..SIZE.0).map(|column| cell(row, column)).collect();
        Self { cells: (0..SIZE.1).map(row).collect(), cursor: screen.cursor_position() }
    }

    fn of_ours(view: &View) -> Self {
        let row = |row: &axiom_screen::ViewRow| {
            let mut styles = vec![Style::default(); usize::from(SIZE.0)];
            for run in &row.runs {
                let from = usize::from(run.column);
                styles[from..from + usize::from(run.columns)].fill(run.style);
            }
            // vttest prints nothing that is wider than a column.
            let text = row.text.chars().chain(std::iter::repeat(' '));
            text.zip(styles).map(|(character, style)| Cell::of_ours(character, style)).collect()
        };
        let pending = u16::from(view.cursor.pending_wrap);
        let cursor = (view.cursor.row, view.cursor.column + pending);
        Self { cells: view.rows.iter().map(row).collect(), cursor }
    }

    /// Where another picture differs first.
    fn difference(&self, other: &Self) -> Option<String> {
        for (row, (ours, theirs)) in self.cells.iter().zip(&other.cells).enumerate() {
            if ours != theirs {
                let text =
                    |cells: &[Cell]| cells.iter().map(|cell| &*cell.text).collect::<String>();
                let column = ours.iter().zip(theirs).position(|(one, other)| one != other);
                return Some(format!(
                    "row {row}, column {column:?}\n{:?}\n{:?}\n{:?}\n{:?}",
                    text(ours),
                    text(theirs),
                    ours[column.unwrap()],
                    theirs[column.unwrap()]
                ));
            }
        }
        (self.cursor != other.cursor).then(|| format!("{:?}, {:?}", self.cursor, other.cursor))
    }
}

/// All models, fed with the output.
struct Models {
    ours: Screen,
    vt100: vt100::Parser,
    avt: avt::Terminal,
    cursor: String,
    tail: Vec<u8>,
}

impl Models {
    fn new() -> Self {
        let (cols, rows) = SIZE;
        let side = |side: u16| side.try_into().unwrap();
        Self {
            ours: Screen::new(Size::new(cols.into(), rows.into()).unwrap()),
            vt100: vt100::Parser::new(side(rows), side(cols), 0),
            avt: avt::Terminal::new(cols.into(), rows.into()).unwrap(),
            cursor: "1:0".to_owned(),
            tail: Vec::new(),
        }
    }

    /// Takes what was printed meanwhile. True if there was anything.
    fn catch_up(&mut self, lab: &Lab, id: &str) -> bool {
        let path = format!("/api/v1/tasks/{id}/output?view=raw&cursor={}", self.cursor);
        let answer = lab.asked("GET", &path, b"");
        self.cursor = answer.header("x-axiom-cursor").unwrap().to_owned();
        self.ours.feed(&answer.body, &mut Answers::default());
        let text = String::from_utf8_lossy(&answer.body);
        let text = text.replace(char::REPLACEMENT_CHARACTER, INSTEAD);
        self.vt100.process(text.as_bytes());
        self.avt.feed(text);
        self.tail.extend_from_slice(&answer.body);
        self.tail.drain(..self.tail.len().saturating_sub(64));
        !answer.body.is_empty()
    }

    /// Waits until vttest printed something and waits for a key.
    fn wait_for_prompt(&mut self, lab: &Lab, id: &str, viewer: &mut Viewer, step: &Step) {
        let deadline = Instant::now() + EVENT_WAIT;
        let mut came = false;
        loop {
            came |= self.catch_up(lab, id);
            if came && PROMPTS.iter().any(|prompt| self.tail.ends_with(prompt)) {
                return;
            }
            let _more: bool = viewer.seat.read_until(Instant::now() + Duration::from_millis(20));
            assert!(
                Instant::now() < deadline,
                "{}: {}\n{}",
                step.name,
                self.shown(),
                self.tail.escape_ascii()
            );
        }
    }

    fn shown(&self) -> String {
        self.ours.view().text()
    }
}

/// Waits until the viewer's terminal shows what our model does.
fn wait_for_the_same(viewer: &mut Viewer, ours: &Picture, step: &Step) {
    let deadline = Instant::now() + EVENT_WAIT;
    while let Some(difference) = Picture::of_vt100(viewer.screen()).difference(ours) {
        assert!(Instant::now() < deadline, "{}, attached: {difference}", step.name);
        let _more: bool = viewer.seat.read_until(Instant::now() + Duration::from_millis(20));
    }
}

#[test]
fn a_viewer_sees_each_screen_of_vttest() {
    if !std::path::Path::new("/usr/bin/vttest").exists() {
        eprintln!("skipped: vttest is not installed");
        return;
    }
    let lab = Lab::new();
    let env = "TERM=xterm-256color";
    let id = lab.spawn(&["--size", "80x24", "--env", env, "--", "vttest", "24x80.80"]);
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.wait_for_no_note();
    let mut models = Models::new();
    let mut wrong = Vec::new();
    for step in walk() {
        viewer.type_text(&step.keys);
        models.wait_for_prompt(&lab, &id, &mut viewer, &step);
        let ours = Picture::of_ours(&models.ours.view());
        wait_for_the_same(&mut viewer, &ours, &step);
        let shown = models.shown();
        if !shown.contains(step.says) {
            wrong.push(format!("{} does not say {:?}:\n{shown}", step.name, step.says));
        }
        for (judge, picture, differs) in [
            ("vt100", Picture::of_vt100(models.vt100.screen()), step.differ[0]),
            ("avt", Picture::of_avt(&models.avt), step.differ[1]),
        ] {
            let name = step.name;
            match (ours.difference(&picture), differs) {
                (Some(difference), None) => wrong.push(format!("{judge}, {name}: {difference}")),
                (None, Some(reason)) => {
                    wrong.push(format!("{judge}, {name} agrees, yet: {reason}"))
                }
                (None, None) | (Some(_), Some(_)) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    viewer.detach();
    lab.axiom(&["stop", &id]).ok();
    lab.shut_down();
}
