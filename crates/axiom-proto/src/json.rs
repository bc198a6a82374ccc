//! JSON that may be printed: what is in it can order no terminal about, and turns no text around. Those characters stand
//! there in their escaped form, which every reader takes for the same. Everything else is as it was.

use std::fmt::Write;

use serde::Serialize;

/// A value as JSON in one line.
///
/// # Panics
/// If the value cannot be JSON, which none of ours is: their keys are text.
#[must_use]
pub fn to_string(value: &impl Serialize) -> String {
    printable(serde_json::to_string(value).expect("what we tell is always JSON"))
}

/// The same JSON, with everything escaped that acts on a terminal or hides. Such characters are in strings only.
#[must_use]
pub fn printable(json: String) -> String {
    let Some(first) = json.find(acts) else { return json };
    let (plain, rest) = json.split_at(first);
    let mut escaped = plain.to_owned();
    for character in rest.chars() {
        if acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("a string takes everything");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Controls of the second set, and characters that show nothing or order text anew. Those of the first set are escaped anyway.
fn acts(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped_and_read_as_it_was() {
        let text = "a\u{9b}31m\u{7f}\u{202e}b\u{200b}\u{feff}\u{e0041}\u{2028}\x1b\n\"漢 é 😀";
        let json = to_string(&text);
        let escaped = concat!(
            "\"a\\u009b31m\\u007f\\u202eb\\u200b\\ufeff\\udb40\\udc41\\u2028",
            "\\u001b\\n\\\"漢 é 😀\""
        );
        assert_eq!(json, escaped);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
