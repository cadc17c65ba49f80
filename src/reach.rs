//! Floor 1, reach: how hotspare touches other machines.
//!
//! ssh through the operator's own client, shell quoting, database and HTTP connections, secrets, mounts. This room knows how to
//! ask and how to give up in time; it does not know what an answer means for a host.

pub mod dial;
pub mod http;
pub mod kept;
pub mod live;
pub mod mounts;
pub mod mysql;
pub mod network;
pub mod own;
pub mod plain;
pub mod program;
pub mod quote;
pub mod secret;
pub mod ssh;
pub(crate) mod temporary;
