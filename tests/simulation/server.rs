//! An etcd that answers over played connections, and the networks between it and each engine: cut, silent, deaf or slow.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use hotspare::clock::Clock;
use hotspare::reach::dial::DialError;
use hotspare::reach::network::{Connection, Network, Played};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::watch;

use crate::store::{Store, span};

/// What the network between an engine and etcd does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nothing passes, and nobody is told.
    Silent,
    /// Questions pass, answers do not.
    Deaf,
    /// Connections are refused, and those that were are reset.
    Cut,
}

/// How long etcd takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The network, one way.
    pub(crate) path: Duration,
    /// Half of all answers take no longer.
    pub(crate) half: Duration,
    /// Of the other half, this share takes more than ten times as long, this share of those a hundred times, and so on.
    pub(crate) tail: f64,
}

impl Pace {
    pub(crate) const QUICK: Self =
        Self { path: Duration::from_micros(300), half: Duration::from_millis(2), tail: 0.001 };
    /// A disk that others use: one answer of twenty takes more than 0.3 s, one of a hundred longer than engines wait for it.
    pub(crate) const SLOW: Self = Self { path: Duration::from_millis(2), half: Duration::from_millis(30), tail: 0.1 };
}

/// The whole of it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Etcd {
    state: Arc<Mutex<State>>,
    /// The revision; who watches waits for it.
    turned: watch::Sender<u64>,
    /// Whether it is there at all.
    there: watch::Sender<bool>,
    clock: Clock,
}

struct State {
    store: Store,
    dice: fastrand::Rng,
    pace: Pace,
}

impl Etcd {
    pub(crate) fn start(seed: u64, clock: Clock) -> Self {
        let state = State { store: Store::new(), dice: fastrand::Rng::with_seed(seed), pace: Pace::QUICK };
        let etcd = Self {
            state: Arc::new(Mutex::new(state)),
            turned: watch::Sender::new(0),
            there: watch::Sender::new(true),
            clock,
        };
        let sweeping = etcd.clone();
        tokio::spawn(async move {
            loop {
                // As often as etcd looks for sessions that are over.
                tokio::time::sleep(Duration::from_millis(500)).await;
                if *sweeping.there.borrow() {
                    sweeping.change(Store::expire);
                }
            }
        });
        etcd
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Looks at what it keeps, or changes it behind everybody's back.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Store, Duration) -> T) -> T {
        let now = self.clock.tick().since_start();
        let (done, revision) = {
            let store = &mut self.state().store;
            (change(store, now), store.revision)
        };
        self.turned.send_if_modified(|known| std::mem::replace(known, revision) != revision);
        done
    }

    pub(crate) fn pace(&self, pace: Pace) {
        self.state().pace = pace;
    }

    /// Most of its members go away.
    pub(crate) fn leave(&self) {
        self.there.send_replace(false);
    }

    /// They come back and elect a leader.
    pub(crate) fn come_back(&self) {
        self.change(Store::elect);
        self.there.send_replace(true);
    }

    /// The way of one engine to it.
    pub(crate) fn path(&self) -> Path {
        Path { etcd: self.clone(), way: watch::Sender::new(Way::Open) }
    }

    async fn takes(&self) {
        let time = {
            let State { dice, pace, .. } = &mut *self.state();
            let share = dice.f64().max(1e-9);
            // Beyond one half: the rarer, the longer.
            let decades = if share < 0.5 { (share / 0.5).log(pace.tail) } else { 0.0 };
            pace.path * 2 + pace.half.mul_f64(if share < 0.5 { 10_f64.powf(decades) } else { share })
        };
        tokio::time::sleep(time).await;
    }
}

/// One engine's way to etcd. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Path {
    etcd: Etcd,
    way: watch::Sender<Way>,
}

impl Path {
    pub(crate) fn network(&self) -> Network {
        Network::played(Arc::new(self.clone()))
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    async fn until(&self, may: fn(Way) -> bool) {
        let mut way = self.way.subscribe();
        drop(way.wait_for(|way| may(*way)).await);
    }

    async fn answer(self, asked: hyper::Request<Incoming>) -> Result<hyper::Response<Body>, Infallible> {
        self.until(|way| way != Way::Silent).await;
        let path = asked.uri().path().to_owned();
        let body = asked.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if path == "/v3/watch" {
            return Ok(hyper::Response::new(self.watched(&body["create_request"])));
        }
        self.etcd.takes().await;
        let mut there = self.etcd.there.subscribe();
        // Without most of its members it waits for them, as long as anybody waits for it.
        drop(there.wait_for(|there| *there).await);
        let answered = self.etcd.change(|store, now| store.ask(&path, &body, now));
        self.until(|way| matches!(way, Way::Open | Way::Cut)).await;
        let (status, text) = match answered {
            Ok(answer) => (200, answer.to_string()),
            Err(no) => (400, serde_json::json!({"error": no.1, "message": no.1, "code": no.0}).to_string()),
        };
        let mut response = hyper::Response::new(Full::new(Bytes::from(text)).boxed_unsync());
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap();
        Ok(response)
    }

    /// Changes as they come, as lines of JSON.
    fn watched(&self, asked: &Value) -> Body {
        let from = asked["start_revision"].as_str().map_or(1, |text| text.parse().unwrap());
        let created = r#"{"result":{"header":{},"created":true}}"#.to_owned() + "\n";
        let watching = Watching {
            path: self.clone(),
            within: span(asked),
            next: from,
            turned: self.etcd.turned.subscribe(),
            ready: VecDeque::from([created]),
        };
        let lines = unfold(watching, |mut watching| async move {
            let line = watching.line().await?;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(line))), watching))
        });
        StreamBody::new(lines).boxed_unsync()
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

struct Watching {
    path: Path,
    within: (Vec<u8>, Vec<u8>),
    next: u64,
    turned: watch::Receiver<u64>,
    ready: VecDeque<String>,
}

impl Watching {
    async fn line(&mut self) -> Option<String> {
        loop {
            self.path.until(|way| matches!(way, Way::Open | Way::Cut)).await;
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            self.turned.changed().await.ok()?;
            let path = self.path.etcd.state().pace.path;
            tokio::time::sleep(path).await;
            self.turned.mark_unchanged();
            let line = self.news();
            self.ready.extend(line);
        }
    }

    /// What has changed, in one line.
    fn news(&mut self) -> Option<String> {
        let mut state = self.path.etcd.state();
        let revision = state.store.revision;
        let Some(changes) = state.store.since(self.next, &self.within) else {
            return Some(r#"{"result":{"header":{},"canceled":true}}"#.to_owned() + "\n");
        };
        self.next = revision + 1;
        if changes.is_empty() {
            return None;
        }
        let told: Vec<&str> = changes.iter().map(|change| &*change.told).collect();
        let (term, events) = (state.store.term, told.join(","));
        let header = format!(r#"{{"revision":"{revision}","raft_term":"{term}"}}"#);
        let line = format!("{{\"result\":{{\"header\":{header},\"events\":[{events}]}}}}\n");
        state.store.tally.events += changes.len() as u64;
        state.store.tally.event_bytes += line.len() as u64;
        Some(line)
    }
}

impl Played for Path {
    fn connect(&self, _host: &str, _port: u16) -> BoxFuture<'static, Result<Connection, DialError>> {
        let path = self.clone();
        async move {
            path.until(|way| way != Way::Silent).await;
            if *path.way.borrow() == Way::Cut {
                return Err(DialError::Refused);
            }
            let (near, far) = tokio::io::duplex(256 << 10);
            tokio::spawn(async move {
                let answering = path.clone();
                let service = service_fn(move |asked| answering.clone().answer(asked));
                let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
                tokio::select! {
                    _gone = serving => {}
                    () = path.until(|way| way == Way::Cut) => {}
                }
            });
            Ok(Box::new(near) as Connection)
        }
        .boxed()
    }
}
