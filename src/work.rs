//! Floor 1, work: pieces of background work with progress, a rate, an ETA and a cancel.
//!
//! A job is a request, events that [`progress`] reduces to a small value, and a worker that [`jobs`] runs. This room does
//! not know what the jobs do.

pub mod jobs;
pub mod progress;
pub mod steer;
pub mod throttle;
pub mod view;
