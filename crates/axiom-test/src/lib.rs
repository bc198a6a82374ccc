//! What the tests of the house stand on: the simulator, which runs the product's own state machines from one seed.

pub mod sim;
