//! Follows the fleet file: serves where it says, moves when it says so, and tells the engine what stands in the way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

use super::server::{self, Source};
use super::{Picture, Tally, text};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::engine::command::{Answer, Query};

/// An address that could not be had is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// The engine's answer is waited for so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// Clients that wait in the system's queue.
const BACKLOG: u32 = 64;

/// Serves the figures of this engine until it ends.
pub fn start(engine: &Engine, clock: &Clock) {
    let tally = Arc::new(Mutex::new(Tally::default()));
    tokio::spawn(count(engine.clone(), Arc::clone(&tally)));
    let (engine, clock) = (engine.clone(), clock.clone());
    tokio::spawn(async move {
        let ended = engine.clone();
        tokio::select! {
            () = ended.ended() => {}
            () = follow(&engine, &clock, &tally) => {}
        }
    });
}

/// Counts the entries of each snapshot as it comes.
async fn count(engine: Engine, tally: Arc<Mutex<Tally>>) {
    let mut snapshots = engine.snapshots();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        tally.lock().unwrap_or_else(PoisonError::into_inner).count(&snapshot);
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { return },
            () = engine.ended() => return,
        }
    }
}

async fn follow(engine: &Engine, clock: &Clock, tally: &Arc<Mutex<Tally>>) {
    let mut wanted = engine.outlet().wanted();
    loop {
        let address = *wanted.borrow_and_update();
        tokio::select! {
            () = serve(engine, clock, tally, address) => {}
            changed = wanted.changed() => if changed.is_err() { return },
        }
    }
}

/// Serves at this address, for ever; what stands in the way is told and tried again.
async fn serve(engine: &Engine, clock: &Clock, tally: &Arc<Mutex<Tally>>, address: Option<SocketAddr>) {
    let Some(address) = address else {
        engine.outlet().tell(None);
        return std::future::pending().await;
    };
    let listener = loop {
        match bind(address) {
            Ok(listener) => break listener,
            Err(error) => {
                engine.outlet().tell(Some(format!(
                    "the metrics cannot be served at {address}: {error}; free that port, or name another in `metrics` of \
                     [engine] (tried again every {} s)",
                    AGAIN.as_secs()
                )));
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    engine.outlet().tell(None);
    tracing::info!(%address, "the metrics are served");
    server::serve(listener, source(engine, clock, tally), clock.clone()).await;
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // An engine that starts again takes the port over from connections that are still being closed.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn source(engine: &Engine, clock: &Clock, tally: &Arc<Mutex<Tally>>) -> Source {
    let (engine, clock, tally) = (engine.clone(), clock.clone(), Arc::clone(tally));
    Arc::new(move || {
        let (engine, clock, tally) = (engine.clone(), clock.clone(), Arc::clone(&tally));
        Box::pin(async move {
            let asked = clock.tick();
            let pace = match tokio::time::timeout(PATIENCE, engine.query(Query::Pace)).await {
                Ok(Ok(Answer::Pace { pace })) => Some(pace),
                _ => None,
            };
            let answered = clock.tick().since(asked);
            let snapshot = Arc::clone(&engine.snapshots().borrow());
            let tally = tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let picture = Picture { snapshot: &snapshot, pace, answered, tally: &tally };
            text(&picture).inspect_err(|error| tracing::error!(%error, "the metrics cannot be made")).ok()
        })
    })
}
