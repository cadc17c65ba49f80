//! What the engine holds of the room of feeds: what it carries, whether it may, and who serves where.

use std::sync::Arc;

use super::hosts::Hosts;
use crate::clock::Clock;
use crate::feed::source;
use crate::feed::view::Part;
use crate::feed::worker::{Casting, Feeds, Tools};
use crate::fleet::Fleet;
use crate::reach::http::HttpClient;
use crate::standin::lease::Lease;
use crate::standin::view::{PoolView, SpareState, Stand};

/// Key in `state.db` of what is known of the marks at the targets.
pub(super) const KNOWN: &str = "feeds.marks";

/// Begins to carry; `known` is what was kept under [`KNOWN`]. Without `always` only what somebody asks for.
pub(super) fn start(
    fleet: &Arc<Fleet>,
    clock: &Clock,
    hosts: &Hosts,
    http: HttpClient,
    known: Option<&str>,
    always: bool,
) -> Feeds {
    let prober = hosts.prober();
    let secrets = prober.secrets().clone();
    let sources = source::Tools { ssh: prober.ssh().clone(), http, secrets: secrets.clone(), clock: clock.clone() };
    Feeds::start(fleet, Tools { clock: clock.clone(), secrets, sources }, known.unwrap_or_default(), always)
}

/// Why another engine carries the feeds, or nobody does; `None`: this one does.
pub(super) fn elsewhere(lease: &Lease) -> Option<String> {
    let state = lease.state();
    let state = state.borrow();
    (!state.held).then(|| format!("this engine does not hold the lease: {}", state.why))
}

/// What each host of each pool does.
pub(super) fn casting(pools: &[Arc<PoolView>]) -> Casting {
    pools.iter().map(|pool| (pool.name.clone(), parts(pool))).collect()
}

fn parts(pool: &PoolView) -> std::collections::BTreeMap<String, Part> {
    let hosts = pool.hosts.iter().map(|host| {
        let serves = matches!(host.stand, Stand::Serving | Stand::Suspect | Stand::Failing);
        (host.name.clone(), if serves { Part::Serves } else { Part::Replaced })
    });
    let spares = pool.spares.iter().map(|spare| {
        let acts = matches!(spare.state, SpareState::Activating | SpareState::Active | SpareState::Releasing);
        (spare.name.clone(), if acts || spare.standing_in_for.is_some() { Part::StandsIn } else { Part::Idle })
    });
    hosts.chain(spares).collect()
}
