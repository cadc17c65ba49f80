//! What the engine and the face that serves metrics tell each other: where they are wanted, and what stands in the way.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

/// The place where they meet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outlet {
    wanted: Arc<watch::Sender<Option<SocketAddr>>>,
    trouble: Arc<watch::Sender<Option<String>>>,
}

impl Outlet {
    pub(super) fn new(wanted: Option<SocketAddr>) -> Self {
        Self { wanted: Arc::new(watch::channel(wanted).0), trouble: Arc::new(watch::channel(None).0) }
    }

    /// The fleet file says where.
    pub(super) fn want(&self, address: Option<SocketAddr>) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, address) != address);
    }

    /// Where metrics are wanted; `None`: nowhere.
    pub fn wanted(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.wanted.subscribe()
    }

    /// Why they cannot be served there, and what to do; `None`: they are, or nobody wants them.
    pub fn tell(&self, trouble: Option<String>) {
        self.trouble.send_if_modified(|told| {
            let other = *told != trouble;
            *told = trouble;
            other
        });
    }

    /// What was told.
    pub(super) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }
}
