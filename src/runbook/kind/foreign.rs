//! What hosts print when steps ask them.

use super::wire::Listing;
use super::{compose, replicas, wire};
use crate::foreign::assert_plain;

/// Listings of addresses, answers on the wire, replicas and services of docker.
pub(crate) fn answers(text: &str) {
    let listing = Listing::read(text);
    for word in text.split_whitespace() {
        assert_eq!(listing.device_of(word).is_some(), listing.has(word));
    }
    for heard in wire::read(text).values() {
        if let wire::Heard::Deaf(why) = heard {
            assert_plain(why);
        }
    }
    if let Some(replicas) = replicas::read(text) {
        assert_plain(&replicas.trouble());
        let _all = replicas.all_well(3);
    }
    for words in compose::not_up(text) {
        assert_plain(&words);
    }
}
