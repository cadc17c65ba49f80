//! A network between us and the store that has bad days.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// What it does to what passes.
#[derive(Default)]
pub(crate) struct Weather {
    /// Bytes to the store until every connection is cut once; nothing is cut while it is not above zero.
    pub(crate) cut_after: AtomicI64,
    /// Nothing passes any more, though connections stay.
    pub(crate) silent: AtomicBool,
    /// Milliseconds that each piece takes.
    pub(crate) slow: AtomicU64,
    /// How often it was cut.
    pub(crate) cuts: AtomicU64,
    /// Bytes that passed to the store.
    pub(crate) sent: AtomicU64,
    cutting: Notify,
}

pub(crate) struct Proxy {
    pub(crate) weather: Arc<Weather>,
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

impl Proxy {
    pub(crate) fn new(to: SocketAddr) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("its address");
        let weather = Arc::new(Weather::default());
        let sky = Arc::clone(&weather);
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let sky = Arc::clone(&sky);
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(to).await else { return };
                    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        () = pass(from_near, to_far, &sky, true) => {}
                        () = pass(from_far, to_near, &sky, false) => {}
                        () = sky.cutting.notified() => {}
                    }
                });
            }
        });
        Self { weather, address, _runtime: runtime }
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, sky: &Weather, up: bool) {
    let mut piece = vec![0; 64 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut piece).await else { return };
        while sky.silent.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let slow = sky.slow.load(Ordering::Relaxed);
        if slow > 0 {
            tokio::time::sleep(Duration::from_millis(slow)).await;
        }
        if up {
            let bytes = i64::try_from(read).expect("a piece");
            sky.sent.fetch_add(read as u64, Ordering::Relaxed);
            let left = sky.cut_after.fetch_sub(bytes, Ordering::Relaxed);
            if left > 0 && left <= bytes {
                sky.cuts.fetch_add(1, Ordering::Relaxed);
                sky.cutting.notify_waiters();
                return;
            }
        }
        if to.write_all(piece.get(..read).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
