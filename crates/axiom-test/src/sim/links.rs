//! The worker's end of a simulated link: the product's own peer over a stream with little room, which breaks and swallows.

use axiom_proto::frame::{HEADER_BYTES, Header, Seq};
use axiom_proto::link::{Control, Hello, PROTOCOL, PROTOCOL_OLDEST};
use axiom_proto::summary::Summary;
use axiom_proto::task::SessionOptions;
use axiom_session::{Input, Peer, Said, Terminal};

use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage};

/// Journal bytes sent to a late peer in one turn.
const CATCH_UP_BYTES: usize = 2048;

#[derive(Debug)]
pub(crate) struct LinkEnd {
    connection: u64,
    peer: Peer,
    broken: bool,
}

impl LinkEnd {
    pub(crate) fn greet(
        connection: u64,
        options: &SessionOptions,
        epoch: u64,
        summary: Summary,
    ) -> Self {
        let peer = Peer::greet(Hello {
            protocol: PROTOCOL,
            protocol_oldest: PROTOCOL_OLDEST,
            version: "1".to_owned(),
            session: options.session,
            epoch,
            worker_pid: 1,
            holder_pid: 1,
            started_unix_us: 1,
            summary,
        });
        Self { connection, peer, broken: false }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) fn is_owed(&self, head: Seq) -> bool {
        self.peer.is_owed(head)
    }

    pub(crate) fn is_ready(&self, head: Seq, takes: bool, site: &Site) -> bool {
        let Some(dialled) = site.connections.iter().find(|dialled| dialled.id == self.connection)
        else {
            return true;
        };
        let gives = self.is_owed(head) && dialled.to_server.has_room(site.link_bytes);
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
        if !self.peer.waits_for(header.seq) {
            return;
        }
        let encoded = header.encode();
        let taken = if lost {
            stage.note("message lost", site.index, header.seq.0, 0);
            HEADER_BYTES + payload.len()
        } else {
            let whole = [&encoded[..], payload].concat();
            self.write(&whole, site, stage)
        };
        self.peer.shown((&encoded, payload), header.seq, taken);
    }

    fn flush(&mut self, site: &mut Site, stage: &mut Stage) {
        let unsent = self.peer.unsent().to_vec();
        let taken = self.write(&unsent, site, stage);
        self.peer.sent(taken);
    }

    fn write(&mut self, bytes: &[u8], site: &mut Site, stage: &mut Stage) -> usize {
        let (index, room) = (site.index, site.link_bytes);
        let connection = site.connection(self.connection);
        let Some(dialled) = connection.filter(|dialled| !dialled.to_server.is_closed()) else {
            self.broken = true;
            return 0;
        };
        let taken = dialled.to_server.write(bytes, room);
        if taken > 0 {
            let delay = stage.delay();
            stage.call(&mut site.follow_turn, delay, Event::Follow { site: index });
        }
        taken
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
        if let Some(next) = self.peer.lacks(head).filter(|_| !self.broken) {
            let batch = site.witness.batch(next, head, CATCH_UP_BYTES);
            self.peer.feed(&site.disk.bytes()[batch.clone()], site.witness.seq_at(batch.end));
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
        self.peer.buffer().extend_from_slice(&read);
        loop {
            match self.peer.said() {
                Ok(Some(Said::Command(command, bytes))) => {
                    let (bytes, terminal) = (bytes.to_vec(), Terminal::default());
                    commands.push(Input::Command { command, bytes, terminal });
                }
                Ok(Some(Said::Goodbye)) => self.broken = true,
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
        self.peer.say(&Control::Goodbye { reason: "over".to_owned() });
        self.flush(site, stage);
    }
}
