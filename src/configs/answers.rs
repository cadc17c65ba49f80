//! Answers: what is kept, what changed, what a file looked like.

use super::store::{self, Store};
use super::view::{Ask, Change, ConfigView, Diff, FileDiff, HostView, Shown};
use super::{Configs, compare, hosts, lock};
use crate::clock::Timestamp;
use crate::fleet::{Fleet, nearest};

impl Configs {
    /// What is kept.
    pub async fn views(&self) -> Vec<ConfigView> {
        let fleet = self.fleet();
        let mut views = Vec::new();
        for config in &fleet.configs {
            let store = self.store(&config.name);
            let mut store = store.lock().await;
            let store = self.opened(&config.name, &mut store).await;
            let trouble = |host: &str| {
                let known = lock(&self.0.troubles).get(&(config.name.clone(), host.to_owned())).cloned();
                known.map(|(_, why)| why).unwrap_or_default()
            };
            let view = |host: &str| match &store {
                Ok(store) => HostView {
                    host: host.to_owned(),
                    looked: store.looked(host),
                    changed: store.changed(host),
                    files: store.files(host),
                    trouble: trouble(host),
                },
                Err(why) => {
                    let (host, trouble) = (host.to_owned(), vec![why.clone()]);
                    HostView { host, looked: None, changed: None, files: Vec::new(), trouble }
                }
            };
            views.push(ConfigView {
                name: config.name.clone(),
                files: config.files.clone(),
                every: config.every.as_secs_f64(),
                kept: store.as_ref().map_or("copies", |store| store.kept()).to_owned(),
                versions: store.as_ref().map_or(0, |store| store.count()),
                hosts: hosts(&fleet, config).map(view).collect(),
            });
        }
        views
    }

    /// What changed.
    pub async fn diff(&self, ask: &Ask) -> Result<Diff, String> {
        let fleet = self.fleet();
        self.asked(&fleet, ask.config.as_deref(), ask.host.as_deref())?;
        let mut diff = Diff::default();
        for config in fleet.configs.iter().filter(|config| ask.config.as_ref().is_none_or(|name| config.name == *name))
        {
            let store = self.store(&config.name);
            let mut store = store.lock().await;
            let store = self.opened(&config.name, &mut store).await?;
            for host in hosts(&fleet, config).filter(|host| ask.host.as_deref().is_none_or(|wanted| wanted == *host)) {
                for pair in store.pairs(host, ask.from) {
                    let path = &pair.newer.1.path;
                    if ask.file.as_ref().is_some_and(|part| !path.contains(part)) {
                        continue;
                    }
                    diff.compared += 1;
                    if !pair.same {
                        diff.files.push(differ(store, &config.name, host, &pair).await?);
                    }
                }
            }
        }
        Ok(diff)
    }

    /// A file as it is kept now, or as it was at a time.
    pub async fn show(&self, host: &str, path: &str, at: Option<Timestamp>) -> Result<Shown, String> {
        let fleet = self.fleet();
        self.asked(&fleet, None, Some(host))?;
        let mut kept: Vec<String> = Vec::new();
        for config in &fleet.configs {
            let store = self.store(&config.name);
            let mut store = store.lock().await;
            let store = self.opened(&config.name, &mut store).await?;
            let Some(version) = store.version(host, path, at) else {
                kept.extend(store.files(host).into_iter().map(|file| file.path));
                continue;
            };
            let gone = version.files.iter().any(|entry| entry.path == path && entry.change == Change::Removed);
            if gone {
                return Err(format!("{path} was gone from {host} at {:.0}", version.at));
            }
            let bytes = store.read(version, path).await?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let (config, host, path) = (config.name.clone(), host.to_owned(), path.to_owned());
            return Ok(Shown { config, host, path, at: version.at, text });
        }
        let then = if at.is_some() && kept.iter().any(|known| known == path) { " of that time" } else { "" };
        Err(format!("no version of {path} of {host} is kept{then}{}", instead(path, &kept)))
    }

    fn asked(&self, fleet: &Fleet, config: Option<&str>, host: Option<&str>) -> Result<(), String> {
        config.map_or(Ok(()), |config| self.known(config))?;
        match host.filter(|host| fleet.host(host).is_none()) {
            Some(host) => Err(format!("there is no host {host} in {}", fleet.name)),
            None => Ok(()),
        }
    }
}

/// Which file may be meant, or which there are.
fn instead(path: &str, kept: &[String]) -> String {
    if kept.iter().any(|known| known == path) {
        return String::new();
    }
    let Some((first, rest)) = kept.split_first() else { return "; nothing of this host is kept".into() };
    if let Some(near) = nearest(path, kept.iter().map(String::as_str)) {
        return format!("; did you mean {near}?");
    }
    let some: Vec<&str> = std::iter::once(first).chain(rest).take(5).map(String::as_str).collect();
    let more = if kept.len() > some.len() { ", …" } else { "" };
    format!("; kept are {}{more}", some.join(", "))
}

async fn differ(store: &Store, config: &str, host: &str, pair: &store::Pair<'_>) -> Result<FileDiff, String> {
    let (to, entry) = pair.newer;
    let newer = if entry.change == Change::Removed { Vec::new() } else { store.read(to, &entry.path).await? };
    let older = match pair.older {
        Some((version, _)) => store.read(version, &entry.path).await?,
        None => Vec::new(),
    };
    let change = match (pair.older, entry.change) {
        (_, Change::Removed) => Change::Removed,
        (None, _) => Change::Added,
        (Some(_), _) => Change::Changed,
    };
    let mode =
        pair.older.filter(|_| change == Change::Changed).map(|(_, older)| (older.mode.clone(), entry.mode.clone()));
    Ok(FileDiff {
        config: config.to_owned(),
        host: host.to_owned(),
        path: entry.path.clone(),
        change,
        from: pair.older.map(|(version, _)| version.at),
        to: to.at,
        lines: compare::lines(&older, &newer),
        mode: mode.filter(|(before, now)| before != now),
    })
}
