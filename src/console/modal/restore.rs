//! Restoring a kit to the server that it came from: what a rehearsal found would be overwritten, and the word that is typed.

use super::confirm::Confirm;
use super::rehearsed::{Rehearsal, Rehearsed};
use crate::clock::Timestamp;
use crate::console::page::{Line, dumped};
use crate::console::theme::glyphs::Glyphs;
use crate::dump::report::Restored;
use crate::dump::restore::PHRASE;
use crate::dump::view::DumpView;
use crate::dump::worker::hands::Pick;
use crate::engine::command::{Command, Report};
use crate::fleet::secret::{DatabaseUrl, SecretSource};

/// The restore of a dump.
#[derive(Debug)]
pub struct Restoration {
    dump: String,
    to: DatabaseUrl,
}

impl Restoration {
    /// Asks for the restore of the newest kit of this dump.
    pub fn ask(dump: &DumpView) -> Rehearsed<Self> {
        let to = DatabaseUrl { url: dump.server.clone(), password: SecretSource::None };
        Rehearsed::new(Self { dump: dump.name.clone(), to })
    }

    fn restore(&self, pick: Pick, phrase: Option<&str>) -> Command {
        Command::DumpRestore {
            dump: self.dump.clone(),
            databases: Vec::new(),
            pick,
            to: self.to.clone(),
            dry_run: phrase.is_none(),
            phrase: phrase.unwrap_or_default().to_owned(),
        }
    }
}

impl Rehearsal for Restoration {
    type Found = Restored;

    const CANCELLED: &'static str = "nothing was changed";

    fn title(&self) -> String {
        format!("Restore {} to {}?", self.dump, self.to.url)
    }

    fn command(&self) -> Command {
        self.restore(Pick::Newest, None)
    }

    fn meanwhile(&self) -> Vec<String> {
        vec![
            "What lies at the server now, and whether the newest kit is whole. Nothing is changed.".into(),
            format!("to another server: hotspare dump restore {} --to URL", self.dump),
        ]
    }

    fn found(report: Report) -> Option<Self::Found> {
        match report {
            Report::Restored { restored } if restored.dry_run => Some(restored),
            _ => None,
        }
    }

    fn question(&self, found: &Self::Found) -> Option<Confirm> {
        let ask = || {
            // The kit that is shown is the one that is restored, whatever is dumped meanwhile.
            let commands = vec![self.restore(Pick::Named(found.kit.clone()), Some(PHRASE))];
            Confirm::typed(self.title(), Vec::new(), PHRASE.into(), " Restore ", commands)
        };
        found.ok.then(ask)
    }

    fn lines(&self, found: &Self::Found, now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line> {
        dumped::restored(found, now, glyphs, room)
    }
}
