//! etcd: the members of a cluster, who leads it, and how many more may fail.
//!
//! The member on the host is asked who belongs to the cluster and who leads it, then each member for itself whether it is
//! well, by `/health`, which a member without a leader denies. Learners have no vote and do not count.
//! APIs: `/v3/cluster/member/list` and `/v3/maintenance/status` of the JSON gateway; `/v2/members` and `/v2/stats/self` of etcd 2.

use std::time::Duration;

use futures_util::future::join_all;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cluster::{Roll, majority, named};
use super::http::unanswered;
use super::{Answer, QUOTED};
use crate::reach::http::{HttpClient, Request};
use crate::reach::plain;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct List {
    members: Vec<Member>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Member {
    #[serde(rename = "ID", alias = "id")]
    id: String,
    name: String,
    #[serde(rename = "clientURLs")]
    urls: Vec<String>,
    #[serde(rename = "isLearner")]
    learner: bool,
}

/// The status of a member, version 3. Numbers are texts there, and zeros are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    leader: String,
}

/// The status of a member, version 2.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Own {
    #[serde(rename = "leaderInfo")]
    info: Info,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    leader: String,
}

#[derive(Debug, Deserialize)]
struct Health {
    /// `"true"`, or `true`, by version.
    health: serde_json::Value,
    #[serde(default)]
    reason: String,
}

pub(super) async fn ask(http: &HttpClient, url: &str, v2: bool, margin: u32, timeout: Duration) -> Answer {
    match roll(http, url.trim_end_matches('/'), v2, timeout).await {
        Ok(Some(roll)) => roll.judge(margin),
        Ok(None) => {
            Answer::wrong("the cluster has no leader: most of its members are gone, or do not reach each other")
        }
        Err(answer) => answer,
    }
}

/// `None`: it has no leader.
async fn roll(http: &HttpClient, url: &str, v2: bool, timeout: Duration) -> Result<Option<Roll>, Answer> {
    // Without a leader the list of members is not told, and nothing else matters.
    let leader = if v2 {
        get::<Own>(http, format!("{url}/v2/stats/self"), timeout).await?.info.leader
    } else {
        post::<Status>(http, format!("{url}/v3/maintenance/status"), timeout).await?.leader
    };
    if leader.is_empty() || leader == "0" {
        return Ok(None);
    }
    let list: List = if v2 {
        get(http, format!("{url}/v2/members"), timeout).await?
    } else {
        post(http, format!("{url}/v3/cluster/member/list"), timeout).await?
    };
    let members: Vec<&Member> = list.members.iter().filter(|member| !member.learner).collect();
    if members.is_empty() {
        return Err(Answer::wrong("the list of members is empty; is this etcd, and the right `api`?"));
    }
    // Half of the time for each question of its own, so that a silent member leaves time to say so.
    let asked = join_all(members.iter().map(|member| well(http, member, timeout / 2))).await;
    let missing: Vec<String> = asked.into_iter().filter_map(Result::err).collect();
    let lead = members.iter().find(|member| member.id == leader).map(|member| format!("{} leads", called(member)));
    Ok(Some(Roll {
        members: members.len(),
        alive: members.len() - missing.len(),
        needed: majority(members.len()),
        lead: lead.or_else(|| Some("an unknown member leads".into())),
        missing,
    }))
}

/// Whether a member is well; else what is wrong with it. It may have several addresses: one that answers is enough.
async fn well(http: &HttpClient, member: &Member, timeout: Duration) -> Result<(), String> {
    let name = called(member);
    if member.urls.is_empty() {
        return Err(format!("{name} has not started yet"));
    }
    let ask = |url: &String| get::<Health>(http, format!("{}/health", url.trim_end_matches('/')), timeout);
    let mut why = format!("{name} does not answer");
    for answer in join_all(member.urls.iter().map(ask)).await {
        match answer {
            Ok(Health { health, .. }) if health == "true" || health == true => return Ok(()),
            Ok(Health { reason, .. }) if reason.is_empty() => why = format!("{name} is not well"),
            Ok(Health { reason, .. }) => why = format!("{name} is not well ({})", plain::line(&reason, QUOTED / 2)),
            Err(_silent) => {}
        }
    }
    Err(why)
}

/// What is told of the members and of what each says of itself, for the door.
#[cfg(any(test, fuzzing))]
pub(super) fn foreign(bytes: &[u8]) -> Vec<String> {
    let list: List = serde_json::from_slice(bytes).unwrap_or_default();
    let health = serde_json::from_slice::<Health>(bytes).map(|said| said.reason);
    list.members.iter().map(called).chain(health.map(|why| plain::line(&why, QUOTED / 2))).collect()
}

/// A member that has not started yet has no name.
fn called(member: &Member) -> String {
    named(if member.name.is_empty() { &member.id } else { &member.name })
}

async fn get<T: DeserializeOwned>(http: &HttpClient, url: String, timeout: Duration) -> Result<T, Answer> {
    send(http, Request::get(url, timeout)).await
}

async fn post<T: DeserializeOwned>(http: &HttpClient, url: String, timeout: Duration) -> Result<T, Answer> {
    let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    send(http, Request { method: Method::POST, headers, body: "{}".into(), ..Request::get(url, timeout) }).await
}

async fn send<T: DeserializeOwned>(http: &HttpClient, request: Request) -> Result<T, Answer> {
    let response = http.send(&request).await.map_err(|error| unanswered(error, request.timeout))?;
    // A member that is not well answers 503, with the same words.
    serde_json::from_slice(&response.body).map_err(|_other| match response.status.as_u16() {
        404 => Answer::wrong("etcd does not know this question; is `api` right?"),
        401 | 403 => Answer::unknown("etcd wants to know who asks; the check cannot tell it"),
        status => Answer::wrong(format!("status {status} and no answer of an etcd")),
    })
}
