//! Floor 4, engine: owns every task, composes the snapshot, runs commands, serves the socket, keeps state on disk.
//!
//! Faces know only three things of it: the [`snapshot`] it publishes, the [`command`]s and queries it takes, and the
//! [`client`] trait through which both travel, in one process or over the socket.

pub mod client;
pub mod command;
pub mod doctor;
pub mod snapshot;
