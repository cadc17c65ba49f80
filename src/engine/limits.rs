//! How many files the engine may have open: each check that runs holds one or a few.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::fleet::Fleet;

/// More than any fleet needs. Not simply the hard limit: programs that are started get the same, and some walk through all
/// files that they may have.
const PLENTY: u64 = 65_536;
/// What an engine has open besides its checks: journal, log, socket, faces.
const OWN: u64 = 128;
/// Files of one check that runs: a connection, or the three pipes of a command over ssh and its channel.
const EACH_CHECK: u64 = 4;
/// Files of one warm ssh connection.
const EACH_SSH: u64 = 2;

/// Raises the soft limit as far as the hard one allows.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(PLENTY, |hard| hard.min(PLENTY));
    if limit.current.is_some_and(|soft| soft < wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
        if let Err(error) = raised {
            tracing::warn!(%error, wanted, "the limit of open files cannot be raised");
        }
    }
}

/// How many files this process may have open; `None`: as many as it likes.
pub(super) fn allowed() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How many files are open when every check of the fleet runs at once.
pub(super) fn needed(fleet: &Fleet) -> u64 {
    let checks = u64::try_from(fleet.checks().count()).unwrap_or(u64::MAX);
    let hosts = u64::try_from(fleet.hosts.len()).unwrap_or(u64::MAX);
    OWN.saturating_add(checks.saturating_mul(EACH_CHECK)).saturating_add(hosts.saturating_mul(EACH_SSH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_follows_the_hard_one() {
        raise();
        let limit = getrlimit(Resource::Nofile);
        let most = limit.maximum.map_or(PLENTY, |hard| hard.min(PLENTY));
        assert!(limit.current.is_none_or(|soft| soft >= most), "{limit:?}");
    }

    #[test]
    fn what_a_fleet_needs_grows_with_its_checks() {
        let text = "name = \"n\"\n[hosts.a]\naddress = \"10.0.0.1\"\n[hosts.b]\naddress = \"10.0.0.2\"\n";
        let loaded = crate::fleet::load(text.as_bytes(), std::path::Path::new("f.toml"));
        assert_eq!(needed(&loaded.fleet.unwrap()), OWN + 2 * EACH_CHECK + 2 * EACH_SSH);
    }
}
