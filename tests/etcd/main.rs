//! The lease in a real etcd: private members on free ports of the loopback, in temporary folders, behind networks that have
//! bad days.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    reason = "a test times what it sees, and its helper may fail like a test"
)]

mod access;
mod apart;
#[path = "../support/board.rs"]
mod board;
mod books;
mod cluster;
mod engine;
mod handover;
mod health;
mod path;
mod played;
mod process;
mod runs;
mod signed;
#[allow(dead_code, reason = "the simulation uses the rest")]
#[path = "../simulation/store.rs"]
mod store;
mod witness;
