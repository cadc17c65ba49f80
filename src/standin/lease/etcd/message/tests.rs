//! Every text here is an answer of etcd 3.4.23, shortened.

use super::*;

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).expect("etcd's own words")
}

#[test]
fn what_is_left_out_is_zero_or_false() {
    let lost: Answer = read(
        r#"{"header":{"cluster_id":"2375181864447732657","revision":"2","raft_term":"2"},"responses":[{"response_range":
        {"header":{"revision":"2"},"kvs":[{"key":"L2hvdHNwYXJlL2xlYXNl","create_revision":"2","mod_revision":"5","version":"1",
        "value":"YQ==","lease":"4590190549099094279"}],"count":"1"}}]}"#,
    );
    assert!(!lost.succeeded);
    assert_eq!(lost.header, Header { revision: 2, raft_term: 2 });
    let found = KeyValue {
        key: "/hotspare/lease".into(),
        value: "a".into(),
        create_revision: 2,
        mod_revision: 5,
        version: 1,
        session: 4_590_190_549_099_094_279,
    };
    assert_eq!(lost.found(0), Some(&found));
    assert_eq!(lost.found(1), None);
    let won: Answer = read(
        r#"{"header":{"revision":"2"},"succeeded":true,"responses":[{"response_range":{"header":{"revision":"1"}}},
        {"response_put":{"header":{"revision":"2"}}}]}"#,
    );
    assert!(won.succeeded && won.found(0).is_none());
    let ended: Told<Renewed> = read(r#"{"result":{"header":{"revision":"1","raft_term":"2"},"ID":"123"}}"#);
    assert_eq!((ended.result.ttl, ended.result.header.raft_term), (0, 2));
    let granted: Granted = read(r#"{"header":{},"ID":"4590190549099094277","TTL":"10"}"#);
    assert_eq!((granted.session, granted.ttl), (4_590_190_549_099_094_277, 10));
}

#[test]
fn a_watch_tells_line_by_line() {
    let made: Told<Watched> = read(r#"{"result":{"header":{"revision":"3"},"created":true}}"#);
    assert!(made.result.events.is_empty() && !made.result.canceled);
    let put: Told<Watched> = read(
        r#"{"result":{"header":{"revision":"3"},"events":[{"kv":{"key":"L2hvdHNwYXJlLw==","create_revision":"3",
        "mod_revision":"3","version":"1","value":"YQ=="}}]}}"#,
    );
    assert!(!put.result.events[0].deletes() && put.result.events[0].kv.value == "a");
    let gone: Told<Watched> = read(
        r#"{"result":{"header":{"revision":"4"},"events":[{"type":"DELETE","kv":{"key":"L2hvdHNwYXJlL2xlYXNl",
        "mod_revision":"4"}}]}}"#,
    );
    assert!(gone.result.events[0].deletes() && gone.result.events[0].kv.mod_revision == 4);
    let compacted: Told<Watched> =
        read(r#"{"result":{"header":{"raft_term":"2"},"canceled":true,"compact_revision":"2"}}"#);
    assert!(compacted.result.canceled);
    let error: Told<Watched> =
        read(r#"{"error":{"grpc_code":14,"http_code":503,"message":"transport is closing","http_status":"x"}}"#);
    assert_eq!(error.error, Some(Refusal { message: "transport is closing".into(), code: 14 }));
}

#[test]
fn a_no_is_understood() {
    let text = r#"{"error":"etcdserver: requested lease not found","message":"etcdserver: requested lease not found","code":5}"#;
    let refusal: Refusal = read(text);
    assert_eq!(refusal, Refusal { message: "etcdserver: requested lease not found".into(), code: 5 });
}

#[test]
fn a_transaction_is_written_as_etcd_wants_it() {
    let body = txn(
        &[Compare::created("/p/lease", 7), Compare::modified("/p/book/a", 0), Compare::session("/p/lease", 9)],
        &[Operation::put("/p/book/a", "text", Some(9)), Operation::delete("/p/holder")],
        &[Operation::range("/p/lease")],
    );
    let expected = json!({
        "compare": [
            {"target": "CREATE", "key": "L3AvbGVhc2U=", "create_revision": "7"},
            {"target": "MOD", "key": "L3AvYm9vay9h", "mod_revision": "0"},
            {"target": "LEASE", "key": "L3AvbGVhc2U=", "lease": "9"},
        ],
        "success": [
            {"request_put": {"key": "L3AvYm9vay9h", "value": "dGV4dA==", "lease": "9"}},
            {"request_delete_range": {"key": "L3AvaG9sZGVy"}},
        ],
        "failure": [{"request_range": {"key": "L3AvbGVhc2U="}}],
    });
    assert_eq!(body, expected);
    // From "/p/" to "/p0", which is not in it.
    assert_eq!(Range::below("/p/").question(), json!({"key": "L3Av", "range_end": "L3Aw", "limit": "0"}));
}
