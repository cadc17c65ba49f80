//! Ways in which a widely used backup script loses recordings, or lies about them: each is a test here, by its number in
//! the list of its defects.
//!
//!
//! | | it | | it |
//! |---|---|---|---|
//! | 1 | calls a truncated copy a copy | 11 | cannot copy the first session of a new date |
//! | 2 | never finds other bytes of the same size | 12 | reports failures as success |
//! | 3 | lets other names of the same number pass | 13 | takes a day for all days from it on |
//! | 4 | looks at nothing again between list and deletion | 14 | takes a destination that is not mounted for an empty one |
//! | 5 | is content with one imported recording of three | 15 | hides sessions that the database does not know |
//! | 6 | takes a missing path for everything | 16 | takes a database that fails for one that says no |
//! | 7 | lets an empty source pass | 17 | hangs on a dead mount |
//! | 8 | keeps nobody away | 18 | runs participants as commands |
//! | 9 | looks at one destination and writes nothing down | 19 | breaks on names with line breaks |
//! | 10 | can never see `p001` imported | | |

#[cfg(test)]
#[allow(dead_code, clippy::string_slice, reason = "the tests of imports use the rest; its names are ASCII")]
#[path = "../mysql/lab.rs"]
mod lab;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
#[allow(dead_code, reason = "as above")]
#[path = "../mysql/server.rs"]
mod server;

#[cfg(test)]
#[path = "../support/fleet.rs"]
mod fleet;
#[cfg(test)]
mod site;

#[cfg(test)]
mod lies;
#[cfg(test)]
mod loses;
