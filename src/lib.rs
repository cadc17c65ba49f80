//! hotspare: a full-screen terminal console, with an engine behind it, for the person who keeps a handful of physical
//! machines running with too few spares.
//!
//! The house has floors, and a room imports only from floors below its own:
//!
//! | floor | rooms |
//! |---|---|
//! | 5 faces | [`console`], [`cli`], [`metrics`], [`demo`] |
//! | 4 engine | [`engine`] |
//! | 3 domains | [`health`], [`standin`], [`session`], [`feed`], [`dump`], [`service`], [`configs`] |
//! | 2 doing | [`runbook`] |
//! | 1 reach | [`reach`], [`work`], [`journal`] |
//! | 0 words | [`fleet`], [`clock`], `durable` |
//!
//! Data goes one way: the fleet file is read, the engine lives, a snapshot is published, the faces show it. Wishes go the
//! other way: a key becomes an action, an action a command, a command a job, and a job leaves its trace in the journal.

pub mod cli;
pub mod clock;
pub mod configs;
pub mod console;
pub mod demo;
pub mod dump;
mod durable;
pub mod engine;
pub mod feed;
pub mod fleet;
#[cfg(any(test, fuzzing))]
pub mod foreign;
pub mod health;
pub mod journal;
pub mod metrics;
#[cfg(test)]
#[path = "../tests/support/program.rs"]
mod program;
pub mod reach;
pub mod runbook;
pub mod service;
pub mod session;
pub mod standin;
pub mod work;
