//! A crash: the terminal is given back by unwinding, and what happened is written down for whoever mends it.
//!
//! A report holds the message, the place, the way there, and the size of the screen: nothing of the environment, of
//! the arguments, of the fleet or of what was typed, so that it can be sent to anybody.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;

/// Reports that are kept.
const REPORTS: usize = 10;

/// What is said after the terminal is back.
type Said = Arc<Mutex<Option<String>>>;

/// As long as this lives, a panic of any thread writes a report instead of letters across the screen. Dropping it says
/// what happened; drop it after the terminal.
pub struct Watch {
    said: Said,
    before: Option<Arc<Hook>>,
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    /// Reports go into this folder.
    pub fn begin(folder: PathBuf, clock: Clock) -> Self {
        let said = Said::default();
        let before: Arc<Hook> = Arc::from(std::panic::take_hook());
        let saying = Arc::clone(&said);
        std::panic::set_hook(Box::new(move |info| {
            let written = write(&folder, &clock, &report(info));
            let what = message(info);
            let text = match written {
                Ok(path) => format!("the console crashed: {what}\n  a report is in {}", path.display()),
                Err(error) => format!("the console crashed: {what}\n  a report cannot be written: {error}"),
            };
            *saying.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        }));
        Self { said, before: Some(before) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(text) = self.said.lock().unwrap_or_else(PoisonError::into_inner).take() {
            use std::io::Write as _;
            let _gone = writeln!(std::io::stderr().lock(), "hotspare: {text}");
        }
        // A hook cannot be set by a thread that is panicking.
        if let Some(before) = self.before.take().filter(|_| !std::thread::panicking()) {
            std::panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

fn report(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let size = super::Terminal::size();
    format!(
        "hotspare {} on {} {}\nscreen {}x{}\nthread {}\nat {place}\n\n{}\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        size.width,
        size.height,
        thread.name().unwrap_or("without a name"),
        message(info),
        Backtrace::force_capture(),
    )
}

fn write(folder: &Path, clock: &Clock, report: &str) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("crash-{}.txt", clock.now().strftime("%Y%m%dT%H%M%SZ")));
    std::fs::write(&path, report)?;
    forget(folder);
    Ok(path)
}

/// Keeps the last reports.
fn forget(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut reports: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    let is_report = |name: &str| name.strip_prefix("crash-").is_some_and(|rest| rest.strip_suffix(".txt").is_some());
    reports.retain(|name| name.to_str().is_some_and(is_report));
    // Their names are their times.
    reports.sort();
    let surplus = reports.len().saturating_sub(REPORTS);
    for name in reports.into_iter().take(surplus) {
        let _gone_already = std::fs::remove_file(folder.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reports_are_kept_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::held(crate::clock::Timestamp::UNIX_EPOCH);
        std::fs::write(folder.path().join("state.db"), "").unwrap();
        for _crash in 0..15 {
            write(folder.path(), &clock, "it broke").unwrap();
            clock.advance(std::time::Duration::from_secs(60));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), REPORTS + 1);
        assert!(folder.path().join("state.db").exists() && folder.path().join("crash-19700101T001400Z.txt").exists());
        assert!(!folder.path().join("crash-19700101T000000Z.txt").exists());
    }

    #[test]
    fn a_report_says_where_and_nothing_of_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::begin(folder.path().join("state"), Clock::held(crate::clock::Timestamp::UNIX_EPOCH));
        let ended =
            std::thread::Builder::new().name("engine".into()).spawn(|| panic!("a wheel came off")).unwrap().join();
        assert!(ended.is_err());
        let said = watch.said.lock().unwrap().take().unwrap();
        assert!(said.contains("a wheel came off"), "{said}");
        drop(watch);
        let report = std::fs::read_to_string(folder.path().join("state/crash-19700101T000000Z.txt")).unwrap();
        assert!(report.contains("thread engine") && report.contains("crash.rs"), "{report}");
        for (name, value) in std::env::vars().filter(|(name, value)| name.contains("KEY") && value.len() > 8) {
            assert!(!report.contains(&value), "{name}");
        }
    }
}
