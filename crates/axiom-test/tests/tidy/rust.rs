//! Rust source as words: comments and literals blanked, lines kept.
//! No parser: a rule asks for a word and its neighbours. Owns nothing but this view.

/// A word of the code, where it stands and what is around it.
pub(crate) struct Word<'a> {
    pub(crate) line: usize,
    pub(crate) text: &'a str,
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
}

impl Word<'_> {
    /// The word that follows, if nothing but space lies between.
    pub(crate) fn next(&self) -> &str {
        let rest = self.after.trim_start();
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        &rest[..end]
    }

    /// True if the word is called like a function that is not defined here.
    pub(crate) fn is_call(&self) -> bool {
        self.after.trim_start().starts_with('(') && !self.before.trim_end().ends_with("fn")
    }
}

/// The words of code from which comments and literals are gone.
pub(crate) fn words(code: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    for (index, text) in code.lines().enumerate() {
        let mut at = 0;
        while let Some(start) = text[at..].find(is_word).map(|skip| at + skip) {
            let rest = &text[start..];
            let end = start + rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let (before, after) = (&text[..start], &text[end..]);
            found.push(Word { line: index + 1, text: &text[start..end], before, after });
            at = end;
        }
    }
    found
}

/// The same text with spaces where comments and literals were.
pub(crate) fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let after_word = at > 0 && is_word(char::from(bytes[at - 1]));
        match end_of_blank(&bytes[at..], after_word) {
            Some(len) => {
                let blanked = &bytes[at..at + len];
                code.extend(blanked.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
                at += len;
            }
            None => {
                code.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(code).expect("only whole literals and comments were replaced")
}

/// How long the comment or literal is that starts here.
fn end_of_blank(rest: &[u8], after_word: bool) -> Option<usize> {
    match rest {
        [b'/', b'/', ..] => Some(line_end(rest)),
        [b'/', b'*', ..] => Some(comment_end(rest)),
        [b'"', ..] => Some(string_end(rest)),
        [b'\'', ..] => character_end(rest),
        [b'r' | b'b' | b'c', ..] if !after_word => raw_string_end(rest),
        _ => None,
    }
}

fn line_end(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn comment_end(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string_end(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character, or nothing if the quote begins a lifetime.
fn character_end(rest: &[u8]) -> Option<usize> {
    let escaped = rest.get(1) == Some(&b'\\');
    // The longest plain character has four bytes; `'\u{10ffff}'` has ten between its quotes.
    let (first, longest) = if escaped { (3, 12) } else { (2, 5) };
    let close = (first..=longest).find(|at| rest.get(*at) == Some(&b'\''))?;
    let inside = std::str::from_utf8(&rest[1..close]).ok()?;
    (escaped || inside.chars().count() == 1).then_some(close + 1)
}

/// `r"…"`, `r#"…"#`, `br"…"`, `cr"…"`; nothing for `r#type` and plain words.
fn raw_string_end(rest: &[u8]) -> Option<usize> {
    let prefix = if rest[0] == b'r' { 1 } else { 2 };
    if rest.get(prefix - 1) != Some(&b'r') {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return None;
    }
    let start = prefix + hashes + 1;
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let inside = rest[start..].windows(close.len()).position(|window| window == close);
    Some(inside.map_or(rest.len(), |at| start + at + close.len()))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn comments_and_literals_are_blank_and_lines_stay() {
    let source = "a // x\n/* b\n /* c */ d */ e \"f \\\" g\" 'h' '\\'' i";
    let code = code_only(source);
    let seen: Vec<(usize, &str)> = words(&code).iter().map(|word| (word.line, word.text)).collect();
    assert_eq!(seen, [(1, "a"), (3, "e"), (3, "i")]);
}

#[test]
fn raw_strings_are_literals_and_lifetimes_are_not() {
    let source = "a r#\"b \" c\"# br\"d\" b\"e\" r#type fn f<'g>(h: &'g str) 'é' bar\"x\"";
    let code = code_only(source);
    let seen: Vec<&str> = words(&code).iter().map(|word| word.text).collect();
    assert_eq!(seen, ["a", "b", "r", "type", "fn", "f", "g", "h", "g", "str", "bar"]);
}
