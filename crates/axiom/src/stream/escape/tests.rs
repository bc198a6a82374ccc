//! Tests of the escapes: what passes, what is understood, and that no cut changes it.

use super::*;

/// Tokens as text, neighbours joined, so that cuts do not show.
fn said(pieces: &[&[u8]]) -> Vec<String> {
    let mut escapes = Escapes::default();
    let mut all: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut take = |token: Token<'_>| match token {
        Token::Text(plain) => text.push_str(plain),
        Token::Character(character) => text.push(character),
        other @ (Token::Newline
        | Token::Return
        | Token::Backspace
        | Token::Left(_)
        | Token::Right(_)
        | Token::Column(_)
        | Token::Up(_)
        | Token::Down(_)
        | Token::Erase(_)
        | Token::Progress(_)
        | Token::FullScreen(_)) => {
            if !text.is_empty() {
                all.push(std::mem::take(&mut text));
            }
            all.push(format!("{other:?}"));
        }
    };
    for piece in pieces {
        escapes.push(piece, &mut take);
    }
    escapes.finish(&mut take);
    all.push(text);
    all
}

#[test]
fn any_cut_says_the_same() {
    let output = "a\x1b[31mb\x1b[0m é\u{1f980}\r\x1b[2K\x1b[3Gx\x08\x1b]9;4;1;42\x07\x1bP junk \x1b\\y\x1b[?1049hz\u{9b}2Jw\n"
        .as_bytes();
    let whole = said(&[output]);
    assert_eq!(
        whole,
        [
            "ab é\u{1f980}",
            "Return",
            "Erase(All)",
            "Column(2)",
            "x",
            "Backspace",
            "Progress(Percent(42))",
            "y",
            "FullScreen(true)",
            "zw",
            "Newline",
            ""
        ]
    );
    for first in 0..=output.len() {
        for second in first..=output.len() {
            let pieces = [&output[..first], &output[first..second], &output[second..]];
            assert_eq!(said(&pieces), whole, "cut at {first} and {second}");
        }
    }
}

#[test]
fn no_control_and_no_direction_passes() {
    let mut every: Vec<u8> = (0..=255).collect();
    every.extend((0..=0x2100_u32).filter_map(char::from_u32).collect::<String>().bytes());
    let text: String = said(&[&every]).concat();
    let passes = |c: char| (!c.is_control() || c == '\t') && !is_direction(c);
    assert!(text.chars().all(passes), "{text:?}");
}

#[test]
fn a_string_without_end_hides_only_so_much() {
    let mut output = b"\x1bP".to_vec();
    output.extend(vec![b'x'; STRING_BYTES_MAX + 10]);
    assert_eq!(said(&[&output]), ["x".repeat(10)]);
    assert_eq!(said(&[b"\x1b]0;title\nnext"]), ["Newline", "next"]);
}

#[test]
fn progress_is_what_the_child_says_and_never_more_than_all() {
    let of = |text: &str| said(&[format!("\x1b]9;4;{text}\x1b\\").as_bytes()])[0].clone();
    assert_eq!(of("1;250"), "Progress(Percent(100))");
    assert_eq!(of("3"), "Progress(Unmeasured)");
    assert_eq!(of("0;"), "Progress(Gone)");
    assert_eq!(of("7;1"), "");
}

#[test]
fn the_clipboard_and_other_strings_say_nothing() {
    assert_eq!(said(&[b"a\x1b]52;c;aGVsbG8=\x07b\x1b_x\x1b\\c\x1b^y\x1b\\d"]), ["abcd"]);
}
