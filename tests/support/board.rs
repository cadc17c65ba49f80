//! A shelf that keeps texts as long as the test runs, in place of an engine's state folder.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hotspare::standin::lease::Shelf;

/// Keeps texts for one engine. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Board {
    texts: Arc<Mutex<BTreeMap<String, String>>>,
    hangs: Arc<Mutex<Option<String>>>,
}

impl Board {
    /// From now on its disk hangs, and this says so; `None`: it answers again.
    pub(crate) fn hang(&self, why: Option<&str>) {
        *self.hangs.lock().unwrap() = why.map(str::to_owned);
    }
}

impl Shelf for Board {
    fn keep(&self, key: String, text: String) -> BoxFuture<'static, Result<(), String>> {
        self.texts.lock().unwrap().insert(key, text);
        std::future::ready(Ok(())).boxed()
    }

    fn kept(&self, key: String) -> BoxFuture<'static, Result<Option<String>, String>> {
        std::future::ready(Ok(self.texts.lock().unwrap().get(&key).cloned())).boxed()
    }

    fn hangs(&self) -> Option<String> {
        self.hangs.lock().unwrap().clone()
    }
}
