//! The lab: real servers, real faults. Hosts are network namespaces of this machine, each with an sshd and a host key of its
//! own; it needs root and the packages that `tests/install-deps` installs.

mod farm;
mod ssh;
