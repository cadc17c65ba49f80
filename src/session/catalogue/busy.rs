//! That somebody works on a session, as every console sees it.

use std::sync::Arc;

use super::shop::Shop;
use crate::session::key::Key;

/// Somebody works on a session, as long as this lives.
#[derive(Debug)]
pub struct Busy {
    shop: Arc<Shop>,
    key: Key,
}

impl Busy {
    pub(super) const fn new(shop: Arc<Shop>, key: Key) -> Self {
        Self { shop, key }
    }

    /// The session.
    pub const fn key(&self) -> &Key {
        &self.key
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shop.free(&self.key);
    }
}
