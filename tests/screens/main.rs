//! What the console shows and what its keys do: every pane, state and size as a picture, every action by its key.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

#[path = "../support/fixture.rs"]
mod fixture;
#[path = "../support/stage.rs"]
mod stage;

mod actions;
mod dumps;
mod journal;
mod lag;
mod pictures;
mod pools;
mod reads;
mod recordings;
mod runs;
mod services;
mod sessions;
mod sizes;
