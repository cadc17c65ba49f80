//! Who reads kits at the place of a medium, so that none is removed meanwhile.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, RwLock, RwLockWriteGuard};

/// Those who read kits at one place: as long as there is one, no kit there is removed. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct Readers(Arc<RwLock<()>>);

/// A reader, as long as it lives.
#[derive(Debug)]
pub struct Reading {
    _inside: OwnedRwLockReadGuard<()>,
}

impl Readers {
    /// Enters. Waits while kits are being removed, which may hang as the medium does.
    pub async fn enter(&self) -> Reading {
        Reading { _inside: Arc::clone(&self.0).read_owned().await }
    }

    /// The right to remove kits: until it is dropped no reader enters. `None`: somebody reads.
    pub(in crate::dump) fn nobody(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        self.0.try_write().ok()
    }
}
