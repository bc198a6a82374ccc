//! The HTTP and WebSocket face of the operations. It translates, bounds and times out; it decides nothing.
//! On a unix socket the operating system says who asks; other users are refused before anything is read for them.

mod asked;
mod listen;
mod live;
mod refusal;
mod requests;
mod routes;

pub use listen::serve;
