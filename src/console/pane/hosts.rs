//! The pane Hosts: is every machine well?

use std::cmp::Ordering;

use super::{Pane, Rows};
use crate::console::action::{Action, Scope};
use crate::console::format;
use crate::console::keymap::Keymap;
use crate::console::table::{Column, Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::snapshot::Snapshot;
use crate::health::observation::Outcome;
use crate::health::view::{Health, HostView};

/// The pane.
#[derive(Debug)]
pub struct Hosts;

const SORTS: &[&str] = &["trouble", "name", "since", "latency"];

/// The meaning of a health.
pub fn meaning(health: Health) -> Meaning {
    match health {
        Health::Up => Meaning::Good,
        Health::Degraded | Health::Suspect => Meaning::Warn,
        Health::Down => Meaning::Bad,
        Health::Unknown => Meaning::Unknown,
        Health::Maintenance => Meaning::Info,
    }
}

/// How many hosts there are of each health that is not up, in words, worst first; all well: so many are.
pub fn counts(snapshot: &Snapshot, glyphs: &Glyphs) -> Vec<Part> {
    let mut parts = Vec::new();
    for health in Health::ALL.into_iter().filter(|health| *health != Health::Up) {
        let count = snapshot.count(health);
        if count > 0 {
            if !parts.is_empty() {
                parts.push(dim(format!(" {} ", glyphs.dot)));
            }
            parts.push(part(meaning(health), format!("{} {count} {}", glyphs.health(health), health.word())));
        }
    }
    parts
}

/// The latency that is compared and shown: of the first vital check, else of the first that has one.
pub fn latency(host: &HostView) -> Option<f64> {
    let vital = host.checks.iter().find(|check| check.vital && check.latency.is_some());
    vital.or_else(|| host.checks.iter().find(|check| check.latency.is_some()))?.latency
}

/// The trend as a row of columns, scaled to its own highest value but not to less than four times the median, so that a
/// calm line looks calm.
pub fn spark(trend: &[Option<f64>], glyphs: &Glyphs) -> String {
    let mut values: Vec<f64> = trend.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or_default();
    let top = values.last().copied().unwrap_or_default().max(median * 4.0);
    let column = |value: &Option<f64>| match value {
        Some(value) if top > 0.0 => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
            let step = (value / top * 7.0).clamp(0.0, 7.0) as usize;
            glyphs.heights[step]
        }
        Some(_) => glyphs.heights[0],
        None => glyphs.gap,
    };
    trend.iter().map(column).collect()
}

fn host(snapshot: &Snapshot, row: usize) -> Option<&HostView> {
    snapshot.hosts.get(row).map(AsRef::as_ref)
}

impl Pane for Hosts {
    fn name(&self) -> &'static str {
        "Hosts"
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Hosts)
    }

    fn answer(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let up = world.shown.count(Health::Up);
        let mut parts = vec![match (up, world.shown.hosts.len()) {
            (_, 0) => dim("none declared"),
            (up, all) if up == all => plain(format!("all {all} up")),
            (up, _) => plain(format!("{up} up")),
        }];
        let wrong = counts(&world.shown, glyphs);
        if !wrong.is_empty() {
            parts.push(plain(", "));
            parts.extend(wrong);
        }
        parts
    }

    fn brief(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let (up, all) = (world.shown.count(Health::Up), world.shown.hosts.len());
        let mut parts = vec![plain(format!("{up}/{all}"))];
        if let Some(worst) = Health::ALL.into_iter().find(|health| world.shown.count(*health) > 0)
            && worst != Health::Up
        {
            parts.push(part(meaning(worst), format!(" {}", glyphs.health(worst))));
        }
        parts
    }

    fn count(&self, world: &World) -> usize {
        world.shown.hosts.len()
    }

    fn key(&self, world: &World, row: usize) -> Option<String> {
        host(&world.shown, row).map(|host| host.name.clone())
    }

    fn sorts(&self) -> &'static [&'static str] {
        SORTS
    }

    fn here(&self) -> Option<&dyn Rows> {
        Some(self)
    }

    fn columns(&self, world: &World) -> Vec<Column> {
        let longest = world.shown.hosts.iter().map(|host| host.name.chars().count()).max().unwrap_or(0);
        let name = u16::try_from(longest + 2).unwrap_or(u16::MAX).clamp(10, 34);
        let words = world.shown.hosts.iter().map(|host| host.health.word().len()).max().unwrap_or(0);
        let health = u16::try_from(words).unwrap_or(u16::MAX).clamp(8, 11);
        vec![
            Column::growing("  host", name.min(18), name),
            Column::fixed("health", health),
            Column::fixed("since", 9).right().spare(1),
            Column::fixed("checks", 6).right().spare(2),
            Column::growing("latency, reason", 19, 400),
        ]
    }

    fn cells(&self, world: &World, glyphs: &Glyphs, row: usize) -> Vec<Vec<Part>> {
        let Some(host) = host(&world.shown, row) else { return Vec::new() };
        let (passing, all) = host.passing();
        vec![
            vec![part(meaning(host.health), glyphs.health(host.health)), plain(format!(" {}", host.name))],
            vec![part(meaning(host.health), host.health.word())],
            vec![plain(format::age(host.since, world.reference()))],
            vec![plain(format!("{passing}/{all}"))],
            reason(host, world, glyphs),
        ]
    }

    fn empty(&self, world: &World, _: &Keymap) -> Vec<String> {
        vec![
            "no machines yet".into(),
            String::new(),
            "each [hosts.NAME] of the fleet file is a row here:".into(),
            "its health, since when, and why".into(),
            String::new(),
            world.shown.head.file.path.display().to_string(),
        ]
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Open, Action::Filter, Action::Takeover, Action::Probe, Action::Maintain, Action::Sort, Action::Mark]
    }
}

impl Rows for Hosts {
    fn haystack(&self, world: &World, row: usize) -> String {
        let Some(host) = host(&world.shown, row) else { return String::new() };
        let labels = host.labels.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
        let failing = host.checks.iter().filter(|check| check.result != Outcome::Pass).map(|check| check.name.as_str());
        let mut words = vec![host.name.as_str(), host.address.as_str(), host.health.word()];
        words.extend(host.service.as_deref());
        words.extend(host.why.as_deref());
        words.extend(labels);
        words.extend(failing);
        words.join(" ")
    }

    fn compare(&self, world: &World, sort: usize, a: usize, b: usize) -> Ordering {
        let (Some(one), Some(other)) = (host(&world.shown, a), host(&world.shown, b)) else { return Ordering::Equal };
        match SORTS.get(sort).copied() {
            Some("name") => one.name.cmp(&other.name),
            Some("since") => other.since.cmp(&one.since),
            Some("latency") => latency(other).unwrap_or(-1.0).total_cmp(&latency(one).unwrap_or(-1.0)),
            _ => one.health.cmp(&other.health),
        }
    }
}

/// A host that is up shows how fast it answers, any other why it is not.
fn reason(host: &HostView, world: &World, glyphs: &Glyphs) -> Vec<Part> {
    if let Some(maintenance) = &host.maintenance {
        let left = format::left(maintenance.until, world.reference());
        return vec![
            plain(format!("{left} left")),
            dim(format!(" {} {}: {}", glyphs.dot, maintenance.owner, maintenance.why)),
        ];
    }
    match (&host.why, latency(host)) {
        (Some(why), _) if host.health != Health::Up => why_not(host, why, glyphs),
        (_, Some(latency)) => {
            vec![plain(format!("{:>7} ", format::latency(latency))), part(Meaning::Chart, spark(&host.trend, glyphs))]
        }
        _ => Vec::new(),
    }
}

/// What is wrong first, then which checks say so: where there is little room, the checks are cut and not the reason.
fn why_not(host: &HostView, why: &str, glyphs: &Glyphs) -> Vec<Part> {
    let mut failing: Vec<_> = host.checks.iter().filter(|check| check.result == Outcome::Fail).collect();
    failing.sort_by_key(|check| !check.vital);
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for check in failing {
        let Some(reason) = check.reason.as_deref() else { continue };
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(&check.name),
            None => groups.push((reason, vec![&check.name])),
        }
    }
    // Other words than those of the checks say something that the checks do not.
    if !groups.iter().any(|(reason, _)| why.contains(reason)) {
        return vec![plain(why.to_owned())];
    }
    let told = groups.into_iter().map(|(reason, names)| format!("{reason} {} {}", glyphs.dot, names.join(", ")));
    vec![plain(told.collect::<Vec<_>>().join("; "))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::theme::glyphs::UNICODE;

    #[test]
    fn a_calm_trend_looks_calm_and_a_peak_looks_like_one() {
        assert_eq!(spark(&[Some(1.0), Some(1.0), Some(1.1)], &UNICODE), "▂▂▂");
        assert_eq!(spark(&[Some(1.0), None, Some(1.0), Some(8.0)], &UNICODE), "▁ ▁█");
        assert_eq!(spark(&[None, Some(0.0)], &UNICODE), " ▁");
    }
}
