//! The packets between a holder and its worker. Owner of their kinds; refuses kinds it does not
//! know, which the receiver then ignores (an unknown request is answered `ENOSYS`), so that either
//! side may be the newer one.

use super::octets::{Reader, Writer};
use super::{Ask, Grant, Reply, WireError};

/// From the holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToWorker {
    /// Always the first, and only once.
    Grant(Grant),
    /// The child was reaped; this raw wait status is in the exit file already.
    Exited { status: i32 },
    /// The answer to [`ToHolder::Ask`].
    Reply { request: u32, reply: Reply },
    /// Another worker is to take over: finish what is begun and exit with 0.
    Retire,
}

/// From the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToHolder {
    /// The journal is open and the session is read.
    Ready,
    /// Exit and end of output are in the journal; the holder may leave when this worker has exited
    /// with 0.
    Done,
    /// Please do this.
    Ask { request: u32, ask: Ask },
}

const TO_WORKER_GRANT: u8 = 1;
const TO_WORKER_EXITED: u8 = 2;
const TO_WORKER_REPLY: u8 = 3;
const TO_WORKER_RETIRE: u8 = 4;

const TO_HOLDER_READY: u8 = 16;
const TO_HOLDER_DONE: u8 = 17;
const TO_HOLDER_ASK: u8 = 18;

impl ToWorker {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Grant(grant) => {
                let mut to = Writer::packet(TO_WORKER_GRANT);
                grant.write(&mut to);
                to.finish()
            }
            Self::Exited { status } => {
                let mut to = Writer::packet(TO_WORKER_EXITED);
                to.i32(*status);
                to.finish()
            }
            Self::Reply { request, reply } => {
                let mut to = Writer::packet(TO_WORKER_REPLY);
                reply.write(*request, &mut to);
                to.finish()
            }
            Self::Retire => Writer::packet(TO_WORKER_RETIRE).finish(),
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (kind, mut from) = Reader::packet(bytes)?;
        match kind {
            TO_WORKER_GRANT => Ok(Self::Grant(Grant::read(&mut from)?)),
            TO_WORKER_EXITED => Ok(Self::Exited { status: from.i32("exit status")? }),
            TO_WORKER_REPLY => {
                let (request, reply) = Reply::read(&mut from)?;
                Ok(Self::Reply { request, reply })
            }
            TO_WORKER_RETIRE => Ok(Self::Retire),
            kind => Err(WireError::UnknownPacket { kind }),
        }
    }
}

impl ToHolder {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ready => Writer::packet(TO_HOLDER_READY).finish(),
            Self::Done => Writer::packet(TO_HOLDER_DONE).finish(),
            Self::Ask { request, ask } => {
                let mut to = Writer::packet(TO_HOLDER_ASK);
                ask.write(*request, &mut to);
                to.finish()
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (kind, mut from) = Reader::packet(bytes)?;
        match kind {
            TO_HOLDER_READY => Ok(Self::Ready),
            TO_HOLDER_DONE => Ok(Self::Done),
            TO_HOLDER_ASK => {
                let (request, ask) = Ask::read(&mut from)?;
                Ok(Self::Ask { request, ask })
            }
            kind => Err(WireError::UnknownPacket { kind }),
        }
    }
}
