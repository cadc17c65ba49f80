//! members: a list that a service tells over HTTP, as JSON, and who of it was heard of lately.
//!
//! The list is the answer itself or the first list within it. A member is a text, its name, or an object with its name and,
//! where it has one, the time at which it was last heard of: seconds since 1970, or a text with or without a zone.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::cluster::{Roll, majority, named};
use super::http::unanswered;
use super::{Answer, QUOTED};
use crate::clock::Timestamp;
use crate::fleet::check::Members;
use crate::fleet::data::Zone;
use crate::reach::http::{HttpClient, Request};
use crate::reach::plain;

/// How deep the list may lie within the answer.
const DEPTH: u32 = 4;
/// A number above this is a time in milliseconds: as seconds it would lie in the year 5138.
const MILLIS: f64 = 1e11;

pub(super) async fn ask(http: &HttpClient, members: &Members, now: Timestamp, timeout: Duration) -> Answer {
    let response = match http.send(&Request::get(&members.url, timeout)).await {
        Ok(response) => response,
        Err(error) => return unanswered(error, timeout),
    };
    if !response.status.is_success() {
        return Answer::wrong(format!("status {}, expected 200", response.status.as_u16()));
    }
    match serde_json::from_slice(&response.body) {
        Ok(answer) => judge(members, &answer, now),
        Err(_other) if response.cut => Answer::wrong("the list is longer than 1 MiB"),
        Err(error) => Answer::wrong(plain::line(&format!("the answer is not JSON: {error}"), QUOTED)),
    }
}

pub(super) fn judge(members: &Members, answer: &Value, now: Timestamp) -> Answer {
    let Some(list) = list(answer, DEPTH) else { return Answer::wrong("there is no list in the answer") };
    let mut missing = Vec::new();
    for member in list {
        match heard(members, member, now) {
            Ok(Some(gone)) => missing.push(gone),
            Ok(None) => {}
            Err(why) => return Answer::wrong(why),
        }
    }
    let alive = list.len() - missing.len();
    let wanted = usize::try_from(members.members).unwrap_or(usize::MAX);
    if list.len() < wanted {
        missing.push(format!("{} not listed", wanted - list.len()));
    }
    let count = wanted.max(list.len());
    let needed = match members.needed {
        0 => majority(count),
        needed => usize::try_from(needed).unwrap_or(usize::MAX),
    };
    Roll { members: count, alive, needed, lead: None, missing }.judge(members.margin)
}

fn list(answer: &Value, depth: u32) -> Option<&Vec<Value>> {
    match answer {
        Value::Array(list) => Some(list),
        Value::Object(map) if depth > 0 => map.values().find_map(|value| list(value, depth - 1)),
        _ => None,
    }
}

/// `None` where the member counts, else what is wrong with it. The error is an answer that cannot be understood.
fn heard(members: &Members, member: &Value, now: Timestamp) -> Result<Option<String>, String> {
    let (name, seen) = match member {
        Value::String(name) => return if name.is_empty() { Err("a member has no name".into()) } else { Ok(None) },
        Value::Object(map) => (map.get(&members.name).and_then(Value::as_str), map.get(&members.seen)),
        _ => (None, None),
    };
    let Some(name) = name else { return Err(format!("a member has no `{}`: set `member_name`", members.name)) };
    let name = named(name);
    let Some(seen) = seen else { return Ok(None) };
    if seen.is_null() {
        return Ok(Some(format!("{name} was never heard of")));
    }
    let time = time(seen, &members.zone)
        .ok_or_else(|| format!("`{}` of {name} is not a time: {}", members.seen, plain::line(&seen.to_string(), 40)))?;
    let age = Duration::try_from(now.duration_since(time)).unwrap_or_default();
    Ok((age > members.max_age)
        .then(|| format!("{name} not heard of for over {}", plain::time(step(members.max_age, age)))))
}

/// The largest of the first time, twice that, four times that … that is over: words that change seldom, because each change is
/// told to everybody who looks.
fn step(first: Duration, age: Duration) -> Duration {
    let doubled = |step: &Duration| step.checked_mul(2).filter(|step| !step.is_zero());
    std::iter::successors(Some(first), doubled).take_while(|step| *step <= age).last().unwrap_or(first)
}

fn time(seen: &Value, zone: &Zone) -> Option<Timestamp> {
    if let Some(number) = seen.as_f64() {
        let millis = if number > MILLIS { number } else { number * 1000.0 };
        #[expect(clippy::cast_possible_truncation, reason = "out of range becomes the last number, which is no time")]
        return Timestamp::from_millisecond(millis as i64).ok();
    }
    let text = seen.as_str()?.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let zone = match zone {
        Zone::Local => TimeZone::system(),
        Zone::Utc => TimeZone::UTC,
        Zone::Named(name) => TimeZone::get(name).ok()?,
    };
    text.parse::<DateTime>().ok()?.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(members: u32, needed: u32) -> Members {
        Members {
            url: "http://kv-1:7000/api/judicators".into(),
            name: "hostname".into(),
            seen: "report_time".into(),
            zone: Zone::Utc,
            max_age: Duration::from_secs(40),
            members,
            needed,
            margin: 1,
        }
    }

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn who_was_heard_of_lately_counts_in_every_way_of_writing_times() {
        let list = json!({"result": {"judicators": [
            {"hostname": "kv-1", "report_time": "2026-11-21T11:59:58+02:00"},
            {"hostname": "kv-2", "report_time": "2026-11-21 09:59:50.123456"},
            {"hostname": "kv-3", "report_time": 1_795_255_190},
        ]}});
        let all = Answer::pass().found("can lose 1 more: 3 of 3 members".into());
        assert_eq!(judge(&asked(0, 0), &list, now()), all);
        let late = "2026-11-21T10:00:48Z".parse().unwrap();
        assert_eq!(
            judge(&asked(0, 0), &list, late),
            Answer::wrong(
                "does not work: 0 of 3 members, 2 needed; kv-1 not heard of for over 40 s, kv-2 not heard of for over 40 s, \
                 kv-3 not heard of for over 40 s"
            )
        );
        let hong_kong = Members { zone: Zone::of("Asia/Hong_Kong"), ..asked(0, 0) };
        let answer = judge(&hong_kong, &json!([{"hostname": "a", "report_time": "2026-11-21 17:59:59"}]), now());
        assert_eq!(answer, Answer::pass().found("can lose none more: 1 of 1 members".into()));
    }

    #[test]
    fn those_that_are_not_listed_are_missing() {
        let list = json!(["kv-1", "kv-2"]);
        assert_eq!(
            judge(&asked(3, 0), &list, now()),
            Answer::wrong("can lose none more: 2 of 3 members; 1 not listed")
        );
        assert_eq!(
            judge(&asked(4, 1), &list, now()),
            Answer::pass().found("can lose 1 more: 2 of 4 members; 2 not listed".into())
        );
        assert_eq!(
            judge(&asked(3, 0), &json!([]), now()),
            Answer::wrong("does not work: 0 of 3 members, 2 needed; 3 not listed")
        );
        assert_eq!(judge(&asked(0, 0), &json!([]), now()).outcome, crate::health::observation::Outcome::Fail);
    }

    #[test]
    fn an_answer_that_is_not_understood_never_passes() {
        for (answer, words) in [
            (json!({"a": 1}), "there is no list in the answer"),
            (json!([1]), "a member has no `hostname`: set `member_name`"),
            (json!([{"host": "a"}]), "a member has no `hostname`: set `member_name`"),
            (json!([{"hostname": "a", "report_time": "soon"}]), "`report_time` of a is not a time: \"soon\""),
        ] {
            assert_eq!(judge(&asked(0, 0), &answer, now()), Answer::wrong(words));
        }
        let never = judge(&asked(0, 0), &json!([{"hostname": "a", "report_time": null}]), now());
        assert_eq!(never, Answer::wrong("does not work: 0 of 1 members, 1 needed; a was never heard of"));
    }
}
