//! The client's side of a server: a connection with typed calls, and a feed that resumes.
//! A library for faces of people and programs: it prints nothing, reads no environment and decides no exit code.

mod backoff;
mod calls;
mod channel;
mod connection;
mod dial;
mod feed;
mod home;
mod resume;
mod socket_watch;
mod start;

pub use calls::{FramesPart, OutputPart, OutputQuery};
pub use channel::{Channel, Heard, Turn};
pub use connection::{ClientError, Connection};
pub use dial::DialError;
pub use feed::{Feed, FeedError, ReachError};
pub use home::{Home, HomeError, UnfitHome};
pub use resume::{Event, Order, PlaceError, Resume, ResumeError};
pub use start::{Place, Start, StartError, sibling};

use axiom_proto::id::{CommandId, GroupId};

/// A new command id. Make one for each thing to be done, and keep it when you ask again.
///
/// # Panics
/// If the kernel has no random bytes, which it always has once it runs programs.
#[must_use]
pub fn new_command_id() -> CommandId {
    CommandId::from_random(random())
}

/// A new group's id, for tasks that belong together and are spawned one by one.
///
/// # Panics
/// If the kernel has no random bytes, which it always has once it runs programs.
#[must_use]
pub fn new_group_id() -> GroupId {
    GroupId::from_random(random())
}

fn random() -> [u8; 10] {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the kernel gives random bytes");
    random
}
