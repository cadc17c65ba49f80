//! The etcd of `tests/simulation` is asked the same as a real one, and says the same.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotspare::reach::http::{HttpClient, Request};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::store::{LARGEST_REQUEST, Store, span};

fn key(name: &str) -> String {
    STANDARD.encode(format!("/p/{name}"))
}

fn put(name: &str, value: &str, session: &str) -> Value {
    json!({"request_put": {"key": key(name), "value": STANDARD.encode(value), "lease": session}})
}

fn range(name: &str) -> Value {
    json!({"request_range": {"key": key(name)}})
}

fn delete(name: &str) -> Value {
    json!({"request_delete_range": {"key": key(name)}})
}

fn compare(target: &str, field: &str, name: &str, value: &str) -> Value {
    json!({"target": target, "key": key(name), field: value})
}

fn txn(compare: &[Value], then: &[Value], otherwise: &[Value]) -> (&'static str, Value) {
    ("/v3/kv/txn", json!({"compare": compare, "success": then, "failure": otherwise}))
}

fn all() -> Value {
    json!({"key": STANDARD.encode("/p/"), "range_end": STANDARD.encode("/p0")})
}

/// All that a lease asks, and what it might be told. `one` and `two`: sessions that are there.
fn questions(one: &str, two: &str) -> Vec<(&'static str, Value)> {
    let newest = json!({"request_range": {"key": STANDARD.encode("/p/"), "range_end": STANDARD.encode("/p0"),
        "keys_only": true, "limit": "1", "sort_order": "DESCEND", "sort_target": "MOD"}});
    let look = || txn(&[], &[range("lease"), newest.clone()], &[]);
    let takes = |session: &str| {
        let then = [range("holder"), put("lease", session, session), put("holder", session, "0")];
        txn(&[compare("CREATE", "create_revision", "lease", "0")], &then, &[range("lease")])
    };
    let book = |version: &str, text: &str| {
        let compares =
            [compare("CREATE", "create_revision", "lease", "2"), compare("MOD", "mod_revision", "book/a", version)];
        txn(&compares, &[put("book/a", text, "0")], &[range("lease"), range("book/a")])
    };
    let word = |times: &str, text: &str| {
        txn(&[compare("VERSION", "version", "seen/a", times)], &[put("seen/a", text, one)], &[range("seen/a")])
    };
    let lets_go =
        |session: &str| txn(&[compare("LEASE", "lease", "lease", session)], &[delete("lease"), delete("holder")], &[]);
    vec![
        ("/v3/kv/range", all()),
        look(),
        lets_go(one),
        takes(one),
        takes(two),
        look(),
        book("0", "first"),
        book("0", "again"),
        book("3", "second"),
        txn(&[], &[put("seen/a", "{}", one)], &[]),
        word("0", "as if for the first time"),
        word("1", "for the second time"),
        txn(&[], &[put("seen/b", "{}", two)], &[]),
        txn(&[], &[put("seen/b", "{}", "12345")], &[]),
        txn(&[], &[put("seen/a", "moved to the other", two)], &[]),
        txn(&[], &[put("empty", "", "0"), delete("not there")], &[]),
        txn(&[], &[delete("not there")], &[]),
        txn(&[], &[put("large", &"x".repeat(LARGEST_REQUEST + 1), "0")], &[]),
        ("/v3/kv/range", all()),
        look(),
        ("/v3/kv/range", json!({"key": all()["key"], "range_end": all()["range_end"], "limit": "2"})),
        ("/v3/lease/keepalive", json!({"ID": one})),
        lets_go(two),
        lets_go(one),
        takes(two),
        book("4", "by who has lost it"),
        ("/v3/lease/revoke", json!({"ID": two})),
        ("/v3/lease/revoke", json!({"ID": two})),
        ("/v3/lease/keepalive", json!({"ID": two})),
        takes(one),
        ("/v3/kv/range", all()),
        look(),
    ]
}

/// An answer without what differs between any two of them: numbers of sessions and members, terms, texts said twice.
fn plain(value: &Value, names: &BTreeMap<String, &'static str>) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| {
                !matches!(name.as_str(), "cluster_id" | "member_id" | "raft_term" | "error" | "details")
            });
            kept.map(|(name, value)| (name.clone(), plain(value, names))).collect()
        }
        Value::Array(all) => all.iter().map(|one| plain(one, names)).collect(),
        Value::String(text) => {
            let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let name = names.get(text).or_else(|| names.get(decoded.as_deref().unwrap_or_default()));
            name.map_or_else(|| text.as_str().into(), |name| (*name).into())
        }
        other => other.clone(),
    }
}

async fn ask(url: &str, path: &str, body: &Value) -> Value {
    let mut request = Request::get(format!("{url}{path}"), Duration::from_secs(5));
    request.method = hyper::Method::POST;
    request.body = body.to_string().into();
    serde_json::from_slice(&HttpClient::new().send(&request).await.expect("an answer").body).expect("JSON")
}

/// What a watch from the beginning tells, up to so many changes.
async fn changes(url: &str, count: usize) -> Vec<Value> {
    let mut body = all();
    body["start_revision"] = "1".into();
    let mut request = Request::get(format!("{url}/v3/watch"), Duration::from_secs(5));
    request.method = hyper::Method::POST;
    request.body = json!({"create_request": body}).to_string().into();
    let mut stream = HttpClient::new().stream(&request).await.expect("a stream");
    let (mut text, mut told) = (Vec::new(), Vec::new());
    while told.len() < count {
        let piece = tokio::time::timeout(Duration::from_secs(5), stream.piece()).await;
        text.extend(piece.expect("in time").expect("whole").expect("more"));
        told = serde_json::Deserializer::from_slice(&text)
            .into_iter::<Value>()
            .map_while(Result::ok)
            .flat_map(|line| line["result"]["events"].as_array().cloned().unwrap_or_default())
            .collect();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn the_etcd_of_the_simulation_says_what_a_real_one_says() {
    let cluster = Cluster::start(1).await;
    let url = cluster.urls().remove(0);
    let mut store = Store::new();
    let now = Duration::ZERO;
    let (mut real, mut played) = (Vec::new(), Vec::new());
    for _session in 0..2 {
        let body = json!({"TTL": "60"});
        let text = |answer: &Value| answer["ID"].as_str().expect("a number").to_owned();
        real.push(text(&ask(&url, "/v3/lease/grant", &body).await));
        played.push(text(&store.ask("/v3/lease/grant", &body, now).expect("granted")));
    }
    let names = |sessions: &[String]| BTreeMap::from([(sessions[0].clone(), "one"), (sessions[1].clone(), "two")]);
    let both = questions(&real[0], &real[1]).into_iter().zip(questions(&played[0], &played[1]));
    for ((path, for_real), (_, for_played)) in both {
        let said = plain(&ask(&url, path, &for_real).await, &names(&real));
        let answer = store.ask(path, &for_played, now);
        let answer = answer.unwrap_or_else(|no| json!({"message": no.1, "code": no.0}));
        let shown: String = for_real.to_string().chars().take(500).collect();
        assert_eq!(said, plain(&answer, &names(&played)), "{path} {shown}");
    }
    let told = store.since(1, &span(&all())).expect("kept");
    let told: Vec<Value> = told.iter().map(|change| serde_json::from_str(&change.told).expect("JSON")).collect();
    let said = changes(&url, told.len()).await;
    let plain = |all: &[Value], names| all.iter().map(|one| plain(one, &names)).collect::<Vec<_>>();
    assert_eq!(plain(&said, names(&real)), plain(&told, names(&played)));
    // A session that nobody renews ends, and what hangs on it vanishes.
    assert!(store.text("/p/lease").is_some());
    store.expire(Duration::from_secs(60));
    assert!(store.text("/p/lease").is_none() && store.text("/p/book/a").is_some());
}
