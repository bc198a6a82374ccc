//! What passes exactly, what is taken out, and that no chunk border changes either.

use proptest::prelude::*;

use super::*;
use crate::answers::Answers;
use crate::recordings::{Event, recordings};
use crate::samples::output;
use crate::screen::Screen;
use crate::size::Size;

fn shown(output: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    Questions::new().feed(output, &mut shown);
    for cut in 0..output.len().min(64) {
        let mut parts = Vec::new();
        let mut questions = Questions::new();
        questions.feed(&output[..cut], &mut parts);
        questions.feed(&output[cut..], &mut parts);
        assert_eq!(parts.escape_ascii().to_string(), shown.escape_ascii().to_string(), "at {cut}");
    }
    shown
}

#[track_caller]
fn assert_passes(output: &[u8]) {
    assert_eq!(shown(output).escape_ascii().to_string(), output.escape_ascii().to_string());
}

#[test]
fn what_asks_nothing_passes_byte_for_byte() {
    for output in [
        &b"plain\ttext\r\n\x07\x08\x00\x0e\x0f\x7f"[..],
        "漢字 é e\u{301} 👩\u{200d}💻 \u{a0}\u{ff}\u{2028}".as_bytes(),
        b"latin \xe9\xe8 \x80\x9b31m \x9d0;x\x90 \xff\xfe\xc2 \xe6\xbc \xc2\xc2\xa0",
        b"\x1b[1;38:2::1:2:3;4:3m\x1b[2;3H\x1b[K\x1b[3J\x1b[2;5r\x1b[s\x1b[u\x1b[ q\x1b[5 q\x1b[!p",
        b"\x1b[?1049h\x1b[?2026h\x1b[?2004l\x1b[4h\x1b[?5W\x1b[>1u\x1b[<u\x1b[=5;1u\x1b[>4;2m\x1b[>4n",
        b"\x1b[22;0t\x1b[23t\x1b[8;24;80t\x1b[1t\x1b[?1c\x1b[5i\x1b[1;1;3;3$x\x1b[2*x\x1b[#{\x1b[#}",
        b"\x1b7\x1b8\x1bc\x1bM\x1b(0q\x1b(B\x1b#8\x1b%G\x1b F\x1b=\x1bk title\x1b\\\x1bGx",
        b"\x1b]0;a title?\x07\x1b]2;?\x1b\\\x1b]7;file://h/?\x07\x1b]8;id=1;https://a/?b=?\x1b\\x\x1b]8;;\x07",
        b"\x1b]52;c;aGVsbG8=\x07\x1b]4;1;rgb:1/2/3\x07\x1b]11;#000\x1b\\\x1b]104\x07\x1b]110\x07\x1b]133;A\x07",
        b"\x1b]9;done?\x07\x1b]777;notify;a;?\x07\x1b]1337;File=inline=1:cGF5\x07\x1b]99;i=1;Really?\x1b\\",
        b"\x1bPq#0;2;0;0;0~~\x1b\\\x1b_Gf=32,a=T;AAAA\x1b\\\x1bPtmux;x\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\\x1bP1$tx\x1b\\",
        "\u{9b}31mred\u{9d}0;t\u{9c}\u{85}".as_bytes(),
        b"\x1b[3\n1m\x1b\x08[m\x1b[3\x181m",
    ] {
        assert_passes(output);
    }
}

/// Everything that some terminal answers.
const QUESTIONS: &[&[u8]] = &[
    b"\x05",
    b"\x1bZ",
    b"\x1b[c",
    b"\x1b[0c",
    b"\x1b[>c",
    b"\x1b[>0;1c",
    b"\x1b[=c",
    b"\x1b[5n",
    b"\x1b[6n",
    b"\x1b[0000000006n",
    b"\x1b[?6n",
    b"\x1b[?15n",
    b"\x1b[?996n",
    b"\x1b[>q",
    b"\x1b[>0q",
    b"\x1b[> q",
    b"\x1b[>100 q",
    b"\x1b[?1049$p",
    b"\x1b[4$p",
    b"\x1b[1+p",
    b"\x1b[11t",
    b"\x1b[13;2t",
    b"\x1b[14t",
    b"\x1b[16t",
    b"\x1b[18t",
    b"\x1b[19t",
    b"\x1b[20t",
    b"\x1b[21t",
    b"\x1b[?u",
    b"\x1b[&u",
    b"\x1b[1$w",
    b"\x1b[x",
    b"\x1b[1x",
    b"\x1b[1;1;1;1;9;9*y",
    b"\x1b[1'|",
    b"\x1b[?1;1;0S",
    b"\x1b[1#R",
    b"\x1b[#|",
    b"\x1b[?4m",
    b"\x1b]4;1;?\x07",
    b"\x1b]4;1;rgb:1/2/3;2;?\x1b\\",
    b"\x1b]5;0;?\x07",
    b"\x1b]10;?\x07",
    b"\x1b]10;?;?\x1b\\",
    b"\x1b]11;?\x1b\\",
    b"\x1b]12;?\x07",
    b"\x1b]17;?\x07",
    b"\x1b]19;?\x07",
    b"\x1b]21;foreground=?;cursor=?\x1b\\",
    b"\x1b]22;?__current__\x1b\\",
    b"\x1b]50;?\x07",
    b"\x1b]52;c;?\x07",
    b"\x1b]52;;?\x1b\\",
    b"\x1b]60\x07",
    b"\x1b]61;allowColorOps\x07",
    b"\x1b]99;i=1:p=?;\x1b\\",
    b"\x1b]702;?\x07",
    b"\x1b]1337;ReportCellSize\x07",
    b"\x1b]5522;type=read;AA\x07",
    b"\x1bP$qm\x1b\\",
    b"\x1bP+q544e\x1b\\",
    b"\x1bP+Q544e\x1b\\",
    b"\x1bP@kitty-cmd{}\x1b\\",
    b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
    b"\x1bGQ",
    "\u{9b}6n".as_bytes(),
    "\u{9d}11;?\u{9c}".as_bytes(),
    "\u{9a}".as_bytes(),
    "\u{90}$qm\u{9c}".as_bytes(),
];

#[test]
fn every_question_is_taken_out_and_nothing_else() {
    for question in QUESTIONS {
        let output = [b"before\x1b[1m", *question, b"\x1b[mafter"].concat();
        let shown = shown(&output);
        let shown = String::from_utf8_lossy(&shown);
        assert_eq!(shown, "before\u{1b}[1m\u{1b}[mafter", "{}", question.escape_ascii());
    }
}

#[test]
fn controls_in_the_middle_of_a_question_are_carried_out() {
    assert_eq!(shown(b"\x1b[\n6\r\x05n."), b"\n\r.");
}

#[test]
fn what_is_cut_off_cannot_be_completed_by_what_follows() {
    for (output, expected) in [
        (&b"\x1b[\x1b[6nc"[..], &b"c"[..]),
        (b"\x1b[6\x1b[mn", b"\x1b[mn"),
        (b"\x1b\x1b[6n[c", b"[c"),
        (b"\x1b]11;?\x1b[m\x07", b"\x1b[m\x07"),
        (b"\x1b]0;t\x1b[6nx", b"x"),
        (b"\x1b[\xc2\x9b6nc", b"c"),
    ] {
        assert_eq!(
            shown(output).escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{}",
            output.escape_ascii()
        );
    }
}

#[test]
fn what_is_far_too_long_is_not_waited_for() {
    let long = |begin: &[u8], end: &[u8]| [begin, &[b'0'; 100_000], end].concat();
    for pass in [
        long(b"\x1b]52;c;", b"\x07."),
        long(b"\x1bPq", b"\x1b\\."),
        long(b"\x1b_Gm=1;", b"\x1b\\."),
    ] {
        assert_passes(&pass);
    }
    for taken in [
        long(b"\x1b]52;c;?", b"\x07."),
        long(b"\x1b]11;", b";?\x07."),
        long(b"\x1b[", b"6n."),
        long(b"\x1b[", b"m."),
    ] {
        assert_eq!(shown(&taken), b".");
    }
    let cut = long(b"\x1bPq", b"\x1b[6n.");
    assert_eq!(shown(&cut).last_chunk(), Some(b"\x18."));
    let mut questions = Questions::new();
    questions.feed(&long(b"\x1b]4;", b""), &mut Vec::new());
    questions.feed(&long(b"\x1b\x1b[", b""), &mut Vec::new());
    assert!(questions.held.len() <= CSI_BYTES_MAX, "{}", questions.held.len());
}

#[test]
fn recordings_of_agents_pass_but_for_their_questions() {
    for recording in recordings() {
        let (mut shown, mut whole) = (Vec::new(), Vec::new());
        let mut questions = Questions::new();
        let mut told = Answers::default();
        let mut screen = Screen::new(recording.size);
        for event in &recording.events {
            if let Event::Output(bytes) = event {
                questions.feed(bytes, &mut shown);
                whole.extend_from_slice(bytes);
            }
        }
        screen.feed(&shown, &mut told);
        assert!(told.is_empty(), "{}", recording.name);
        let mut original = Screen::new(recording.size);
        original.feed(&whole, &mut Answers::default());
        assert_eq!(screen.view(), original.view(), "{}", recording.name);
        assert!(whole.len() - shown.len() < 400, "{}", recording.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn no_output_gets_an_answer_after_it(bytes in output()) {
        let mut answers = Answers::default();
        let mut screen = Screen::new(Size::new(20, 6).unwrap());
        screen.feed(&shown(&bytes), &mut answers);
        prop_assert!(answers.is_empty(), "{}", answers.take().escape_ascii());
    }

    #[test]
    fn questions_among_any_output_change_nothing_on_the_screen(
        pieces in prop::collection::vec((output(), prop::sample::select(QUESTIONS)), 0..4),
    ) {
        let mut with = Vec::new();
        let mut without = Vec::new();
        for (bytes, question) in &pieces {
            // What is unfinished would take the question for its own.
            with.extend([bytes, &b"\x18"[..], question].concat());
            without.extend([&bytes[..], b"\x18"].concat());
        }
        prop_assert_eq!(shown(&with).escape_ascii().to_string(), shown(&without).escape_ascii().to_string());
    }

    #[test]
    fn any_bytes_may_be_split_anywhere(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        shown(&bytes);
    }
}
