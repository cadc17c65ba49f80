//! The lab: real servers, real faults. Hosts are network namespaces of this machine, each with an sshd and a host key of its
//! own; it needs root and the packages that `tests/install-deps` installs.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a helper of a test may fail like a test")]

mod doctor;
mod farm;
mod names;
mod probes;
mod remote;
mod ssh;
mod watch;
