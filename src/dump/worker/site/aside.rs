//! Threads that touch a medium and can be left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::dump::trouble::Trouble;
use crate::dump::worker::lock;
use crate::reach::plain;

/// Which places have threads that did not come back.
#[derive(Debug, Default)]
pub(super) struct Aside(Mutex<BTreeMap<PathBuf, Weak<()>>>);

impl Aside {
    /// Does the work on a thread of its own, and leaves it behind after so long. A medium that holds a thread is not given
    /// another one.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        at: &Path,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let hangs = || {
            Trouble::Medium(format!(
                "the medium at {} does not answer: pull it out and plug it in again, or use another one",
                at.display()
            ))
        };
        if lock(&self.0).get(at).is_some_and(|left| left.strong_count() > 0) {
            return Err(hangs());
        }
        let here = Arc::new(());
        let left = Arc::downgrade(&here);
        let (tell, told) = oneshot::channel();
        let spawned = std::thread::Builder::new().name("medium".into()).spawn(move || {
            let done = work();
            drop(here);
            let _nobody_waits = tell.send(done);
        });
        if let Err(error) = spawned {
            return Err(Trouble::Failed(format!("the machine has no room for another thread: {error}")));
        }
        match tokio::time::timeout(patience, told).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_broke)) => Err(Trouble::Failed(format!("the work on {} broke; see the log", at.display()))),
            Err(_late) => {
                lock(&self.0).insert(at.to_owned(), left);
                tracing::warn!(at = %at.display(), patience = plain::time(patience), "a thread is left behind at a medium");
                Err(hangs())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_medium_that_hangs_gets_one_thread_until_it_comes_back() {
        let (aside, place) = (Aside::default(), Path::new("/media/usb"));
        let (wake, sleeper) = mpsc::channel::<()>();
        let (tell, woken) = oneshot::channel();
        let hanging = move || {
            let _until_woken = sleeper.recv();
            let _told = tell.send(());
        };
        let late = aside.run(place, Duration::from_millis(1), hanging).await;
        assert!(matches!(&late, Err(Trouble::Medium(why)) if why.contains("/media/usb does not answer")), "{late:?}");
        let never = aside.run(place, Duration::from_secs(5), || panic!("a second thread was sent to it")).await;
        assert!(matches!(never, Err(Trouble::Medium(_))));
        assert_eq!(aside.run(Path::new("/media/sd"), Duration::from_secs(5), || 7).await, Ok(7));
        drop(wake);
        woken.await.unwrap();
        while lock(&aside.0).get(place).is_some_and(|left| left.strong_count() > 0) {
            tokio::task::yield_now().await;
        }
        assert_eq!(aside.run(place, Duration::from_secs(5), || 8).await, Ok(8));
    }
}
