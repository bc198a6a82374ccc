//! The simulator: sessions, holders, workers, links, a server, readers and operators in one thread, from one seed.
//! The product's state machines are what runs; disk, clock, terminal, processes and sockets are simulated.
//! Judges at every step, and again when everything is healed. Owned by the tests; ships nowhere.

mod child;
mod closing;
mod connection;
mod disk;
mod faults;
mod holder;
mod links;
mod operator;
mod plan;
mod random;
mod reader;
mod server;
mod site;
mod stage;
mod trace;
mod witness;
mod worker;
mod world;

pub use plan::Flaw;
pub use stage::Violation;
pub use world::{Report, run};
