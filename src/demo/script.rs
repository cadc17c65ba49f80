//! The script of the demo: a day of a small site in ten minutes. Which fault comes when, and what the engine must have seen by when.

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
/// Length of the day that is played, an hour in each minute; then the next one begins.
pub const DAY: Duration = Duration::from_secs(600);
/// The demo's `up_after`, as its fleet file says.
pub const UP_AFTER: Duration = Duration::from_secs(4);

/// When somebody locks the warehouse.
pub const WAREHOUSE_LOCKED: &[Duration] = &[Duration::from_secs(4), Duration::from_secs(300)];
/// When somebody pulls the stick of the dumps.
pub const STICK_PULLED: &[Duration] = &[Duration::from_secs(16), Duration::from_secs(440)];
/// When the share of the recordings hangs.
pub const SHARE_HANGS: &[Duration] = &[Duration::from_secs(190)];

/// Five failures at 500 ms, the first at once or half a second later, the last after its time-out.
const DOWN_EARLIEST: Duration = Duration::from_millis(1800);
const DOWN_LATEST: Duration = Duration::from_millis(4000);
/// `up_after` from the first success on, of a check over ssh too, which is made every five seconds.
const UP_LATEST: Duration = Duration::from_millis(9000);
/// Two failures in a row, the second after its time-out.
const SOON: Duration = Duration::from_millis(4000);

/// What happens to machines in one day.
pub const SCENES: &[Scene] = &[
    off(5, "studio-2", "studio-2 loses its power"),
    on(12, "studio-2", "studio-2 boots"),
    hangs(60, "cupola-1", "the web server of cupola-1 hangs: it accepts and never answers"),
    wakes(80, "cupola-1", "the web server of cupola-1 answers again"),
    raid(110, "degraded", Health::Degraded, "a disk of nas fails: its RAID is degraded"),
    raid(130, "clean", Health::Up, "the disk of nas is replaced"),
    off(160, "cupola-2", "cupola-2 loses its power"),
    on(175, "cupola-2", "cupola-2 boots"),
    off(250, "studio-1", "studio-1 loses its power"),
    on(275, "studio-1", "studio-1 boots"),
    off(360, "studio-2", "studio-2 loses its power"),
    off(372, "studio-1", "studio-1 loses its power as well, and there is one spare"),
    on(392, "studio-1", "studio-1 boots"),
    on(405, "studio-2", "studio-2 boots"),
    raid(470, "degraded", Health::Degraded, "another disk of nas fails: its RAID is degraded"),
    hangs(482, "cupola-1", "the web server of cupola-1 hangs: it accepts and never answers"),
    raid(495, "clean", Health::Up, "the disk of nas is replaced"),
    wakes(507, "cupola-1", "the web server of cupola-1 answers again"),
    off(530, "cupola-1", "cupola-1 loses its power; its pool is only observed"),
    on(550, "cupola-1", "cupola-1 boots"),
];

const fn off(at: u64, machine: &'static str, story: &'static str) -> Scene {
    let (expect, earliest, latest) = (Health::Down, DOWN_EARLIEST, DOWN_LATEST);
    Scene {
        at: Duration::from_secs(at),
        machine,
        deed: Deed::PowerOff,
        story,
        expect,
        earliest,
        latest,
        needs_ssh: false,
    }
}

const fn on(at: u64, machine: &'static str, story: &'static str) -> Scene {
    let (expect, earliest, latest) = (Health::Up, UP_AFTER, UP_LATEST);
    Scene {
        at: Duration::from_secs(at),
        machine,
        deed: Deed::PowerOn,
        story,
        expect,
        earliest,
        latest,
        needs_ssh: false,
    }
}

const fn hangs(at: u64, machine: &'static str, story: &'static str) -> Scene {
    let (expect, earliest, latest) = (Health::Suspect, Duration::ZERO, SOON);
    Scene {
        at: Duration::from_secs(at),
        machine,
        deed: Deed::HangWeb,
        story,
        expect,
        earliest,
        latest,
        needs_ssh: false,
    }
}

const fn wakes(at: u64, machine: &'static str, story: &'static str) -> Scene {
    let (expect, earliest, latest) = (Health::Up, Duration::ZERO, UP_LATEST);
    Scene {
        at: Duration::from_secs(at),
        machine,
        deed: Deed::WakeWeb,
        story,
        expect,
        earliest,
        latest,
        needs_ssh: false,
    }
}

/// Of nas, whose controller is asked over ssh.
const fn raid(at: u64, state: &'static str, expect: Health, story: &'static str) -> Scene {
    let (deed, earliest, latest) = (Deed::Raid(state), Duration::ZERO, UP_LATEST);
    Scene { at: Duration::from_secs(at), machine: "nas", deed, story, expect, earliest, latest, needs_ssh: true }
}

/// When something happens, day after day, after the beginning of the first.
pub fn every_day(times: &'static [Duration]) -> impl Iterator<Item = Duration> {
    (0..).flat_map(move |day| times.iter().map(move |at| DAY * day + *at))
}

/// A play of this length holds one whole scene.
pub fn shortest() -> Duration {
    SCENES.iter().map(|scene| scene.at + scene.latest).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_are_in_order_and_end_within_the_day() {
        assert!(SCENES.windows(2).all(|pair| pair[0].at + pair[0].latest < pair[1].at));
        assert!(SCENES.iter().all(|scene| scene.at >= ANNOUNCE && scene.at + scene.latest < DAY));
        for times in [WAREHOUSE_LOCKED, STICK_PULLED, SHARE_HANGS] {
            assert!(times.is_sorted() && times.iter().all(|at| *at >= ANNOUNCE && *at < DAY));
        }
    }

    #[test]
    fn a_day_leaves_every_machine_as_it_was() {
        for machine in crate::demo::machine::PLANS.map(|plan| plan.name) {
            let of: Vec<_> = SCENES.iter().filter(|scene| scene.machine == machine).collect();
            assert_eq!(of.len() % 2, 0, "{machine}");
            for pair in of.chunks(2) {
                assert!(pair[0].expect != Health::Up && pair[1].expect == Health::Up, "{machine}: {}", pair[0].story);
            }
        }
    }

    #[test]
    fn days_follow_each_other() {
        let times: Vec<u64> = every_day(WAREHOUSE_LOCKED).take(4).map(|at| at.as_secs()).collect();
        assert_eq!(times, [4, 300, 604, 900]);
    }
}
