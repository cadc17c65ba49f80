//! Floor 3, stand-ins: who serves in whose place, and how it gets there.
//!
//! The [`arbiter`] is a pure function of time, observations, assignments, lease, wishes and policy. What it decides is made
//! durable in the [`book`], under the [`lease`], then done by a runbook. A [`witness`] says what it sees of others, [`owners`]
//! who holds an address, [`drift`] and [`room`] what a spare has that is not as it should be, [`drill`] when it is practised.
//! A [`card`] says on paper what to do without hotspare. [`steady`] is the time in which all of this
//! counts. The [`worker`] does the looking and the acting; [`view`] is what the snapshot carries of a pool.

pub mod arbiter;
pub mod book;
pub mod card;
mod desk;
pub mod drift;
pub mod drill;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
pub mod lease;
pub mod owners;
pub mod room;
pub mod steady;
pub mod view;
pub mod witness;
pub mod worker;
