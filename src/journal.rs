//! Floor 1, journal: the append-only record of every decision, action and refusal, with who and why.
//!
//! Entries lie in `state.db` in the state folder, each hashed together with the hash of the one before, so that an edit,
//! a removal or a swap is found at the right place. This room knows nothing of what the entries are about.

pub mod aside;
pub mod chain;
pub mod database;
pub mod entry;
pub(crate) mod layout;
pub mod soundness;
pub mod store;
pub mod writer;
