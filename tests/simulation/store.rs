//! What etcd keeps, as far as a lease needs it: keys with revisions, sessions that end, transactions, and what changed since.
//! Pure: questions of its JSON gateway go in, answers come out, time is passed in. `tests/etcd/played.rs` asks a real one the
//! same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// etcd's own bound of one request, bytes.
pub(crate) const LARGEST_REQUEST: usize = 1_572_864;
/// So many changes are kept for watches that are behind: etcd keeps what was not compacted.
const KEPT: usize = 50_000;

#[derive(Debug, Clone)]
struct Kept {
    value: Arc<[u8]>,
    create: u64,
    modified: u64,
    version: u64,
    session: u64,
}

#[derive(Debug)]
struct Session {
    ttl: Duration,
    until: Duration,
    keys: BTreeSet<Vec<u8>>,
}

/// One change, as a watch tells it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    key: Vec<u8>,
    /// JSON, made once for all who watch.
    pub(crate) told: Arc<str>,
}

/// How etcd says no: a code of gRPC, and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct No(pub(crate) u32, pub(crate) &'static str);

const NO_SESSION: No = No(5, "etcdserver: requested lease not found");
const TOO_LARGE: No = No(3, "etcdserver: request is too large");

/// What it had to do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Requests that go through the log: transactions that may write, sessions begun and ended.
    pub(crate) writes: u64,
    /// Bytes of keys and values written.
    pub(crate) written: u64,
    pub(crate) largest: u64,
    pub(crate) renewals: u64,
    /// Questions that wait for most of its members.
    pub(crate) reads: u64,
    pub(crate) events: u64,
    pub(crate) event_bytes: u64,
}

impl Tally {
    /// What came since another one.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            written: self.written - before.written,
            largest: self.largest,
            renewals: self.renewals - before.renewals,
            reads: self.reads - before.reads,
            events: self.events - before.events,
            event_bytes: self.event_bytes - before.event_bytes,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) revision: u64,
    pub(crate) term: u64,
    keys: BTreeMap<Vec<u8>, Kept>,
    sessions: BTreeMap<u64, Session>,
    last_session: u64,
    pub(crate) changes: VecDeque<Change>,
    pub(crate) tally: Tally,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            revision: 1,
            term: 2,
            keys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            last_session: 0,
            changes: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// Bytes of all keys and values as they stand now.
    pub(crate) fn bytes(&self) -> usize {
        self.keys.iter().map(|(key, kept)| key.len() + kept.value.len()).sum()
    }

    /// What stands under a key.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.keys.get(key.as_bytes()).map(|kept| String::from_utf8_lossy(&kept.value).into_owned())
    }

    /// Sessions whose time is over vanish, with all that hangs on them.
    pub(crate) fn expire(&mut self, now: Duration) {
        let over: Vec<u64> =
            self.sessions.iter().filter(|(_, session)| session.until <= now).map(|(id, _)| *id).collect();
        for id in over {
            self.end(id);
        }
    }

    /// A new leader counts every session's time from its beginning.
    pub(crate) fn elect(&mut self, now: Duration) {
        self.term += 1;
        for session in self.sessions.values_mut() {
            session.until = now + session.ttl;
        }
    }

    fn end(&mut self, id: u64) -> bool {
        let Some(session) = self.sessions.remove(&id) else { return false };
        if !session.keys.is_empty() {
            self.revision += 1;
            for key in session.keys {
                self.remove(&key);
            }
        }
        true
    }

    fn header(&self) -> Value {
        json!({"revision": self.revision.to_string(), "raft_term": self.term.to_string()})
    }

    /// One question of the gateway.
    pub(crate) fn ask(&mut self, path: &str, body: &Value, now: Duration) -> Result<Value, No> {
        self.expire(now);
        match path {
            "/v3/lease/grant" => {
                self.tally.writes += 1;
                self.last_session += 1;
                let ttl = Duration::from_secs(number(&body["TTL"]));
                let session = Session { ttl, until: now + ttl, keys: BTreeSet::new() };
                // Not the number of an engine or of a revision.
                let id = 7_000_000 + self.last_session;
                self.sessions.insert(id, session);
                Ok(json!({"header": self.header(), "ID": id.to_string(), "TTL": ttl.as_secs().to_string()}))
            }
            "/v3/lease/keepalive" => {
                self.tally.renewals += 1;
                let id = number(&body["ID"]);
                let mut result = json!({"header": self.header(), "ID": id.to_string()});
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.until = now + session.ttl;
                    result["TTL"] = session.ttl.as_secs().to_string().into();
                }
                Ok(json!({ "result": result }))
            }
            "/v3/lease/revoke" => {
                self.tally.writes += 1;
                if self.end(number(&body["ID"])) { Ok(json!({"header": self.header()})) } else { Err(NO_SESSION) }
            }
            "/v3/kv/range" => {
                self.tally.reads += 1;
                Ok(self.range(body))
            }
            "/v3/kv/txn" => self.txn(body),
            _ => Err(No(12, "Not Implemented")),
        }
    }

    fn range(&self, asked: &Value) -> Value {
        let keys_only = asked["keys_only"] == true;
        let mut found: Vec<(&Vec<u8>, &Kept)> = self.within(asked).collect();
        let count = found.len();
        if asked["sort_target"] == "MOD" && asked["sort_order"] == "DESCEND" {
            found.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.modified));
        }
        let limit = usize::try_from(number(&asked["limit"])).unwrap();
        if limit > 0 {
            found.truncate(limit);
        }
        let kvs: Vec<Value> = found.into_iter().map(|(key, kept)| Value::Object(shown(key, kept, keys_only))).collect();
        let mut answer = json!({"header": self.header()});
        // What is zero or empty is left out.
        if count > 0 {
            answer["kvs"] = kvs.into();
            answer["count"] = count.to_string().into();
        }
        if limit > 0 && count > limit {
            answer["more"] = true.into();
        }
        answer
    }

    fn within<'a>(&'a self, asked: &Value) -> impl Iterator<Item = (&'a Vec<u8>, &'a Kept)> + use<'a> {
        let (start, end) = span(asked);
        self.keys.range(start..end)
    }

    fn txn(&mut self, body: &Value) -> Result<Value, No> {
        let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        let holds = list("compare").iter().all(|compare| self.holds(compare));
        let operations = list(if holds { "success" } else { "failure" });
        let puts = || operations.iter().map(|one| &one["request_put"]).filter(|put| put.is_object());
        let size: usize = puts().map(|put| bytes(&put["key"]).len() + bytes(&put["value"]).len()).sum();
        if list("success").iter().chain(&list("failure")).any(|one| one.get("request_range").is_none()) {
            self.tally.writes += 1;
        } else {
            self.tally.reads += 1;
        }
        if size > LARGEST_REQUEST {
            return Err(TOO_LARGE);
        }
        if puts().any(|put| number(&put["lease"]) > 0 && !self.sessions.contains_key(&number(&put["lease"]))) {
            return Err(NO_SESSION);
        }
        let before = self.revision;
        let mut responses = Vec::new();
        for operation in &operations {
            if let Some(asked) = operation.get("request_range") {
                responses.push(json!({"response_range": self.range(asked)}));
                continue;
            }
            // All of one transaction have one revision.
            if let Some(put) = operation.get("request_put") {
                self.revision = before + 1;
                self.put(bytes(&put["key"]), bytes(&put["value"]), number(&put["lease"]));
                responses.push(json!({"response_put": {"header": self.header()}}));
            } else if let Some(asked) = operation.get("request_delete_range") {
                let (start, end) = span(asked);
                let gone: Vec<Vec<u8>> = self.keys.range(start..end).map(|(key, _)| key.clone()).collect();
                if !gone.is_empty() {
                    self.revision = before + 1;
                }
                let mut response = json!({"header": self.header()});
                if !gone.is_empty() {
                    response["deleted"] = gone.len().to_string().into();
                }
                for key in gone {
                    self.remove(&key);
                }
                responses.push(json!({ "response_delete_range": response }));
            }
        }
        self.tally.written += size as u64;
        self.tally.largest = self.tally.largest.max(size as u64);
        let mut answer = json!({"header": self.header()});
        if !responses.is_empty() {
            answer["responses"] = responses.into();
        }
        if holds {
            answer["succeeded"] = true.into();
        }
        Ok(answer)
    }

    fn holds(&self, compare: &Value) -> bool {
        let kept = self.keys.get(&bytes(&compare["key"]));
        let (found, wanted) = match compare["target"].as_str() {
            Some("CREATE") => (kept.map(|kept| kept.create), &compare["create_revision"]),
            Some("MOD") => (kept.map(|kept| kept.modified), &compare["mod_revision"]),
            Some("VERSION") => (kept.map(|kept| kept.version), &compare["version"]),
            Some("LEASE") => (kept.map(|kept| kept.session), &compare["lease"]),
            other => panic!("no such comparison: {other:?}"),
        };
        // A session that is compared of a key that is not there is equal to nothing.
        (found.is_some() || compare["target"] != "LEASE") && found.unwrap_or(0) == number(wanted)
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>, session: u64) {
        let old = self.keys.get(&key);
        let (create, version) = old.map_or((self.revision, 1), |old| (old.create, old.version + 1));
        let before = old.map_or(0, |old| old.session);
        if before != session {
            if let Some(hung) = self.sessions.get_mut(&before) {
                hung.keys.remove(&key);
            }
            if let Some(hangs) = self.sessions.get_mut(&session) {
                hangs.keys.insert(key.clone());
            }
        }
        let kept = Kept { value: value.into(), create, modified: self.revision, version, session };
        let told = json!({"kv": shown(&key, &kept, false)}).to_string().into();
        self.keys.insert(key.clone(), kept);
        self.note(key, told);
    }

    fn remove(&mut self, key: &[u8]) {
        let Some(kept) = self.keys.remove(key) else { return };
        if let Some(session) = self.sessions.get_mut(&kept.session) {
            session.keys.remove(key);
        }
        let kv = json!({"key": STANDARD.encode(key), "mod_revision": self.revision.to_string()});
        self.note(key.to_vec(), json!({"type": "DELETE", "kv": kv}).to_string().into());
    }

    fn note(&mut self, key: Vec<u8>, told: Arc<str>) {
        self.changes.push_back(Change { revision: self.revision, key, told });
        if self.changes.len() > KEPT {
            self.changes.pop_front();
        }
    }

    /// What changed in a range from this revision on; `None`: it is not kept any more.
    pub(crate) fn since(&self, from: u64, within: &(Vec<u8>, Vec<u8>)) -> Option<Vec<Change>> {
        if self.changes.len() == KEPT && self.changes.front().is_some_and(|first| first.revision > from) {
            return None;
        }
        let first = self.changes.partition_point(|change| change.revision < from);
        let found = self.changes.range(first..).filter(|change| change.key >= within.0 && change.key < within.1);
        Some(found.cloned().collect())
    }
}

/// The keys that are asked for, as `from..to`.
pub(crate) fn span(asked: &Value) -> (Vec<u8>, Vec<u8>) {
    let start = bytes(&asked["key"]);
    let end = bytes(&asked["range_end"]);
    let only = start.iter().copied().chain([0]).collect();
    (start, if end.is_empty() { only } else { end })
}

fn shown(key: &[u8], kept: &Kept, keys_only: bool) -> Map<String, Value> {
    let mut kv = Map::new();
    kv.insert("key".into(), STANDARD.encode(key).into());
    kv.insert("create_revision".into(), kept.create.to_string().into());
    kv.insert("mod_revision".into(), kept.modified.to_string().into());
    kv.insert("version".into(), kept.version.to_string().into());
    if !keys_only && !kept.value.is_empty() {
        kv.insert("value".into(), STANDARD.encode(&kept.value).into());
    }
    if kept.session > 0 {
        kv.insert("lease".into(), kept.session.to_string().into());
    }
    kv
}

fn bytes(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap_or_default()).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_str().map_or_else(|| value.as_u64().unwrap_or(0), |text| text.parse().unwrap())
}
