//! Figures for Prometheus: the snapshot as text, served over HTTP where `engine.metrics` of the fleet file says.
//!
//! A face like the console: it draws what the engine publishes and knows no rule of the domain. Each file makes the families
//! of its part of the house ([`page`] puts them together), [`server`] answers, [`face`] follows the fleet file. Labels are
//! names of the fleet file and words of a fixed list, so that the number of series is bounded by the fleet file: never a
//! session, a run, a reason or an address that is not declared. docs/metrics.md names every family, and a test compares.

use std::time::Duration;

use crate::engine::command::Pace;
use crate::engine::snapshot::Snapshot;

mod engine;
mod face;
mod feeds;
mod hosts;
mod own;
mod page;
mod pools;
mod recordings;
pub mod server;
mod tally;

pub use face::start;
pub use tally::Tally;

/// All that one page of figures is made of.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The newest snapshot.
    pub snapshot: &'a Snapshot,
    /// How well the checks keep up; `None`: the engine did not say so in time.
    pub pace: Option<Pace>,
    /// How long the engine took to answer that, or was waited for.
    pub answered: Duration,
    /// Journal entries by weight.
    pub tally: &'a Tally,
}

/// The page, as Prometheus reads it.
///
/// # Errors
///
/// A family without a name or without a sample, which [`page`] leaves out.
pub fn text(picture: &Picture<'_>) -> Result<String, prometheus::Error> {
    let mut page = page::Page::default();
    engine::put(picture, &mut page);
    own::put(&mut page);
    hosts::put(picture.snapshot, &mut page);
    pools::put(picture.snapshot, &mut page);
    feeds::put(picture.snapshot, &mut page);
    recordings::put(picture.snapshot, &mut page);
    page.text()
}
