//! A shelf that keeps texts as long as the test runs, in place of an engine's state folder.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hotspare::standin::lease::Shelf;

/// Keeps texts for one engine. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Board(Arc<Mutex<BTreeMap<String, String>>>);

impl Shelf for Board {
    fn keep(&self, key: String, text: String) -> BoxFuture<'static, Result<(), String>> {
        self.0.lock().unwrap().insert(key, text);
        std::future::ready(Ok(())).boxed()
    }

    fn kept(&self, key: String) -> BoxFuture<'static, Result<Option<String>, String>> {
        std::future::ready(Ok(self.0.lock().unwrap().get(&key).cloned())).boxed()
    }
}
