//! Bytes as a terminal's life: a size, then output, with marks for where it is cut and where the terminal is resized.
//! Every input is a script, and every script has a short input, so that whoever changes bytes by chance changes scripts.

use axiom_screen::Size;

/// Begins a mark. It is in no UTF-8 text.
const MARK: u8 = 0xff;

/// After [`MARK`]: the output is cut here.
const CUT: u8 = 0;
/// After [`MARK`]: a resize, with a byte for each side.
const RESIZE: u8 = 1;

/// Small, so that every corner of a screen is near.
const COLUMNS: u8 = 40;
/// See [`COLUMNS`].
const ROWS: u8 = 12;

/// What happens to a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) size: Size,
    pub(crate) steps: Vec<Step>,
}

/// One thing that happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Output(Vec<u8>),
    Resize(Size),
}

impl Script {
    /// Reads any bytes.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut rest = bytes.iter().copied();
        let mut byte = || rest.next();
        let size = size(byte().unwrap_or(COLUMNS - 1), byte().unwrap_or(ROWS - 1));
        let mut steps = Vec::new();
        let mut output = Vec::new();
        while let Some(next) = byte() {
            if next != MARK {
                output.push(next);
                continue;
            }
            match byte() {
                Some(CUT) => steps.push(Step::Output(std::mem::take(&mut output))),
                Some(RESIZE) => {
                    steps.push(Step::Output(std::mem::take(&mut output)));
                    steps.push(Step::Resize(self::size(byte().unwrap_or(0), byte().unwrap_or(0))));
                }
                other => output.extend([MARK].into_iter().chain(other)),
            }
        }
        steps.push(Step::Output(output));
        steps.retain(|step| *step != Step::Output(Vec::new()));
        Self { size, steps }
    }

    /// The bytes that this is read from. Sizes are made to fit.
    pub(crate) fn written(&self) -> Vec<u8> {
        let mut bytes = sides(self.size).to_vec();
        let mut after_output = false;
        for step in &self.steps {
            match step {
                Step::Output(output) => {
                    if after_output {
                        bytes.extend([MARK, CUT]);
                    }
                    bytes.extend_from_slice(output);
                }
                Step::Resize(size) => {
                    bytes.extend([MARK, RESIZE]);
                    bytes.extend(sides(*size));
                }
            }
            after_output = matches!(step, Step::Output(_));
        }
        bytes
    }

    /// The same, with all output in one piece between two resizes.
    pub(crate) fn whole(&self) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        for step in &self.steps {
            match (steps.last_mut(), step) {
                (Some(Step::Output(before)), Step::Output(output)) => {
                    before.extend_from_slice(output);
                }
                (Some(_) | None, step) => steps.push(step.clone()),
            }
        }
        Self { size: self.size, steps }
    }

    /// The same, with every byte of output by itself.
    pub(crate) fn in_bytes(&self) -> Self {
        let single = |step: &Step| match step {
            Step::Output(output) => output.iter().map(|byte| Step::Output(vec![*byte])).collect(),
            Step::Resize(size) => vec![Step::Resize(*size)],
        };
        Self { size: self.size, steps: self.steps.iter().flat_map(single).collect() }
    }

    /// All output, without where it was cut and resized.
    pub(crate) fn output(&self) -> Vec<u8> {
        let output = |step: &Step| match step {
            Step::Output(output) => output.clone(),
            Step::Resize(_) => Vec::new(),
        };
        self.steps.iter().flat_map(output).collect()
    }
}

fn size(columns: u8, rows: u8) -> Size {
    let side = |byte: u8, max: u8| u32::from(byte % max) + 1;
    Size::new(side(columns, COLUMNS), side(rows, ROWS)).expect("both sides are from 1 to 40")
}

fn sides(size: Size) -> [u8; 2] {
    let side = |side: u16, max: u8| u8::try_from((side - 1).min(u16::from(max) - 1)).unwrap_or(0);
    [side(size.columns(), COLUMNS), side(size.rows(), ROWS)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_script_is_read_as_it_was_written(bytes in prop::collection::vec(prop_oneof![Just(MARK), Just(CUT), Just(RESIZE), any::<u8>()], 0..60)) {
            let script = Script::read(&bytes);
            // A mark that was output may come to stand before a byte that makes it another one.
            let ambiguous = script.output().contains(&MARK);
            prop_assert!(ambiguous || Script::read(&script.written()) == script);
            prop_assert_eq!(script.in_bytes().whole(), script.whole());
            prop_assert_eq!(script.whole().output(), script.output());
        }
    }
}
