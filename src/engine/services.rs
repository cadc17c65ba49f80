//! What the engine holds of the room of services: what looks at them and keeps holds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::hosts::Hosts;
use crate::clock::{Clock, Timestamp};
use crate::fleet::Fleet;
use crate::service::worker::{News, Services};

/// Key in `state.db` of the holds that stand, for an engine that follows one that ended without a word.
pub(super) const HOLDS: &str = "services.holds";

/// A hold, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) service: String,
    pub(super) host: String,
    pub(super) owner: String,
    pub(super) why: String,
    pub(super) until: Timestamp,
}

/// Begins to look at services. Without `always` only what somebody asks for.
pub(super) fn start(
    fleet: &Arc<Fleet>,
    clock: &Clock,
    hosts: &Hosts,
    always: bool,
) -> (Services, mpsc::UnboundedReceiver<News>) {
    Services::start(fleet, hosts.prober().ssh().clone(), clock.clone(), always)
}
