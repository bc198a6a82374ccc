//! `redraw`: a progress line and a small table, drawn over themselves, as build tools and agents do.

use super::LoadError;
use super::options::Options;
use super::paced::sleep_until;
use super::writing::{now_ns, write};

/// Rows of the table under the progress line.
const ROWS: u64 = 5;

/// The script's options.
#[derive(Debug)]
pub(super) struct Redraw {
    frames: u64,
    every_ns: u64,
}

impl Redraw {
    pub(super) fn of(options: &mut Options) -> Result<Self, LoadError> {
        let per_second: u64 = options.needed("--per-second")?;
        let frames = options.needed("--frames")?;
        Ok(Self { frames, every_ns: 1_000_000_000 / per_second.clamp(1, 1_000_000_000) })
    }
}

pub(super) fn run(redraw: &Redraw, rest: Options) -> Result<(), LoadError> {
    rest.end()?;
    let mut due = now_ns();
    for frame in 0..redraw.frames {
        sleep_until(due);
        write(drawn(frame, redraw.frames).as_bytes())?;
        due = due.saturating_add(redraw.every_ns);
    }
    write(b"\n")
}

/// One drawing; all but the first go back up over the one before.
fn drawn(frame: u64, frames: u64) -> String {
    const SPINNER: [char; 4] = ['|', '/', '-', '\\'];
    let percent = (frame + 1) * 100 / frames.max(1);
    let full = usize::try_from(percent / 5).unwrap_or(20);
    let back = if frame == 0 { String::new() } else { format!("\x1b[{ROWS}A") };
    let turn = SPINNER[(frame % 4) as usize];
    let bar = "#".repeat(full);
    let mut text = format!("{back}\r\x1b[K{turn} [{bar:<20}] {percent:>3} %");
    for row in 0..ROWS {
        let left = (frames - frame).saturating_sub(row);
        text.push_str(&format!("\n\x1b[K  step {row}: \x1b[33m{left}\x1b[0m left"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_goes_back_up_over_the_one_before() {
        assert!(drawn(0, 10).starts_with("\r\x1b[K| [##  "));
        assert!(drawn(9, 10).starts_with("\x1b[5A\r\x1b[K/ [####################] 100 %"));
        assert_eq!(drawn(3, 10).matches('\n').count(), 5);
    }
}
