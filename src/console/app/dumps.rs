//! Wishes about dumps: which dump is meant, and the question that comes before a medium is let go of or a server overwritten.

use super::App;
use crate::console::action::Action;
use crate::console::modal::confirm::Confirm;
use crate::console::modal::restore::Restoration;
use crate::console::pane::{PaneId, lag};
use crate::console::theme::Meaning;
use crate::dump::view::DumpView;
use crate::dump::worker::hands::Pick;
use crate::engine::command::Command;

impl App {
    /// The dump of the selected row of Lag.
    fn selected_dump(&self) -> Option<&str> {
        let row = self.lists[PaneId::Lag as usize].current().filter(|_| self.focus == PaneId::Lag)?;
        lag::row::at(&self.world.shown, row)?.dump().map(|dump| dump.name.as_str())
    }

    /// Whether keys are about a dump: one is selected in Lag.
    pub(super) fn on_a_dump(&self) -> bool {
        self.pages.is_empty() && self.selected_dump().is_some()
    }

    /// The dump that a wish is about: what is named, the page, the selected row, else the only one.
    fn dump_target(&self, argument: Option<&str>) -> Result<&DumpView, String> {
        let newest = &self.world.newest;
        if let Some(name) = argument {
            return newest.dump(name).map(AsRef::as_ref).ok_or_else(|| format!("no dump is called `{name}`"));
        }
        let here = self.pages.last().map_or_else(|| self.selected_dump(), |open| open.page.dump());
        let only = || newest.dumps.first().filter(|_| newest.dumps.len() == 1);
        let meant = here.and_then(|name| newest.dump(name)).or_else(only);
        meant.map(AsRef::as_ref).ok_or_else(|| "no dump is selected".into())
    }

    /// Why nothing can be done about a dump now.
    pub(super) fn not_of_dump(&self, argument: Option<&str>) -> Option<String> {
        self.world.unreachable().or_else(|| self.dump_target(argument).err())
    }

    /// Asks what is needed for a wish about a dump.
    pub(super) fn dump_wish(&mut self, action: Action, argument: Option<&str>) {
        let dump = match self.dump_target(argument) {
            Ok(dump) => dump,
            Err(why) => return self.say(Meaning::Warn, why, None),
        };
        let name = dump.name.clone();
        match action {
            Action::MakeKit => self.send(Command::DumpNow { dump: name }),
            Action::VerifyKits => self.send(Command::DumpVerify { dump: name, pick: None }),
            Action::DrillKit => self.send(Command::DumpDrill { dump: name, pick: Pick::Newest }),
            Action::Eject => {
                let question = self.eject(dump);
                self.modals.push(Box::new(question));
            }
            _ => self.modals.push(Box::new(Restoration::ask(dump))),
        }
    }

    fn eject(&self, dump: &DumpView) -> Confirm {
        let lines = vec![
            format!("medium at {}", dump.to),
            lag::dumps::kit(dump, self.world.reference()),
            String::new(),
            "What waits is written out and the medium is unmounted. Nothing is dumped until it, or another one, is plugged in \
             again: then rounds go on by themselves."
                .into(),
        ];
        let commands = vec![Command::DumpEject { dump: dump.name.clone() }];
        Confirm::button(format!("Let go of the medium of {}?", dump.name), lines, " Eject ", commands)
    }
}
