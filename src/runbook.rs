//! Floor 2, runbook: what a list of steps will do, and doing it.
//!
//! A [`plan`] is a runbook with every placeholder filled for one [`cast`]; it is pure and is what a dry run prints. A run is
//! one execution of a plan: each step is check, act, verify, with a time-out and an undo, and its intent is on disk before
//! it begins. [`view`] is what the snapshot carries of a run. This room knows nothing of pools deciding.
//!
//! [`run`] executes over [`deed`], which is what a kind of step can do, whatever it is; [`tools`] are the real ones.
//! [`record`] is what is kept of a run, so that it can be gone on with or undone after a crash; [`dry`] is the same without
//! the writes. [`each`] spreads a runbook over several hosts. [`fence`] says how sure it is that nobody else serves; [`guard`] keeps old generations from acting. [`by_hand`] is
//! a plan on paper.

pub mod by_hand;
pub mod cast;
pub mod deed;
pub mod dry;
pub mod each;
pub mod fence;
pub mod guard;
pub mod kind;
pub mod plan;
pub mod record;
pub mod run;
pub mod tools;
pub mod view;
