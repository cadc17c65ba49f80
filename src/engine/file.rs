//! The fleet file: reading it, and noticing that it changed.
//!
//! The folder is watched, not the file: an atomic save puts a new file under the old name and ends a watch of the old
//! one. What the watch cannot see (a link's target, a network share) a slow look at the file's date and size does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::{RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::command::{Refusal, RefusalKind};
use crate::fleet::diagnostic::Diagnostic;
use crate::fleet::{self, Fleet, disk};

/// An editor that saves in several steps is waited for.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// A file that never comes to rest is read all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the file is looked at without being told.
const LOOK: Duration = Duration::from_secs(2);

/// How long the disk may take to tell whether the file changed.
const GLANCE: Duration = Duration::from_secs(2);

/// What one reading gave: the file as it is, or why it cannot be read.
pub(super) type Contents = Result<Vec<u8>, Box<Diagnostic>>;

/// A fleet, or every error in what should be one.
pub(super) type Parsed = Result<Fleet, Vec<Diagnostic>>;

/// Reads and parses on a thread of its own: a share that hangs must not hold the engine.
pub(super) async fn read_aside(path: PathBuf) -> Parsed {
    let reading = tokio::task::spawn_blocking({
        let path = path.clone();
        move || parse(&fleet::read(&path), &path)
    });
    reading.await.unwrap_or_else(|broken| unreadable(&path, &broken.to_string()))
}

/// Reading it broke: a defect of this program that must not end the watching.
fn unreadable(path: &Path, broken: &str) -> Parsed {
    let message = format!("the fleet file could not be read: {broken}");
    Err(vec![Diagnostic::of_file(path, message, "see the engine's log")])
}

/// The fleet that these contents declare, or every error in them.
pub(super) fn parse(contents: &Contents, path: &Path) -> Parsed {
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

/// Watches until it is cancelled; sends what is read, parsed, whenever it differs from what was read before.
pub(super) fn watch(path: PathBuf, first: Contents, stop: CancellationToken) -> mpsc::Receiver<Parsed> {
    let (tell, told) = mpsc::channel(4);
    tokio::spawn(async move {
        let stirred = Arc::new(Notify::new());
        // Kept alive until the end; without it, the slow look remains.
        let _watcher = watch_folder(&path, &stirred);
        // The file may have changed between its first reading and now.
        stirred.notify_one();
        let mut last = first;
        let mut seen = None;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = stirred.notified() => {
                    let _rest = tokio::time::timeout(PATIENCE, rest(&stirred)).await;
                }
                _ = look.tick() => {
                    if aside(&path, glance).await == seen {
                        continue;
                    }
                    let _rest = tokio::time::timeout(PATIENCE, rest(&stirred)).await;
                }
            }
            seen = aside(&path, glance).await;
            let Some(now) = aside(&path, fleet::read).await else { continue };
            if now != last {
                last = now.clone();
                let parsed = aside(&path, move |path| parse(&now, path)).await;
                let parsed = parsed.unwrap_or_else(|| unreadable(&path, "its reader broke"));
                if tell.send(parsed).await.is_err() {
                    break;
                }
            }
        }
    });
    told
}

/// Asks something of the path's disk from a thread that may wait. `None`: the question itself broke.
async fn aside<T: Send + 'static>(path: &Path, ask: impl FnOnce(&Path) -> T + Send + 'static) -> Option<T> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || ask(&path)).await.ok()
}

/// Returns when nothing has stirred for [`DEBOUNCE`].
async fn rest(stirred: &Notify) {
    while tokio::time::timeout(DEBOUNCE, stirred.notified()).await.is_ok() {}
}

/// Begins to watch the folder, from a thread of its own: on a share that hangs, to ask for it is to hang.
fn watch_folder(path: &Path, stirred: &Arc<Notify>) -> oneshot::Receiver<notify::RecommendedWatcher> {
    let (give, given) = oneshot::channel();
    let (path, stirred) = (path.to_owned(), Arc::clone(stirred));
    let beginning = std::thread::Builder::new().name("fleet file".into()).spawn(move || {
        if let Some(watcher) = watcher(&path, &stirred) {
            let _ended_meanwhile = give.send(watcher);
            // What was written before the watch began has not stirred it.
            stirred.notify_one();
        }
    });
    if let Err(error) = beginning {
        tracing::warn!(%error, "changes of the fleet file are only noticed within seconds");
    }
    given
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

/// What a glance at the file shows.
#[derive(Debug, PartialEq, Eq)]
enum Glance {
    /// Its date and size.
    File(SystemTime, u64),
    /// There is none, or none that may be looked at.
    Nothing,
    /// Its disk does not answer.
    Silence,
}

fn glance(path: &Path) -> Glance {
    let look = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Glance::File(metadata.modified().ok()?, metadata.len()))
    };
    disk::ask(path, GLANCE, look).map_or(Glance::Silence, |seen| seen.unwrap_or(Glance::Nothing))
}
