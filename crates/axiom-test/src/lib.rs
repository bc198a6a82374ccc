//! What the tests of the house stand on: the simulator, which runs the product's own state machines from one seed,
//! the load generator's scripts, and the bench.

pub mod bench;
pub mod load;
pub mod sim;
