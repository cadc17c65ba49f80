//! The door for what hosts answer when they are asked how they are: df, docker, MongoDB, etcd, lists of members, RTSP, pings.

use std::time::Duration;

use super::{Answer, cluster, disk, docker, etcd, icmp, members, mongo, rtsp};
use crate::clock::Timestamp;
use crate::fleet::check::Members;
use crate::fleet::data::Zone;
use crate::fleet::units::Room;
use crate::foreign::{assert_plain, kind};

/// Whatever comes is judged, in words that fit a line.
pub(crate) fn enter(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    let text = String::from_utf8_lossy(rest);
    match first % 7 {
        0 => {
            for room in [Room::Bytes(1 << 30), Room::Percent(10.0)] {
                if let Some(space) = disk::read(&text) {
                    told(&disk::judge(space, room));
                }
            }
        }
        1 => {
            let _their_words = docker::complaint(&text);
            let states = docker::read(&text);
            let names: Vec<String> = states.keys().cloned().chain(["postgres".to_owned()]).collect();
            told(&docker::judge(&names, &states));
        }
        2 => {
            let wanted = mongo::Wanted { max_lag: Duration::from_secs(10), margin: 1 };
            if let Some(status) = mongo::read(&text) {
                told(&mongo::judge(&status, wanted));
            }
        }
        3 => {
            for words in etcd::foreign(rest) {
                assert_plain(&words);
            }
        }
        4 => {
            let Ok(answer) = serde_json::from_slice(rest) else { return };
            let now = Timestamp::from_second(1_795_000_000).unwrap_or_default();
            for (count, needed) in [(0, 0), (3, 2), (u32::MAX, u32::MAX)] {
                let max_age = Duration::from_secs(30);
                let (url, name, seen) = (String::new(), "name".to_owned(), "last_seen".to_owned());
                let members =
                    Members { url, name, seen, zone: Zone::Utc, max_age, members: count, needed, margin: count };
                told(&members::judge(&members, &answer, now));
            }
        }
        5 => told(&rtsp::judge(&text)),
        _ => {
            for v4 in [true, false] {
                let _a_token = icmp::reply(v4, rest);
                if let Some(token) = rest.first_chunk::<8>().map(|token| u64::from_be_bytes(*token)) {
                    // The answer to our own question is the question with another kind.
                    let mut packet = icmp::request(v4, token);
                    packet[0] = if v4 { 0 } else { 129 };
                    assert_eq!(icmp::reply(v4, &packet), Some(token));
                }
            }
        }
    }
    assert_plain(&cluster::named(&text));
}

fn told(answer: &Answer) {
    for words in [&answer.reason, &answer.found].into_iter().flatten() {
        assert_plain(words);
        assert!(words.chars().count() < 600, "{words}");
    }
}
