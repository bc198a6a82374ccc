//! Characters that show nothing and change what a person reads: order marks, invisible spaces, tags.
//! The model and the sanitizer drop them, so that what is read is what is there. Joiners and variation selectors stay:
//! scripts and emoji need them.

/// True for a character that a screen leaves out: one that shows nothing, and changes what a person reads.
#[must_use]
pub fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' // Arabic letter mark
        | '\u{180e}' // Mongolian vowel separator
        | '\u{200b}' // zero width space
        | '\u{200e}' | '\u{200f}' // left-to-right and right-to-left marks
        | '\u{2028}' | '\u{2029}' // line and paragraph separators
        | '\u{202a}'..='\u{202e}' // embeddings and overrides
        | '\u{2060}'..='\u{206f}' // word joiner, isolates, deprecated format characters
        | '\u{feff}' // byte order mark
        | '\u{fff9}'..='\u{fffb}' // interlinear annotation
        | '\u{e0000}'..='\u{e007f}' // tags
    )
}

/// What is left of a letter of ASCII with its marks when those are gone that show nothing on it: a joiner or selector inside a
/// word hides the word from whoever searches for it. On other letters they have a meaning.
pub(crate) fn without_tricks(cluster: &str) -> String {
    let is_keycap = cluster.ends_with('\u{20e3}');
    cluster.chars().filter(|mark| is_keycap || !is_unseen_on_ascii(*mark)).collect()
}

fn is_unseen_on_ascii(mark: char) -> bool {
    matches!(
        mark,
        '\u{ad}' // soft hyphen
        | '\u{34f}' // grapheme joiner
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}' // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}' // Mongolian selectors
        | '\u{200c}' | '\u{200d}' // joiners
        | '\u{fe00}'..='\u{fe0f}' // variation selectors
        | '\u{e0100}'..='\u{e01ef}' // and more of them
    )
}
