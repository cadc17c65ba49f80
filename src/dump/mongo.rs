//! Dumps of a MongoDB server by its own tools: `mongodump --archive` for each database that is named, `mongorestore` to bring
//! one back, and a `mongod` of our own for drills.
//!
//! Nothing here talks to the server itself. What a database holds is read from the archive on its way to the medium, and what
//! was restored is read the same way, by dumping it again.

pub mod archive;
mod practice;
pub mod program;
mod round;

pub(super) use self::practice::drill;
pub(super) use self::round::round;
use crate::fleet::secret::DatabaseUrl;

/// Whether it is the url of such a server.
pub fn is(url: &DatabaseUrl) -> bool {
    is_named(&url.url)
}

/// The same of a server's name, as a kit notes it.
pub(super) fn is_named(server: &str) -> bool {
    server.starts_with("mongodb:") || server.starts_with("mongodb+srv:")
}
