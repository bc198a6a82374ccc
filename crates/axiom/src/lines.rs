//! Output as plain lines, for views that show several tasks in one stream: `[id] text`.
//! No escape passes, whatever way the bytes are cut; a line that does not end is split. Pure.

use axiom_server::text::TextFilter;

/// The longest line that is kept whole. A longer one is shown in pieces, so that none holds the memory.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;

/// Puts one stream's lines together.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    filter: TextFilter,
    text: String,
}

impl Lines {
    /// Takes bytes, gives the lines that they complete, without their ends.
    pub(crate) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        // By pieces, so that the text never grows much beyond a line.
        for piece in bytes.chunks(LINE_BYTES_MAX) {
            self.filter.push(piece, &mut self.text);
            self.give(&mut line);
        }
    }

    /// The stream is over: gives the line that has no end, if there is one.
    pub(crate) fn finish(&mut self, mut line: impl FnMut(&str)) {
        self.filter.finish(&mut self.text);
        self.give(&mut line);
        if !self.text.is_empty() {
            line(&self.text);
            self.text.clear();
        }
    }

    fn give(&mut self, line: &mut impl FnMut(&str)) {
        let mut start = 0;
        loop {
            let rest = &self.text[start..];
            let end = rest.find('\n');
            match end {
                Some(end) if end <= LINE_BYTES_MAX => {
                    line(&rest[..end]);
                    start += end + 1;
                }
                _ if rest.len() > LINE_BYTES_MAX => {
                    let end = rest.floor_char_boundary(LINE_BYTES_MAX);
                    line(&rest[..end]);
                    start += end;
                }
                _ => break,
            }
        }
        self.text.drain(..start);
    }
}

/// Someone's words, harmless and in one line: for names and commands in tables and messages.
#[must_use]
pub(crate) fn one_line(words: &str) -> String {
    let mut text = String::new();
    let mut filter = TextFilter::default();
    filter.push(words.as_bytes(), &mut text);
    filter.finish(&mut text);
    text.replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut assembler = Lines::default();
        let mut all = Vec::new();
        for piece in pieces {
            assembler.push(piece, |line| all.push(line.to_owned()));
        }
        assembler.finish(|line| all.push(line.to_owned()));
        all
    }

    #[test]
    fn any_cut_gives_the_same_lines() {
        let output =
            "plain\r\n\x1b[1;31mred\x1b[0m é\n10%\r20%\r\n\x1b]0;title\x07\n\nlast".as_bytes();
        let whole = lines(&[output]);
        assert_eq!(whole, ["plain", "red é", "10%", "20%", "", "", "last"]);
        for first in 0..=output.len() {
            for second in first..=output.len() {
                let pieces = [&output[..first], &output[first..second], &output[second..]];
                assert_eq!(lines(&pieces), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn no_control_passes() {
        let every_byte: Vec<u8> = (0..=255).collect();
        for line in lines(&[&every_byte, b"\xc2\x9b31mx"]) {
            let harmless = |c: char| !c.is_control() || c == '\t';
            assert!(line.chars().all(harmless), "{line:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_split_between_characters() {
        let long = "é".repeat(LINE_BYTES_MAX);
        let pieces = lines(&[long.as_bytes(), b"\nnext\n"]);
        assert_eq!(pieces.concat(), format!("{long}next"));
        assert!(pieces.iter().all(|piece| piece.len() <= LINE_BYTES_MAX));
        assert_eq!(pieces.last().unwrap(), "next");
        let odd = format!("a{long}");
        assert_eq!(lines(&[odd.as_bytes()]).concat(), odd);
    }

    #[test]
    fn a_command_is_shown_in_one_harmless_line() {
        assert_eq!(one_line("sh -c 'a\nb\tc'\x1b[2J\x07"), "sh -c 'a b c'");
    }
}
