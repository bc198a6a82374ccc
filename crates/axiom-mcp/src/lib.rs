//! The MCP face: tools for agents over the operations, in both eras of the Model Context Protocol. It translates, shortens
//! what a task printed, and bounds; it decides nothing and listens nowhere.

mod answers;
mod call;
mod catalog;
mod completions;
mod digest;
mod face;
mod heading;
mod here;
mod line;
mod look;
mod mcp_tasks;
mod plain;
mod progress;
mod prompts;
mod read;
mod resources;
mod spawn;
mod steer;
mod streamable;
mod tokens;
mod wait;

pub use face::{Face, Waits};
pub use here::{HERE_METHOD, Here};
pub use rmcp::ServerHandler;
pub use streamable::Streamable;
