//! Follows what lies below the prefix, so that every engine sees it live.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::Common;
use super::message::{Told, Watched};
use super::picture::Picture;
use crate::reach::http::stream::Stream;
use crate::standin::lease::book::Books;

/// Before a watch that ended is begun anew.
const AGAIN: Duration = Duration::from_millis(300);
/// How often the signing keys are looked at while nothing else happens: they may be others by now.
const KEYS: Duration = Duration::from_secs(2);
/// Longest line, bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// Follows for ever. What goes wrong here ends in another beginning; whether etcd answers at all, the campaign says.
pub(super) async fn run(common: &Common) -> Infallible {
    loop {
        if let Ok(found) = common.gateway.all(&common.all()).await {
            take(common, |picture, known| picture.find(found, known)).await;
            let followed = follow(common).await;
            tracing::debug!(target: "hotspare::lease", why = %followed.unwrap_or_default(), "the watch begins anew");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Until it ends, or lags behind what the campaign is told.
async fn follow(common: &Common) -> Option<String> {
    let next = common.picture().revision() + 1;
    let mut stream = match common.gateway.watch(&common.all(), next).await {
        Ok(stream) => stream,
        Err(why) => return Some(why),
    };
    let mut lines = Lines::default();
    loop {
        let line = tokio::select! {
            line = lines.next(&mut stream) => match line {
                Ok(Some(line)) => line,
                Ok(None) => return Some("etcd closed it".to_owned()),
                Err(why) => return Some(why),
            },
            () = common.lagging.notified() => return Some("it lags behind".to_owned()),
            () = tokio::time::sleep(KEYS) => {
                take(common, |_as_it_is, _known| {}).await;
                continue;
            }
        };
        let told: Told<Watched> = match serde_json::from_slice(&line) {
            Ok(told) => told,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(error) = told.error {
            return Some(error.message);
        }
        if told.result.canceled {
            return Some("etcd does not keep the revision that it was to begin with".to_owned());
        }
        let Watched { header, events, .. } = told.result;
        if !events.is_empty() {
            take(common, |picture, known| picture.change(header.revision, events, known)).await;
        }
    }
}

/// Changes the picture, judges what is new by the keys as they are now, or all of it where they are others, and tells everybody
/// in this process.
async fn take(common: &Common, change: impl FnOnce(&mut Picture, &Books)) {
    let seal = common.seal().await;
    let known = Arc::clone(&common.shared.books().borrow());
    {
        let mut picture = common.picture();
        picture.judge(seal, &known);
        change(&mut picture, &known);
    }
    drop(known);
    show(common);
}

fn show(common: &Common) {
    let picture = common.picture();
    let (owner, revision, mark) = (picture.owner(), picture.revision(), picture.mark());
    let (holder, wrong, books, others) = (picture.holder(), picture.wrong(), picture.books(), picture.others());
    drop(picture);
    common.shared.learn(|known| {
        known.holder = holder;
        known.foreign = wrong;
        known.generation = known.generation.max(owner.generation);
        // A key that was made at our revision never comes again: what is newer than that and not ours is somebody else's.
        let lost = |generation: u64| owner.generation != generation && revision > generation;
        if known.hold.is_some_and(|hold| lost(hold.generation)) {
            known.hold = None;
        }
    });
    common.shared.set_books(books);
    common.shared.set_others(others);
    common.shown.send_replace(mark);
    common.owner.send_if_modified(|known| std::mem::replace(known, owner) != owner);
}

/// Cuts a stream into lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The next line that is not empty. May be dropped and asked again.
    async fn next(&mut self, stream: &mut Stream) -> Result<Option<Vec<u8>>, String> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let after = self.rest.split_off(end + 1);
                let line = std::mem::replace(&mut self.rest, after);
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            if self.rest.len() > LONGEST {
                return Err("a line of the watch is too long".to_owned());
            }
            match stream.piece().await.map_err(|error| error.to_string())? {
                None => return Ok(None),
                Some(piece) => self.rest.extend_from_slice(&piece),
            }
        }
    }
}
