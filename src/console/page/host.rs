//! The page of a host: what is believed and why, its checks, the history of the selected one, the changes of health.

use unicode_width::UnicodeWidthStr;

use super::{Line, Page, chart, fact};
use crate::clock::Timestamp;
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::pane::hosts::meaning;
use crate::console::table::{self, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::command::{Answer, Query, Refusal};
use crate::health::observation::Outcome;
use crate::health::view::{CheckView, History, HostView};

/// The page.
#[derive(Debug)]
pub struct HostPage {
    name: String,
    check: usize,
    history: Option<Result<History, String>>,
    /// Of which moment the history is.
    asked: Option<Timestamp>,
    waiting: bool,
}

/// The history is asked for again after so long, where the picture has changed.
const FRESH_MS: i64 = 1000;
/// Columns before what a fact says.
const FACT: usize = 12;
/// Lines of the chart.
const CHART: usize = 5;
/// Changes of health that are listed.
const CHANGES: usize = 50;

impl HostPage {
    /// The page of this host.
    pub fn new(name: String) -> Self {
        Self { name, check: 0, history: None, asked: None, waiting: false }
    }
}

impl Page for HostPage {
    fn crumb(&self) -> String {
        self.name.clone()
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Hosts)
    }

    fn host(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Back, Action::Probe, Action::Logs, Action::Maintain, Action::EndMaintenance, Action::Copy]
    }

    fn step(&mut self, world: &World, by: isize) -> bool {
        let count = world.shown.host(&self.name).map_or(0, |host| host.checks.len());
        let to = self.check.saturating_add_signed(by);
        let moves = to < count && to != self.check;
        if moves {
            self.check = to;
        }
        moves
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        let old = self.asked.is_none_or(|asked| {
            let taken = world.newest.taken;
            taken > asked && world.now.as_millisecond().saturating_sub(asked.as_millisecond()) >= FRESH_MS
        });
        if self.waiting || !old || world.frozen.is_some() || world.unreachable().is_some() {
            return None;
        }
        self.waiting = true;
        self.asked = Some(world.now);
        Some(Query::History { host: self.name.clone() })
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        if !matches!(query, Query::History { host } if *host == self.name) {
            return;
        }
        self.waiting = false;
        match answer {
            Ok(Answer::History { history }) => self.history = Some(Ok(history.clone())),
            Ok(_) => {}
            Err(refusal) => self.history = Some(Err(refusal.what.clone())),
        }
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let Some(host) = world.shown.host(&self.name) else {
            return vec![vec![dim("the fleet file has no such host any more")]];
        };
        let mut lines = head(host, world, glyphs, width);
        lines.push(Vec::new());
        lines.extend(self.checks(host, world, glyphs));
        lines.push(Vec::new());
        if let Some(check) = host.checks.get(self.check) {
            lines.extend(self.chart(host, check, glyphs, width));
            lines.push(Vec::new());
        }
        lines.extend(self.changes(world, glyphs));
        lines
    }
}

fn head(host: &HostView, world: &World, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let sign = format!("{} {}", glyphs.health(host.health), host.health.word());
    let since = format!(" for {}", format::age(host.since, world.reference()));
    let mut health = vec![part(meaning(host.health), sign), plain(since)];
    let mut more = None;
    if let Some(why) = &host.why {
        // A reason that is too long for the rest of the line gets lines of its own.
        let why_here = plain(format!(" {} {why}", glyphs.dot));
        if FACT + table::width(&health) + why_here.text.width() <= room {
            health.push(why_here);
        } else {
            more = Some(why);
        }
    }
    let mut lines = vec![fact("health", health)];
    for (index, line) in more.into_iter().flat_map(|why| wrap(why, room.saturating_sub(FACT))).enumerate() {
        lines.push(fact(if index == 0 { "why" } else { "" }, [plain(line)]));
    }
    if let Some(next) = &host.next {
        lines.push(fact("next", [plain(next.clone())]));
    }
    if let Some(maintenance) = &host.maintenance {
        let left = format::left(maintenance.until, world.reference());
        let until = format::minute(maintenance.until, &world.zone);
        let text = format!("until {until} ({left} left), by {}: {}", maintenance.owner, maintenance.why);
        lines.push(fact("maintenance", [part(Meaning::Info, text)]));
    }
    lines.push(fact("thresholds", [dim(host.thresholds.clone())]));
    let mut address = vec![plain(host.address.clone())];
    if let Some(service) = &host.service {
        address.push(dim(format!("   serves at {service}")));
    }
    address.push(dim(format!("   ssh {}", host.ssh)));
    lines.push(fact("address", address));
    let identity = host.identity.clone().unwrap_or_else(|| "not seen yet".into());
    lines.push(fact("ssh key", [dim(identity)]));
    if !host.labels.is_empty() {
        let labels: Vec<String> = host.labels.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        lines.push(fact("labels", [dim(labels.join(", "))]));
    }
    lines
}

impl HostPage {
    fn checks(&self, host: &HostView, world: &World, glyphs: &Glyphs) -> Vec<Line> {
        let longest = longest_name(host);
        let head = format!(
            "   {:<longest$}  {:<7}  {:>8}  {:>6}  {:>9}  asks, or why not",
            "check", "result", "latency", "in row", "last"
        );
        let mut lines = vec![vec![part(Meaning::Heading, head)]];
        for (index, check) in host.checks.iter().enumerate() {
            let selected = index == self.check;
            let result = match check.result {
                Outcome::Pass => Meaning::Good,
                Outcome::Fail if check.vital => Meaning::Bad,
                Outcome::Fail => Meaning::Warn,
                Outcome::Unknown => Meaning::Unknown,
            };
            let cursor = if selected { glyphs.cursor } else { " " };
            let name: String = check.name.chars().take(longest).collect();
            let name = format!(" {name:<longest$}  ");
            let latency = check.latency.map(format::latency).unwrap_or_default();
            let last = check.at.map_or_else(|| "never".into(), |at| format::age(at, world.reference()));
            let mut line = vec![
                part(Meaning::Focus, cursor),
                part(result, glyphs.outcome(check.result)),
                part(if selected { Meaning::Selection } else { Meaning::Text }, name),
                part(result, format!("{:<7}  ", check.result.word())),
                plain(format!("{latency:>8}  {:>6}  ", check.streak)),
                dim(format!("{last:>9}  ")),
            ];
            match (&check.reason, &check.found) {
                (Some(words), _) | (None, Some(words)) => line.push(plain(words.clone())),
                (None, None) => line.push(dim(check.asks.clone())),
            }
            lines.push(line);
        }
        if host.checks.is_empty() {
            lines.push(vec![dim("no checks: checks = [ … ] of this host in the fleet file")]);
        }
        lines
    }

    fn chart(&self, host: &HostView, check: &CheckView, glyphs: &Glyphs, width: usize) -> Vec<Line> {
        let vital = if check.vital { "vital" } else { "not vital" };
        let every = format!("every {}, {} at most, {vital}", seconds(check.every), seconds(check.timeout));
        let mut lines =
            vec![vec![part(Meaning::Title, check.name.clone()), plain(format!("  {}  ", check.asks)), dim(every)]];
        // In full, where the list has no room for all of it.
        let room = width.saturating_sub(longest_name(host) + BESIDE_NAME);
        let words = check.reason.iter().chain(&check.found).filter(|words| words.width() > room);
        lines.extend(words.flat_map(|words| wrap(words, width)).map(|line| vec![plain(line)]));
        match &self.history {
            None => lines.push(vec![dim("asking the engine for the history…")]),
            Some(Err(why)) => lines.push(vec![part(Meaning::Warn, format!("no history: {why}"))]),
            Some(Ok(history)) => match history.checks.get(&check.name) {
                Some(points) if !points.is_empty() => lines.extend(chart::draw(points, width, CHART, glyphs)),
                _ => lines.push(vec![dim("no run yet")]),
            },
        }
        lines
    }

    fn changes(&self, world: &World, glyphs: &Glyphs) -> Vec<Line> {
        let Some(Ok(history)) = &self.history else { return Vec::new() };
        let mut lines = vec![vec![part(Meaning::Title, "Changes"), dim("  newest first")]];
        for change in history.changes.iter().rev().take(CHANGES) {
            let mut line = vec![
                dim(format!("{:<13}", format::moment(change.at, world.now, &world.zone))),
                part(meaning(change.to), format!("{} {:<12}", glyphs.health(change.to), change.to.word())),
                dim(format!("was {}", change.from.word())),
            ];
            if let Some(why) = &change.why {
                line.push(plain(format!(" {} {why}", glyphs.dot)));
            }
            lines.push(line);
        }
        if history.changes.is_empty() {
            lines.push(vec![dim("none since the engine began to watch")]);
        }
        lines
    }
}

/// Columns of the list of checks before their words, besides the name.
const BESIDE_NAME: usize = 43;

/// How many columns the names of checks get.
fn longest_name(host: &HostView) -> usize {
    host.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0).clamp(5, 24)
}

/// A pace or time limit as the fleet file writes it.
fn seconds(value: f64) -> String {
    if value < 1.0 { format!("{:.0} ms", value * 1000.0) } else { format!("{value} s") }
}
