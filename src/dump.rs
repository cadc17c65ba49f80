//! Floor 3, dump: databases of a MySQL or MongoDB server, dumped every so often to a removable medium, as kits.
//!
//! A round asks the server which databases there are, dumps those that changed, and leaves a [`record::Kit`] on the medium:
//! whole or not at all, with its sums, and with what a person needs to restore it without hotspare. What is known of a dump
//! goes out as a [`view`], what came of one piece of work as a [`report`].

pub mod change;
mod compare;
pub mod drill;
mod dumper;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod hand;
mod keep;
pub mod keeper;
mod kept;
pub mod kit;
mod load;
pub mod medium;
pub mod mongo;
pub mod name;
pub mod record;
mod recovery;
pub mod report;
pub mod restore;
pub mod round;
pub mod scratch;
pub mod select;
pub mod server;
pub mod shape;
mod stream;
pub mod tools;
pub mod trouble;
pub mod view;
mod watch;
pub mod worker;
