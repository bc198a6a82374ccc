//! The journal on real files: truncated, damaged, full, killed, followed, sought.

// So that `unwrap` is free in all of it, as in unit tests.
#![cfg(test)]

mod child;
mod compatibility;
mod damage;
mod follow;
mod garbage;
mod kill;
mod lock;
mod packing;
mod report;
mod rotation;
mod sample;
mod seek;
mod space;
mod trimming;
mod truncation;
