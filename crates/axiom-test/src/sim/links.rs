//! The worker's end of a link: greets, sends every frame from where the peer wants them, catches up from the journal,
//! takes commands. Real messages, split by the product's own splitter.

use axiom_proto::frame::{HEADER_BYTES, Header, Seq};
use axiom_proto::link::{self, Control, Hello, Message, PROTOCOL, PROTOCOL_OLDEST, Splitter};
use axiom_proto::summary::Summary;
use axiom_proto::task::SessionOptions;
use axiom_session::{Input, Terminal};

use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage};

/// Journal bytes sent to a late peer in one turn.
const CATCH_UP_BYTES: usize = 2048;

#[derive(Debug)]
pub(crate) struct LinkEnd {
    connection: u64,
    splitter: Splitter,
    /// What the peer did not take yet.
    out: Vec<u8>,
    /// The next frame the peer is to get; none before it said so.
    next: Option<Seq>,
    broken: bool,
}

impl LinkEnd {
    pub(crate) fn greet(
        connection: u64,
        options: &SessionOptions,
        epoch: u64,
        summary: Summary,
    ) -> Self {
        let hello = Hello {
            protocol: PROTOCOL,
            protocol_oldest: PROTOCOL_OLDEST,
            version: "1".to_owned(),
            session: options.session,
            epoch,
            worker_pid: 1,
            holder_pid: 1,
            started_unix_us: 1,
            summary,
        };
        let out = link::encode(&Control::Hello(Box::new(hello)), b"");
        Self { connection, splitter: Splitter::default(), out, next: None, broken: false }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) fn owes(&self, head: Seq) -> bool {
        !self.out.is_empty() || self.next.is_some_and(|next| next < head)
    }

    pub(crate) fn is_ready(&self, head: Seq, takes: bool, site: &Site) -> bool {
        let Some(dialled) = site.connections.iter().find(|dialled| dialled.id == self.connection)
        else {
            return true;
        };
        let gives = self.owes(head) && dialled.to_server.has_room(site.link_bytes);
        (takes && dialled.to_worker.is_readable()) || gives || dialled.to_server.is_closed()
    }

    /// A frame was appended. `lost`: the link swallows it, as no stream should.
    pub(crate) fn show(
        &mut self,
        (header, payload): (&Header, &[u8]),
        lost: bool,
        site: &mut Site,
        stage: &mut Stage,
    ) {
        if self.next != Some(header.seq) || !self.out.is_empty() {
            return;
        }
        self.next = Some(header.seq.next());
        if lost {
            stage.note("message lost", site.index, header.seq.0, 0);
            return;
        }
        self.out.reserve(HEADER_BYTES + payload.len());
        self.out.extend_from_slice(&header.encode());
        self.out.extend_from_slice(payload);
        self.flush(site, stage);
    }

    fn flush(&mut self, site: &mut Site, stage: &mut Stage) {
        let (index, room) = (site.index, site.link_bytes);
        let Some(dialled) = site.connection(self.connection) else {
            self.broken = true;
            return;
        };
        if dialled.to_server.is_closed() {
            self.broken = true;
            return;
        }
        let taken = dialled.to_server.write(&self.out, room);
        self.out.drain(..taken);
        if taken > 0 {
            let delay = stage.delay();
            stage.call(&mut site.follow_turn, delay, Event::Follow { site: index });
        }
    }

    /// One turn of giving and taking.
    pub(crate) fn serve(
        &mut self,
        (head, takes): (Seq, bool),
        commands: &mut Vec<Input>,
        site: &mut Site,
        stage: &mut Stage,
    ) {
        self.flush(site, stage);
        if let Some(next) = self.next.filter(|next| *next < head)
            && self.out.is_empty()
            && !self.broken
        {
            let batch = site.witness.batch(next, head, CATCH_UP_BYTES);
            self.out.extend_from_slice(&site.disk.bytes()[batch.clone()]);
            self.next = Some(site.witness.seq_at(batch.end));
            self.flush(site, stage);
        }
        if takes && !self.broken {
            self.take(commands, site, stage);
        }
    }

    fn take(&mut self, commands: &mut Vec<Input>, site: &mut Site, stage: &mut Stage) {
        let Some(dialled) = site.connection(self.connection) else { return };
        let most = stage.random.between(1, 2000);
        let read = dialled.to_worker.read(usize::try_from(most).expect("a read fits in memory"));
        let at_end = dialled.to_worker.is_at_end();
        self.splitter.buffer().extend_from_slice(&read);
        loop {
            match self.splitter.message() {
                Ok(Some(Message::Control(Control::Resume(resume), _))) => {
                    self.next = Some(resume.from);
                }
                Ok(Some(Message::Control(Control::Command(command), bytes))) => {
                    let (bytes, terminal) = (bytes.to_vec(), Terminal::default());
                    commands.push(Input::Command { command, bytes, terminal });
                }
                Ok(Some(
                    Message::Control(
                        Control::Hello(_)
                        | Control::Paused { .. }
                        | Control::Goodbye { .. }
                        | Control::Unknown,
                        _,
                    )
                    | Message::Frame(..),
                )) => {}
                Ok(None) => break,
                Err(error) => {
                    stage.fail("a link's bytes are messages", || error.to_string());
                    self.broken = true;
                    break;
                }
            }
        }
        self.broken |= at_end;
    }

    /// What was written still arrives; then the link is at its end.
    pub(crate) fn say_goodbye(&mut self, site: &mut Site, stage: &mut Stage) {
        let goodbye = link::encode(&Control::Goodbye { reason: "over".to_owned() }, b"");
        self.out.extend_from_slice(&goodbye);
        self.flush(site, stage);
    }
}
