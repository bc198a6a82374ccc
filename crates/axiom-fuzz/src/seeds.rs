//! Inputs to begin with: what real agents printed, in pieces, and one of each thing that a recording can have.

use axiom_asciicast::{Reader, What};
use axiom_screen::Size;

use crate::INPUT_BYTES_MAX;
use crate::script::{Script, Step};

/// The recordings beside the screen's own tests.
const RECORDINGS: [&str; 4] = [
    include_str!("../../axiom-screen/tests/recordings/claude-interrupt.cast"),
    include_str!("../../axiom-screen/tests/recordings/codex-task.cast"),
    include_str!("../../axiom-screen/tests/recordings/gemini-task.cast"),
    include_str!("../../axiom-screen/tests/recordings/opencode-task.cast"),
];

/// Output of one piece: small pieces are tried more often.
const PIECE_BYTES: usize = 2 * 1024;

/// Pieces of each recording.
const PIECES_MAX: usize = 40;

/// Recordings in every version, whole and with damage that readers know.
const CASTS: [&str; 5] = [
    "{\"version\":2,\"width\":80,\"height\":24,\"idle_time_limit\":1.5,\"title\":\"a\"}\n[0.1,\"o\",\"a\\u001b[31m\\ud83d\\ude00\"]\n[0.2,\"i\",\"b\"]\n[0.3,\"r\",\"10x5\"]\n[0.4,\"m\",\"here\"]\n[0.5,\"x\",\"0\"]\n[0.6,\"z\",{}]\n",
    "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24,\"type\":\"xterm\"}}\n# a comment\n[0.1,\"o\",\"a\\r\\n\"]\n[1e2,\"o\",\"\\u0000\"]\n[0,\"x\",\"1\"]\n",
    "{\"version\":1,\"width\":80,\"height\":24,\"duration\":1,\"command\":\"sh\",\n\"stdout\":[[0.5,\"a\"],[1e3,\"\\u00e9\"]]}",
    "{\"version\":9}\n",
    "{\"version\":2,\"width\":0,\"height\":99999}\n[1,\"r\",\"0x0\"]\n[0.5,\"o\",\"b",
];

/// For what is fed to screens.
pub(crate) fn of_screens() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = RECORDINGS.iter().flat_map(|text| pieces(text)).collect();
    seeds.extend(SEQUENCES.iter().map(|bytes| [&[19, 5], *bytes].concat()));
    seeds
}

/// For what reads recordings.
pub(crate) fn of_recordings() -> Vec<Vec<u8>> {
    let beginning = |text: &&str| {
        let end = text.bytes().take(INPUT_BYTES_MAX).rposition(|byte| byte == b'\n');
        text.as_bytes()[..end.map_or(0, |end| end + 1)].to_vec()
    };
    let mut seeds: Vec<Vec<u8>> = CASTS.iter().map(|text| text.as_bytes().to_vec()).collect();
    seeds.extend(RECORDINGS.iter().map(beginning));
    seeds
}

/// A recording as scripts, one after the other.
fn pieces(text: &str) -> Vec<Vec<u8>> {
    let mut reader = Reader::default();
    let events = text.lines().map_while(|line| reader.line(line.as_bytes()).ok());
    let mut size = Size::nearest(80, 24);
    let mut pieces = Vec::new();
    let mut script = Script { size, steps: Vec::new() };
    let mut bytes = 0;
    for event in events.flatten() {
        match event.what {
            What::Output(output) => {
                bytes += output.len();
                script.steps.push(Step::Output(output.to_vec()));
            }
            What::Resized(sides) => {
                size = Size::nearest(sides.cols.into(), sides.rows.into());
                script.steps.push(Step::Resize(size));
            }
            What::ErrorOutput(_) | What::Input(_) | What::Marker(_) | What::Exited(_) => {}
        }
        if bytes >= PIECE_BYTES {
            bytes = 0;
            let steps = std::mem::take(&mut script.steps);
            pieces.push(Script { size: script.size, steps }.written());
            script.size = size;
        }
        if pieces.len() >= PIECES_MAX {
            break;
        }
    }
    pieces.retain(|piece| piece.len() <= INPUT_BYTES_MAX);
    pieces
}

/// What recordings of agents do not have.
const SEQUENCES: &[&[u8]] = &[
    b"0123456789012345678901234567890123456789\x1b[3;4H\x1b[2P\x1b[1@\x1b[K\x1b[1J",
    b"\x1b[2;4r\x1b[?6h\x1b[1;1H\n\n\n\x1bM\x1bM\x1bD\x1bE\x1b[r\x1b[2L\x1b[1M\x1b[2S\x1b[1T",
    b"\x1b7\x1b[31;4:3;58:2::1:2:3m\x1b(0lqk\x1b)A\x0ex\x0f\x1bNy\x1b8z\x1b[!p\x1bc",
    b"\x1b[?1049halt\x1b[?1049l\x1b[?47h\x1b[?1047h\x1b[?1048h\x1b[?1048l\x1b[?7l0123456789012345678901234567890",
    b"\x1b[3g\x1b[5G\x1bH\t\x1b[2I\x1b[1Z\x1b[?5W\x1b[b\x1b[3b\x1b[4hins\x1b[4l\x1b[20h\n\x1b[20l",
    "漢字e\u{301}\u{327}👩\u{200d}💻\u{fe0f}\u{202e}\u{200b}字012345字x\x1b[2G字".as_bytes(),
    b"\x1b]0;title\x07\x1b]2;two\x1b\\\x1b[22t\x1b[23t\x1b]8;id=1;http://a\x07l\x1b]8;;\x07\x1b]133;A\x07",
    b"\x1b[c\x1b[>c\x1b[6n\x1b[?6n\x1b[>q\x1b[?1$p\x1bP+q544e\x1b\\\x1bP$qm\x1b\\\x1b]11;?\x07\x1b[18t\x05",
    b"\x1b[?1000;1006;2004;1004;2026h\x1b[>1u\x1b[=5;1u\x1b[<u\x1b[>4;2m\x1b[3 q\x1b=\x1b>",
    b"ab\xff\x00\xe6\xbc\xff\x00\xa2cd\x1b\xff\x00[31\xff\x00mx\xff\x01\x05\x02yz\xff\x01\x20\x08w",
    b"\x9b31m\x9d0;t\x9c\x90q\x9c\xc2\x9b1m\x1bP1000p%output\x1b\\\x1b_G\x1b\\\x1b^x\x1b\\\x1bXy\x1b\\",
];
