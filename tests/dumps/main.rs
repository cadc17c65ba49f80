//! Dumps on their bad days, as the medium sees them: sticks that are full, read-only, replaced, pulled and dying, programs
//! that are killed, and the person who has nothing but the stick.
//!
//! Sticks are exFAT images, mounted for one test: that needs root.

#[cfg(test)]
#[path = "../support/program.rs"]
mod program;
#[cfg(test)]
#[path = "../mysql/server.rs"]
#[allow(dead_code, reason = "the tests of connections use the rest")]
mod server;
#[cfg(test)]
#[path = "../support/share.rs"]
mod share;

#[cfg(test)]
mod eject;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod mongo;
#[cfg(test)]
mod site;
#[cfg(test)]
mod stick;
#[cfg(test)]
mod sticks;
#[cfg(test)]
mod stranger;
