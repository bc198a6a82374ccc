//! Any interleaving of pushes, overlaps after a new dial, slow readers and refills from the journal gives each reader
//! every frame once, in order. Small cases in full, larger ones from seeds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axiom_hub::{Place, Pushed, Ring, Subscriber, Take};
use axiom_proto::frame::{Frame, FrameKind, Header, Micros, Offset, Seq};
use bytes::Bytes;

/// Frames of a session, as its journal holds them. Some are records, which move no offset.
fn journal(frames: u64) -> Vec<(Header, Bytes)> {
    let mut offset = Offset(0);
    (0..frames)
        .map(|seq| {
            let kind = if seq % 3 == 2 { FrameKind::Record } else { FrameKind::Output };
            let payload = vec![b'x'; usize::try_from(seq % 5).unwrap()];
            let header = Header::of(kind, Seq(seq), offset, Micros(seq), &payload);
            offset = header.offset_after();
            (header, Frame { header, payload: &payload }.to_vec().into())
        })
        .collect()
}

struct Reader {
    subscriber: Subscriber,
    first: u64,
    seen: Vec<Bytes>,
}

struct World {
    journal: Vec<(Header, Bytes)>,
    ring: Ring,
    readers: Vec<Reader>,
}

impl World {
    fn new(frames: u64, ring_bytes: usize, starts: &[u64]) -> Self {
        let readers = starts.iter().map(|first| Reader {
            subscriber: Subscriber::at(Seq(*first)),
            first: *first,
            seen: Vec::new(),
        });
        Self {
            journal: journal(frames),
            ring: Ring::bounded(Place::default(), ring_bytes),
            readers: readers.collect(),
        }
    }

    fn head(&self) -> usize {
        usize::try_from(self.ring.head().seq.0).unwrap()
    }

    /// Pushes up to `count` frames, beginning `overlap` frames before the head.
    fn push(&mut self, count: usize, overlap: usize) {
        let head = self.head();
        let from = head.saturating_sub(overlap);
        for (at, (header, frame)) in self.journal.iter().enumerate().skip(from).take(count) {
            let pushed = self.ring.push(header, frame.clone()).unwrap();
            assert_eq!(pushed, if at < head { Pushed::Duplicate } else { Pushed::New });
        }
    }

    /// One reader takes one batch, from the ring or from the journal.
    fn read(&mut self, reader: usize, bytes_max: usize) {
        let head = self.head();
        let reader = &mut self.readers[reader];
        match reader.subscriber.take(&self.ring, bytes_max).unwrap() {
            Take::Frames(frames) => reader.seen.extend(frames),
            Take::AtHead => {}
            Take::Behind { from, oldest } => {
                assert!(from < oldest && from == reader.subscriber.next());
                let from = usize::try_from(from.0).unwrap();
                // At least one frame, and never past the head.
                let until = head.min(from + 1 + bytes_max / 64);
                let frames: Vec<Bytes> =
                    self.journal[from..until].iter().map(|(_, frame)| frame.clone()).collect();
                let count = reader.subscriber.refill(&frames.concat().into()).unwrap();
                assert_eq!(count, frames.len());
                reader.seen.extend(frames);
            }
        }
    }

    fn check(&self) {
        for reader in &self.readers {
            let first = usize::try_from(reader.first).unwrap();
            let expected = self.journal.iter().skip(first).take(reader.seen.len());
            assert!(expected.map(|(_, frame)| frame).eq(&reader.seen), "from {first}");
        }
    }

    fn finish(mut self) {
        self.push(usize::MAX, 0);
        for reader in 0..self.readers.len() {
            while self.readers[reader].subscriber.next() < self.ring.head().seq {
                self.read(reader, 100);
            }
        }
        self.check();
        for reader in &self.readers {
            assert_eq!(reader.seen.len() as u64, self.journal.len() as u64 - reader.first);
        }
    }
}

/// Every sequence of seven steps out of: push one, push two again and one, read by either reader.
#[test]
fn every_short_interleaving_gives_every_frame_once() {
    const STEPS: u32 = 7;
    for code in 0..4_u32.pow(STEPS) {
        for ring_bytes in [1, 80, 10_000] {
            let mut world = World::new(6, ring_bytes, &[0, 2]);
            for step in 0..STEPS {
                match code / 4_u32.pow(step) % 4 {
                    0 => world.push(1, 0),
                    1 => world.push(3, 2),
                    2 => world.read(0, 0),
                    _ => world.read(1, 80),
                }
            }
            world.check();
            world.finish();
        }
    }
}

/// A small generator, so that a failing case is named by its seed alone.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn size(&mut self, bound: u64) -> usize {
        usize::try_from(self.below(bound)).unwrap()
    }
}

#[test]
fn long_random_interleavings_give_every_frame_once() {
    for seed in 0..400 {
        let mut random = Seeded(seed);
        let starts: Vec<u64> = (0..1 + random.below(5)).map(|_| random.below(300)).collect();
        let mut world = World::new(300, 1 + random.size(4000), &starts);
        for _ in 0..random.below(600) {
            if random.below(3) == 0 {
                world.push(random.size(12), random.size(6));
            } else {
                let reader = random.size(starts.len() as u64);
                world.read(reader, random.size(1000));
            }
        }
        world.check();
        world.finish();
    }
}
