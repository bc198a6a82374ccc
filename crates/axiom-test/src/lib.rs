//! What the tests of the house stand on: the simulator, which runs the product's own state machines from one seed,
//! the load generator's scripts, the bench, the picture of the demonstration, the guard of the hot path, and the server
//! that the suite of MCP asks.

pub mod bench;
pub mod conformance;
pub mod instructions;
pub mod load;
pub mod picture;
pub mod sim;
