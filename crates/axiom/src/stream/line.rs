//! One line as it stands, with a cursor in it: what is typed over is gone, as on a terminal. Pure.
//! It knows no rows: a cursor that leaves the line upwards is not followed.

use super::escape::Erase;

/// A line and the cursor in it: what stands before the cursor, and what stands after it, its last character first.
#[derive(Debug, Default, Clone)]
pub(super) struct Line {
    before: String,
    after: Vec<char>,
    /// True once something was typed over or erased.
    redrawn: bool,
}

impl Line {
    /// Bytes it holds, or nearly: what stands after the cursor counts by characters.
    pub(super) fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes plain text at the cursor.
    pub(super) fn write(&mut self, text: &str) {
        self.before.push_str(text);
        if !self.after.is_empty() {
            self.redrawn = true;
            let kept = self.after.len().saturating_sub(text.len());
            self.after.truncate(kept);
        }
    }

    /// Writes one character at the cursor.
    pub(super) fn write_character(&mut self, character: char) {
        self.before.push(character);
        self.redrawn |= self.after.pop().is_some();
    }

    /// Moves the cursor to the line's start.
    pub(super) fn return_to_start(&mut self) {
        self.after.extend(self.before.drain(..).rev());
    }

    pub(super) fn left(&mut self, steps: u16) {
        for _ in 0..steps {
            match self.before.pop() {
                Some(character) => self.after.push(character),
                None => break,
            }
        }
    }

    /// Moves the cursor to the right, over blanks where nothing stands.
    pub(super) fn right(&mut self, steps: u16) {
        for _ in 0..steps {
            self.before.push(self.after.pop().unwrap_or(' '));
        }
    }

    pub(super) fn column(&mut self, column: u16) {
        self.return_to_start();
        self.right(column);
    }

    pub(super) fn erase(&mut self, what: Erase) {
        self.redrawn |= !self.is_empty();
        match what {
            Erase::ToEnd => self.after.clear(),
            Erase::ToStart => self.blank_before(),
            Erase::All => {
                self.after.clear();
                self.blank_before();
            }
        }
    }

    fn blank_before(&mut self) {
        self.before = " ".repeat(self.before.chars().count());
    }

    /// The line as it stands.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.len());
        text.push_str(&self.before);
        text.extend(self.after.iter().rev());
        // What erasing leaves behind is nothing that anybody wrote.
        if self.redrawn {
            text.truncate(text.trim_end_matches(' ').len());
        }
        text
    }

    /// The line, if nothing stands after the cursor and nothing was redrawn: then it need not be built.
    pub(super) fn plain(&self) -> Option<&str> {
        (self.after.is_empty() && !self.redrawn).then_some(&self.before)
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.before.clear();
        self.after.clear();
        self.redrawn = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::escape::{Escapes, Token};
    use super::*;

    fn line(output: &str) -> String {
        let mut line = Line::default();
        Escapes::default().push(output.as_bytes(), |token| match token {
            Token::Text(text) => line.write(text),
            Token::Character(character) => line.write_character(character),
            Token::Return => line.return_to_start(),
            Token::Backspace => line.left(1),
            Token::Left(steps) => line.left(steps),
            Token::Right(steps) => line.right(steps),
            Token::Column(column) => line.column(column),
            Token::Erase(what) => line.erase(what),
            Token::Newline
            | Token::Up(_)
            | Token::Down(_)
            | Token::Progress(_)
            | Token::FullScreen(_) => {}
        });
        line.text()
    }

    #[test]
    fn what_is_written_over_is_gone_and_the_rest_stands() {
        assert_eq!(line("10%\r25%"), "25%");
        assert_eq!(line("100 percent\r25"), "250 percent");
        assert_eq!(line("working\r\x1b[Kdone"), "done");
        assert_eq!(line("working\x1b[2K\rok"), "ok");
        assert_eq!(line("a|\x08/\x08-"), "a-");
        assert_eq!(line("typed wromg\x08\x08ng"), "typed wrong");
        assert_eq!(line("abc\x1b[1Gx\x1b[2Cy"), "xbcy");
        assert_eq!(line("éé\rà"), "àé");
        assert_eq!(line("12345\x1b[2D\x1b[1K"), "   45");
    }

    #[test]
    fn a_plain_line_keeps_its_blanks_and_an_erased_one_has_none() {
        assert_eq!(line("padded   "), "padded   ");
        assert_eq!(line("padded   \rshort\x1b[K  "), "short");
    }
}
