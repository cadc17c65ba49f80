//! The script of the demo: which fault comes when, and what the engine must have seen by when.

use std::time::Duration;

use crate::health::view::Health;

/// What is done to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Its plug is pulled.
    PowerOff,
    /// It boots.
    PowerOn,
    /// Its web server accepts and never answers.
    HangWeb,
    /// Its web server answers again.
    WakeWeb,
    /// Its RAID controller reports this.
    Raid(&'static str),
    /// Its sshd is killed with all its sessions; the rest goes on.
    KillSsh,
    /// Its sshd runs again.
    StartSsh,
}

/// One fault or repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// When, after the start of a round.
    pub at: Duration,
    /// To which machine.
    pub machine: &'static str,
    /// What.
    pub deed: Deed,
    /// The story, as the journal tells it beforehand.
    pub story: &'static str,
    /// What the engine must believe…
    pub expect: Health,
    /// …not sooner than this after the deed…
    pub earliest: Duration,
    /// …and not later than this.
    pub latest: Duration,
    /// Whether it can only be seen over ssh.
    pub needs_ssh: bool,
}

/// How long before a scene its story is told.
pub const ANNOUNCE: Duration = Duration::from_secs(3);
/// Length of a round; then the script begins again.
pub const ROUND: Duration = Duration::from_secs(75);
/// The demo's `up_after`, as its fleet file says.
pub const UP_AFTER: Duration = Duration::from_secs(4);

/// Five failures at 500 ms, the first at once or half a second later, the last after its time-out.
const DOWN_EARLIEST: Duration = Duration::from_millis(1800);
const DOWN_LATEST: Duration = Duration::from_millis(4000);
/// `up_after` from the first success on.
const UP_LATEST: Duration = Duration::from_millis(6000);
/// Two failures in a row, the second after its time-out.
const SOON: Duration = Duration::from_millis(4000);

/// One round.
pub const SCENES: &[Scene] = &[
    Scene {
        at: Duration::from_secs(5),
        machine: "studio-2",
        deed: Deed::PowerOff,
        story: "studio-2 loses its power",
        expect: Health::Down,
        earliest: DOWN_EARLIEST,
        latest: DOWN_LATEST,
        needs_ssh: false,
    },
    Scene {
        at: Duration::from_secs(12),
        machine: "studio-2",
        deed: Deed::PowerOn,
        story: "studio-2 boots",
        expect: Health::Up,
        earliest: UP_AFTER,
        latest: UP_LATEST,
        needs_ssh: false,
    },
    Scene {
        at: Duration::from_secs(22),
        machine: "cupola-1",
        deed: Deed::HangWeb,
        story: "the web server of cupola-1 hangs: it accepts and never answers",
        expect: Health::Suspect,
        earliest: Duration::ZERO,
        latest: SOON,
        needs_ssh: false,
    },
    Scene {
        at: Duration::from_secs(32),
        machine: "cupola-1",
        deed: Deed::WakeWeb,
        story: "the web server of cupola-1 answers again",
        expect: Health::Up,
        earliest: Duration::ZERO,
        latest: UP_LATEST,
        needs_ssh: false,
    },
    Scene {
        at: Duration::from_secs(40),
        machine: "nas",
        deed: Deed::Raid("degraded"),
        story: "a disk of nas fails: its RAID is degraded",
        expect: Health::Degraded,
        earliest: Duration::ZERO,
        latest: SOON,
        needs_ssh: true,
    },
    Scene {
        at: Duration::from_secs(50),
        machine: "nas",
        deed: Deed::Raid("clean"),
        story: "the disk of nas is replaced",
        expect: Health::Up,
        earliest: Duration::ZERO,
        latest: UP_LATEST,
        needs_ssh: true,
    },
    Scene {
        at: Duration::from_secs(58),
        machine: "cupola-2",
        deed: Deed::PowerOff,
        story: "cupola-2 loses its power",
        expect: Health::Down,
        earliest: DOWN_EARLIEST,
        latest: DOWN_LATEST,
        needs_ssh: false,
    },
    Scene {
        at: Duration::from_secs(65),
        machine: "cupola-2",
        deed: Deed::PowerOn,
        story: "cupola-2 boots",
        expect: Health::Up,
        earliest: UP_AFTER,
        latest: UP_LATEST,
        needs_ssh: false,
    },
];

/// A play of this length holds one whole scene.
pub fn shortest() -> Duration {
    SCENES.iter().map(|scene| scene.at + scene.latest).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_are_in_order_and_end_within_the_round() {
        assert!(SCENES.windows(2).all(|pair| pair[0].at + pair[0].latest < pair[1].at));
        assert!(SCENES.iter().all(|scene| scene.at >= ANNOUNCE && scene.at + scene.latest < ROUND));
    }

    #[test]
    fn a_round_leaves_every_machine_as_it_was() {
        let faults = SCENES.iter().filter(|scene| scene.expect != Health::Up).count();
        assert_eq!(faults * 2, SCENES.len());
        for pair in SCENES.chunks(2) {
            assert_eq!((pair[0].machine, pair[1].expect), (pair[1].machine, Health::Up));
        }
    }
}
