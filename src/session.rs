//! Floor 3, session: recordings on a local disk, their copies, and whether one may be deleted here.
//!
//! A session is one participant on one day: a folder below a store's `source`, found by the store's layout. Its copies
//! lie below each destination by that destination's layout. What is known of all three sides (source, copies, imported)
//! is joined into one [`view::SessionRow`]. Nothing here follows a symbolic link, and nothing touches a share that is
//! not proven to be the declared one.

pub mod batch;
mod beneath;
pub mod catalogue;
pub mod copy;
pub mod delete;
pub mod destination;
pub mod filter;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod hold;
pub mod imported;
pub mod index;
pub mod key;
pub mod layout;
pub mod listing;
pub mod lock;
pub mod manifest;
pub mod objects;
pub mod remote;
pub mod report;
pub mod root;
pub mod safety;
pub mod scan;
pub mod select;
pub mod side;
mod stream;
pub mod task;
pub mod tree;
mod tries;
pub mod verify;
pub mod view;
