//! Wishes about sessions: copy, verify, delete, look again, limit; after showing the person what is meant.

use super::App;
use crate::console::format;
use crate::console::modal::ask::{Ask, Field};
use crate::console::modal::deletion::Deletion;
use crate::console::modal::plan::Plan;
use crate::console::page::Line;
use crate::console::pane::sessions::sides;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::window::MOST_NAMED;
use crate::console::world::World;
use crate::engine::command::{Command, Which};
use crate::fleet::units;
use crate::session::key::{self, Key};

/// Sessions that a question names one by one.
const NAMED: usize = 6;

impl App {
    /// The named sessions, or those that are meant without a name.
    fn which(&mut self, argument: Option<&str>) -> Option<Which> {
        let Some(text) = argument else {
            let keys = self.session_targets();
            if keys.len() > MOST_NAMED {
                let (all, most) = (format::count(keys.len() as u64), format::count(MOST_NAMED as u64));
                let hint = "filter before marking, or name days: 20250101..20250331".to_owned();
                self.say(Meaning::Warn, format!("{all} sessions: one request names {most} at most"), Some(hint));
                return None;
            }
            return Some(Which::Keys { keys });
        };
        match which(text) {
            Ok(which) => Some(which),
            Err(why) => {
                let hint = "write p001 20250104, a participant, a day, or days as 20250104..20250110".to_owned();
                self.say(Meaning::Warn, why, Some(hint));
                None
            }
        }
    }

    fn store_name(&self) -> Option<String> {
        self.world.store().map(|store| store.name.clone())
    }

    /// Which sessions, and how much that is, as lines.
    fn told(&self, which: &Which) -> Vec<Line> {
        let Which::Keys { keys } = which else { return Vec::new() };
        let mut lines = Vec::new();
        for key in keys.iter().take(NAMED) {
            let amount = self.world.sessions.amount([key.to_string()].iter());
            let much = if amount.unknown == 0 { much(amount.files, amount.bytes) } else { String::new() };
            lines.push(vec![plain(format!("  {:<22} ", key.to_string())), dim(much)]);
        }
        if keys.len() > NAMED {
            lines.push(vec![dim(format!("  and {} more", keys.len() - NAMED))]);
        }
        if keys.len() > 1 {
            let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let amount = self.world.sessions.amount(names.iter());
            let more = if amount.unknown > 0 { ", and what is not known yet" } else { "" };
            let sum = much(amount.files, amount.bytes);
            lines
                .push(vec![dim("in all  "), plain(format!("{}  {sum}{more}", format::several(keys.len(), "session")))]);
        }
        lines.push(Vec::new());
        lines
    }

    /// Where copies lie, as lines.
    fn destinations(&self, name: &str) -> Vec<Line> {
        let Some(store) = self.world.store() else { return Vec::new() };
        let glyphs = self.look.theme.glyphs;
        let mut lines = Vec::new();
        for (index, destination) in store.destinations.iter().enumerate() {
            let name = format!("{:<8}", if index == 0 { name } else { "" });
            let mut line = vec![dim(name), plain(format!("{}  ", destination.name)), dim(destination.path.clone())];
            line.extend(destination.free.map(|free| dim(format!("  {} free", format::size(free)))));
            lines.push(line);
        }
        for trouble in sides::in_trouble(store) {
            let text = format!("{} {}: {} {} {}", glyphs.warn, trouble.name, trouble.word, glyphs.dot, trouble.why);
            lines.push(vec![part(Meaning::Bad, text)]);
            lines.push(vec![part(Meaning::Info, format!("{} {}", glyphs.into, trouble.remedy))]);
        }
        lines
    }

    pub(super) fn sync(&mut self, argument: Option<&str>) {
        let Some(which) = self.which(argument) else { return };
        let mut lines = self.told(&which);
        lines.extend(self.destinations("to"));
        if let Some(limit) = self.world.store().and_then(|store| store.limit) {
            lines.push(vec![dim("limit   "), plain(format!("{}/s", format::size(limit)))]);
        }
        lines.push(Vec::new());
        lines.push(vec![plain("Files that are there already are not copied again. What was copied is read back and compared before it counts.")]);
        let title = format!("Copy {}?", in_words(&which));
        let plan = Plan::sync(title, lines, self.store_name(), which);
        self.modals.push(Box::new(plan));
    }

    pub(super) fn verify(&mut self, argument: Option<&str>) {
        let Some(which) = self.which(argument) else { return };
        let mut lines = self.told(&which);
        lines.extend(self.destinations("at"));
        let title = format!("Verify {}?", in_words(&which));
        let plan = Plan::verify(title, lines, self.store_name(), which);
        self.modals.push(Box::new(plan));
    }

    pub(super) fn delete(&mut self, argument: Option<&str>) {
        let Some(which) = self.which(argument) else { return };
        let words = in_words(&which);
        let deletion = Deletion::new(words, self.store_name(), self.world.shown.stores.len() > 1, which);
        self.modals.push(Box::new(deletion));
    }

    pub(super) fn delete_safe(&mut self) {
        let which = Which::Range { from: None, to: None, participant: None, safe: true };
        let deletion = Deletion::new(in_words(&which), self.store_name(), self.world.shown.stores.len() > 1, which);
        self.modals.push(Box::new(deletion));
    }

    pub(super) fn refresh(&mut self) {
        let store = self.store_name();
        self.send(Command::SessionRefresh { store });
    }

    pub(super) fn limit(&mut self, argument: Option<&str>) {
        let store = self.store_name().unwrap_or_default();
        if let Some(text) = argument {
            return match made_limit(&[store], &[text], &self.world) {
                Ok(commands) => commands.into_iter().for_each(|command| self.send(command)),
                Err((_, why)) => self.say(Meaning::Warn, why, None),
            };
        }
        let now = self.world.store().and_then(|store| store.limit);
        let lines = vec![
            "So many bytes a second may all copies of this store take together, from now on and also those that run."
                .into(),
            "Empty: as fast as they can. The fleet file stays as it is and holds again when the engine starts.".into(),
        ];
        let first = now.map(written).unwrap_or_default();
        let fields = vec![Field::new("limit", "80MiB/s, empty: none", &first)];
        let ask = Ask::new(format!("Limit the copies of {store}"), lines, vec![store], fields, made_limit);
        self.modals.push(Box::new(ask));
    }
}

/// Files and bytes, in words.
fn much(files: u64, bytes: u64) -> String {
    let files = format::several(usize::try_from(files).unwrap_or(usize::MAX), "file");
    format!("{files}, {}", format::size(bytes))
}

/// A rate as the fleet file writes it, in the largest unit that does not round it.
fn written(rate: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("MB", 1_000_000), ("kB", 1000)];
    let exact = units.into_iter().find(|(_, unit)| rate >= *unit && rate.is_multiple_of(*unit));
    exact.map_or_else(|| format!("{rate}B/s"), |(name, unit)| format!("{}{name}/s", rate / unit))
}

fn made_limit(objects: &[String], typed: &[&str], _: &World) -> Result<Vec<Command>, (usize, String)> {
    let store = objects.first().filter(|name| !name.is_empty()).cloned();
    let limit = match typed.first().copied().unwrap_or_default() {
        "" | "none" => None,
        text => Some(units::rate(text).map_err(|error| (0, error.to_string()))?),
    };
    if limit == Some(0) {
        return Err((0, "nothing could be copied at 0; hold the job instead".into()));
    }
    Ok(vec![Command::SessionLimit { store, limit }])
}

/// Reads which sessions are meant: `p001 20250104`, `p001`, `20250104`, `20250104..20250110`, `p001 20250104..`.
fn which(text: &str) -> Result<Which, String> {
    let (mut participant, mut days) = (None, None);
    for word in text.split([' ', '/']).filter(|word| !word.is_empty()) {
        if word == ".." {
            return Err("`..` has no day before it and none behind it".into());
        }
        let is_days = word.contains("..") || key::date(word).is_ok();
        let place = if is_days { &mut days } else { &mut participant };
        if place.replace(word).is_some() {
            return Err(format!("`{text}` names more than one"));
        }
    }
    if let Some(participant) = participant {
        key::participant(participant).map_err(|error| error.to_string())?;
    }
    let day = |word: &str| -> Result<_, String> {
        if word.is_empty() { Ok(None) } else { key::date(word).map(Some).map_err(|error| error.to_string()) }
    };
    let (from, to) = match days.map(|days| days.split_once("..").unwrap_or((days, days))) {
        Some((from, to)) => (day(from)?, day(to)?),
        None => (None, None),
    };
    match (participant, from) {
        (None, None) if to.is_none() => Err("no session is named".into()),
        (Some(participant), Some(date)) if to == Some(date) => {
            Ok(Which::Keys { keys: vec![Key { date, participant: participant.to_owned() }] })
        }
        _ => Ok(Which::Range { from, to, participant: participant.map(ToOwned::to_owned), safe: false }),
    }
}

/// Which sessions, in a few words.
fn in_words(which: &Which) -> String {
    match which {
        Which::Keys { keys } => match keys.as_slice() {
            [one] => one.to_string(),
            several => format!("{} sessions", several.len()),
        },
        Which::Range { from, to, participant, safe } => {
            let every = if *safe { "every safe session" } else { "every session" };
            let of = participant.as_ref().map(|participant| format!(" of {participant}")).unwrap_or_default();
            let days = match (from, to) {
                (Some(from), Some(to)) if from == to => format!(" of {from}"),
                (Some(from), Some(to)) => format!(" from {from} to {to}"),
                (Some(from), None) => format!(" from {from} on"),
                (None, Some(to)) => format!(" up to {to}"),
                (None, None) => String::new(),
            };
            format!("{every}{of}{days}")
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("p001 20250104", "p001/20250104")]
    #[case("p001/2025-01-04", "p001/20250104")]
    #[case("p001", "every session of p001")]
    #[case("20250104", "every session of 2025-01-04")]
    #[case("20250104..20250110", "every session from 2025-01-04 to 2025-01-10")]
    #[case("p001 20250104..", "every session of p001 from 2025-01-04 on")]
    #[case("..20250110", "every session up to 2025-01-10")]
    fn sessions_are_named_by_participant_and_days(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(in_words(&which(text).unwrap()), expected);
    }

    #[rstest]
    #[case("", "no session is named")]
    #[case("..", "has no day")]
    #[case("p001 p002", "names more than one")]
    #[case("../x", "has no day")]
    #[case(".x", "is not the name of a participant")]
    #[case("p001 20250230..", "is not a day")]
    fn what_names_none_is_refused(#[case] text: &str, #[case] expected: &str) {
        let error = which(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_limit_is_written_as_it_is_read() {
        for rate in [1, 999, 80 << 20, 5_000_000, 1 << 30, 1_000_001] {
            assert_eq!(units::rate(&written(rate)).unwrap(), rate);
        }
    }
}
