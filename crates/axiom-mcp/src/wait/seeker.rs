//! Looks for a line that fits, in text as it comes: whole lines, and the last one as far as it is there, because a prompt
//! has no end. Pure.

use axiom_proto::fault::Fault;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::answers::wrong;

/// The longest pattern.
const PATTERN_CHARS_MAX: usize = 1000;

/// Memory that a pattern may take.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a line that are looked at; of a longer one the last.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// A pattern, in time that is linear in what it reads.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// # Errors
    /// It is no pattern, or too large a one.
    pub(crate) fn new(text: &str) -> Result<Self, Fault> {
        if text.is_empty() || text.chars().count() > PATTERN_CHARS_MAX {
            return Err(wrong(format!("match: between 1 and {PATTERN_CHARS_MAX} characters"), ""));
        }
        let config = Regex::config().nfa_size_limit(Some(PATTERN_BYTES_MAX)).onepass(false);
        let built = Regex::builder().configure(config).syntax(syntax::Config::new()).build(text);
        built.map(Self).map_err(|error| {
            let why = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
            wrong(format!("match: {why}"), "write \\. for a dot; no look-around, no backreferences")
        })
    }
}

/// What is looked for in one task's text.
#[derive(Debug)]
pub(crate) struct Seeker {
    pattern: Pattern,
    open: String,
}

impl Seeker {
    pub(crate) fn new(pattern: Pattern) -> Self {
        Self { pattern, open: String::new() }
    }

    /// Takes the next text. Gives the first line that fits.
    pub(crate) fn push(&mut self, text: &str) -> Option<String> {
        let mut parts = text.split('\n');
        self.open.push_str(parts.next().unwrap_or_default());
        for next in parts {
            let line = std::mem::replace(&mut self.open, next.to_owned());
            if self.fits(&line) {
                return Some(line);
            }
        }
        if self.open.len() > LINE_BYTES_MAX {
            let mut cut = self.open.len() - LINE_BYTES_MAX / 2;
            while !self.open.is_char_boundary(cut) {
                cut += 1;
            }
            if self.fits(&self.open) {
                return Some(self.open.clone());
            }
            self.open.drain(..cut);
        }
        self.fits(&self.open).then(|| self.open.clone())
    }

    fn fits(&self, line: &str) -> bool {
        self.pattern.0.is_match(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, parts: &[&str]) -> Option<String> {
        let mut seeker = Seeker::new(Pattern::new(pattern).unwrap());
        parts.iter().find_map(|part| seeker.push(part))
    }

    #[test]
    fn a_line_is_found_however_it_comes() {
        let text = "one\nlistening on port 8080\nthree";
        for size in 1..text.len() {
            let parts: Vec<&str> = text
                .as_bytes()
                .chunks(size)
                .map(|part| std::str::from_utf8(part).unwrap())
                .collect();
            let line = found(r"listening on port \d+$", &parts).unwrap();
            assert!("listening on port 8080".starts_with(&line), "{line}");
        }
    }

    #[test]
    fn a_prompt_without_an_end_is_found_and_two_lines_are_not_one() {
        assert_eq!(found("Password: $", &["x\nPass", "word: "]).as_deref(), Some("Password: "));
        assert_eq!(found("a.*b", &["a\nb\n"]), None);
        assert_eq!(found("^b$", &["a\nb\n"]).as_deref(), Some("b"));
    }

    #[test]
    fn a_line_without_an_end_is_not_held_whole() {
        let mut seeker = Seeker::new(Pattern::new("needle").unwrap());
        for _ in 0..10_000 {
            assert_eq!(seeker.push("0123456789ä"), None);
        }
        assert!(seeker.open.len() <= LINE_BYTES_MAX);
        assert!(seeker.push("need").is_none() && seeker.push("le").is_some());
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_reason() {
        for pattern in ["", "(", "a{1000}{1000}{1000}", r"(?=x)"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern:?}");
        }
    }
}
