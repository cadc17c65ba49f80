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

/// What is said, from when on in seconds after the beginning of the day, and which keys show it.
const SAYS: &[(u64, &str, &str)] = &[
    (0, "2", "studio-2 loses its power, and its spare serves in its place"),
    (14, "3", "the warehouse was locked; rows waited, and none is lost"),
    (20, "3", "somebody pulls the stick of the dumps; its next kit is late"),
    (32, "4", "what is copied is read back; on a safe one x x, type DELETE"),
    (57, "1", "cupola-1 accepts and never answers; enter says what is wrong"),
    (84, "?", "every key that does something here; : finds the rest"),
    (107, "1", "a disk of nas fails, and it goes on: degraded, not down"),
    (134, "4, enter", "where the copies of a session are, and why it is safe"),
    (157, "2", "the spare of cupola-1 is down itself, and that is said now"),
    (176, "2, w", "why something is done at this moment, or is not"),
    (187, "4", "the share hangs; soon it is stale, and nothing waits for it"),
    (236, "4", "the share answers again, and copies go on where they were"),
    (247, "2, enter", "each step of a takeover, and how long it took"),
    (283, "2", "studio-1 is back, and its spare gives the work back to it"),
    (297, "3, enter", "rows of each camera, and how far behind they are"),
    (325, "2, F d", "practise the takeover before it is needed"),
    (357, "2", "two fail, one spare: for what does the second wait?"),
    (412, "2", "both are back; the spare is free again"),
    (437, "3", "the stick is pulled again, while races go on"),
    (467, "1", "two faults at once; what is worst stands at the top"),
    (512, "1, m", "nothing is done to a host while somebody works on it"),
    (527, "2", "cupola is only observed: what would have been done is told"),
    (560, "6", "the journal tells the day, each decision with its reason"),
    (585, "q", "an engine of your own goes on when you leave"),
];

/// Says what to look at, day after day, until it is dropped.
pub async fn lead(clock: &Clock, say: &watch::Sender<String>) {
    let start = clock.tick();
    for day in 0.. {
        for (at, keys, text) in SAYS {
            let at = Duration::from_secs(*at);
            tokio::time::sleep((start + DAY * day + at).since(clock.tick())).await;
            say.send_replace(format!("{}  press {keys}: {text}", hour(at)));
        }
        tokio::time::sleep((start + DAY * (day + 1)).since(clock.tick())).await;
    }
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
        for (at, keys, text) in SAYS {
            assert!(keys.len() + text.len() <= LONGEST && Duration::from_secs(*at) < DAY, "{text}");
        }
        assert_eq!((hour(Duration::ZERO), hour(Duration::from_secs(599))), ("08:00".into(), "17:59".into()));
    }

    #[test]
    fn every_key_that_is_named_does_something() {
        let keymap = Keymap::load(&Library::default(), "default").unwrap();
        for keys in SAYS.iter().flat_map(|(_, keys, _)| keys.split(", ")) {
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
