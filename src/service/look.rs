//! Looking at the pid files of a service, the processes they name, and who holds their locks: one command, which changes
//! nothing.

pub(super) mod answer;

pub(super) use answer::name;

use std::time::Duration;

use super::trouble::Trouble;
use super::view::{HolderView, ModuleView};
use crate::clock::Timestamp;
use crate::fleet::data::Service;
use crate::reach::quote;
use crate::reach::ssh::{Remote, SshPool};

/// Longest look.
const PATIENCE: Duration = Duration::from_secs(8);
/// What a look prints at most, bytes.
const LIMIT: usize = 256 * 1024;
/// The script.
const SCRIPT: &str = include_str!("look.sh");

/// What was seen of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// When, by the clock of this machine.
    pub(crate) at: Timestamp,
    /// One for each pid file, in order.
    pub(crate) modules: Vec<ModuleView>,
    /// For each pid file that is not there, the names that are in its folder.
    pub(crate) near: Vec<(usize, Vec<String>)>,
    /// Programs that are there, of those that a lock needs.
    pub(crate) tools: Vec<String>,
    /// Whether the host can say who holds a lock at all.
    pub(crate) proves: bool,
}

impl Seen {
    /// Who holds locks: each holder once.
    pub(crate) fn holders(&self) -> Vec<HolderView> {
        let mut all: Vec<HolderView> = Vec::new();
        for holder in self.modules.iter().filter_map(|module| module.lock.holder()) {
            if !all.iter().any(|known| known.pid == holder.pid) {
                all.push(holder.clone());
            }
        }
        all
    }
}

/// Looks. `now` is the time here.
pub(crate) async fn look(ssh: &SshPool, destination: &str, service: &Service, now: Timestamp) -> Result<Seen, Trouble> {
    let remote = Remote::new(with_files(&service.pid_files, "", SCRIPT), PATIENCE).with_limit(LIMIT);
    let output = ssh.run(destination, &remote).await.map_err(|error| Trouble::unreachable(&service.host, &error))?;
    answer::read(&output.text(), &service.pid_files, now).ok_or_else(|| {
        let said = crate::reach::plain::last_line(&output.error_text(), 200);
        Trouble::Failed(format!(
            "{} does not answer as expected: {said}; is a POSIX shell its login shell?",
            service.host
        ))
    })
}

/// A script with these files as its arguments.
pub(super) fn with_files(files: &[String], settings: &str, script: &str) -> String {
    let files: Vec<String> = files.iter().map(|file| quote::path(file)).collect();
    format!("set -- {}\n{settings}{script}", files.join(" "))
}

/// Pid files that are not there, each with what was probably meant; `None`: all are.
pub(crate) fn missing(service: &Service, seen: &Seen) -> Option<String> {
    let mut told = Vec::new();
    for (number, names) in &seen.near {
        let file = service.pid_files.get(*number)?;
        let (folder, name) = file.rsplit_once('/').map_or(("", file.as_str()), |(folder, name)| (folder, name));
        let mut near: Vec<(f64, &String)> = names
            .iter()
            .filter(|other| other.strip_suffix(".lock").is_none())
            .map(|other| (strsim::jaro(other, name), other))
            .filter(|(alike, _)| *alike > 0.6)
            .collect();
        near.sort_by(|one, other| other.0.total_cmp(&one.0));
        let meant: Vec<&str> = near.iter().take(3).map(|(_, name)| name.as_str()).collect();
        let meant = match (meant.is_empty(), names.is_empty()) {
            (false, _) => format!(" (there: {})", meant.join(", ")),
            (true, false) => " (nothing there has a name like it)".into(),
            (true, true) if folder.is_empty() => " (the login folder is empty)".into(),
            (true, true) => format!(" (nothing is in {folder}, or it is not there)"),
        };
        told.push(format!("{file}{meant}"));
    }
    let verb = if told.len() == 1 { "is" } else { "are" };
    (!told.is_empty()).then(|| {
        format!(
            "{} {verb} not on {}: {}; nothing was created; correct pid_files",
            if told.len() == 1 { "a pid file" } else { "pid files" },
            service.host,
            told.join(", ")
        )
    })
}
