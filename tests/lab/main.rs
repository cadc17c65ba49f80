//! The lab: real servers, real faults. Hosts are network namespaces of this machine, each with an sshd and a host key of its
//! own; it needs root and the packages that `tests/install-deps` installs.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test times what it sees, and its helper may fail like a test"
)]

#[cfg(test)]
#[path = "../support/backed_up.rs"]
mod backed_up;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/recording.rs"]
mod recording;
#[cfg(test)]
#[path = "../mysql/server.rs"]
#[allow(dead_code, reason = "not every kind of test needs all of it")]
mod server;
#[path = "../support/share.rs"]
mod share;

#[cfg(test)]
mod apart;
mod configs;
mod consoles;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod destinations;
mod disk;
mod dns;
mod docker;
mod doctor;
mod drills;
mod far;
mod farm;
mod faults;
mod feeds;
mod holding;
mod kills;
mod lan;
mod logs;
mod maintain;
mod midway;
mod names;
mod patient;
#[cfg(test)]
mod planted;
mod practice;
mod probes;
mod remote;
mod rolling;
mod runbooks;
mod shares;
mod site;
mod ssh;
mod takeover;
mod watch;
