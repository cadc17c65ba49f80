//! Destinations in object stores: whether they are reached, believe our key, have the bucket, and whose copies it holds.

use super::{Bag, Examination, bad, good, risk};
use crate::engine::command::Finding;
use crate::fleet::data::Destination;
use crate::session::filter::Filter;
use crate::session::objects::Objects;
use crate::session::side::{Side, Standing};
use crate::session::view::SideState;

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let mut list: Vec<Examination> = Vec::new();
    let mut seen: Vec<&Destination> = Vec::new();
    for store in &bag.fleet.sessions {
        for to in &store.destinations {
            let Some(bucket) = to.bucket() else { continue };
            if seen.iter().any(|other| other.path == to.path && other.access == to.access) {
                continue;
            }
            seen.push(to);
            let subject = format!("destination {}", to.path.display());
            let (secrets, filter, layout) = (bag.prober.secrets().clone(), Filter::new(store), to.layout.clone());
            list.push(Examination::new(subject.clone(), async move {
                let side = Objects::new(bucket, &layout, &filter, secrets, tokio::runtime::Handle::current());
                let stood = tokio::task::spawn_blocking(move || side.stand(None)).await;
                vec![match stood {
                    Ok(standing) => finding(&subject, standing),
                    Err(error) => risk(&subject, format!("the look at it broke: {error}"), "look again"),
                }]
            }));
        }
    }
    list
}

fn finding(subject: &str, standing: Standing) -> Finding {
    match standing.state {
        SideState::Trouble { why, remedy, .. } => bad(subject, why, remedy),
        _ if standing.marker.is_some() => good(subject, "holds copies of ours, and our key is believed"),
        _ => good(subject, "our key is believed; no marker yet: the first sync leaves one"),
    }
}
