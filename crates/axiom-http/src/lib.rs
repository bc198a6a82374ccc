//! The HTTP and WebSocket face of the operations. It translates, bounds and times out; it decides nothing.
//! On the home's socket the operating system says who asks; on the loopback port a token does. No page of a stranger is
//! heard, and there is no CORS header.

mod allowance;
mod asked;
mod document;
mod door;
mod gate;
mod json;
mod listen;
mod live;
mod mcp;
mod patience;
mod places;
mod refusal;
mod requests;
mod routes;

pub use listen::{serve, serve_with};
