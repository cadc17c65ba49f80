//! Compares copies with their source or their manifest, and keeps what came of it.

use super::{Cancelled, Site, trouble};
use crate::session::batch::Batch;
use crate::session::key::Key;
use crate::session::report::VerifyReport;
use crate::session::side::Undone;
use crate::session::verify::Outcome;
use crate::session::view::Level;
use crate::work::steer::Steer;

/// Verifies the copies of these sessions at every destination, or only at the one of this number.
pub fn verify(
    site: &Site<'_>,
    keys: &[Key],
    only: Option<usize>,
    level: Option<Level>,
) -> Result<Vec<VerifyReport>, Cancelled> {
    let all = site.destinations();
    let destinations: Vec<usize> = (0..all).filter(|number| only.is_none_or(|only| only == *number)).collect();
    let sizes: Vec<u64> = keys.iter().map(|key| size(site, key)).collect();
    let total = sizes.iter().sum::<u64>() * destinations.len() as u64;
    let batch = Batch::new(site.steer, keys.len() * destinations.len(), total);
    let mut reports = Vec::new();
    for (key, size) in keys.iter().zip(sizes) {
        site.go_on()?;
        let held = site.hold(key, "being verified");
        for destination in &destinations {
            let began = site.clock.tick();
            let piece = batch.piece(key.to_string(), "verifying", size);
            let outcome = match &held {
                Err(why) => Err(why.clone()),
                Ok(_) => one(site, key, *destination, level, &piece)?,
            };
            let seconds = site.clock.tick().since(began).as_secs_f64();
            let name = site.destination(*destination).map(|to| to.name.clone()).unwrap_or_default();
            reports.push(match outcome {
                Ok(outcome) => {
                    site.shop.record_verified(&name, key, &outcome.verified(site.clock.now()));
                    outcome.report(key.clone(), name, seconds)
                }
                Err(error) => {
                    site.shop.record_unverified(&name, key);
                    not_verified(key, name, level, seconds, error)
                }
            });
        }
        drop(held);
        site.look(key);
    }
    Ok(reports)
}

/// What it is expected to take: the copy's bytes where there is no source.
fn size(site: &Site<'_>, key: &Key) -> u64 {
    let row = site.shop.row(key);
    let copies = || row.iter().flat_map(|row| &row.copies).filter_map(|copy| copy.facts).map(|facts| facts.bytes).max();
    row.as_ref().and_then(|row| row.source).map_or_else(|| copies().unwrap_or(0), |facts| facts.bytes)
}

fn one(
    site: &Site<'_>,
    key: &Key,
    destination: usize,
    level: Option<Level>,
    piece: &dyn Steer,
) -> Result<Result<Outcome, String>, Cancelled> {
    let name = site.destination(destination).map(|to| to.name.as_str()).unwrap_or_default();
    // What lies on a full share can be verified all the same.
    let standing = site.shop.destination_state(name);
    if let Some(why) = standing.map_or_else(Some, |it| if it.readable { None } else { trouble(&it.state) }) {
        return Ok(Err(why));
    }
    match site.shop.verify(name, key, level, piece) {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(Undone::Cancelled) => Err(Cancelled),
        Err(Undone::Failed(why)) => Ok(Err(why)),
    }
}

fn not_verified(key: &Key, destination: String, level: Option<Level>, seconds: f64, error: String) -> VerifyReport {
    VerifyReport {
        key: key.clone(),
        destination,
        level: level.unwrap_or(Level::Content),
        ok: false,
        missing: Vec::new(),
        different: Vec::new(),
        extra: Vec::new(),
        files: 0,
        bytes: 0,
        seconds,
        read: None,
        error: Some(error),
    }
}
