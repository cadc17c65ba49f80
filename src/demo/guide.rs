//! Tells whoever watches the demo what comes next, and where to look.

use std::time::Duration;

use tokio::sync::watch;

use super::script::DAY;
use crate::clock::Clock;

/// The day begins at this hour; a minute is an hour of it.
const BEGINS: u64 = 8;
/// The longest remark with its keys, so that it fits a screen of 80 columns behind the hour.
#[cfg(test)]
const LONGEST: usize = 61;

/// What a part of the day is played with, beside what every machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// An sshd: a spare is commanded over ssh.
    Sshd,
    /// A database server.
    Database,
    /// A share that is mounted.
    Share,
}

use Need::{Database, Share, Sshd};

/// What is said instead of the first remark that is left out, so that nobody waits for it.
const WITHOUT_SSHD: (&str, &str) = ("2", "no sshd is installed here, so that no spare can take over");

/// What is said, from when on in seconds after the beginning of the day, which keys show it, and what it needs.
const SAYS: &[(u64, &str, &str, Option<Need>)] = &[
    (0, "2", "studio-2 loses its power, and its spare serves in its place", Some(Sshd)),
    (14, "3", "the warehouse was locked; rows waited, and none is lost", None),
    (20, "3", "somebody pulls the stick of the dumps; its next kit is late", Some(Database)),
    (32, "4", "what is copied is read back; on a safe one x x, type DELETE", None),
    (57, "1", "cupola-1 accepts and never answers; enter says what is wrong", None),
    (84, "?", "every key that does something here; : finds the rest", None),
    (107, "1", "a disk of nas fails, and it goes on: degraded, not down", None),
    (134, "4, enter", "where the copies of a session are, and why it is safe", None),
    (157, "2", "the spare of cupola-1 is down itself, and that is said now", Some(Sshd)),
    (176, "2, w", "why something is done at this moment, or is not", Some(Sshd)),
    (187, "4", "the share hangs; soon it is stale, and nothing waits for it", Some(Share)),
    (236, "4", "the share answers again, and copies go on where they were", Some(Share)),
    (247, "2, enter", "each step of a takeover, and how long it took", Some(Sshd)),
    (283, "2", "studio-1 is back, and its spare gives the work back to it", Some(Sshd)),
    (297, "3, enter", "rows of each camera, and how far behind they are", None),
    (325, "2, F d", "practise the takeover before it is needed", Some(Sshd)),
    (357, "2", "two fail, one spare: for what does the second wait?", Some(Sshd)),
    (412, "2", "both are back; the spare is free again", Some(Sshd)),
    (437, "3", "the stick is pulled again, while races go on", Some(Database)),
    (467, "1", "two faults at once; what is worst stands at the top", None),
    (512, "1, m", "nothing is done to a host while somebody works on it", None),
    (527, "2", "cupola is only observed: what would have been done is told", Some(Sshd)),
    (560, "6", "the journal tells the day, each decision with its reason", None),
    (585, "q", "an engine of your own goes on when you leave", None),
];

/// Says what to look at, day after day, until it is dropped. What needs something that is `missing` here is left out.
pub async fn lead(clock: &Clock, missing: &[Need], say: &watch::Sender<String>) {
    let start = clock.tick();
    for day in 0.. {
        for (at, keys, text) in remarks(missing) {
            tokio::time::sleep((start + DAY * day + at).since(clock.tick())).await;
            say.send_replace(format!("{}  press {keys}: {text}", hour(at)));
        }
        tokio::time::sleep((start + DAY * (day + 1)).since(clock.tick())).await;
    }
}

/// What is said in a day: when, which keys, and what they show.
fn remarks(missing: &[Need]) -> Vec<(Duration, &'static str, &'static str)> {
    let said = SAYS.iter().filter(|(.., need)| need.is_none_or(|need| !missing.contains(&need)));
    let mut said: Vec<_> = said.map(|(at, keys, text, _)| (Duration::from_secs(*at), *keys, *text)).collect();
    if missing.contains(&Sshd) {
        said.insert(0, (Duration::ZERO, WITHOUT_SSHD.0, WITHOUT_SSHD.1));
    }
    said
}

/// The time of the day that is played: `09:30`.
fn hour(at: Duration) -> String {
    let minutes = BEGINS * 60 + at.as_secs();
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::keymap::{Key, Keymap};
    use crate::console::library::Library;
    use crate::demo::script::{SCENES, SHARE_HANGS, STICK_PULLED, WAREHOUSE_LOCKED};
    use crate::health::view::Health;

    #[test]
    fn what_is_said_fits_and_stays_long_enough_to_be_read() {
        assert_eq!(SAYS[0].0, 0);
        assert!(SAYS.windows(2).all(|pair| pair[0].0 + 6 <= pair[1].0), "six seconds to read each");
        for (at, keys, text, _) in SAYS {
            assert!(keys.len() + text.len() <= LONGEST && Duration::from_secs(*at) < DAY, "{text}");
        }
        assert_eq!((hour(Duration::ZERO), hour(Duration::from_secs(599))), ("08:00".into(), "17:59".into()));
    }

    #[test]
    fn what_cannot_be_seen_here_is_not_promised() {
        let all = remarks(&[]);
        assert_eq!(all.len(), SAYS.len());
        let without = remarks(&[Sshd, Database, Share]);
        assert_eq!(without[0], (Duration::ZERO, WITHOUT_SSHD.0, WITHOUT_SSHD.1));
        assert!(WITHOUT_SSHD.0.len() + WITHOUT_SSHD.1.len() <= LONGEST);
        for (at, _, text) in &without[1..] {
            let promised = ["takeover", "spare", "stick", "share"].into_iter().find(|word| text.contains(word));
            assert_eq!(promised, None, "at {} s: {text}", at.as_secs());
        }
        assert!(without.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn every_key_that_is_named_does_something() {
        let keymap = Keymap::load(&Library::default(), "default").unwrap();
        for keys in SAYS.iter().flat_map(|(_, keys, ..)| keys.split(", ")) {
            let keys = Key::sequence(keys).unwrap();
            assert!(keymap.bindings.iter().any(|binding| binding.keys == keys), "{keys:?}");
        }
    }

    #[test]
    fn nothing_happens_that_nobody_is_told_where_to_see() {
        let faults = SCENES.iter().filter(|scene| scene.expect != Health::Up).map(|scene| scene.at);
        let others = [WAREHOUSE_LOCKED, STICK_PULLED, SHARE_HANGS].into_iter().flatten().copied();
        for at in faults.chain(others) {
            let near = |said: u64| Duration::from_secs(said).abs_diff(at) <= Duration::from_secs(17);
            assert!(SAYS.iter().any(|(said, ..)| near(*said)), "at {} s", at.as_secs());
        }
    }
}
