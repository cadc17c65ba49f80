//! The lines around the panes: title, banners, tabs, messages, keys.

use ratatui::layout::Rect;

use super::brush::Brush;
use crate::console::action::Action;
use crate::console::app::App;
use crate::console::keymap::Binding;
use crate::console::modal::Possible;
use crate::console::pane::sessions::words;
use crate::console::pane::{PaneId, hosts, jobs, journal, lag, pools};
use crate::console::table::{Part, dim, part, plain, width};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::console::{format, problems};
use crate::engine::client::Link;
use crate::work::view::JobState;

/// On a lower screen what is the matter needs the line more than who explains it.
const GUIDED_FROM: u16 = 20;

/// The first line: is anything wrong? Fleet, counts in words, engine and lease, the time.
pub fn title(brush: &mut Brush<'_>, area: Rect, app: &App) {
    let glyphs = brush.theme.glyphs;
    let world = &app.world;
    let head = &world.shown.head;
    let mut left = vec![part(Meaning::Title, format!("{}   ", head.fleet))];
    let wrong = hosts::counts(&world.shown, glyphs);
    let others = problems::count(world);
    let standing = pools::words::standing(&world.shown);
    if wrong.is_empty() && world.shown.hosts.is_empty() {
        left.push(dim("no hosts in the fleet file"));
    } else if wrong.is_empty() && others == 0 && standing.is_none() {
        let all = format::several(world.shown.hosts.len(), "host");
        left.push(part(Meaning::Good, format!("{} all well, {all} up", glyphs.good)));
    } else if wrong.is_empty() {
        left.push(plain(format!("{} up", format::several(world.shown.hosts.len(), "host"))));
    } else {
        left.extend(wrong);
    }
    if let Some(count) = standing {
        left.push(dim(format!(" {} ", glyphs.dot)));
        left.push(part(Meaning::Info, format!("{} {count} standing in", glyphs.standing)));
    }
    if others > 0 {
        left.push(plain("   "));
        left.push(part(Meaning::Bad, format!("{} {}", glyphs.warn, format::several(others, "problem"))));
    }
    let room = area.width.saturating_sub(2);
    for what in lag::words::headline(&world.shown, world.reference(), glyphs) {
        let said = [dim(format!(" {} ", glyphs.dot)), what];
        // Half a sentence says nothing, and what is wrong is counted before it.
        if width(&left) + width(&said) + width(&facts(app, 0, false)) + 2 <= usize::from(room) {
            left.extend(said);
        }
    }
    // What is wrong is not cut off for the number of a process.
    let wanted = usize::from(room).saturating_sub(width(&left) + 2);
    let right = [true, false].map(|all| facts(app, area.width, all)).into_iter().find(|right| width(right) <= wanted);
    let right = right.unwrap_or_else(|| facts(app, 0, false));
    let taken = brush.parts_right(area.right() - 1, area.y, room, &right);
    brush.parts(area.x + 1, area.y, room.saturating_sub(taken + 2), &left);
}

/// The line below the title that says what to look at now, where somebody does. Returns how many lines that takes.
pub fn guide(brush: &mut Brush<'_>, area: Rect, app: &App) -> u16 {
    if app.world.guide.is_empty() || area.height < GUIDED_FROM {
        return 0;
    }
    let arrow = part(Meaning::Info, format!("{} ", brush.theme.glyphs.into));
    let text = part(Meaning::Info, app.world.guide.clone());
    brush.parts(area.x + 1, area.y + 1, area.width.saturating_sub(2), &[arrow, text]);
    1
}

/// Engine, lease and time, as much of it as a screen of this width has room for; `all`: with the engine's number.
fn facts(app: &App, columns: u16, all: bool) -> Vec<Part> {
    let world = &app.world;
    let head = &world.shown.head;
    let dot = app.look.theme.glyphs.dot;
    let mut parts = Vec::new();
    if columns >= 100 {
        match &world.link {
            Link::Joined => {
                if all {
                    parts.push(dim(format!("engine pid {} {dot} ", head.engine.pid)));
                }
                let no_lease = part(Meaning::Warn, "no lease");
                parts.push(if head.lease.held { dim("lease held") } else { no_lease });
            }
            // Whether it held the lease was true of an engine that is no more.
            Link::Lost { .. } => parts.push(part(Meaning::Bad, "engine gone")),
        }
        parts.push(plain("   "));
    }
    if world.changes_nothing() {
        // Whom the engine lets only look need not wonder what was asked for.
        let said = if world.looks_only.is_some() { "viewer, read-only" } else { "read-only" };
        parts.push(part(Meaning::Info, said));
        parts.push(plain("   "));
    }
    if world.frozen.is_some() {
        parts.push(part(Meaning::Warn, "frozen"));
        parts.push(plain("   "));
    }
    parts.push(plain(format::minute(world.now, &world.zone)));
    parts
}

/// Lines across the screen for what is wrong with the whole. Returns how many.
pub fn banners(brush: &mut Brush<'_>, area: Rect, app: &App) -> u16 {
    let keymap = &app.look.keymap;
    let all = problems::of(&app.world);
    let most = if area.height < 24 { 1 } else { 3 };
    let shown = all.len().min(most);
    for (index, (problem, y)) in all.iter().take(shown).zip(area.y + 1..).enumerate() {
        let line = Rect { y, height: 1, ..area };
        let hidden = all.len() - shown;
        let key = match (&app.world.link, index) {
            (Link::Lost { .. }, 0) if app.exists(Action::Start) => {
                keymap.key_of(Action::Start).map(|key| format!("{key} starts one"))
            }
            _ if index + 1 == shown && (hidden > 0 || all.iter().any(|problem| !problem.more.is_empty())) => {
                let more = if hidden > 0 { format!("{hidden} more: ") } else { String::new() };
                keymap.key_of(Action::Problems).map(|key| format!("{more}{key} reads all"))
            }
            _ => problem
                .way
                .filter(|(action, _)| app.exists(*action))
                .and_then(|(action, does)| keymap.key_of(action).map(|key| format!("{key} {does}"))),
        };
        let loud = problem.meaning == Meaning::Bad;
        let meaning = if loud { Meaning::Banner } else { problem.meaning };
        if loud {
            brush.shade(line, Meaning::Banner);
        }
        let sign = if problem.meaning == Meaning::Info { "i" } else { brush.theme.glyphs.warn };
        let room = line.width.saturating_sub(2);
        let key = key.map(|key| part(meaning, format!("  {key}")));
        let taken = brush.parts_right(line.right() - 1, y, room, key.as_slice());
        brush.parts(line.x + 1, y, room - taken, &[part(meaning, format!("{sign} {}", problem.line))]);
    }
    u16::try_from(shown).unwrap_or(u16::MAX)
}

/// All panes in one line, where only one of them fits.
pub fn tabs(brush: &mut Brush<'_>, area: Rect, app: &App) {
    let glyphs = brush.theme.glyphs;
    let tab = |(index, id): (usize, PaneId)| {
        let pane = id.pane();
        let name = if id == app.focus { Meaning::Selection } else { Meaning::Text };
        let mut tab = vec![part(Meaning::Dim, format!("{} ", index + 1)), part(name, pane.name()), plain(" ")];
        tab.extend(pane.brief(&app.world, glyphs));
        tab
    };
    let all: Vec<Vec<Part>> = PaneId::there(&app.world).enumerate().map(tab).collect();
    let columns: usize = all.iter().map(|tab| width(tab)).sum();
    // Three columns lie between any two, fewer where there is no room for so many.
    let rest = usize::from(area.width.saturating_sub(2)).saturating_sub(columns);
    let gap = u16::try_from(rest / all.len().saturating_sub(1).max(1)).unwrap_or(3).clamp(1, 3);
    let mut x = area.x + 1;
    for tab in all {
        let room = area.right().saturating_sub(x);
        x = x.saturating_add(brush.parts(x, area.y, room, &tab)).saturating_add(gap);
    }
}

/// The line before the last: the newest message, else what runs and what was done last.
pub fn status(brush: &mut Brush<'_>, area: Rect, app: &App) {
    let y = area.bottom() - 2;
    let room = area.width.saturating_sub(2);
    let glyphs = brush.theme.glyphs;
    let dot = glyphs.dot;
    let world = &app.world;
    if let Some((toast, more)) = app.toasts.live(world.now) {
        let mut parts = vec![part(toast.meaning, format!("{} {}", toast.sign(glyphs), toast.text))];
        parts.extend(toast.hint.iter().map(|hint| plain(format!(" {dot} {hint}"))));
        let more = match (more, app.look.keymap.key_of(Action::Messages)) {
            (0, _) | (_, None) => Vec::new(),
            (more, Some(key)) => vec![dim(format!("  {more} more: {key}"))],
        };
        let taken = brush.parts_right(area.right() - 1, y, room, &more);
        brush.parts(area.x + 1, y, room - taken, &parts);
        return;
    }
    let mut parts: Vec<Part> =
        running(world).into_iter().flat_map(|text| [plain(text), dim(format!(" {dot} "))]).collect();
    let Some(entry) = world.shown.journal.tail.last() else { return };
    parts.extend([
        dim(format!("{}  ", format::moment(entry.time, world.now, &world.zone))),
        part(journal::meaning(entry.weight), journal::sign(entry.weight, glyphs)),
        plain(format!(" {}", entry.what)),
    ]);
    if !entry.why.is_empty() {
        parts.push(dim(format!(" {dot} {}", entry.why)));
    }
    brush.parts(area.x + 1, y, room, &parts);
}

/// The piece of work that somebody waits for: `copy p014/20261120 61 % 118 MB/s 0:42 left`, before it a run of a pool.
fn running(world: &World) -> Option<String> {
    if let Some(run) = world.shown.pools.iter().find_map(|pool| pool.run.as_ref().filter(|run| !run.state.ended())) {
        let whose = run.failed.as_ref().map(|host| format!(" of {host}")).unwrap_or_default();
        let at = run.steps.iter().position(|step| step.state.moves());
        let step = at.map(|at| format!(": step {} of {}, {}", at + 1, run.steps.len(), run.steps[at].name));
        let called = if step.is_none() { format!(" {}", run.state.word()) } else { String::new() };
        return Some(format!("{}{whose}{called}{}", run.purpose.word(), step.unwrap_or_default()));
    }
    let mut running = world.shown.jobs.iter().rev().filter(|job| job.state == JobState::Running);
    let (job, piece) = running.find_map(|job| Some((job, job.part.as_ref()?)))?;
    let rate = job.rate.map(|rate| format!(" {}", format::rate(rate, job.unit))).unwrap_or_default();
    let left = jobs::left_of(piece, job.rate)
        .and_then(format::remaining)
        .map(|left| format!(" {left} left"))
        .unwrap_or_default();
    Some(format!("{} {} {} %{rate}{left}", job.kind, piece.key, words::percent(piece)))
}

/// The last line: the keys that matter here and now, or what may follow the keys that were pressed.
pub fn keys(brush: &mut Brush<'_>, area: Rect, app: &App) {
    let y = area.bottom() - 1;
    let room = area.width.saturating_sub(2);
    // A modal says its own keys.
    if !app.modals.is_empty() {
        return;
    }
    if !app.pending.is_empty() {
        brush.parts(area.x + 1, y, room, &following(app));
        return;
    }
    let keymap = &app.look.keymap;
    let hint = |action: Action| -> Option<Vec<Part>> {
        let key = keymap.key_of(action)?;
        let here = app.scopes().contains(&action.spec().scope);
        let possible = here && app.exists(action) && app.why_not(&action.into()).is_none();
        possible.then(|| vec![part(Meaning::Key, key), dim(format!(" {}", action.spec().title))])
    };
    let right: Vec<Vec<Part>> = [Action::Help, Action::Palette, Action::Quit].into_iter().filter_map(hint).collect();
    let right = right.join(&plain("  "));
    let taken = brush.parts_right(area.right() - 1, y, room, &right);
    let left = app.pages.last().map_or_else(|| app.focus.pane().hints(), |open| open.page.hints());
    let mut x = area.x + 1;
    let end = (area.x + 1 + room).saturating_sub(taken + 2);
    for parts in left.iter().copied().filter_map(hint) {
        let columns = u16::try_from(width(&parts)).unwrap_or(u16::MAX);
        if x.saturating_add(columns) > end {
            break;
        }
        brush.parts(x, y, columns, &parts);
        x += columns + 2;
    }
}

/// What may follow: `e  d doctor  r reload …`.
fn following(app: &App) -> Vec<Part> {
    let typed = crate::console::keymap::written(&app.pending);
    let mut parts = vec![part(Meaning::Key, typed), plain("   ")];
    let scopes = app.scopes();
    let there = app.look.keymap.following(&app.pending, &scopes).into_iter();
    let mut there: Vec<(bool, &Binding)> = there
        .filter(|binding| app.exists(binding.invocation.action))
        .map(|binding| (app.why_not(&binding.invocation).is_none(), binding))
        .collect();
    // Where there are many, what can be done now is read first.
    there.sort_by_key(|(possible, _)| !*possible);
    for (possible, binding) in there {
        let action = binding.invocation.action;
        let rest = binding.keys.get(app.pending.len()..).unwrap_or_default();
        let meaning = if possible { Meaning::Key } else { Meaning::Dim };
        parts.push(part(meaning, crate::console::keymap::written(rest)));
        parts.push(dim(format!(" {}  ", action.spec().title)));
    }
    parts.push(part(Meaning::Key, "esc"));
    parts.push(dim(" no"));
    parts
}

/// What the terminal's own title says: the fleet, and how it is.
pub fn terminal_title(app: &App) -> String {
    let world = &app.world;
    let words = crate::console::table::words(&hosts::counts(&world.shown, &crate::console::theme::glyphs::ASCII));
    let state = match (&world.link, words.is_empty()) {
        (Link::Lost { .. }, _) => "engine gone".to_owned(),
        (Link::Joined, true) if world.shown.healthy() && problems::count(world) == 0 => "all well".to_owned(),
        (Link::Joined, true) => "problems".to_owned(),
        (Link::Joined, false) => words,
    };
    format!("{}: {state}", world.shown.head.fleet)
}
