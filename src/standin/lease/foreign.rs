//! The door for what etcd keeps for several engines, and for what hosts answer about who serves.

pub(crate) use super::etcd::foreign::enter;
