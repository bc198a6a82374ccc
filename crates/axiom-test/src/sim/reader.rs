//! A reader at the far end: subscribes, is fed from ring or journal by the product's own cursor, reconnects where it
//! was. Compares each byte it gets with the journal's.

use axiom_hub::{Subscriber, Take};
use axiom_proto::frame::{Header, Seq};
use bytes::Bytes;

use crate::sim::plan::Flaw;
use crate::sim::server::Server;
use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage, Turn};

#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) index: usize,
    pub(crate) site: usize,
    pub(crate) turn: Turn,
    pub(crate) frozen_until: u64,
    pub(crate) ended: bool,
    /// What it wants next; none before it began.
    next: Option<Seq>,
    /// Where that is in the journal.
    at: usize,
    from_head: bool,
    batch: usize,
    pause: u64,
    /// The server's part of it, and which server's.
    subscriber: Option<(u64, Subscriber)>,
    /// The head that was read before subscribing: the planted bug.
    late_head: Option<Seq>,
}

impl Reader {
    pub(crate) fn draw(index: usize, sites: usize, stage: &mut Stage) -> Self {
        let random = &mut stage.random;
        let mut reader = Self {
            index,
            site: random.index(sites),
            turn: Turn::default(),
            frozen_until: 0,
            ended: false,
            next: None,
            at: 0,
            from_head: random.percent(30),
            batch: [1, 700, 65_536][random.index(3)],
            pause: [10, 3000, 60_000][random.index(3)],
            subscriber: None,
            late_head: None,
        };
        let begins = random.below(3_000_000);
        stage.call(&mut reader.turn, begins, Event::Reader { index });
        reader
    }

    pub(crate) fn wake(&mut self, stage: &mut Stage) {
        if self.ended {
            return;
        }
        let delay = stage.random.between(1, self.pause);
        stage.call(&mut self.turn, delay, Event::Reader { index: self.index });
    }

    pub(crate) fn act(&mut self, server: &Server, site: &Site, stage: &mut Stage) {
        if !stage.is_due(&mut self.turn) || self.ended || !server.alive {
            return;
        }
        if stage.now < self.frozen_until {
            let delay = self.frozen_until - stage.now;
            stage.call(&mut self.turn, delay, Event::Reader { index: self.index });
            return;
        }
        let follow = &server.follows[self.site];
        let Some(ring) = &follow.ring else { return };
        let mut subscriber = match self.subscriber {
            Some((life, subscriber)) if life == server.life => subscriber,
            Some(_) | None => self.subscribe(ring.head().seq, site, stage),
        };
        if let Some(until) = self.late_head {
            subscriber =
                self.read_before_subscribing(subscriber, (until, ring.head().seq), site, stage);
            self.subscriber = Some((server.life, subscriber));
            self.wake(stage);
            return;
        }
        let took = subscriber.take(ring, self.batch);
        match took {
            Ok(Take::Frames(frames)) => {
                frames.iter().for_each(|frame| self.deliver(frame, site, stage));
            }
            Ok(Take::Behind { from, .. }) => {
                stage.note("behind", self.site, from.0, ring.head().seq.0);
                self.refill(&mut subscriber, (from, ring.head().seq), site, stage);
            }
            Ok(Take::AtHead) => {
                self.subscriber = Some((server.life, subscriber));
                if follow.closed {
                    self.end(site, stage);
                }
                return;
            }
            Err(error) => stage.fail("a reader's frames are contiguous", || error.to_string()),
        }
        self.subscriber = Some((server.life, subscriber));
        self.wake(stage);
    }

    fn subscribe(&mut self, head: Seq, site: &Site, stage: &mut Stage) -> Subscriber {
        let begins_at = if self.from_head { head } else { Seq(0) };
        let next = *self.next.get_or_insert(begins_at);
        self.at = site.witness.start_of(next);
        stage.note("subscribe", self.site, self.index as u64, next.0);
        self.late_head = stage.has(Flaw::SubscribeAfterHead).then_some(head);
        Subscriber::at(next)
    }

    /// Reads up to the head that was, and then joins at the head that is.
    fn read_before_subscribing(
        &mut self,
        mut subscriber: Subscriber,
        (until, head): (Seq, Seq),
        site: &Site,
        stage: &mut Stage,
    ) -> Subscriber {
        if subscriber.next() < until {
            let from = subscriber.next();
            self.refill(&mut subscriber, (from, until), site, stage);
            return subscriber;
        }
        self.late_head = None;
        Subscriber::at(head)
    }

    fn refill(
        &mut self,
        subscriber: &mut Subscriber,
        (from, until): (Seq, Seq),
        site: &Site,
        stage: &mut Stage,
    ) {
        let range = site.witness.batch(from, until, self.batch);
        let batch = Bytes::copy_from_slice(&site.disk.bytes()[range]);
        if let Err(error) = subscriber.refill(&batch) {
            stage.fail("a reader's frames are contiguous", || error.to_string());
        }
        self.deliver(&batch, site, stage);
    }

    /// Bytes arrive at the reader: they must be what the journal has next.
    fn deliver(&mut self, bytes: &[u8], site: &Site, stage: &mut Stage) {
        let (index, at) = (self.index, self.at);
        let valid = &site.disk.bytes()[..site.witness.good_end()];
        if valid.get(at..at + bytes.len()) != Some(bytes) {
            stage.fail("a reader's bytes are a prefix of the journal's", || {
                let came = Header::decode(bytes).map(|header| header.seq);
                format!("reader {index} got {came:?} at byte {at} of {}", valid.len())
            });
        }
        stage.note("deliver", self.site, index as u64, bytes.len() as u64);
        self.at += bytes.len();
        self.next = Some(site.witness.seq_at(self.at));
    }

    fn end(&mut self, site: &Site, stage: &mut Stage) {
        let (index, at) = (self.index, self.at);
        if !site.witness.is_closed() || at != site.witness.good_end() {
            stage.fail("an ended reader has everything", || format!("reader {index} is at {at}"));
        }
        stage.note("reader ends", self.site, index as u64, at as u64);
        self.ended = true;
    }

    /// The readers at the head were moved over a gap: the planted bug.
    pub(crate) fn move_to(&mut self, seq: Seq, life: u64) {
        if let Some((of, subscriber)) = &mut self.subscriber
            && *of == life
        {
            *subscriber = Subscriber::at(seq);
        }
    }
}
