//! The program as a script sees it: arguments in, text and an exit code out.

#[cfg(test)]
#[path = "../support/fleet.rs"]
mod fleet;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
#[path = "../support/program.rs"]
mod program;
#[cfg(test)]
#[path = "../mysql/server.rs"]
#[allow(dead_code, reason = "not every kind of test needs all of it")]
mod server;

#[cfg(test)]
mod check;
#[cfg(test)]
mod configs;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod door;
#[cfg(test)]
mod dumps;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod far;
#[cfg(test)]
mod import;
mod init;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod session;
#[cfg(test)]
mod status;
#[cfg(test)]
mod support;
#[cfg(test)]
mod upgrade;
