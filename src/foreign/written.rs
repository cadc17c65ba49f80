//! What people write: the fleet file, texts with braces in it, themes and keymaps; and any text on its way to a terminal.

use std::path::Path;

use super::assert_plain;
use crate::console::keymap::key::Key as Stroke;
use crate::console::library::{Kind, Library};
use crate::console::{keymap, theme};
use crate::fleet::template;
use crate::reach::mounts::Mounts;
use crate::reach::{plain, quote};
use crate::session::filter::Filter;
use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::standin::witness::Inquiry;

/// A fleet file: there is a fleet exactly where there is no error, and it is fit for what is made of it.
pub(super) fn fleet(bytes: &[u8]) {
    let path = Path::new("/no/such/folder/hotspare.toml");
    let loaded = crate::fleet::load(bytes, path);
    assert_eq!(loaded.fleet.is_some(), loaded.errors().count() == 0);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for diagnostic in &loaded.diagnostics {
        assert!(diagnostic.line <= lines, "line {} of {lines}", diagnostic.line);
        diagnostic.to_string().split('\n').for_each(assert_plain);
    }
    let Some(fleet) = loaded.fleet else { return };
    Inquiry::about(&fleet.hosts).read("");
    let key = Key::new("p001", "20250104");
    for store in &fleet.sessions {
        let _rules = Filter::new(store).excluded(Path::new("a/b.mp4"));
        for layout in store.destinations.iter().map(|one| &one.layout).chain([&store.layout]) {
            let layout = Layout::new(layout);
            if let Ok(key) = &key {
                assert_eq!(layout.parse(&layout.render(key)).as_ref(), Some(key), "{layout:?}");
            }
        }
    }
}

/// So many lines are read each on its own.
const LINES: usize = 500;

/// Texts with placeholders, globs and layouts, each line one: what is filled in stands where a placeholder stood, what the fleet
/// file takes for a layout leads from a session to its path and back, and a glob has an answer soon.
pub(super) fn braces(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // Each is read on its own; of thousands that are alike nothing more is learnt.
    for line in text.lines().take(LINES) {
        let mut end = 0;
        for (span, name) in template::placeholders(line) {
            assert!(span.start >= end && line.get(span.clone()) == Some(&format!("{{{name}}}")), "{line:?}");
            end = span.end;
        }
        assert_eq!(template::fill(line, |name| Some(format!("{{{name}}}"))), line);
        assert_eq!(template::fill(line, |_| None), line);
        crate::fleet::foreign::text(line);
        if crate::fleet::accepts_layout(line) {
            let layout = Layout::new(line);
            for key in [Key::new("p001", "20250104"), Key::new("a_b-{date}", "1999-12-31")].into_iter().flatten() {
                assert_eq!(layout.parse(&layout.render(&key)), Some(key), "{layout:?}");
            }
        }
    }
    let (glob, names) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(glob) = crate::fleet::glob::glob(glob) {
        let matcher = glob.compile_matcher();
        for name in names.split('\n').chain(["a/b/c.mp4", &"ab/".repeat(80), &"a".repeat(255)]) {
            let _either = matcher.is_match(name);
        }
    }
}

/// Themes and keymaps, by the way that a file goes; the errors name a place that is there.
pub(super) fn looks(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split('\n').count();
    let place = |position: Option<(usize, usize)>| assert!(position.is_none_or(|(line, _)| line <= lines));
    for kind in [Kind::Theme, Kind::Keymap] {
        let library = Library { folder: None };
        let source = crate::console::library::Source {
            name: "foreign".into(),
            origin: crate::console::library::Origin::BuiltIn,
            text: text.clone().into_owned(),
        };
        let error = match kind {
            Kind::Theme => theme::file::read(&library, source).err(),
            Kind::Keymap => keymap::file::join(&library, source).err(),
        };
        if let Some(error) = error {
            place(error.position);
            let _shown = error.to_string();
        }
    }
    for word in text.split('"') {
        if let Ok(key) = Stroke::parse(word) {
            // As the help shows it, it is understood again.
            let shown = key.to_string();
            assert_eq!(Stroke::parse(&shown), Ok(key), "{word:?} as {shown:?}");
        }
        let _either = theme::color::parse(word);
        let _either = Stroke::sequence(word);
    }
}

/// Any text on its way to a person: nothing of it moves a terminal, whichever way it goes. And what the kernel tells of mounts,
/// what the ssh client says, and words on their way into a shell.
pub(super) fn terminal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for shown in [plain::line(&text, 40), plain::last_line(&text, 40)] {
        assert_plain(&shown);
        assert!(shown.chars().count() <= 41);
    }
    plain::harmless(&text).split('\n').for_each(assert_plain);
    assert_eq!(plain::harmless(&plain::harmless(&text)), plain::harmless(&text));
    assert_plain(&plain::one_line(&text));
    assert_plain(&crate::service::logs::view::shown(bytes));
    let quoted = quote::quote(&text);
    let inner = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    // Outside of quotes stands nothing but an escaped quote.
    let pieces = inner.map(|inner| inner.split("'\\''").all(|piece| !piece.contains(['\'', '\0'])));
    assert_eq!(pieces, Some(true), "{quoted}");
    let mounts = Mounts::parse(bytes);
    for (number, mount) in mounts.all().enumerate() {
        assert_plain(&mount.words());
        let _either = (mount.read_only(), mount.is_far());
        // Nobody asks about many of them.
        let _there = (number < 100).then(|| mounts.at(&mount.point));
    }
    crate::reach::ssh::told_by_client(&text);
}
