//! The live region on a terminal: text scrolls above it, its rows are drawn in place. Pure: gives the bytes to write.
//! The cursor rests at the start of the region's last row, hidden; each change is one synchronized update.

/// Begin and end of an update that the terminal shows at once. Terminals that do not know it ignore it.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// Hides the cursor, and keeps rows that are wider than we think from becoming two.
const ENTER: &str = "\x1b[?25l\x1b[?7l";

/// Brings both back, and ends a colour or an update that was cut off.
pub(crate) const LEAVE: &str = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?2026l";

/// What is drawn at the moment.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    rows: Vec<String>,
}

impl Drawing {
    /// True if these rows stand there already.
    pub(crate) fn shows(&self, rows: &[String]) -> bool {
        self.rows == rows
    }

    /// Text above the region, and its rows anew.
    pub(crate) fn draw(&mut self, text: &str, rows: Vec<String>) -> String {
        let mut bytes = String::with_capacity(text.len() + 256);
        bytes.push_str(BEGIN);
        self.erase(&mut bytes);
        if !text.is_empty() {
            // Text may be as wide as it likes.
            bytes.push_str("\x1b[?7h");
            bytes.push_str(text);
        }
        bytes.push_str(ENTER);
        bytes.push_str(&rows.join("\r\n"));
        bytes.push('\r');
        bytes.push_str(END);
        self.rows = rows;
        bytes
    }

    /// Text in the region's place: the region is gone, and the terminal as it was.
    pub(crate) fn leave(&mut self, text: &str) -> String {
        let mut bytes = String::new();
        self.erase(&mut bytes);
        bytes.push_str(LEAVE);
        bytes.push_str(text);
        bytes
    }

    fn erase(&mut self, bytes: &mut String) {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return;
        }
        bytes.push('\r');
        if rows.len() > 1 {
            bytes.push_str(&format!("\x1b[{}A", rows.len() - 1));
        }
        bytes.push_str("\x1b[J");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&str]) -> Vec<String> {
        rows.iter().map(|row| (*row).to_owned()).collect()
    }

    #[test]
    fn text_scrolls_above_the_rows_and_the_rows_are_drawn_in_place() {
        let mut drawing = Drawing::default();
        let first = drawing.draw("one\n", rows(&["a", "b"]));
        let expected = "\x1b[?2026h\x1b[?7hone\n\x1b[?25l\x1b[?7la\r\nb\r\x1b[?2026l";
        assert_eq!(first, expected);
        assert!(drawing.shows(&rows(&["a", "b"])));
        let second = drawing.draw("", rows(&["c"]));
        assert_eq!(second, "\x1b[?2026h\r\x1b[1A\x1b[J\x1b[?25l\x1b[?7lc\r\x1b[?2026l");
        assert_eq!(drawing.leave("bye\n"), format!("\r\x1b[J{LEAVE}bye\n"));
        assert_eq!(drawing.leave(""), LEAVE);
    }
}
