//! The page of configuration files: what is kept of a host, or of all, and what changed last, line by line.

use super::{Line, Page};
use crate::clock::Timestamp;
use crate::configs::counts;
use crate::configs::view::{Ask, Change, ConfigView, Diff, FileDiff, HostView};
use crate::console::action::{Action, Scope};
use crate::console::format;
use crate::console::look::Look;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::{Answer, Query, Refusal};

/// It asks again after so long.
const EVERY_MS: i64 = 10_000;

/// The page.
#[derive(Debug)]
pub struct ConfigPage {
    /// `None`: of all hosts.
    host: Option<String>,
    configs: Option<Vec<ConfigView>>,
    diff: Option<Diff>,
    asked: Option<Timestamp>,
    /// What is asked next.
    turn: bool,
    problem: Option<String>,
}

impl ConfigPage {
    /// Of this host, or of all.
    pub const fn new(host: Option<String>) -> Self {
        Self { host, configs: None, diff: None, asked: None, turn: false, problem: None }
    }

    fn ask(&self) -> Ask {
        Ask { host: self.host.clone(), ..Ask::default() }
    }
}

impl Page for ConfigPage {
    fn crumb(&self) -> String {
        self.host.as_ref().map_or_else(|| "configuration files".into(), |host| format!("configuration files of {host}"))
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Back, Action::FetchConfigs, Action::Copy]
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        let fresh = self.asked.is_some_and(|asked| world.now.as_millisecond() - asked.as_millisecond() < EVERY_MS);
        if fresh && !self.turn || world.frozen.is_some() || world.unreachable().is_some() {
            return None;
        }
        // One question after the other: what there is, then what changed.
        self.asked = Some(world.now);
        self.turn = !self.turn;
        Some(if self.turn { Query::Configs } else { Query::ConfigDiff { ask: Box::new(self.ask()) } })
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        let ours = matches!(query, Query::Configs) || matches!(query, Query::ConfigDiff { ask } if **ask == self.ask());
        if !ours {
            return;
        }
        match answer {
            Ok(Answer::Configs { configs }) => self.configs = Some(configs.clone()),
            Ok(Answer::ConfigDiff { diff }) => {
                self.problem = None;
                self.diff = Some((**diff).clone());
            }
            Ok(_) => {}
            Err(refusal) => self.problem = Some(refusal.what.clone()),
        }
    }

    fn document(&self, world: &World, look: &Look, _: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let Some(configs) = &self.configs else { return vec![vec![dim("asking the engine…")]] };
        let now = world.reference();
        let mut lines = Vec::new();
        for config in configs {
            let wanted = |host: &&HostView| self.host.as_ref().is_none_or(|wanted| *wanted == host.host);
            for host in config.hosts.iter().filter(wanted) {
                let looked = host
                    .looked
                    .map_or_else(|| "never looked at".into(), |at| format!("looked at {}", format::ago(at, now)));
                let head =
                    format!("  {}, {looked}, kept as {}", format::several(host.files.len(), "file"), config.kept);
                lines.push(vec![part(Meaning::Title, format!("{}  {}", host.host, config.name)), dim(head)]);
                for why in &host.trouble {
                    lines.push(vec![part(Meaning::Bad, format!("{} {why}", glyphs.bad))]);
                }
                let most = host.files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0).min(50);
                for file in &host.files {
                    let versions = format::several(file.versions, "version");
                    lines.push(vec![
                        plain(format!("  {:<most$}  ", file.path)),
                        plain(format!("{:>8}  {:>4}  ", format::size(file.bytes), file.mode)),
                        dim(format!("{}, {versions}", format::ago(file.since, now))),
                    ]);
                }
                lines.push(Vec::new());
            }
        }
        if lines.is_empty() {
            let whose = self.host.as_deref().unwrap_or("any host");
            let text = format!(
                "no files of {whose} are kept: write [configs.NAME] into the fleet file, with `hosts` and `files`"
            );
            return vec![vec![dim(text)]];
        }
        lines.push(vec![part(Meaning::Title, "What changed last"), dim("  each file against its version before")]);
        match (&self.problem, &self.diff) {
            (Some(problem), _) => lines.push(vec![part(Meaning::Warn, problem.clone())]),
            (None, None) => lines.push(vec![dim("asking the engine…")]),
            (None, Some(diff)) if diff.files.is_empty() => lines.push(vec![dim("nothing has changed yet")]),
            (None, Some(diff)) => {
                let mut files: Vec<&FileDiff> = diff.files.iter().collect();
                files.sort_by_key(|file| std::cmp::Reverse(file.to));
                lines.extend(files.into_iter().flat_map(|file| differs(file, now)));
            }
        }
        lines
    }
}

/// One file that changed.
fn differs(file: &FileDiff, now: Timestamp) -> Vec<Line> {
    let meaning = match file.change {
        Change::Removed => Meaning::Bad,
        Change::Added | Change::Changed => Meaning::Info,
    };
    let (more, less) = counts(file);
    let head = vec![
        plain(format!("{} {}  ", file.host, file.path)),
        part(meaning, file.change.word()),
        dim(format!(" {}  +{more} -{less}", format::ago(file.to, now))),
    ];
    let rights = file.mode.iter().map(|(before, now)| vec![part(Meaning::Warn, format!("  mode {before}, now {now}"))]);
    let texts = file.lines.iter().map(|line| {
        let meaning = match line.chars().next() {
            Some('+') => Meaning::Good,
            Some('-') => Meaning::Bad,
            Some('@') => Meaning::Info,
            _ => Meaning::Dim,
        };
        vec![part(meaning, format!("  {line}"))]
    });
    let binary = file.lines.is_empty() && file.mode.is_none() && file.change == Change::Changed;
    let binary = binary.then(|| vec![dim("  not a text")]);
    std::iter::once(head).chain(rights).chain(texts).chain(binary).chain([Vec::new()]).collect()
}
