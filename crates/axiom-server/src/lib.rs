//! The server: it supervises sessions, routes commands to their workers and feeds readers.
//! Faces call [`Operations`]; nothing here listens, prints or knows HTTP.

mod admission;
mod allocator;
mod background;
mod changes;
mod child;
mod claims;
mod clock;
mod closing;
mod command;
mod control;
mod disk;
mod events;
mod evidence;
mod fault;
mod feed;
mod fleet;
mod history;
mod home;
mod indexing;
mod instance;
mod kept;
mod launch;
mod link;
mod metrics;
mod network;
mod operations;
mod options;
mod packing;
mod pending;
mod record;
mod recovery;
mod retention;
mod roster;
mod screens;
mod server;
mod session;
mod socket_watch;
mod supervision;
mod surroundings;
mod task;
pub mod text;
mod token;
mod transcripts;
mod trimming;
mod validation;
mod view;
mod watch;

pub use events::Listener;
pub use feed::{Feed, Given};
pub use home::{Home, HomeError};
pub use instance::{InstanceError, SOCKET_FILE};
pub use metrics::METRICS_CONTENT_TYPE;
pub use network::NetworkPort;
pub use operations::{
    Caller, FramesAnswer, FramesRequest, Operations, OutputAnswer, OutputRequest, Wording,
};
pub use options::{CgroupUse, ChildPriority, Options, OptionsError, Programs};
pub use retention::Keep;
pub use server::{Listening, Network, Server, StartError};
pub use surroundings::Surroundings;
pub use token::{TOKEN_FILE, Token};
pub use trimming::KeepOfSession;
pub use watch::{Changed, Watch};
