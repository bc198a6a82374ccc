//! Pieces of a real journal, cut in every way: put together again they are the whole.

use axiom_journal::Writer;
use axiom_proto::frame::{FrameKind, Micros};
use axiom_proto::id::{SessionId, TaskId};

use super::*;

const FRAMES: &[(FrameKind, &[u8])] = &[
    (FrameKind::Record, b"{\"type\":\"a\"}"),
    (FrameKind::Output, b"one\r\ntwo\x1b[3"),
    (FrameKind::ErrorOutput, b"1mred\x1b[0m\xe2"),
    (FrameKind::Record, b"{\"type\":\"b\"}"),
    (FrameKind::Output, b"\x82\xac\n10%\r20%\r"),
    (FrameKind::Output, b"\n\rthree"),
    (FrameKind::Record, b"{\"type\":\"c\"}"),
];

const TEXT: &str = "one\ntwored€\n10%\n20%\nthree";

struct Printed {
    folder: tempfile::TempDir,
    head: Place,
}

fn printed() -> Printed {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionId { task: TaskId::from_random([1; 10]), number: 1 };
    let mut writer = Writer::create(folder.path(), session, 0).unwrap();
    for (kind, payload) in FRAMES {
        writer.append(*kind, Micros(0), payload).unwrap();
    }
    let head = writer.head();
    Printed { folder, head: Place { seq: head.seq, offset: head.offset } }
}

impl Printed {
    fn piece(&self, view: View, start: Offset, bytes_max: usize, over: bool) -> Piece {
        let mut reader = Reader::open(self.folder.path()).unwrap();
        let mut piece = Piece::new(view, start, bytes_max, over);
        piece.read(&mut reader, Some(self.head.seq)).unwrap();
        piece
    }

    /// Reads piece by piece, as a client with a cursor would.
    fn whole(&self, view: View, bytes_max: usize, over: bool) -> Vec<u8> {
        let (mut bytes, mut at) = (Vec::new(), Offset(0));
        for _ in 0..1000 {
            let piece = self.piece(view, at, bytes_max, over);
            let cursor = piece.cursor();
            let some = piece.into_bytes();
            assert!(some.len() <= bytes_max.max(5), "{bytes_max}: {some:?}");
            bytes.extend(some);
            if cursor.offset == at {
                return bytes;
            }
            at = cursor.offset;
        }
        panic!("a thousand pieces of {bytes_max} bytes were not enough");
    }
}

fn raw() -> Vec<u8> {
    let output = FRAMES.iter().filter(|(kind, _)| kind.is_output());
    output.flat_map(|(_, payload)| payload.to_vec()).collect()
}

#[test]
fn pieces_of_any_size_make_the_whole() {
    let printed = printed();
    for bytes_max in BYTES_MIN..60 {
        assert_eq!(printed.whole(View::Raw, bytes_max, true), raw(), "{bytes_max}");
        let text = String::from_utf8(printed.whole(View::Text, bytes_max, true)).unwrap();
        assert_eq!(text, TEXT, "{bytes_max}");
    }
}

#[test]
fn a_cursor_at_the_end_of_a_frame_names_the_next_frame() {
    let printed = printed();
    let whole = printed.piece(View::Raw, Offset(0), 1000, false).cursor();
    assert_eq!((whole.offset, whole.seq), (printed.head.offset, Some(printed.head.seq)));
    let inside = printed.piece(View::Raw, Offset(0), 4, false).cursor();
    assert_eq!((inside.offset, inside.seq), (Offset(4), None));
}

#[test]
fn what_is_unfinished_is_held_back_while_more_may_come() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionId { task: TaskId::from_random([1; 10]), number: 1 };
    let mut writer = Writer::create(folder.path(), session, 0).unwrap();
    writer.append(FrameKind::Output, Micros(0), b"text\x1b[31").unwrap();
    let head = writer.head();
    let printed = Printed { folder, head: Place { seq: head.seq, offset: head.offset } };
    let live = printed.piece(View::Text, Offset(0), 1000, false);
    assert_eq!((live.cursor().offset, live.into_bytes()), (Offset(4), b"text".to_vec()));
    let over = printed.piece(View::Text, Offset(0), 1000, true);
    assert_eq!((over.cursor().offset, over.into_bytes()), (Offset(8), b"text".to_vec()));
}

#[test]
fn the_last_lines_are_found_from_the_end() {
    let printed = printed();
    let mut reader = Reader::open(printed.folder.path()).unwrap();
    let raw = raw();
    let mut tail = |lines| {
        let start = find_tail(&mut reader, (Offset(0), Some(printed.head)), lines).unwrap();
        String::from_utf8_lossy(&raw[usize::try_from(start.0).unwrap()..]).into_owned()
    };
    assert_eq!(tail(0), "");
    assert_eq!(tail(1), "\rthree");
    assert_eq!(tail(2), "10%\r20%\r\n\rthree");
    assert_eq!(tail(100).len(), raw.len());
    assert_eq!(tail(u64::MAX).len(), raw.len());
}

#[test]
fn a_tail_far_behind_the_first_look_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionId { task: TaskId::from_random([1; 10]), number: 1 };
    let mut writer = Writer::create(folder.path(), session, 0).unwrap();
    for line in 0..40_000 {
        let text = format!("line {line}\n");
        writer.append(FrameKind::Output, Micros(0), text.as_bytes()).unwrap();
    }
    let head = writer.head();
    let head = Place { seq: head.seq, offset: head.offset };
    let mut reader = Reader::open(folder.path()).unwrap();
    for lines in [1, 100, 30_000] {
        let start = find_tail(&mut reader, (Offset(0), Some(head)), lines).unwrap();
        let mut piece = Piece::new(View::Text, start, BYTES_MAX, false);
        piece.read(&mut reader, Some(head.seq)).unwrap();
        let text = String::from_utf8(piece.into_bytes()).unwrap();
        assert_eq!(text.lines().count() as u64, lines);
        assert!(text.starts_with(&format!("line {}\n", 40_000 - lines)));
    }
}
