//! Floor 5, demo: a whole fleet on this machine, of real parts.
//!
//! [`machine`]s are loopback addresses with real servers on them, [`script`] is the list of faults that come and go,
//! [`fleet`] writes the fleet file over them, [`stage`] plays the script and checks that what was announced is what the
//! engine saw. [`studio`] records sessions, copies and imports them, [`counts`] writes rows that a feed
//! carries, [`races`] keeps races in a database server that is dumped to a stick. The engine, the checks and the console are the real
//! ones: nothing on the screen is made up.

pub mod counts;
pub mod fleet;
pub mod guide;
pub mod machine;
pub mod pace;
pub mod races;
pub mod script;
pub mod server;
pub mod share;
pub mod sshd;
pub mod stage;
pub mod studio;
