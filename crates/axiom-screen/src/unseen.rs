//! Characters that show nothing and change what a person reads: order marks, invisible spaces, tags.
//! The model and the sanitizer drop them, so that what is read is what is there. Joiners and variation selectors stay:
//! scripts and emoji need them.

/// True for a character that a screen leaves out.
pub(crate) fn is_unseen(character: char) -> bool {
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
