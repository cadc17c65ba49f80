//! Evidence: whether a host is gone. Two kinds of it, from two places: its vital checks, failing long enough as seen from
//! here, and a majority of the witnesses that can be asked.
//!
//! Neither a verified fence, nor an oath, nor a majority of engines stands in for the witnesses: a fence says that the
//! machine was told to stop, not that it had failed.

use super::Scene;
use super::scene::{HostSeen, Sighting};
use crate::clock::Timestamp;
use crate::health::view::Health;
use crate::standin::steady::since;

/// How long what a witness said counts.
pub const FRESH: std::time::Duration = std::time::Duration::from_secs(10);

/// What is believed of a host, by all who look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Belief {
    /// It serves, or could.
    Up,
    /// Nothing is known of it.
    Unknown,
    /// Something is wrong, not enough to act on.
    Suspect,
    /// Its checks say that it is down, and no witness can be asked.
    Unwitnessed,
    /// Its checks say that it is down, and no majority of the witnesses agrees.
    Reached,
    /// Checks and witnesses say that it is down, and no majority of the living engines agrees.
    Outvoted,
    /// It is down.
    Gone,
}

/// What everybody says of one host.
pub(super) struct Testimony {
    pub(super) belief: Belief,
    /// Witnesses that reach it.
    pub(super) reach: Vec<String>,
    /// Witnesses that cannot be asked, or were not asked lately.
    pub(super) silent: Vec<String>,
    /// All of it in one line, for the journal.
    pub(super) evidence: String,
}

/// Hears everybody. A host that is not in the scene is unknown.
pub(super) fn hear(host: Option<&HostSeen>, now: Timestamp) -> Testimony {
    let (mut reach, mut lost, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    let Some(host) = host else {
        let evidence = "it is not watched".to_owned();
        return Testimony { belief: Belief::Unknown, reach, silent, evidence };
    };
    // The failed host is never its own witness, and nobody speaks twice.
    let mut heard: Vec<&str> = vec![&host.name];
    for sighting in &host.witnesses {
        if heard.contains(&sighting.witness.as_str()) {
            continue;
        }
        heard.push(&sighting.witness);
        let place = match says(sighting, now) {
            Some(true) => &mut reach,
            Some(false) => &mut lost,
            None => &mut silent,
        };
        place.push(sighting.witness.clone());
    }
    let belief = match host.health {
        Health::Up | Health::Degraded => Belief::Up,
        Health::Suspect => Belief::Suspect,
        Health::Unknown | Health::Maintenance => Belief::Unknown,
        Health::Down if reach.is_empty() && lost.is_empty() => Belief::Unwitnessed,
        Health::Down if lost.len() <= reach.len() => Belief::Reached,
        Health::Down if host.engines.is_some_and(|all| !all.agree()) => Belief::Outvoted,
        Health::Down => Belief::Gone,
    };
    let evidence = evidence(host, &reach, &lost, &silent);
    Testimony { belief, reach, silent, evidence }
}

fn says(sighting: &Sighting, now: Timestamp) -> Option<bool> {
    sighting.reaches.filter(|_| since(now, sighting.at) <= FRESH)
}

fn evidence(host: &HostSeen, reach: &[String], lost: &[String], silent: &[String]) -> String {
    let mut parts = vec![host.why.clone().unwrap_or_else(|| format!("the console says {}", host.health.word()))];
    for (names, what) in [(lost, "not reached by"), (reach, "reached by"), (silent, "not asked:")] {
        if !names.is_empty() {
            parts.push(format!("{what} {}", names.join(", ")));
        }
    }
    if let Some(all) = host.engines {
        parts.push(format!("{} of {} engines say down", all.say_down, all.living));
    }
    parts.join("; ")
}

/// Why the console may be the patient: no anchor answers. Where no anchors are declared, the pool's other machines are.
pub(super) fn isolated(scene: &Scene) -> Option<String> {
    if scene.anchors.declared > 0 {
        return (scene.anchors.answering == 0)
            .then(|| "no anchor answers: this machine may be the one that is cut off".into());
    }
    let answers =
        |name: &String, health: Health| matches!(health, Health::Up | Health::Degraded) && !scene.own.contains(name);
    let any = scene.spares.iter().any(|spare| answers(&spare.name, spare.health))
        || scene.hosts.iter().any(|host| answers(&host.name, host.health));
    (!any).then(|| {
        let own = scene.own.first().map(|own| format!(" besides {own}, on which this engine runs"));
        format!(
            "no machine of this pool answers{}, and it has no anchors: this machine may be the one that is cut off",
            own.unwrap_or_default()
        )
    })
}
