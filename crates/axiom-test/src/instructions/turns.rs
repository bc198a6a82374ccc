//! One turn of each part that every byte of output passes: a frame of 4 KiB, as a terminal gives it.

use std::hint::black_box;

use anyhow::Context;
use axiom_hub::{Place, Ring, Subscriber, Take};
use axiom_journal::Writer;
use axiom_proto::frame::{Frame, FrameKind, HEADER_BYTES, Header, Micros, Offset, Seq};
use axiom_proto::id::{SessionId, TaskId};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Leftovers, Limits, SessionOptions};
use axiom_session::Session;
use bytes::Bytes;

const PAYLOAD_BYTES: usize = 4096;

/// What a client is sent at once.
const BATCH_BYTES: usize = 64 * 1024;

/// One of them.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Takes so many turns.
    pub(super) run: fn(u64) -> anyhow::Result<()>,
}

pub(super) const CASES: &[Case] = &[
    Case { name: "frame-encode", run: frame_encode },
    Case { name: "frame-decode", run: frame_decode },
    Case { name: "journal-append", run: journal_append },
    Case { name: "ring-push", run: ring_push },
    Case { name: "ring-take", run: ring_take },
    Case { name: "summary-fold", run: summary_fold },
    Case { name: "session-output", run: session_output },
];

fn session() -> SessionId {
    SessionId { task: TaskId::from_random([7; 10]), number: 1 }
}

/// Lines of 80 columns.
fn payload() -> Vec<u8> {
    let line: Vec<u8> = (b' '..b' ' + 79).chain([b'\n']).collect();
    line.into_iter().cycle().take(PAYLOAD_BYTES).collect()
}

fn header(turn: u64, payload: &[u8]) -> Header {
    let offset = Offset(turn * PAYLOAD_BYTES as u64);
    Header::of(FrameKind::Output, Seq(turn), offset, Micros(turn * 50), payload)
}

fn frame_encode(turns: u64) -> anyhow::Result<()> {
    let payload = payload();
    for turn in 0..turns {
        black_box(header(turn, black_box(&payload)).encode());
    }
    Ok(())
}

fn frame_decode(turns: u64) -> anyhow::Result<()> {
    let payload = payload();
    let bytes = Frame { header: header(1, &payload), payload: &payload }.to_vec();
    for _ in 0..turns {
        black_box(Frame::decode(black_box(&bytes))?);
    }
    Ok(())
}

fn journal_append(turns: u64) -> anyhow::Result<()> {
    let (folder, payload) = (tempfile::tempdir().context("a folder")?, payload());
    let mut writer = Writer::create(folder.path(), session(), 0)?;
    for turn in 0..turns {
        black_box(writer.append(FrameKind::Output, Micros(turn), black_box(&payload))?);
    }
    Ok(())
}

/// A ring that is full, so that each push drops one.
fn ring_push(turns: u64) -> anyhow::Result<()> {
    let payload = payload();
    let bytes = Bytes::from(vec![0; HEADER_BYTES + PAYLOAD_BYTES]);
    let mut ring = Ring::starting_at(Place { seq: Seq(0), offset: Offset(0) });
    for turn in 0..turns {
        let header = Header { crc: 0, ..plain(turn, payload.len()) };
        black_box(ring.push(&header, bytes.clone())?);
    }
    Ok(())
}

/// A header whose sum nobody looks at.
fn plain(turn: u64, len: usize) -> Header {
    let offset = Offset(turn * PAYLOAD_BYTES as u64);
    let len = u32::try_from(len).expect("a payload is small");
    Header { kind: FrameKind::Output, len, seq: Seq(turn), offset, time: Micros(turn), crc: 0 }
}

/// A subscriber that keeps up: one frame pushed, one taken.
fn ring_take(turns: u64) -> anyhow::Result<()> {
    let mut ring = Ring::starting_at(Place { seq: Seq(0), offset: Offset(0) });
    let mut subscriber = Subscriber::at(Seq(0));
    for turn in 0..turns {
        let header = plain(turn, PAYLOAD_BYTES);
        let mut bytes = header.encode().to_vec();
        bytes.resize(HEADER_BYTES + PAYLOAD_BYTES, b'x');
        ring.push(&header, Bytes::from(bytes))?;
        let taken = subscriber.take(&ring, BATCH_BYTES)?;
        anyhow::ensure!(matches!(taken, Take::Frames(_)), "frame {turn} was not there");
        black_box(taken);
    }
    Ok(())
}

fn summary_fold(turns: u64) -> anyhow::Result<()> {
    let (payload, mut summary) = (payload(), Summary::default());
    for turn in 0..turns {
        let header = plain(turn, payload.len());
        summary.fold(black_box(&Frame { header, payload: &payload }));
    }
    anyhow::ensure!(summary.offset == Offset(turns * PAYLOAD_BYTES as u64), "all were folded");
    Ok(())
}

/// What a session does with output that was appended.
fn session_output(turns: u64) -> anyhow::Result<()> {
    let options = SessionOptions {
        session: session(),
        limits: Limits { output_bytes_max: Some(u64::MAX), ..Limits::default() },
        leftovers: Leftovers::Keep,
        disk_min_free_bytes: 0,
    };
    let (payload, mut effects) = (payload(), Vec::new());
    let mut session = Session::new(options, Summary::default());
    for turn in 0..turns {
        let header = plain(turn, payload.len());
        session.appended(black_box(&Frame { header, payload: &payload }));
        session.output(header.time, &mut effects);
    }
    anyhow::ensure!(effects.is_empty(), "output within its limit asks for nothing");
    Ok(())
}
