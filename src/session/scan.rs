//! A look at all sessions of one side.
//!
//! The folders of the layout are walked by several threads, and what lies in each session is counted. The threads touch
//! what may never answer, so they can be left behind: the caller only hears from them, and gives up when nothing at all
//! has moved for a while. A share that is unmounted in the middle cannot turn into the bare folder below it, because
//! everything goes through the folder that was opened first.

mod crew;
mod stamp;

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crew::{Crew, News};

use super::destination::Place;
use super::filter::Filter;
use super::layout::Layout;
use super::side::{Look, Lost, Scan, trouble};

/// How long nothing may move before a side counts as stale.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether something moves.
const TICK: Duration = Duration::from_millis(100);
/// Threads on a share: its answers take their time, and it has many hands.
const FAR: usize = 16;
/// Threads on a disk: it answers several questions in the time of one as long as its folders are not in memory.
const NEAR: usize = 8;

/// Looks at all sessions of a place. What a caller knew before is left as it is where the answer is an error.
pub fn scan(
    place: &Place,
    layout: &Layout,
    filter: &Filter,
    look: &Look,
    go_on: &dyn Fn() -> bool,
) -> Result<Scan, Lost> {
    let crew = Arc::new(Crew::new(place.clone(), layout.clone(), filter.clone(), look.clone()));
    let (tell, told) = channel();
    let spawn = |work: Box<dyn FnOnce() + Send>| std::thread::Builder::new().name("scan".into()).spawn(work).is_ok();
    let first = {
        let (crew, tell) = (Arc::clone(&crew), tell.clone());
        spawn(Box::new(move || crew.begin(&tell)))
    };
    if !first {
        return Err(Lost::trouble("no thread", "this computer has no room for a thread", "end what takes so many"));
    }
    let mut tell = Some(tell);
    let mut scan = Scan::default();
    let (mut beats, mut still) = (0, Duration::ZERO);
    loop {
        match told.recv_timeout(TICK) {
            Ok(News::Opened { far }) => {
                let threads = if far { FAR } else { NEAR };
                // The one that opened it works too. Nobody else may hold a sender: that the last one is gone ends this.
                for tell in tell.take().into_iter().flat_map(|tell| vec![tell; threads - 1]) {
                    let crew = Arc::clone(&crew);
                    spawn(Box::new(move || crew.work(&tell)));
                }
            }
            Ok(News::Lost(state)) => return Err(Lost::Trouble(state)),
            Ok(News::Found(found)) => {
                scan.looked += found.iter().filter(|(_, _, looked)| *looked).count() as u64;
                scan.found.extend(found.into_iter().map(|(key, found, _)| (key, found)));
            }
            Ok(News::Blind(path, why)) => scan.blind.push((path, why)),
            Ok(News::Strays(count)) => scan.strays += count,
            Err(RecvTimeoutError::Disconnected) if crew.done() => break,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Lost::trouble("broken", "a thread that looked at it broke", "look again"));
            }
            // Only where there is nothing to take in does time pass without an answer.
            Err(RecvTimeoutError::Timeout) => still += TICK,
        }
        if !go_on() {
            crew.end();
            return Err(Lost::Cancelled);
        }
        let now = crew.beats();
        if now != beats {
            (beats, still) = (now, Duration::ZERO);
        }
        if still >= PATIENCE {
            crew.end();
            return Err(Lost::Trouble(match place.stale() {
                super::view::SideState::Trouble { word, remedy, .. } => {
                    let why = format!("{} stopped answering while it was looked at", place.path.display());
                    trouble(&word, why, remedy)
                }
                state => state,
            }));
        }
    }
    Ok(scan)
}

#[cfg(test)]
mod tests;
