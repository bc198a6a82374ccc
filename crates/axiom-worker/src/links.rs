//! Links to servers: the same frames as in the journal, as they are appended.
//! A peer that does not keep up is not waited for and nothing is queued for it: it gets the rest from the journal.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use axiom_journal::{Reader, SeekTo};
use axiom_proto::command::Command;
use axiom_proto::frame::{Header, Seq};
use axiom_proto::link::{Control, Hello};
use axiom_session::{Peer, Said};
use bytes::Bytes;

use crate::notes::note;

/// Links at once. A server has one; an old one may hang on; beyond it the oldest link is closed.
const LINKS_MAX: usize = 4;

/// Journal bytes sent to a late peer in one turn, so that the terminal is never kept waiting.
const CATCH_UP_BYTES: usize = 128 * 1024;

/// Bytes read from a peer in one turn.
const TAKE_BYTES: usize = 64 * 1024;

/// One peer.
#[derive(Debug)]
struct Link {
    stream: UnixStream,
    peer: Peer,
    reader: Option<Reader>,
    broken: bool,
}

/// What peers asked for.
pub(crate) type Commands = Vec<(Command, Bytes)>;

/// The session's listener and its peers.
#[derive(Debug)]
pub(crate) struct Links {
    listener: UnixListener,
    links: Vec<Link>,
    folder: PathBuf,
}

impl Links {
    pub(crate) fn new(listener: OwnedFd, folder: PathBuf) -> io::Result<Self> {
        let listener = UnixListener::from(listener);
        listener.set_nonblocking(true)?;
        Ok(Self { listener, links: Vec::new(), folder })
    }

    pub(crate) fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Each peer's descriptor, and whether to wait until it can be written to.
    pub(crate) fn peers(&self, head: Seq) -> impl Iterator<Item = (BorrowedFd<'_>, bool)> {
        self.links.iter().map(move |link| (link.stream.as_fd(), link.peer.is_owed(head)))
    }

    /// Takes waiting peers in and greets them.
    pub(crate) fn accept(&mut self, hello: impl Fn() -> Hello) {
        while let Ok((stream, _)) = self.listener.accept() {
            let ours = rustix::net::sockopt::socket_peercred(&stream)
                .is_ok_and(|peer| peer.uid == rustix::process::geteuid());
            if !ours || stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.links.len() == LINKS_MAX {
                self.links.remove(0);
            }
            let peer = Peer::greet(hello());
            let mut link = Link { stream, peer, reader: None, broken: false };
            link.flush();
            self.links.push(link);
        }
    }

    /// Shows a frame that was just appended to every peer that is at the head: now, or with the next ones if it `holds`.
    pub(crate) fn show(&mut self, header: &Header, payload: &[u8], holds: bool) {
        if self.links.is_empty() {
            return;
        }
        let head = header.encode();
        for link in &mut self.links {
            if holds {
                link.peer.hold((&head, payload), header.seq);
                continue;
            }
            if link.peer.release() {
                link.peer.shown((&head, payload), header.seq, 0);
                link.flush();
                continue;
            }
            if link.peer.waits_for(header.seq) {
                let taken = link.write(&[IoSlice::new(&head), IoSlice::new(payload)]);
                link.peer.shown((&head, payload), header.seq, taken);
            }
        }
    }

    /// Shows what is held.
    pub(crate) fn release(&mut self) {
        for link in &mut self.links {
            if link.peer.release() {
                link.flush();
            }
        }
    }

    /// Says to every peer what the journal cannot say now.
    pub(crate) fn say(&mut self, control: &Control) {
        for link in &mut self.links {
            link.peer.say(control);
            link.flush();
        }
    }

    /// Sends on what peers are owed, as far as they take it, up to `head`.
    pub(crate) fn catch_up(&mut self, head: Seq) {
        let folder = &self.folder;
        for link in self.links.iter_mut().filter(|link| link.peer.is_owed(head)) {
            if let Err(error) = link.catch_up(folder, head) {
                note(&format!("a link is closed: {error}"));
                link.broken = true;
            }
        }
        self.links.retain(|link| !link.broken);
    }

    /// Takes what the peer at `index` says. A broken peer is dropped by the next [`Self::catch_up`].
    pub(crate) fn take(&mut self, index: usize, commands: &mut Commands) {
        let Some(link) = self.links.get_mut(index) else { return };
        if let Err(error) = link.take(commands) {
            if error.kind() != ErrorKind::UnexpectedEof {
                note(&format!("a link is closed: {error}"));
            }
            link.broken = true;
        }
    }

    /// True while some peer that follows has not got everything.
    pub(crate) fn owe(&self, head: Seq) -> bool {
        self.links.iter().any(|link| link.peer.is_owed(head))
    }
}

impl Link {
    /// As much as the peer takes at once.
    fn write(&mut self, parts: &[IoSlice<'_>]) -> usize {
        match self.stream.write_vectored(parts) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => {
                self.broken = true;
                0
            }
        }
    }

    fn flush(&mut self) {
        while !self.peer.unsent().is_empty() {
            match self.stream.write(self.peer.unsent()) {
                Ok(written) => self.peer.sent(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
    }

    fn catch_up(&mut self, folder: &Path, head: Seq) -> io::Result<()> {
        self.flush();
        let Some(next) = self.peer.lacks(head).filter(|_| !self.broken) else { return Ok(()) };
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(Reader::open(folder).map_err(io::Error::other)?),
        };
        if reader.position() != next {
            reader.seek(SeekTo::Seq(next)).map_err(io::Error::other)?;
        }
        let batch = reader.read(CATCH_UP_BYTES, Some(head)).map_err(io::Error::other)?;
        self.peer.feed(&batch, reader.position());
        self.flush();
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> io::Result<()> {
        let buffer = self.peer.buffer();
        let start = buffer.len();
        buffer.resize(start + TAKE_BYTES, 0);
        let read = self.stream.read(&mut buffer[start..]);
        buffer.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        while let Some(said) = self.peer.said().map_err(io::Error::other)? {
            match said {
                Said::Command(command, bytes) => commands.push((command, bytes)),
                Said::Goodbye => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(())
    }
}
