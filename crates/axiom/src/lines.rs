//! Someone's words in one harmless line, for names and commands in tables and messages. Pure.
//! What cannot be seen, or would order what stands beside it anew, is shown by its number.

use axiom_server::text::TextFilter;

/// Someone's words, harmless and in one line.
#[must_use]
pub(crate) fn one_line(words: &str) -> String {
    let mut seen = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '\u{2028}' | '\u{2029}' => seen.push(' '),
            hidden if is_hidden(hidden) => {
                seen.push_str(&format!("<U+{:04X}>", u32::from(hidden)));
            }
            shown => seen.push(shown),
        }
    }
    let mut text = String::with_capacity(seen.len());
    let mut filter = TextFilter::default();
    filter.push(seen.as_bytes(), &mut text);
    filter.finish(&mut text);
    text.replace(['\n', '\t'], " ")
}

/// True for characters of no width, and for those that say in which direction text runs.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_in_one_harmless_line() {
        assert_eq!(one_line("sh -c 'a\nb\tc'\x1b[2J\x07"), "sh -c 'a b c'");
    }

    #[test]
    fn what_hides_or_turns_text_is_shown_by_its_number() {
        assert_eq!(one_line("safe\u{202e}cod\u{200b}e"), "safe<U+202E>cod<U+200B>e");
        assert_eq!(one_line("tag\u{e0041}\u{feff}"), "tag<U+E0041><U+FEFF>");
        assert_eq!(one_line("naïve 你好 🦀"), "naïve 你好 🦀");
    }
}
