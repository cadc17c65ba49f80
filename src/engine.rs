//! Floor 4, engine: owns every task, composes the snapshot, runs commands, serves the socket, keeps state on disk.
//!
//! Faces know only three things of it: the [`snapshot`] it publishes, the [`command`]s and queries it takes, and the
//! [`client`] trait through which both travel, in one process or over the socket.

pub mod client;
pub mod command;
pub mod daemon;
pub mod delta;
pub mod doctor;
pub mod freeze;
pub mod guards;
pub mod guest;
pub mod launch;
pub mod lock;
pub mod log;
pub mod maintenance;
pub mod notify;
pub mod outlet;
pub mod snapshot;
pub mod socket;
pub mod start;
pub mod state;
pub mod wire;

mod compose;
mod core;
mod door;
mod dumps;
mod feeds;
mod file;
mod hosts;
mod limits;
mod path;
mod pools;
mod runs;
mod server;
mod services;
mod sessions;

pub use start::{Config, Engine, StartError};

#[cfg(test)]
mod tests;
