//! What the engine holds of the room of dumps: what makes rounds, and whether it may.

use std::sync::Arc;

use super::hosts::Hosts;
use super::state::StateFolder;
use crate::clock::Clock;
use crate::dump::worker::Dumps;
use crate::dump::worker::site::Site;
use crate::fleet::Fleet;

/// Key in `state.db` of what is known of media, good rounds and drills.
pub(super) const KNOWN: &str = "dumps.known";

/// Begins to make rounds; `known` is what was kept under [`KNOWN`]. Without `always` only what somebody asks for.
pub(super) fn start(
    fleet: &Arc<Fleet>,
    clock: &Clock,
    hosts: &Hosts,
    folder: &StateFolder,
    known: Option<&str>,
    always: bool,
) -> Dumps {
    let site = Site::new(hosts.prober().secrets().clone(), clock.clone(), folder.path());
    Dumps::start(fleet, Arc::new(site), clock.clone(), known.unwrap_or_default(), always)
}
