//! Fleets of engines on one etcd, by simulation: the leases, verdicts, books and decisions are the real ones; clocks, hosts,
//! the network and etcd are played. What happens comes from a seed, and an hour passes in seconds.
//!
//! `HOTSPARE_SEED=7` plays one seed, `HOTSPARE_STORIES=100` plays more. [`docs/scale.md`](../../docs/scale.md) has what
//! `cargo run --example scale` prints of large ones.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    reason = "its helpers may fail like a test"
)]

#[path = "../support/board.rs"]
mod board;
mod engine;
mod guard;
mod random;
mod server;
mod store;
mod story;
mod world;

pub(crate) use guard::Guard;
