//! Doing what was called, as far as only the picture changes.

use super::{App, Effect};
use crate::console::action::{Action, Invocation};
use crate::console::modal::filter::FilterLine;
use crate::console::modal::help::Help;
use crate::console::modal::palette::Palette;
use crate::console::modal::reader::Reader;
use crate::console::page::Open;
use crate::console::page::configs::ConfigPage;
use crate::console::page::dump::DumpPage;
use crate::console::page::entry::EntryPage;
use crate::console::page::feed::FeedPage;
use crate::console::page::host::HostPage;
use crate::console::page::job::JobPage;
use crate::console::page::log::LogPage;
use crate::console::page::logs::LogsPage;
use crate::console::page::pool::PoolPage;
use crate::console::page::services::ServicesPage;
use crate::console::pane::lag::row::{self, Row};
use crate::console::pane::{PaneId, jobs, pools};
use crate::console::table::words;
use crate::console::theme::Meaning;
use crate::console::{format, problems};
use crate::engine::command::Query;

impl App {
    pub(super) fn perform(&mut self, invocation: &Invocation) {
        let argument = invocation.argument.as_deref();
        let needs = invocation.action.spec().argument.is_some_and(|argument| argument.required);
        if needs && argument.is_none() {
            let palette = Palette::new(&format!("{} ", invocation.action.spec().id), self.sight());
            return self.modals.push(Box::new(palette));
        }
        match invocation.action {
            Action::Help => {
                let help = Help::new(self.sight());
                self.modals.push(Box::new(help));
            }
            Action::Palette => {
                let palette = Palette::new("", self.sight());
                self.modals.push(Box::new(palette));
            }
            Action::Quit => self.effects.push(Effect::Quit),
            Action::Suspend => self.effects.push(Effect::Suspend),
            Action::Redraw => self.effects.push(Effect::Redraw),
            Action::NextPane => self.next_pane(1),
            Action::PreviousPane => self.next_pane(-1),
            Action::ShowPane => self.show_pane(argument.unwrap_or_default()),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Back => self.back(),
            Action::Freeze => self.freeze(),
            Action::Problems => self.problems(),
            Action::Messages => self.messages(),
            Action::Services => self.pages.push(Open::new(ServicesPage::default())),
            Action::Look => self.effects.push(Effect::Ask(Query::Services)),
            Action::Log => self.pages.push(Open::new(LogPage::default())),
            Action::Logs => self.logs(argument),
            Action::Configs => {
                let host = argument.map(str::to_owned).or_else(|| self.targets().into_iter().next());
                self.pages.push(Open::new(ConfigPage::new(host)));
            }
            Action::Copy => self.copy(),
            Action::UseTheme => self.use_theme(argument.unwrap_or_default()),
            Action::UseKeymap => self.use_keymap(argument.unwrap_or_default()),
            Action::Mouse | Action::Bell | Action::Announce => self.choose(invocation.action),
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::PageDown => self.page(1),
            Action::PageUp => self.page(-1),
            Action::First => self.page(isize::MIN),
            Action::Last => self.page(isize::MAX),
            Action::Open => self.open(),
            Action::Filter => self.filter(argument),
            Action::Sort => self.sort(argument),
            Action::Reverse => {
                let list = self.list();
                list.reversed = !list.reversed;
                list.disarrange();
            }
            Action::Mark => self.mark(),
            Action::MarkAll => self.mark_all(),
            _ => self.wish(invocation),
        }
    }

    fn next_pane(&mut self, by: isize) {
        self.pages.clear();
        let there: Vec<PaneId> = PaneId::there(&self.world).collect();
        let at = there.iter().position(|id| *id == self.focus).unwrap_or(0);
        let next = at.checked_add_signed(by).unwrap_or(there.len() - 1) % there.len();
        self.focus = there[next];
    }

    fn show_pane(&mut self, name: &str) {
        if let Some(id) = PaneId::of(name, &self.world) {
            self.pages.clear();
            self.focus = id;
        } else {
            let there: Vec<_> = PaneId::there(&self.world).zip(1..).collect();
            let there: Vec<_> = there.iter().map(|(id, number)| format!("{number} {}", id.pane().name())).collect();
            let text = format!("there is no pane `{name}`; those of this fleet: {}", there.join(", "));
            self.say(Meaning::Warn, text, None);
        }
    }

    /// One step back: page, zoom, filter, marks, order; in this order, one at a time.
    fn back(&mut self) {
        if self.pages.pop().is_some() {
            return;
        }
        if self.zoomed {
            self.zoomed = false;
            return;
        }
        let list = self.list();
        if !list.filter.is_empty() {
            list.filter = crate::console::filter::Filter::default();
        } else if !list.marks.is_empty() {
            self.take_marks_away();
        }
        self.list().disarrange();
    }

    fn freeze(&mut self) {
        self.world.toggle_freeze();
        self.lists.iter_mut().for_each(crate::console::list::ListState::disarrange);
        let (text, key) = match self.world.frozen {
            Some(_) => ("the picture stands still; watching goes on", self.look.keymap.key_of(Action::Freeze)),
            None => ("the picture goes on", None),
        };
        self.say(Meaning::Info, text, key.map(|key| format!("{key} lets it go on")));
    }

    fn problems(&mut self) {
        let text = problems::paragraphs(&self.world, self.look.theme.glyphs);
        self.modals.push(Box::new(Reader::new("What is wrong", text)));
    }

    fn messages(&mut self) {
        let mut text: Vec<(Meaning, String)> = Vec::new();
        for toast in self.toasts.history() {
            let time = format::second(toast.at, &self.world.zone);
            let sign = toast.sign(self.look.theme.glyphs);
            text.push((toast.meaning, format!("{time}  {sign} {}", toast.text)));
            text.extend(toast.hint.iter().map(|hint| (Meaning::Dim, format!("            {hint}"))));
        }
        if text.is_empty() {
            text.push((Meaning::Dim, "no message yet: what comes of your actions is kept here".into()));
        }
        self.modals.push(Box::new(Reader::new("Messages", text)));
    }

    fn copy(&mut self) {
        let glyphs = self.look.theme.glyphs;
        let (what, text) = if let Some(open) = self.pages.last() {
            ("the page".to_owned(), open.text(&self.world, &self.look))
        } else {
            let (pane, list) = (self.focus.pane(), &self.lists[self.focus as usize]);
            let marked = |row: &usize| pane.key(&self.world, *row).is_some_and(|key| list.marks.contains(&key));
            let rows: Vec<usize> = if list.marks.is_empty() {
                list.current().into_iter().collect()
            } else {
                list.rows().filter(marked).collect()
            };
            let line = |row: &usize| {
                let cells = pane.cells(&self.world, glyphs, *row);
                format!("{}\n", cells.iter().map(|cell| words(cell)).collect::<Vec<_>>().join("  ").trim_end())
            };
            (format::several(rows.len(), "row"), rows.iter().map(line).collect())
        };
        self.effects.push(Effect::Copy(text));
        self.say(Meaning::Good, format!("copied {what} to the clipboard of the terminal"), None);
    }

    fn use_theme(&mut self, name: &str) {
        match self.look.use_theme(name) {
            Ok(()) => self.say(Meaning::Good, format!("theme {name}"), None),
            Err(error) => self.say(Meaning::Bad, error.to_string(), Some("the theme in force stays".into())),
        }
    }

    fn use_keymap(&mut self, name: &str) {
        match self.look.use_keymap(name) {
            Ok(()) => {
                let key = self.look.keymap.key_of(Action::Help);
                let hint = key.map(|key| format!("{key} shows all keys"));
                self.say(Meaning::Good, format!("keymap {name}"), hint);
            }
            Err(error) => self.say(Meaning::Bad, error.to_string(), Some("the keymap in force stays".into())),
        }
    }

    fn choose(&mut self, action: Action) {
        let choices = &mut self.choices;
        let (name, on) = match action {
            Action::Mouse => ("the mouse selects, opens and scrolls", &mut choices.mouse),
            Action::Bell => ("an alarm rings the bell", &mut choices.bell),
            _ => ("an alarm is told to the desktop", &mut choices.announce),
        };
        *on = !*on;
        let text = if *on { name.to_owned() } else { format!("no longer: {name}") };
        if action == Action::Mouse {
            self.effects.push(Effect::Mouse(self.choices.mouse));
        }
        self.say(Meaning::Info, text, None);
    }

    fn step(&mut self, by: isize) {
        if let Some(open) = self.pages.last_mut() {
            if !open.page.step(&self.world, by) {
                open.scroll(by);
            }
            return;
        }
        self.lists[self.focus as usize].step(self.focus.pane(), &self.world, by);
    }

    /// Screens down or up; the extremes go to the ends.
    fn page(&mut self, screens: isize) {
        if let Some(open) = self.pages.last_mut() {
            let by = screens.saturating_mul(isize::try_from(open.height()).unwrap_or(1));
            if !open.page.keeps_selection_seen() || !open.page.step(&self.world, by) {
                open.scroll(by);
            }
            return;
        }
        let height = isize::try_from(self.list().height()).unwrap_or(10).max(1);
        self.step(screens.saturating_mul(height));
    }

    fn open(&mut self) {
        let service = self.pages.last().and_then(|open| open.page.service()).map(|(name, _)| name.to_owned());
        if let Some(service) = service.and_then(|name| self.world.newest.service(&name).cloned()) {
            return self.pages.push(Open::new(HostPage::new(service.host.clone())));
        }
        let Some(row) = self.list().current() else { return };
        let shown = &self.world.shown;
        let opened = match self.focus {
            PaneId::Pools => pools::rows(shown).nth(row).map(|row| Open::new(PoolPage::new(row.pool()))),
            PaneId::Lag => row::at(shown, row).map(|row| match row {
                Row::Feed(feed) | Row::Machine(feed, _) => Open::new(FeedPage::new(feed.name.clone())),
                Row::Dump(dump) => Open::new(DumpPage::new(dump.name.clone())),
                Row::Replica(host, _) => Open::new(HostPage::new(host.name.clone())),
            }),
            PaneId::Hosts => shown.hosts.get(row).map(|host| Open::new(HostPage::new(host.name.clone()))),
            PaneId::Jobs => jobs::job(shown, row).map(|job| Open::new(JobPage::new(job))),
            PaneId::Sessions => self.session_page(row),
            PaneId::Journal => shown.journal.tail.get(row).map(|entry| Open::new(EntryPage::new(entry.clone()))),
        };
        self.pages.extend(opened);
    }

    /// The logs of what is named, else of the service that is selected, else of the host that is meant.
    fn logs(&mut self, argument: Option<&str>) {
        let service = || self.pages.last().and_then(|open| open.page.service()).map(|(service, _)| service.to_owned());
        let of = argument.map(str::to_owned).or_else(service).or_else(|| self.targets().into_iter().next());
        if let Some(of) = of {
            return self.pages.push(Open::new(LogsPage::new(of)));
        }
        let hint = "select a host, or name a service: service.logs NAME";
        self.say(Meaning::Warn, "no host is selected", Some(hint.into()));
    }

    fn filter(&mut self, words: Option<&str>) {
        if let Some(open) = self.pages.last_mut()
            && let Some(before) = open.page.filter().map(str::to_owned)
        {
            match words {
                Some(words) => open.page.set_filter(words.trim()),
                None => self.modals.push(Box::new(FilterLine::new(&before))),
            }
            return;
        }
        let list = self.list();
        if let Some(words) = words {
            list.filter = crate::console::filter::Filter::new(words);
            list.disarrange();
        } else {
            let line = FilterLine::new(list.filter.text());
            self.modals.push(Box::new(line));
        }
    }

    fn sort(&mut self, column: Option<&str>) {
        let sorts = self.focus.pane().sorts();
        let next = match column {
            None => Some((self.list().sort + 1) % sorts.len()),
            Some(column) => sorts.iter().position(|sort| *sort == column),
        };
        if let Some(next) = next {
            let list = self.list();
            list.sort = next;
            list.disarrange();
            self.say(Meaning::Info, format!("sorted by {}", sorts[next]), None);
        } else {
            let text = format!("no order is called `{}`", column.unwrap_or_default());
            self.say(Meaning::Warn, text, Some(format!("there are: {}", sorts.join(", "))));
        }
    }
}
