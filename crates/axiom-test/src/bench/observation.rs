//! What a gauge of a stream saw: how much, from when to when, how late each stamped line came, at what cost.
//! Reference, follower and peers are all observed so, and tell it as one line of JSON.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::statistics::percentile;
use crate::load::STAMP;

/// The longest line that may be stamped; longer ones are none.
const LINE_BYTES_MAX: usize = 256;

/// One stream's.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) bytes: u64,
    /// CLOCK_MONOTONIC of the first and last bytes, in nanoseconds.
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    /// How long each stamped line took from the child's write until it was seen, in nanoseconds.
    pub(super) late_ns: Vec<u64>,
}

impl Stream {
    pub(super) fn percentile_ms(&self, percent: f64) -> f64 {
        ms(percentile(&self.late_ns, percent))
    }
}

/// All streams of one gauge.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Observation {
    pub(super) streams: Vec<Stream>,
    /// What the gauge, and what it waited for, used.
    pub(super) cpu_us: u64,
}

impl Observation {
    /// From the first byte of any to the last of all, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        let first = self.streams.iter().map(|stream| stream.first_ns).min().unwrap_or(0);
        let last = self.streams.iter().map(|stream| stream.last_ns).max().unwrap_or(0);
        seconds(last.saturating_sub(first))
    }

    /// Megabytes each second, of all together.
    pub(super) fn mb_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let bytes = self.streams.iter().map(|stream| stream.bytes).sum::<u64>() as f64;
        bytes / 1e6 / self.seconds().max(1e-9)
    }

    /// All lines of all streams.
    pub(super) fn percentile_ms(&self, percent: f64) -> f64 {
        let all: Vec<u64> =
            self.streams.iter().flat_map(|stream| stream.late_ns.iter().copied()).collect();
        ms(percentile(&all, percent))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run is far shorter than 2^52 ns")]
pub(super) fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a run is far shorter than 2^52 ns")]
pub(super) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// What is looked for in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Only how much there is: costs a gauge nothing.
    Bytes,
    /// Stamped lines.
    Stamps,
}

impl Look {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Stamps => "stamps",
        }
    }
}

impl FromStr for Look {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "bytes" => Ok(Self::Bytes),
            "stamps" => Ok(Self::Stamps),
            _ => Err(anyhow::anyhow!("look for `bytes` or `stamps`, not `{text}`")),
        }
    }
}

/// Takes a stream's bytes as they come.
#[derive(Debug)]
pub(super) struct Watcher {
    look: Look,
    stream: Stream,
    line: Vec<u8>,
}

impl Watcher {
    pub(super) fn new(look: Look) -> Self {
        Self { look, stream: Stream::default(), line: Vec::new() }
    }

    /// Some bytes that are seen now.
    pub(super) fn see(&mut self, bytes: &[u8], now_ns: u64) {
        if bytes.is_empty() {
            return;
        }
        if self.stream.bytes == 0 {
            self.stream.first_ns = now_ns;
        }
        self.stream.bytes += bytes.len() as u64;
        self.stream.last_ns = now_ns;
        if self.look == Look::Stamps {
            self.read_lines(bytes, now_ns);
        }
    }

    fn read_lines(&mut self, bytes: &[u8], now_ns: u64) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let late = if self.line.is_empty() {
                late(&rest[..end], now_ns)
            } else {
                self.line.extend_from_slice(&rest[..end.min(LINE_BYTES_MAX)]);
                late(&self.line, now_ns)
            };
            self.stream.late_ns.extend(late);
            self.line.clear();
            rest = &rest[end + 1..];
        }
        if self.line.len() + rest.len() <= LINE_BYTES_MAX {
            self.line.extend_from_slice(rest);
        }
    }

    pub(super) fn finish(self) -> Stream {
        self.stream
    }
}

/// How late a stamped line is; nothing for any other line.
fn late(line: &[u8], now_ns: u64) -> Option<u64> {
    // A peer may draw before the line, and a terminal ends it with a carriage return.
    let start = line.windows(STAMP.len()).rposition(|part| part == STAMP.as_bytes())?;
    let digits = &line[start + STAMP.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let stamp: u64 = std::str::from_utf8(&digits[..end]).ok()?.parse().ok()?;
    Some(now_ns.saturating_sub(stamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_line_is_read_however_it_is_cut() {
        let text = b"ready\r\nT 100\r\nother\r\n\x1b[KT 200\r\nT 300";
        for cut in 0..text.len() {
            let mut watcher = Watcher::new(Look::Stamps);
            watcher.see(&text[..cut], 1000);
            watcher.see(&text[cut..], 1000);
            let stream = watcher.finish();
            assert_eq!(stream.late_ns, [900, 800], "cut at {cut}");
            assert_eq!(stream.bytes, text.len() as u64);
        }
    }

    #[test]
    fn a_stream_lasts_from_its_first_byte_to_its_last() {
        let mut watcher = Watcher::new(Look::Stamps);
        for (bytes, now) in [(&b"a"[..], 5), (b"", 7), (b"bc", 9)] {
            watcher.see(bytes, now);
        }
        let stream = watcher.finish();
        assert_eq!((stream.first_ns, stream.last_ns, stream.bytes), (5, 9, 3));
    }
}
