//! The packets on a holder's control socket, for servers, the doctor and tests. Owner of their
//! kinds. Refuses unknown kinds; the holder then answers `Refused` with `ENOSYS`.

use super::octets::{Reader, Writer};
use super::{Ask, Reply, WireError};

/// To the holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// Which protocol do you speak?
    Version,
    /// Who lives?
    Status,
    /// Start another worker in the place of this one; answered when the new one is ready.
    Replace,
    /// The same requests as a worker's.
    Ask { request: u32, ask: Ask },
    /// Leave now. Refused with `EBUSY` while the child lives or the journal is not done.
    Shutdown,
}

/// From the holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlReply {
    Version(u16),
    Status {
        /// The newest epoch granted.
        epoch: u64,
        /// The worker's pid, if one runs.
        worker: Option<u32>,
        /// The child's pid, if it started and is not reaped yet.
        child: Option<u32>,
        /// The child has been reaped, or never started.
        exited: bool,
    },
    /// The worker of this epoch is ready.
    Replaced {
        epoch: u64,
    },
    Reply {
        request: u32,
        reply: Reply,
    },
    Refused {
        errno: i32,
    },
}

const VERSION: u8 = 32;
const STATUS: u8 = 33;
const REPLACE: u8 = 34;
const ASK: u8 = 35;
const SHUTDOWN: u8 = 36;

const REPLY_VERSION: u8 = 48;
const REPLY_STATUS: u8 = 49;
const REPLY_REPLACED: u8 = 50;
const REPLY_REPLY: u8 = 51;
const REPLY_REFUSED: u8 = 52;

impl Control {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Version => Writer::packet(VERSION).finish(),
            Self::Status => Writer::packet(STATUS).finish(),
            Self::Replace => Writer::packet(REPLACE).finish(),
            Self::Ask { request, ask } => {
                let mut to = Writer::packet(ASK);
                ask.write(*request, &mut to);
                to.finish()
            }
            Self::Shutdown => Writer::packet(SHUTDOWN).finish(),
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (kind, mut from) = Reader::packet(bytes)?;
        match kind {
            VERSION => Ok(Self::Version),
            STATUS => Ok(Self::Status),
            REPLACE => Ok(Self::Replace),
            ASK => {
                let (request, ask) = Ask::read(&mut from)?;
                Ok(Self::Ask { request, ask })
            }
            SHUTDOWN => Ok(Self::Shutdown),
            kind => Err(WireError::UnknownPacket { kind }),
        }
    }
}

impl ControlReply {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Version(version) => {
                let mut to = Writer::packet(REPLY_VERSION);
                to.u16(*version);
                to.finish()
            }
            Self::Status { epoch, worker, child, exited } => {
                let mut to = Writer::packet(REPLY_STATUS);
                to.u64(*epoch).optional_u32(*worker).optional_u32(*child).flag(*exited);
                to.finish()
            }
            Self::Replaced { epoch } => {
                let mut to = Writer::packet(REPLY_REPLACED);
                to.u64(*epoch);
                to.finish()
            }
            Self::Reply { request, reply } => {
                let mut to = Writer::packet(REPLY_REPLY);
                reply.write(*request, &mut to);
                to.finish()
            }
            Self::Refused { errno } => {
                let mut to = Writer::packet(REPLY_REFUSED);
                to.i32(*errno);
                to.finish()
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (kind, mut from) = Reader::packet(bytes)?;
        match kind {
            REPLY_VERSION => Ok(Self::Version(from.u16("version")?)),
            REPLY_STATUS => Ok(Self::Status {
                epoch: from.u64("epoch")?,
                worker: from.optional_u32("worker's pid")?,
                child: from.optional_u32("child's pid")?,
                exited: from.flag("exited")?,
            }),
            REPLY_REPLACED => Ok(Self::Replaced { epoch: from.u64("epoch")? }),
            REPLY_REPLY => {
                let (request, reply) = Reply::read(&mut from)?;
                Ok(Self::Reply { request, reply })
            }
            REPLY_REFUSED => Ok(Self::Refused { errno: from.i32("error number")? }),
            kind => Err(WireError::UnknownPacket { kind }),
        }
    }
}
