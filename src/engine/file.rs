//! The fleet file: reading it, and noticing that it changed.
//!
//! The folder is watched, not the file: an atomic save puts a new file under the old name and ends a watch of the old
//! one. What the watch cannot see (a link's target, a network share) a slow look at the file's date and size does.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::{RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::command::{Refusal, RefusalKind};
use crate::fleet::Fleet;

/// An editor that saves in several steps is waited for.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// A file that never comes to rest is read all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the file is looked at without being told.
const LOOK: Duration = Duration::from_secs(2);
/// A fleet file is text written by a person.
const LARGEST: u64 = 16 << 20;

/// What one reading gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contents {
    /// The file as it is.
    Bytes(Vec<u8>),
    /// It cannot be read: why.
    Unreadable(String),
}

/// Reads the file, up to a size that no fleet file has.
pub(super) fn read(path: &Path) -> Contents {
    let attempt = || -> std::io::Result<Vec<u8>> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is not a file"));
        }
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(std::io::Error::other("it is larger than 16 MiB; is it a fleet file?"));
        }
        Ok(bytes)
    };
    match attempt() {
        Ok(bytes) => Contents::Bytes(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Contents::Unreadable(format!("{} is gone", path.display()))
        }
        Err(error) => Contents::Unreadable(format!("{} cannot be read: {error}", path.display())),
    }
}

/// The fleet that these contents declare, or every error in them, one a line.
pub(super) fn parse(contents: &Contents, path: &Path) -> Result<Fleet, Vec<String>> {
    match contents {
        Contents::Bytes(bytes) => interim::load(bytes, path),
        Contents::Unreadable(why) => Err(vec![why.clone()]),
    }
}

/// The fleet file that is named or found.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Refusal> {
    Ok(named.unwrap_or(Path::new("hotspare.toml")).to_owned())
}

/// The name of the fleet, also where the file has errors elsewhere.
pub(super) fn name(path: &Path) -> Result<String, Refusal> {
    let contents = read(path);
    let errors = match parse(&contents, path) {
        Ok(fleet) => return Ok(fleet.name),
        Err(errors) => errors,
    };
    let text = match &contents {
        Contents::Bytes(bytes) => String::from_utf8_lossy(bytes),
        Contents::Unreadable(_) => std::borrow::Cow::default(),
    };
    let name = text.parse::<toml::Table>().ok().and_then(|table| Some(table.get("name")?.as_str()?.to_owned()));
    name.ok_or_else(|| Refusal {
        kind: RefusalKind::Usage,
        what: errors.join("\n"),
        hint: Some("correct the fleet file; `hotspare check` shows every error with its line".into()),
    })
}

mod interim {
    use std::path::Path;

    use crate::fleet::Fleet;
    use crate::fleet::check::{Check, CheckKind};
    use crate::fleet::host::Host;

    pub(super) fn load(bytes: &[u8], path: &Path) -> Result<Fleet, Vec<String>> {
        let text = std::str::from_utf8(bytes).map_err(|error| vec![format!("{}: {error}", path.display())])?;
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| vec![format!("{}: {error}", path.display())])?;
        let mut fleet = Fleet::empty(table.get("name").and_then(toml::Value::as_str).unwrap_or("fleet"));
        for (name, host) in table.get("hosts").and_then(toml::Value::as_table).into_iter().flatten() {
            let address = host.get("address").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
            let check = Check { name: "ping".into(), kind: CheckKind::Ping, every: None, timeout: None, vital: None };
            fleet.hosts.push(Host {
                name: name.clone(),
                ssh: address.clone(),
                address,
                service: None,
                labels: std::collections::BTreeMap::new(),
                checks: vec![check],
            });
        }
        Ok(fleet)
    }
}

/// Watches until it is cancelled; sends what is read whenever it differs from what was read before.
pub(super) fn watch(path: PathBuf, first: Contents, stop: CancellationToken) -> mpsc::Receiver<Contents> {
    let (tell, told) = mpsc::channel(4);
    tokio::spawn(async move {
        let stirred = Arc::new(Notify::new());
        // Kept alive until the end; without it, the slow look remains.
        let _watcher = watcher(&path, &stirred);
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
            let Ok(now) = tokio::task::spawn_blocking(move || read(&here)).await else { break };
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
