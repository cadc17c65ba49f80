//! Floor 1, work: pieces of background work with progress, a rate, an ETA and a cancel.

pub mod view;
