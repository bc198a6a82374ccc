//! A peer at the end of a link: whatever it takes and when, it gets each frame once and in order.

use axiom_proto::command::{Action, Command};
use axiom_proto::frame::{FrameKind, HEADER_BYTES, Header, Micros, Offset, Seq};
use axiom_proto::id::{CommandId, SessionId, TaskId};
use axiom_proto::link::{Control, Hello, Message, Resume, Splitter, encode};
use axiom_proto::summary::Summary;
use axiom_session::{Peer, Said};
use proptest::prelude::*;

fn hello() -> Hello {
    Hello {
        protocol: 1,
        protocol_oldest: 1,
        version: "1".to_owned(),
        session: SessionId { task: TaskId::from_random([1; 10]), number: 1 },
        epoch: 1,
        worker_pid: 1,
        holder_pid: 1,
        started_unix_us: 1,
        summary: Summary::default(),
    }
}

fn frame(seq: u64) -> ([u8; HEADER_BYTES], Vec<u8>) {
    let payload = format!("frame {seq}").into_bytes();
    let header = Header::of(FrameKind::Output, Seq(seq), Offset(seq), Micros(seq), &payload);
    (header.encode(), payload)
}

fn resume(from: u64) -> Vec<u8> {
    encode(&Control::Resume(Resume { protocol: 1, from: Seq(from) }), b"")
}

/// Lets the peer take up to `room` bytes.
fn take(peer: &mut Peer, room: usize, taken: &mut Splitter) {
    let bytes = room.min(peer.unsent().len());
    taken.buffer().extend_from_slice(&peer.unsent()[..bytes]);
    peer.sent(bytes);
}

fn seqs(taken: &mut Splitter) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Some(message) = taken.message().expect("whole messages") {
        match message {
            Message::Frame(header, _) => seqs.push(header.seq.0),
            Message::Control(..) => {}
        }
    }
    seqs
}

#[test]
fn a_peer_gets_no_frame_before_it_has_said_from_where() {
    let mut peer = Peer::greet(hello());
    let mut taken = Splitter::default();
    take(&mut peer, usize::MAX, &mut taken);
    assert!(!peer.waits_for(Seq(0)) && !peer.is_owed(Seq(9)) && peer.lacks(Seq(9)).is_none());
    peer.buffer().extend_from_slice(&resume(4));
    assert_eq!(peer.said().unwrap(), None);
    assert!(peer.waits_for(Seq(4)) && peer.is_owed(Seq(9)));
    assert_eq!(peer.lacks(Seq(9)), Some(Seq(4)));
    assert_eq!(peer.lacks(Seq(4)), None, "it has everything");
}

#[test]
fn commands_come_out_in_order_and_a_goodbye_ends_them() {
    let mut peer = Peer::greet(hello());
    let command = |n: u8| Command {
        id: CommandId::from_random([n; 10]),
        author: "somebody".to_owned(),
        cause: String::new(),
        request_id: String::new(),
        action: Action::Type,
    };
    let mut stream = resume(0);
    for n in 0..2 {
        stream.extend(encode(&Control::Command(command(n)), b"text"));
    }
    stream.extend(encode(&Control::Goodbye { reason: String::new() }, b""));
    let mut said = Vec::new();
    for byte in stream {
        peer.buffer().extend_from_slice(&[byte]);
        said.extend(peer.said().unwrap());
    }
    let expected = [
        Said::Command(command(0), (&b"text"[..]).into()),
        Said::Command(command(1), (&b"text"[..]).into()),
        Said::Goodbye,
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_is_no_message_is_refused() {
    let mut peer = Peer::greet(hello());
    let huge = Header::of(FrameKind::Control, Seq(0), Offset(0), Micros(0), &vec![0; 3 << 20]);
    peer.buffer().extend_from_slice(&huge.encode());
    assert!(peer.said().is_err());
}

proptest! {
    /// At each step a frame is appended, then the peer takes some bytes, then it is fed from the journal if it lacks any.
    #[test]
    fn each_frame_comes_once_and_in_order_however_little_is_taken(
        steps in proptest::collection::vec((0..120_usize, 0..160_usize, 0..4_u8), 1..60),
    ) {
        let mut peer = Peer::greet(hello());
        let mut taken = Splitter::default();
        peer.buffer().extend_from_slice(&resume(0));
        prop_assert_eq!(peer.said().unwrap(), None);
        let feed = |peer: &mut Peer, head: u64| {
            if let Some(from) = peer.lacks(Seq(head)) {
                let until = head.min(from.0 + 3);
                for seq in from.0..until {
                    let (header, payload) = frame(seq);
                    peer.feed(&[&header[..], &payload].concat(), Seq(seq + 1));
                }
            }
        };
        for (seq, (at_once, room, what)) in (0..).zip(&steps) {
            let (header, payload) = frame(seq);
            if *what == 0 {
                peer.hold((&header, &payload), Seq(seq));
                continue;
            }
            if peer.release() {
                // What was held goes first; this one comes from the journal.
                prop_assert!(!peer.waits_for(Seq(seq)));
            }
            if peer.waits_for(Seq(seq)) {
                let whole = [&header[..], &payload].concat();
                let bytes = (*at_once).min(whole.len());
                taken.buffer().extend_from_slice(&whole[..bytes]);
                peer.shown((&header, &payload), Seq(seq), bytes);
            }
            if *what == 1 {
                peer.say(&Control::Paused { reason: None });
            }
            take(&mut peer, *room, &mut taken);
            feed(&mut peer, seq + 1);
        }
        let head = steps.len() as u64;
        peer.release();
        while peer.is_owed(Seq(head)) {
            feed(&mut peer, head);
            take(&mut peer, usize::MAX, &mut taken);
        }
        prop_assert_eq!(seqs(&mut taken), (0..head).collect::<Vec<_>>());
    }
}
