//! What came of work on services, as lines to read.

use super::Line;
use super::report::below;
use crate::console::draw::brush::wrap;
use crate::console::table::{part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::service::view::{Held, ModuleView, Released, Stopped};

/// One module: its state, its process, its command line.
pub fn module_words(module: &ModuleView) -> String {
    let pid = module.pid.map(|pid| format!("pid {pid}")).unwrap_or_default();
    let words = format!("{:<14}{:<12}{pid:<12}{}", module.name, module.state.word(), module.command);
    words.trim_end().to_owned()
}

/// The same in lines of so many columns: a command line that does not fit stands below, set in.
pub fn module_lines(module: &ModuleView, width: usize) -> Vec<String> {
    let words = module_words(module);
    if words.chars().count() <= width {
        return vec![words];
    }
    let head = module_words(&ModuleView { command: String::new(), ..module.clone() });
    let below = wrap(&module.command, width.saturating_sub(4).max(16));
    std::iter::once(head).chain(below.into_iter().map(|line| format!("    {line}"))).collect()
}

/// Of a hold that was taken.
pub fn held(held: &Held, width: usize) -> Vec<Line> {
    let title = format!("{} on {} is held until {:.0}", held.service, held.host, held.hold.until);
    let mut lines = vec![vec![part(Meaning::Title, title)]];
    lines.extend(below(&format!("{}: {}", held.hold.owner, held.hold.why), Meaning::Text, 0, width));
    lines.push(Vec::new());
    lines.extend(held.modules.iter().flat_map(|module| module_lines(module, width)).map(|line| vec![plain(line)]));
    lines
}

/// Of a release.
pub fn released(released: &Released, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let (meaning, sign, said) = match released.free {
        Some(true) => (Meaning::Good, glyphs.good, "the locks are free, read back".to_owned()),
        Some(false) => (Meaning::Bad, glyphs.bad, "a lock is still held".into()),
        None => (Meaning::Warn, glyphs.warn, format!("{} cannot be asked", released.host)),
    };
    let mut lines = vec![vec![part(meaning, format!("{sign} {}: {said}", released.service))]];
    for holder in &released.ended {
        lines.extend(below(&format!("ended: {}", holder.said()), Meaning::Text, 2, width));
    }
    for holder in &released.holders {
        lines.extend(below(&format!("held by {}", holder.said()), Meaning::Warn, 2, width));
    }
    lines
}

/// Of stopping modules.
pub fn stopped(stopped: &Stopped, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let told = stopped.modules.iter().map(|module| {
        let (meaning, sign) = if module.gone { (Meaning::Good, glyphs.good) } else { (Meaning::Bad, glyphs.bad) };
        below(&format!("{sign} {}: {}", module.name, module.said), meaning, 0, width)
    });
    told.flatten().collect()
}
