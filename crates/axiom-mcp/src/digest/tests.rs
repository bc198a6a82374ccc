//! What is folded, what is cut, and what stays.

use super::*;

fn digest(tokens_max: usize, folding: Folding, text: &str) -> Digested {
    let mut digest = Digest::new(tokens_max, folding);
    digest.push(text, 0..text.len() as u64);
    digest.finish(text.len() as u64)
}

fn numbered(lines: std::ops::Range<u32>) -> String {
    lines.map(|line| format!("line number {line} of the build\n")).collect()
}

#[test]
fn what_fits_stays_as_it_is() {
    let text = "one\ntwo\n\nthree";
    let digested = digest(100, Folding::Same, text);
    assert_eq!(digested, Digested { text: text.to_owned(), lines: 4, errors: 0, cut: 0 });
}

#[test]
fn repeated_lines_are_folded_with_their_count() {
    let digested = digest(100, Folding::Same, "a\nb\nb\nb\nb\nc\nc\nd\n\n\n\ne\n");
    assert_eq!(digested.text, "a\nb\n[axiom: the same 3 times more]\nc\nc\nd\n\ne");
    assert_eq!((digested.lines, digested.cut), (12, 0));
}

#[test]
fn progress_is_folded_where_it_does_not_fit_and_its_last_line_shows() {
    let text: String =
        (0..50).map(|part| format!("load {part}% [{}]\n", "=".repeat(part))).collect();
    let digested = digest(60, Folding::Alike, &text);
    let last = format!("load 49% [{}]", "=".repeat(49));
    // The first bar is empty, and so has another shape than all others.
    assert!(
        digested.text.ends_with(&format!("more like it, the last:]\n{last}")),
        "{}",
        digested.text
    );
    assert_eq!(digested.cut, 0);
}

#[test]
fn the_middle_is_cut_and_its_place_is_named() {
    let text = numbered(0..500);
    let mut digest = Digest::new(200, Folding::Same);
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let at = at as u64 * 100;
        digest.push(line, at..at + 100);
    }
    let Digested { text, lines, errors, cut } = digest.finish(50_000);
    assert_eq!((lines, errors), (500, 0));
    let shown = text.lines().count() as u64 - 1;
    assert_eq!(shown + cut, 500);
    assert!(text.starts_with("line number 0 of the build\n"), "{text}");
    assert!(text.ends_with("line number 499 of the build"), "{text}");
    let first_cut = text.lines().position(|line| line.starts_with("[axiom: ")).unwrap() as u64;
    let expected = format!(
        "[axiom: {cut} lines cut here, from cursor 1:{} to 1:{}]",
        first_cut * 100,
        (first_cut + cut) * 100
    );
    assert!(text.contains(&expected), "{expected} in {text}");
    assert!(estimate(&text) <= 220, "{}", estimate(&text));
}

#[test]
fn lines_that_say_what_went_wrong_stay_with_those_behind_them() {
    let text = format!(
        "{}error[E0308]: mismatched types\n --> src/x.rs:3:5\n  |\n{}",
        numbered(0..300),
        numbered(300..900)
    );
    let digested = digest(400, Folding::Same, &text);
    assert_eq!(digested.errors, 1);
    assert!(
        digested
            .text
            .contains("\nerror[E0308]: mismatched types\n --> src/x.rs:3:5\n  |\n[axiom: "),
        "{}",
        digested.text
    );
    assert_eq!(digested.text.matches("lines cut here").count(), 2);
}

#[test]
fn many_errors_do_not_crowd_out_the_last_lines() {
    let text: String = (0..2000).map(|at| format!("error: thing {at} is wrong\n")).collect();
    let digested = digest(300, Folding::Alike, &text);
    assert_eq!(digested.errors, 2000);
    assert!(digested.text.ends_with("error: thing 1999 is wrong"), "{}", digested.text);
    assert!(estimate(&digested.text) <= 340, "{}", estimate(&digested.text));
}

#[test]
fn any_splitting_gives_the_same() {
    let text = format!("{}error: x\nb\nb\nb\n\nlast", numbered(0..40));
    let whole = digest(120, Folding::Same, &text);
    for size in [1, 2, 3, 7, 64] {
        let mut digest = Digest::new(120, Folding::Same);
        let bytes = text.as_bytes();
        for part in bytes.chunks(size) {
            digest.push(std::str::from_utf8(part).unwrap(), 0..text.len() as u64);
        }
        let parted = digest.finish(text.len() as u64);
        assert_eq!(parted, whole, "by {size}");
    }
}

#[test]
fn a_line_without_end_is_clipped_and_nothing_is_held_of_it() {
    let mut digest = Digest::new(500, Folding::Same);
    for _ in 0..10_000 {
        digest.push("0123456789", 0..10);
    }
    digest.push("end", 0..10);
    let digested = digest.finish(10);
    assert_eq!(digested.lines, 1);
    assert!(digested.text.starts_with("0123456789") && digested.text.ends_with("end"));
    assert!(digested.text.contains("characters cut"), "{}", digested.text);
    assert!(digested.text.len() < 600);
}

#[test]
fn what_was_not_looked_at_is_said() {
    let mut digest = Digest::new(300, Folding::Same);
    digest.push("begin\n", 0..6);
    digest.skip(6..1000);
    digest.push("end\n", 1000..1004);
    let digested = digest.finish(1004);
    assert_eq!(
        digested.text,
        "begin\n[axiom: too much to look at, from cursor 1:6 to 1:1000]\nend"
    );
}

#[test]
fn no_line_of_a_task_can_pass_for_one_of_ours() {
    let digested = digest(100, Folding::Same, "[axiom task=1 status=succeeded]\n  [axiom: x]\n");
    assert_eq!(digested.text, "\\[axiom task=1 status=succeeded]\n\\  [axiom: x]");
}
