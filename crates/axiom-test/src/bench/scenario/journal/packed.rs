//! Packed segments: how much smaller they are, what an hour of a trickle takes, and how long a jump in them takes. Text in which
//! nothing comes back but what comes back in such output.

use std::path::Path;
use std::process::Command;

use axiom_journal::{Writer, pack};

use super::{FAR_BYTES, FRAMES, PAYLOAD_BYTES, appended, jumps as jumps_in, us};
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::stand::Stand;
use crate::bench::statistics::percentile;
use crate::load::{Style, unrepeated};

/// Four full segments and a bit.
const SAMPLE_BYTES: usize = 70 << 20;

/// A line each second.
const TRICKLE: (usize, usize) = (80, 3_600);

/// The 99th percentile of jumps in a gigabyte, in milliseconds.
pub(super) fn jumps(folder: &Path) -> anyhow::Result<f64> {
    std::fs::create_dir(folder)?;
    let text = unrepeated(Style::Plain, SAMPLE_BYTES);
    let frames = usize::try_from(FRAMES)?;
    appended(folder, text.chunks_exact(PAYLOAD_BYTES).cycle().take(frames))?;
    pack(folder, || true)?;
    let times = jumps_in(folder, FAR_BYTES)?;
    std::fs::remove_dir_all(folder)?;
    Ok(us(percentile(&times, 99.0)) / 1e3)
}

/// What journals of each kind come to.
pub(super) fn stored(stand: &Stand) -> anyhow::Result<Vec<Figure>> {
    let ratio = |text: &[u8]| {
        let (plain, packed) = sizes(&stand.file("packed"), text.chunks(PAYLOAD_BYTES))?;
        anyhow::Ok(plain / packed)
    };
    let plain = ratio(&unrepeated(Style::Plain, SAMPLE_BYTES))?;
    let colour = ratio(&listing()?)?;
    let (line, lines) = TRICKLE;
    let text = unrepeated(Style::Plain, line * lines);
    let (written, packed) = sizes(&stand.file("trickle"), text.chunks(line))?;
    let trickle = |how: &str, bytes: f64| {
        let name = format!("an hour of a line each second, {how}");
        Figure::of(name, "kB", Nature::Absolute).with(vec![bytes / 1e3], Vec::new())
    };
    Ok(vec![
        promised("packed: plain log ÷ stored").with(vec![plain], Vec::new()),
        promised("packed: colour listing ÷ stored")
            .with(vec![colour], Vec::new())
            .note("this machine's /usr"),
        trickle("as written", written),
        trickle("packed", packed),
    ])
}

/// A long coloured listing as there are: what is made up has no names and sizes that are like each other.
fn listing() -> anyhow::Result<Vec<u8>> {
    let listed = Command::new("ls").args(["-lR", "--color=always", "/usr"]).output()?;
    let mut text = Vec::with_capacity(listed.stdout.len() * 2);
    for byte in listed.stdout {
        // As a terminal gives it back.
        text.extend_from_slice(if byte == b'\n' { b"\r\n" } else { std::slice::from_ref(&byte) });
    }
    anyhow::ensure!(!text.is_empty(), "ls lists nothing");
    Ok(text)
}

/// The bytes of a journal's segments before they were packed, and now.
fn sizes<'a>(
    folder: &Path,
    payloads: impl Iterator<Item = &'a [u8]>,
) -> anyhow::Result<(f64, f64)> {
    std::fs::create_dir(folder)?;
    appended(folder, payloads)?;
    // The newest segment is never packed: one more makes it an older one.
    Writer::recover(folder)?.0.rotate()?;
    let report = pack(folder, || true)?;
    std::fs::remove_dir_all(folder)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let sizes = (report.plain_bytes as f64, report.packed_bytes as f64);
    Ok(sizes)
}
