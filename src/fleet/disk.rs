//! Questions to a disk that may never answer, such as a share whose server is gone: asked from a thread that can be left
//! behind, with a deadline.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// Paths at which somebody was left behind and still hangs. Asked again and again, a dead share must not hold more than one
/// thread for each.
static HANGING: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// What `question` says about this path; `None` where it says nothing within `patience`, or where an earlier question about
/// the same path hangs still.
pub fn ask<T: Send + 'static>(
    path: &Path,
    patience: Duration,
    question: impl FnOnce(&Path) -> T + Send + 'static,
) -> Option<T> {
    if hanging().contains(path) {
        return None;
    }
    let (tell, told) = sync_channel(1);
    let over = Arc::new(Mutex::new(false));
    let (path, finished) = (path.to_owned(), Arc::clone(&over));
    let subject = path.clone();
    let asking = move || {
        let _nobody_waits = tell.send(question(&subject));
        *finished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        hanging().remove(&subject);
    };
    std::thread::Builder::new().name("disk".into()).spawn(asking).ok()?;
    let answer = told.recv_timeout(patience).ok();
    if answer.is_none() {
        let over = over.lock().unwrap_or_else(PoisonError::into_inner);
        if !*over {
            hanging().insert(path);
        }
    }
    answer
}

fn hanging() -> std::sync::MutexGuard<'static, HashSet<PathBuf>> {
    HANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_hangs_holds_one_thread_and_nobody_else() {
        let path = Path::new("/a/dead/share/of/this/test");
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let asked = ask(path, Duration::from_millis(20), move |_path| {
            let _until_released = hold.recv();
        });
        assert_eq!(asked, None);
        let again = ask(path, Duration::from_secs(3600), |_path| unreachable!("the first one still hangs"));
        assert_eq!(again.map(|()| 0), None);
        assert_eq!(ask(Path::new("/"), Duration::from_secs(60), Path::is_dir), Some(true), "others are answered");
        drop(release);
        let (mut back, mut tries) = (None, 0);
        while back.is_none() && tries < 10_000 {
            back = ask(path, Duration::from_secs(60), |_path| "alive");
            tries += 1;
            std::thread::yield_now();
        }
        assert_eq!(back, Some("alive"), "once it has answered it is asked again");
    }
}
