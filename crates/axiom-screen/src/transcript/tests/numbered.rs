//! A program prints numbered lines among redraws of every kind: none is missing, none comes twice, and they come in order.

use proptest::prelude::*;

use super::{Step, read, size, texts};

/// What the program does next.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Prints lines above its status rows, as ink does.
    Print(u32),
    /// Draws its status rows again.
    Spin,
    /// Has another number of status rows.
    Status(u32),
    /// Moves a progress line, and ends it.
    Progress(u32),
    /// Types into a prompt.
    Prompt,
    /// Draws something on the alternate page.
    Alternate,
    /// Clears the screen and prints everything again.
    Repaint,
    /// Clears the screen.
    Clear,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1u32..30).prop_map(Act::Print),
        4 => Just(Act::Spin),
        1 => (0u32..4).prop_map(Act::Status),
        2 => (1u32..12).prop_map(Act::Progress),
        1 => Just(Act::Prompt),
        1 => Just(Act::Alternate),
        1 => Just(Act::Repaint),
        1 => Just(Act::Clear),
    ]
}

/// The program: how much it printed, and what it has at the bottom.
#[derive(Default)]
struct Program {
    printed: u32,
    status: u32,
    turns: u32,
}

impl Program {
    fn line(number: u32) -> String {
        format!("line {number}# of the work\r\n")
    }

    fn erase_status(&self) -> String {
        if self.status == 0 { String::new() } else { format!("\r\x1b[{}A\x1b[J", self.status) }
    }

    fn draw_status(&mut self) -> String {
        self.turns += 1;
        let spinner = ["⠋", "⠙", "⠹"][self.turns as usize % 3];
        (0..self.status)
            .map(|row| format!("{spinner} status row {row} ({}s)\r\n", self.turns))
            .collect()
    }

    /// The pieces that an act prints, one read each.
    fn act(&mut self, act: Act) -> Vec<String> {
        match act {
            Act::Print(count) => {
                let erased = self.erase_status();
                let lines: String = (self.printed..self.printed + count).map(Self::line).collect();
                self.printed += count;
                vec![erased + &lines + &self.draw_status()]
            }
            Act::Spin => vec![self.erase_status() + &self.draw_status()],
            Act::Status(rows) => {
                let erased = self.erase_status();
                self.status = rows;
                vec![erased + &self.draw_status()]
            }
            Act::Progress(steps) => {
                let bar = |step: u32| format!("\rprogress [{}>] {step}", "=".repeat(step as usize));
                let mut pieces: Vec<String> = (0..steps).map(bar).collect();
                pieces.push("\r\x1b[K".to_owned());
                pieces
            }
            Act::Prompt => {
                let mut pieces = vec!["$ ".to_owned()];
                pieces.extend("make test".chars().map(String::from));
                pieces.push("\r\n".to_owned());
                // What was the status is now above the prompt, and stays there.
                self.status = 0;
                pieces
            }
            Act::Alternate => {
                vec!["\x1b[?1049h\x1b[2J\x1b[Hfull screen".to_owned(), "\x1b[?1049l".to_owned()]
            }
            Act::Repaint => {
                let lines: String = (0..self.printed).map(Self::line).collect();
                vec!["\x1b[2J\x1b[3J\x1b[H".to_owned() + &lines + &self.draw_status()]
            }
            Act::Clear => {
                self.status = 0;
                vec!["\x1b[H\x1b[2J".to_owned()]
            }
        }
    }
}

fn acts() -> impl Strategy<Value = Vec<(Act, u64)>> {
    let pause = prop_oneof![
        3 => Just(1000u64), 3 => Just(90_000u64), 2 => Just(400_000u64), 1 => Just(1_500_000u64), 1 => Just(6_000_000u64)
    ];
    prop::collection::vec((act(), pause), 1..40)
}

fn numbers(texts: &[&str]) -> Vec<u32> {
    let number = |text: &&str| text.strip_prefix("line ")?.split_once('#')?.0.parse().ok();
    texts.iter().filter_map(number).collect()
}

proptest! {
    #[test]
    fn no_printed_line_is_missing(columns in 30u32..60, rows in 6u32..30, acts in acts()) {
        let mut program = Program::default();
        let mut steps = Vec::new();
        for (act, pause) in &acts {
            // What is cleared at once nobody reads, if it happens over and over.
            let before = if matches!(act, Act::Clear) { 400_000 } else { *pause };
            for (index, piece) in program.act(*act).into_iter().enumerate() {
                let pause = if index == 0 { before } else { *pause };
                steps.push((pause, Step::Output(piece.into_bytes())));
            }
        }
        let lines = read(size(columns, rows), &steps);
        let texts = texts(&lines);
        let expected: Vec<u32> = (0..program.printed).collect();
        prop_assert_eq!(numbers(&texts), expected, "{:#?}", texts);
    }
}
