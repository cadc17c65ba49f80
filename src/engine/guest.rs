//! Who asks: the person and the face they use.

use std::sync::Arc;

use tokio::sync::watch;

use crate::fleet::accounts;

/// A face that joins an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// What it is, in the words of the journal: `console`, `command line`.
    pub face: String,
    /// Whether everything that changes anything is to be refused.
    pub read_only: bool,
}

impl Guest {
    /// A console.
    pub fn console(read_only: bool) -> Self {
        Self { face: CONSOLE.into(), read_only }
    }

    /// A command of the command line.
    pub fn command_line(read_only: bool) -> Self {
        Self { face: "command line".into(), read_only }
    }
}

const CONSOLE: &str = "console";

/// A guest whose person is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// For the journal: `ana (console)`.
    pub name: String,
    /// Why everything that changes anything is refused; `None`: it is not.
    pub read_only: Option<ReadOnly>,
    /// Whether it is another user of the machine, whom a group lets in: the engine's own rights are not theirs.
    pub by_group: bool,
}

/// Why somebody may only look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOnly {
    /// They asked for it.
    Asked,
    /// They are let in for no more; why.
    Viewer(String),
}

impl Who {
    /// This person behind this face, with the rights of the engine's own user.
    pub fn new(person: &str, guest: &Guest) -> Self {
        let read_only = guest.read_only.then_some(ReadOnly::Asked);
        Self { name: format!("{person} ({})", guest.face), read_only, by_group: false }
    }

    /// The engine itself.
    pub fn engine() -> Self {
        Self { name: "engine".into(), read_only: None, by_group: false }
    }
}

/// The name of a user of this machine; `uid 1000` where it has none.
pub fn person(uid: u32) -> String {
    accounts::user(uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// How many guests are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Consoles.
    pub consoles: u32,
    /// All, consoles included.
    pub guests: u32,
}

/// Counts guests. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Presence(Arc<watch::Sender<Count>>);

impl Presence {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::channel(Count::default()).0))
    }

    /// This guest is there as long as the value lives.
    pub(super) fn enter(&self, guest: &Guest) -> Present {
        let console = u32::from(guest.face == CONSOLE);
        self.0.send_modify(|count| {
            count.consoles += console;
            count.guests += 1;
        });
        Present { presence: self.clone(), console }
    }

    pub(super) fn counts(&self) -> watch::Receiver<Count> {
        self.0.subscribe()
    }
}

/// A guest that is there.
#[derive(Debug)]
pub(super) struct Present {
    presence: Presence,
    console: u32,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.0.send_modify(|count| {
            count.consoles -= self.console;
            count.guests -= 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_counted_while_they_are_there() {
        let presence = Presence::new();
        let counts = presence.counts();
        let console = presence.enter(&Guest::console(false));
        let other = presence.enter(&Guest::command_line(true));
        assert_eq!(*counts.borrow(), Count { consoles: 1, guests: 2 });
        drop(console);
        assert_eq!(*counts.borrow(), Count { consoles: 0, guests: 1 });
        drop(other);
        assert_eq!(*counts.borrow(), Count::default());
    }

    #[test]
    fn a_person_has_the_name_of_this_machine() {
        assert_eq!(person(0), "root");
        assert_eq!(person(4_000_000_000), "uid 4000000000");
        assert_eq!(Who::new("ana", &Guest::console(false)).name, "ana (console)");
    }
}
