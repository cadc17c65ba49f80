//! Floor 3, feed: rows that hosts write into SQLite, carried to a MySQL server (or a SQLite file), each exactly once.
//!
//! A feed carries tables. Each table of each machine that it is read from is a [`strand`](mark::Strand) with a
//! [`mark`](mark::Mark) of its own: how far it was carried. The mark lies at the target and is changed in the transaction of
//! the rows, so that neither a kill nor a lost answer can part them. A [`source`] tells what stands behind a mark, a [`sink`]
//! writes rows with the next mark, and the pump drives both. How far behind everything is goes out as a [`view`], what
//! came of one piece of work as a [`report`].

pub mod advance;
pub mod compare;
pub mod convert;
pub mod desk;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
pub mod lag;
pub mod mark;
pub mod memory;
pub mod pace;
pub mod pump;
pub mod report;
pub mod retention;
pub mod sink;
pub mod source;
pub mod value;
pub mod view;
pub mod worker;
pub mod zone;
