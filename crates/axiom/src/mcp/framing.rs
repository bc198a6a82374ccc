//! Lines out of what comes from standard input. Pure. A line that is too long is passed over and told of.

/// The longest message: what the server takes.
const LINE_BYTES_MAX: usize = axiom_proto::api::BODY_BYTES_MAX;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Without its end.
    Whole(String),
    /// It was longer than any message may be.
    TooLong,
}

/// Bytes as they come.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    open: Vec<u8>,
    is_too_long: bool,
}

impl Lines {
    /// Takes bytes, gives the lines that end in them. Empty ones are none.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut parts = bytes.split(|byte| *byte == b'\n');
        self.grow(parts.next().unwrap_or_default());
        for part in parts {
            let open = std::mem::take(&mut self.open);
            if std::mem::take(&mut self.is_too_long) {
                lines.push(Line::TooLong);
            } else {
                let text = String::from_utf8_lossy(&open).trim().to_owned();
                if !text.is_empty() {
                    lines.push(Line::Whole(text));
                }
            }
            self.grow(part);
        }
        lines
    }

    fn grow(&mut self, part: &[u8]) {
        if self.is_too_long || self.open.len() + part.len() > LINE_BYTES_MAX {
            self.is_too_long = true;
            self.open = Vec::new();
            return;
        }
        self.open.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = b"{\"a\":1}\r\n\n  {\"b\":2}\n{\"c\"";
        let whole = |line: &str| Line::Whole(line.to_owned());
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let found: Vec<Line> = text.chunks(size).flat_map(|part| lines.push(part)).collect();
            assert_eq!(found, [whole("{\"a\":1}"), whole("{\"b\":2}")], "by {size}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_heard() {
        let mut lines = Lines::default();
        for _ in 0..=(LINE_BYTES_MAX / 1024) {
            assert_eq!(lines.push(&[b'x'; 1024]), []);
        }
        assert!(lines.open.is_empty());
        assert_eq!(lines.push(b"y\nz\n"), [Line::TooLong, Line::Whole("z".to_owned())]);
    }
}
