//! The page of logs: the newest lines of a service, of all services of a host or of one file, and those that come.

use std::collections::VecDeque;

use super::{Line, Page};
use crate::clock::Timestamp;
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::pane::key_words;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::{Answer, Query, Refusal};
use crate::service::logs::view::{Ask, Row, SourceView, Window};

/// Lines that are kept.
const KEPT: usize = 2000;
/// At least so long between two questions.
const EVERY_MS: i64 = 200;
/// The engine may wait so long for a line, milliseconds.
const WAIT: u32 = 3000;
/// Most columns of a source's name.
const NAME: usize = 16;

/// The page.
#[derive(Debug)]
pub struct LogsPage {
    of: String,
    filter: String,
    rows: VecDeque<Row>,
    /// Lines that went by unread.
    passed: u64,
    next: Option<u64>,
    sources: Vec<SourceView>,
    rate: f64,
    asked: Option<Timestamp>,
    /// The question that is under way.
    waiting: Option<Box<Ask>>,
    problem: Option<String>,
}

impl LogsPage {
    /// The logs of a service, of a host, or of `HOST:PATH`.
    pub const fn new(of: String) -> Self {
        Self {
            of,
            filter: String::new(),
            rows: VecDeque::new(),
            passed: 0,
            next: None,
            sources: Vec::new(),
            rate: 0.0,
            asked: None,
            waiting: None,
            problem: None,
        }
    }

    fn take(&mut self, window: &Window) {
        self.problem = None;
        self.passed += window.passed;
        self.next = Some(window.next);
        self.rate = window.rate;
        self.sources.clone_from(&window.sources);
        self.rows.extend(window.rows.iter().cloned());
        let over = self.rows.len().saturating_sub(KEPT);
        self.rows.drain(..over);
    }

    /// What is said above the end of the log.
    fn head(&self, look: &Look) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let mut lines = Vec::new();
        for source in &self.sources {
            if let Some(why) = &source.trouble {
                let text = format!("{} {}: {why}", glyphs.warn, source.place);
                lines.push(vec![part(Meaning::Warn, text)]);
            }
        }
        if self.passed > 0 {
            let count = format::count(self.passed);
            let text = format!("{} {count} lines went by unread: they come faster than they are shown", glyphs.warn);
            lines.push(vec![part(Meaning::Warn, text)]);
        }
        if let Some(problem) = &self.problem {
            lines.push(vec![part(Meaning::Warn, format!("{} {problem}", glyphs.warn))]);
        }
        lines
    }

    /// What the picture says when no line is there.
    fn empty(&self, look: &Look) -> String {
        let filter = key_words(&look.keymap, Action::Filter);
        match (self.next.is_some(), self.filter.is_empty(), self.problem.is_some()) {
            (_, _, true) => String::new(),
            (false, ..) => "asking the engine…".into(),
            (true, true, _) => "no line yet: lines are shown as they are written".into(),
            (true, false, _) => format!("no line has `{}`; {filter} changes the filter", self.filter),
        }
    }
}

impl Page for LogsPage {
    fn crumb(&self) -> String {
        let mut crumb = format!("logs of {}", self.of);
        if !self.filter.is_empty() {
            crumb = format!("{crumb}  /{}", self.filter);
        }
        // A rate that is nothing says nothing.
        if self.rate >= 1000.0 {
            crumb = format!("{crumb}  {}/s", crate::reach::plain::bytes(self.rate));
        }
        crumb
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Back, Action::Filter, Action::Freeze, Action::Last, Action::Copy]
    }

    fn reads_from_end(&self) -> bool {
        true
    }

    fn filter(&self) -> Option<&str> {
        Some(&self.filter)
    }

    fn set_filter(&mut self, words: &str) {
        if self.filter != words {
            words.clone_into(&mut self.filter);
            self.rows.clear();
            (self.next, self.asked, self.waiting, self.passed) = (None, None, None, 0);
        }
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        let fresh = self.asked.is_some_and(|asked| world.now.as_millisecond() - asked.as_millisecond() < EVERY_MS);
        if fresh || self.waiting.is_some() || world.frozen.is_some() || world.unreachable().is_some() {
            return None;
        }
        self.asked = Some(world.now);
        let limit = u32::try_from(KEPT).unwrap_or(u32::MAX);
        let ask = Box::new(Ask {
            of: self.of.clone(),
            after: self.next,
            limit,
            filter: self.filter.clone(),
            since: None,
            wait: WAIT,
        });
        self.waiting = Some(ask.clone());
        Some(Query::Logs { ask })
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        // An answer to a question of another page, or from before the filter changed.
        if !matches!(query, Query::Logs { ask } if self.waiting.as_ref() == Some(ask)) {
            return;
        }
        self.waiting = None;
        match answer {
            Ok(Answer::Logs { window }) => self.take(window),
            Ok(_) => {}
            Err(refusal) => {
                let hint = refusal.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
                self.problem = Some(format!("{}{hint}", refusal.what));
            }
        }
    }

    fn copy_width(&self) -> usize {
        usize::MAX
    }

    fn document(&self, _: &World, look: &Look, width: usize) -> Vec<Line> {
        let several = self.sources.len() > 1;
        let names: Vec<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        let room = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(NAME);
        let indent = if several { room + 2 } else { 0 };
        let marked: Vec<String> = self
            .filter
            .to_lowercase()
            .split_whitespace()
            .filter(|word| !word.starts_with('!'))
            .map(str::to_owned)
            .collect();
        let mut lines: Vec<Line> = Vec::new();
        for row in &self.rows {
            let Some(source) = row.source else {
                let texts = wrap(&row.text, width.saturating_sub(2).max(20)).into_iter().enumerate();
                let sign = |index| if index == 0 { look.theme.glyphs.warn } else { " " };
                lines.extend(texts.map(|(index, text)| vec![part(Meaning::Info, format!("{} {text}", sign(index)))]));
                continue;
            };
            let meaning = level(&row.text);
            for (index, text) in wrap(&row.text, width.saturating_sub(indent).max(20)).into_iter().enumerate() {
                let mut line = Vec::new();
                if several {
                    let name = names.get(usize::from(source)).filter(|_| index == 0).copied().unwrap_or_default();
                    let name: String = name.chars().take(room).collect();
                    line.push(dim(format!("{name:<room$}  ")));
                }
                lines.push(highlighted(line, &text, meaning, &marked));
            }
        }
        if lines.is_empty() {
            lines.push(vec![dim(self.empty(look))]);
        }
        lines.extend(self.head(look));
        lines
    }
}

/// What a line means, by the word that most programs write into it.
fn level(text: &str) -> Meaning {
    let mut words = text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty()).take(12);
    let found = words.find_map(|word| match word {
        "ERROR" | "FATAL" | "CRITICAL" | "PANIC" | "EMERG" | "ALERT" | "CRIT" | "error" | "fatal" => Some(Meaning::Bad),
        "WARN" | "WARNING" | "warn" | "warning" => Some(Meaning::Warn),
        "INFO" | "DEBUG" | "TRACE" | "NOTICE" | "info" | "debug" => Some(Meaning::Text),
        _ => None,
    });
    found.unwrap_or(Meaning::Text)
}

/// The text with the words of the filter standing out.
fn highlighted(mut line: Vec<Part>, text: &str, meaning: Meaning, marked: &[String]) -> Line {
    let lower = text.to_lowercase();
    // Letters whose lower case is longer would shift what is found.
    if marked.is_empty() || lower.len() != text.len() {
        line.push(if meaning == Meaning::Text { plain(text.to_owned()) } else { part(meaning, text.to_owned()) });
        return line;
    }
    let mut at = 0;
    while at < text.len() {
        let rest = lower.get(at..).unwrap_or_default();
        let next = marked.iter().filter_map(|word| Some((rest.find(word.as_str())?, word.len()))).min();
        let (before, found) = next.unwrap_or((rest.len(), 0));
        let piece = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
        if before > 0 {
            line.push(part(meaning, piece(at, at + before)));
        }
        if found > 0 {
            line.push(part(Meaning::Mark, piece(at + before, at + before + found)));
        }
        at += before + found;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_filter_stand_out() {
        let words = ["etcd".to_owned(), "lost".to_owned()];
        let line = highlighted(Vec::new(), "14:02 ERROR Etcd: leader LOST, etcd", Meaning::Bad, &words);
        let found: Vec<(&str, bool)> =
            line.iter().map(|part| (part.text.as_ref(), part.meaning == Meaning::Mark)).collect();
        let wanted = [
            ("14:02 ERROR ", false),
            ("Etcd", true),
            (": leader ", false),
            ("LOST", true),
            (", ", false),
            ("etcd", true),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_level_is_a_word_of_its_own() {
        assert_eq!(level("2026-11-21 14:02:11,042 - ERROR - x"), Meaning::Bad);
        assert_eq!(level("[WARN] INFO"), Meaning::Warn);
        assert_eq!(level("INFO no ERROR here"), Meaning::Text);
        assert_eq!(level("TERROR of errors"), Meaning::Text);
    }
}
