//! The network between one engine and the members of an etcd, which can be cut.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nothing passes, and nobody is told: what is under way waits.
    Silent,
    /// Questions pass, answers do not.
    Deaf,
    /// Connections are refused, and those that were are reset.
    Cut,
}

/// One engine's ways to all members.
pub(crate) struct Paths {
    pub(crate) urls: Vec<String>,
    way: Arc<watch::Sender<Way>>,
}

impl Paths {
    pub(crate) async fn new(ports: &[u16]) -> Self {
        let way = Arc::new(watch::Sender::new(Way::Open));
        let mut urls = Vec::new();
        for port in ports {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            urls.push(format!("http://{}", listener.local_addr().expect("its address")));
            tokio::spawn(listen(listener, *port, Arc::clone(&way)));
        }
        Self { urls, way }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn listen(listener: TcpListener, port: u16, way: Arc<watch::Sender<Way>>) {
    while let Ok((near, _)) = listener.accept().await {
        let mut cut = way.subscribe();
        tokio::spawn(async move {
            if *cut.borrow() == Way::Cut {
                return;
            }
            // A connection that is asked for in silence comes about when the silence is over.
            drop(cut.wait_for(|way| *way != Way::Silent).await);
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            let _slower = (near.set_nodelay(true), far.set_nodelay(true));
            let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
            tokio::select! {
                () = pass(from_near, to_far, cut.clone(), |way| way != Way::Silent) => {}
                () = pass(from_far, to_near, cut.clone(), |way| way == Way::Open) => {}
                () = async { drop(cut.wait_for(|way| *way == Way::Cut).await) } => {}
            }
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>, may: fn(Way) -> bool) {
    let mut piece = vec![0; 16 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut piece).await else { return };
        drop(way.wait_for(|way| may(*way)).await);
        // So that a flood does not starve the others on this one thread.
        let sent = tokio::time::timeout(Duration::from_secs(10), to.write_all(&piece[..read])).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}
