//! Through which network connections are opened: the machine's own, or one that a test plays, with its cuts and delays.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use super::dial::{self, DialError};

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a server.
pub type Connection = Box<dyn Duplex>;

/// A network that is played.
pub trait Played: Send + Sync + 'static {
    /// Opens a connection to a name or a literal address. Without a time-out: the caller's covers it.
    fn connect(&self, host: &str, port: u16) -> BoxFuture<'static, Result<Connection, DialError>>;
}

/// A network. Cheap to clone.
#[derive(Clone, Default)]
pub struct Network(Option<Arc<dyn Played>>);

impl Network {
    /// That of this machine.
    pub fn real() -> Self {
        Self::default()
    }

    /// One that is played.
    pub fn played(by: Arc<dyn Played>) -> Self {
        Self(Some(by))
    }

    /// Opens a connection. Without a time-out: the caller's covers it.
    pub(super) async fn connect(&self, host: &str, port: u16) -> Result<Connection, DialError> {
        if let Some(played) = &self.0 {
            return played.connect(host, port).await;
        }
        let stream = dial::connect(host, port).await?;
        // Without it the second small write of a request would wait for the first one's acknowledgement.
        let _slower = stream.set_nodelay(true);
        Ok(Box::new(stream))
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Network(played)" } else { "Network(real)" })
    }
}
