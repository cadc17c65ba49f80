//! The fleet file: reading it, and noticing that it changed.
//!
//! The folder is watched, not the file: an atomic save puts a new file under the old name and ends a watch of the old
//! one. What the watch cannot see (a link's target, a network share) a slow look at the file's date and size does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::{RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::command::{Refusal, RefusalKind};
use crate::fleet::diagnostic::Diagnostic;
use crate::fleet::{self, Fleet};

/// An editor that saves in several steps is waited for.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// A file that never comes to rest is read all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the file is looked at without being told.
const LOOK: Duration = Duration::from_secs(2);

/// What one reading gave: the file as it is, or why it cannot be read.
pub(super) type Contents = Result<Vec<u8>, Box<Diagnostic>>;

/// The fleet that these contents declare, or every error in them.
pub(super) fn parse(contents: &Contents, path: &Path) -> Result<Fleet, Vec<Diagnostic>> {
    let loaded = match contents {
        Ok(bytes) => fleet::load(bytes, path),
        Err(diagnostic) => return Err(vec![diagnostic.as_ref().clone()]),
    };
    loaded.fleet.ok_or_else(|| loaded.diagnostics.into_iter().filter(Diagnostic::is_error).collect())
}

/// An error in one line, for where there is no room for the text around it.
pub(super) fn in_one_line(diagnostic: &Diagnostic) -> String {
    let place = match diagnostic.line {
        0 => String::new(),
        line => format!("line {line}, column {}: ", diagnostic.column),
    };
    let meant = diagnostic.did_you_mean.as_ref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    format!("{place}{}{meant}", diagnostic.message)
}

/// The fleet file that is named or found.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Refusal> {
    fleet::find(named).map_err(|error| Refusal {
        kind: RefusalKind::Usage,
        what: error.to_string(),
        hint: Some("`hotspare init` writes one".into()),
    })
}

/// The name of the fleet, also where the file has errors elsewhere.
pub(super) fn name(path: &Path) -> Result<String, Refusal> {
    let contents = fleet::read(path);
    let errors = match parse(&contents, path) {
        Ok(fleet) => return Ok(fleet.name),
        Err(errors) => errors,
    };
    let text = contents.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (document, _errors) = toml::de::DeTable::parse_recoverable(&text);
    let name = document.get_ref().get("name").and_then(|name| Some(name.get_ref().as_str()?.to_owned()));
    name.ok_or_else(|| Refusal { kind: RefusalKind::Usage, what: all(&errors), hint: Some(remedy(&errors).to_owned()) })
}

/// Every error in full.
pub(super) fn all(errors: &[Diagnostic]) -> String {
    if let [whole] = errors
        && whole.line == 0
    {
        return format!("{}: {}", whole.message, whole.path.display());
    }
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    format!("the fleet file has errors\n{}", errors.join("\n"))
}

/// What to do about them.
pub(super) fn remedy(errors: &[Diagnostic]) -> &str {
    match errors {
        [Diagnostic { line: 0, hint: Some(hint), .. }] => hint,
        _ => "correct the fleet file; `hotspare check` shows every error with its line",
    }
}

/// Watches until it is cancelled; sends what is read whenever it differs from what was read before.
pub(super) fn watch(path: PathBuf, first: Contents, stop: CancellationToken) -> mpsc::Receiver<Contents> {
    let (tell, told) = mpsc::channel(4);
    tokio::spawn(async move {
        let stirred = Arc::new(Notify::new());
        // Kept alive until the end; without it, the slow look remains.
        let _watcher = watcher(&path, &stirred);
        // The file may have changed between its first reading and now.
        stirred.notify_one();
        let mut last = first;
        let mut seen = stamp(&path);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = stirred.notified() => {
                    let _rest = tokio::time::timeout(PATIENCE, rest(&stirred)).await;
                }
                _ = look.tick() => {
                    let now = stamp(&path);
                    if now == seen {
                        continue;
                    }
                    let _rest = tokio::time::timeout(PATIENCE, rest(&stirred)).await;
                }
            }
            seen = stamp(&path);
            let here = path.clone();
            let Ok(now) = tokio::task::spawn_blocking(move || fleet::read(&here)).await else { break };
            if now != last {
                last = now.clone();
                if tell.send(now).await.is_err() {
                    break;
                }
            }
        }
    });
    told
}

/// Returns when nothing has stirred for [`DEBOUNCE`].
async fn rest(stirred: &Notify) {
    while tokio::time::timeout(DEBOUNCE, stirred.notified()).await.is_ok() {}
}

fn watcher(path: &Path, stirred: &Arc<Notify>) -> Option<notify::RecommendedWatcher> {
    let stir = Arc::clone(stirred);
    let mut watcher = notify::recommended_watcher(move |_event| stir.notify_one())
        .inspect_err(|error| tracing::warn!(%error, "changes of the fleet file are only noticed within seconds"))
        .ok()?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    watcher
        .watch(folder, RecursiveMode::NonRecursive)
        .inspect_err(|error| tracing::warn!(%error, "changes of the fleet file are only noticed within seconds"))
        .ok()?;
    Some(watcher)
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
