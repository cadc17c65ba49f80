//! Floor 1, journal: the append-only record of every decision, action and refusal, with who and why.

pub mod entry;
