//! The figures for Prometheus: what stands on the page, who may read it and how fast, and what a real Prometheus makes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

#[cfg(test)]
#[path = "../support/fixture.rs"]
mod fixture;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;

#[cfg(test)]
mod engine;
#[cfg(test)]
mod page;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod server;
#[cfg(test)]
mod support;
