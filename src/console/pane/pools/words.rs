//! What is said of pools in few words: states, the answer in the title, the lines around the rows.

use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::snapshot::Snapshot;
use crate::runbook::cast::Purpose;
use crate::runbook::view::{RunState, RunView};
use crate::standin::view::{Owner, Past, PoolView, SpareState, Stand};

/// Meaning, sign and word of a spare's state.
pub const fn spare(state: SpareState, glyphs: &Glyphs) -> (Meaning, &'static str, &'static str) {
    match state {
        SpareState::Ready => (Meaning::Good, glyphs.up, state.word()),
        SpareState::Activating | SpareState::Releasing => (Meaning::Info, glyphs.running, state.word()),
        SpareState::Active => (Meaning::Info, glyphs.standing, "standing in"),
        SpareState::Failed => (Meaning::Bad, glyphs.bad, state.word()),
        SpareState::Unready => (Meaning::Bad, glyphs.warn, state.word()),
    }
}

/// Meaning, sign and word of where a protected host stands.
pub const fn stand(stand: Stand, glyphs: &Glyphs) -> (Meaning, &'static str, &'static str) {
    let (meaning, sign) = match stand {
        Stand::Serving => (Meaning::Good, glyphs.up),
        Stand::Suspect => (Meaning::Warn, glyphs.warn),
        Stand::Failing => (Meaning::Bad, glyphs.running),
        Stand::Waiting => (Meaning::Bad, glyphs.bad),
        Stand::StoodIn => (Meaning::Info, glyphs.standing),
        Stand::Returned => (Meaning::Warn, glyphs.degraded),
    };
    (meaning, sign, stand.word())
}

/// A number of seconds that was promised or measured: `1.9 s`, `45 s`, `3 min`.
pub fn seconds(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a float saturates, and nobody waits for so long")]
    match seconds {
        short if short < 10.0 => format!("{:.*} s", usize::from(short.fract() != 0.0), short),
        short if short < 120.0 => format!("{short:.0} s"),
        long => format::span(long.round() as i64),
    }
}

/// What moves now, or waits for a person, in words: `takeover of studio-2 under way`.
fn moving(run: &RunView) -> Option<Part> {
    let whose = run.failed.as_ref().map(|host| format!(" of {host}")).unwrap_or_default();
    let what = format!("{}{whose}", run.purpose.word());
    match run.state {
        RunState::Running => Some(part(Meaning::Info, format!("{what} under way"))),
        RunState::Undoing => Some(part(Meaning::Info, format!("{what} is undone"))),
        RunState::Asking => Some(part(Meaning::Warn, format!("{what} asks"))),
        RunState::Interrupted => Some(part(Meaning::Bad, format!("{what} interrupted"))),
        RunState::Unknown => Some(part(Meaning::Bad, format!("{what}: unknown"))),
        RunState::Done | RunState::Failed | RunState::Undone => None,
    }
}

/// What is not as usual about a pool, worst first.
fn unusual(pool: &PoolView) -> Vec<Part> {
    let mut parts: Vec<Part> = pool.run.iter().filter_map(|run| moving(run)).collect();
    for host in &pool.hosts {
        match host.stand {
            Stand::Waiting => parts.push(part(Meaning::Bad, format!("{} waits", host.name))),
            Stand::Returned => parts.push(part(Meaning::Warn, format!("{} returned", host.name))),
            Stand::Suspect => parts.push(part(Meaning::Warn, format!("{} suspect", host.name))),
            Stand::Failing if parts.is_empty() => parts.push(part(Meaning::Bad, format!("{} failing", host.name))),
            Stand::Failing | Stand::Serving | Stand::StoodIn => {}
        }
    }
    for spare in &pool.spares {
        match (spare.state, &spare.standing_in_for) {
            (SpareState::Failed, _) => parts.push(part(Meaning::Bad, format!("{} failed", spare.name))),
            (SpareState::Unready, _) => parts.push(part(Meaning::Bad, format!("{} not ready", spare.name))),
            (SpareState::Active, Some(host)) => parts.push(plain(format!("{} for {host}", spare.name))),
            _ => {}
        }
    }
    parts.sort_by_key(|part| part.meaning != Meaning::Bad);
    parts
}

/// The answer of the pane, in its title.
pub fn answer(snapshot: &Snapshot, glyphs: &Glyphs) -> Vec<Part> {
    let mut said: Vec<Part> = snapshot.pools.iter().flat_map(|pool| unusual(pool)).collect();
    let alarms: usize = snapshot.pools.iter().map(|pool| pool.alarms.len()).sum();
    // An alarm that something else tells already needs no number beside it.
    if alarms > 0 && said.iter().all(|part| part.meaning != Meaning::Bad) {
        said.insert(0, part(Meaning::Bad, format!("{} {}", glyphs.bad, format::several(alarms, "alarm"))));
    }
    if said.is_empty() {
        said.push(plain("all ready"));
    }
    let mut parts = match snapshot.pools.as_slice() {
        [only] => vec![plain(format!("{}: ", only.name))],
        all => vec![plain(format!("{}, ", format::several(all.len(), "pool")))],
    };
    for (index, part) in said.into_iter().enumerate() {
        if index > 0 {
            parts.push(plain(", "));
        }
        parts.push(part);
    }
    for mode in ["observe", "manual"] {
        if snapshot.pools.iter().any(|pool| pool.mode == mode) {
            parts.push(dim(format!(" {} {mode}", glyphs.dot)));
        }
    }
    if snapshot.pools.iter().any(|pool| pool.paused.is_some()) {
        parts.push(part(Meaning::Warn, format!(" {} paused", glyphs.dot)));
    }
    parts
}

/// The answer in few words, for a tab: who stands in, what goes on or waits for an answer, whether anything is wrong. It is
/// all that is seen of pools on a small screen.
pub fn brief(snapshot: &Snapshot, glyphs: &Glyphs) -> Vec<Part> {
    let mut said: Vec<Part> = Vec::new();
    said.extend(standing(snapshot).map(|count| part(Meaning::Info, format!("{}{count}", glyphs.standing))));
    let runs = || snapshot.pools.iter().filter_map(|pool| pool.run.as_ref()).map(|run| run.state);
    if runs().any(|state| state == RunState::Asking) {
        said.push(part(Meaning::Warn, "asks"));
    } else if runs().any(|state| matches!(state, RunState::Running | RunState::Undoing)) {
        said.push(part(Meaning::Info, glyphs.running));
    }
    let unusual: Vec<Part> = snapshot.pools.iter().flat_map(|pool| unusual(pool)).collect();
    let alarms = snapshot.pools.iter().any(|pool| !pool.alarms.is_empty());
    if alarms || unusual.iter().any(|part| part.meaning == Meaning::Bad) {
        said.push(part(Meaning::Bad, glyphs.bad));
    } else if said.is_empty() && unusual.iter().any(|part| part.meaning == Meaning::Warn) {
        said.push(part(Meaning::Warn, glyphs.degraded));
    }
    if said.is_empty() {
        said.push(plain("ready"));
    }
    let mut parts: Vec<Part> = Vec::new();
    for part in said {
        if !parts.is_empty() {
            parts.push(plain(" "));
        }
        parts.push(part);
    }
    parts
}

/// How many spares stand in; `None`: none.
pub fn standing(snapshot: &Snapshot) -> Option<usize> {
    let spares = snapshot.pools.iter().flat_map(|pool| &pool.spares);
    let count = spares.filter(|spare| spare.state == SpareState::Active).count();
    (count > 0).then_some(count)
}

/// Alarms, a pause, and what holds automation back: told before anything else.
pub fn standing_orders(pool: &PoolView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Vec<Part>> {
    let mut said: Vec<(Meaning, &str, String)> = Vec::new();
    said.extend(pool.alarms.iter().map(|alarm| (Meaning::Bad, glyphs.bad, alarm.clone())));
    if let Some(pause) = &pool.paused {
        let until = pause.until.map_or_else(
            || "until somebody ends it".into(),
            |until| {
                let left = format::left(until, world.reference());
                format!("until {} ({left} left)", format::minute(until, &world.zone))
            },
        );
        said.push((Meaning::Warn, glyphs.maintenance, format!("paused {until} by {}: {}", pause.owner, pause.why)));
    }
    let held = pool.held_back.iter().map(|why| (Meaning::Warn, glyphs.warn, format!("held back: {why}")));
    said.extend(held);
    let several = world.shown.pools.len() > 1;
    let mut lines = Vec::new();
    for (meaning, sign, text) in said {
        let text = if several { format!("{}: {text}", pool.name) } else { text };
        for (index, line) in wrap(&text, width.saturating_sub(2).max(20)).into_iter().enumerate() {
            let before = if index == 0 { part(meaning, format!("{sign} ")) } else { plain("  ") };
            lines.push(vec![before, part(meaning, line)]);
        }
    }
    lines
}

/// What would happen next, and what was measured last.
pub fn outlook(pool: &PoolView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Vec<Part>> {
    let several = world.shown.pools.len() > 1;
    let room = width.saturating_sub(2).max(20);
    let mut lines = Vec::new();
    if several {
        lines.push(vec![plain("  "), dim(pool.name.clone())]);
    }
    let waits = pool.hosts.iter().any(|host| host.stand == Stand::Waiting);
    if !waits && pool.spares.iter().any(|spare| spare.state == SpareState::Active) {
        lines.push(vec![dim("  waiting: none")]);
    }
    for (hosts, then) in if_they_die(pool) {
        for (index, line) in wrap(&format!("if {hosts} dies now: {then}"), room).into_iter().enumerate() {
            lines.push(vec![plain(if index == 0 { "  " } else { "    " }), plain(line)]);
        }
    }
    for (name, past) in [("takeover", &pool.last_takeover), ("drill", &pool.last_drill)] {
        match past {
            Some(past) => {
                lines.push(std::iter::once(plain("  ")).chain(last(name, past, pool, world, glyphs)).collect());
            }
            None if name == "drill" => lines.push(vec![plain("  "), never_drilled(pool, glyphs)]),
            None => {}
        }
    }
    lines
}

/// What would be done if a host died now: hosts of which the same is said are named together.
fn if_they_die(pool: &PoolView) -> Vec<(String, &str)> {
    let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
    for host in pool.hosts.iter().filter(|host| !host.if_it_dies.is_empty()) {
        match groups.iter_mut().find(|(_, then)| *then == host.if_it_dies) {
            Some((names, _)) => names.push(&host.name),
            None => groups.push((vec![&host.name], &host.if_it_dies)),
        }
    }
    groups.into_iter().map(|(names, then)| (names.join(" or "), then)).collect()
}

/// A run that has ended, against what was promised: `last drill 6 d ago: 1.9 s of 3 min`.
pub fn last(name: &str, past: &Past, pool: &PoolView, world: &World, glyphs: &Glyphs) -> Vec<Part> {
    let when = format::ago(past.at, world.reference());
    let head = dim(format!("last {name} {when}: "));
    let took = seconds(past.seconds);
    if past.state != RunState::Done {
        return vec![head, part(Meaning::Bad, format!("{} {} after {took}", glyphs.bad, past.state.word()))];
    }
    let stale = past.purpose == Purpose::Drill && too_old(past, pool, world);
    let head = if stale { part(Meaning::Bad, format!("{} last {name} {when}: ", glyphs.warn)) } else { head };
    let promised = seconds(past.promised.unwrap_or(pool.target));
    // A giveback promises nothing.
    if past.purpose == Purpose::Giveback {
        return vec![head, plain(took)];
    }
    let meaning = if past.score() == "late" { Meaning::Bad } else { Meaning::Text };
    vec![head, part(meaning, took), dim(format!(" of {promised}"))]
}

/// Whether the last drill is so long ago that nobody knows whether the spare still works.
fn too_old(past: &Past, pool: &PoolView, world: &World) -> bool {
    let ago = world.reference().duration_since(past.at).as_secs_f64();
    pool.drill_every.is_some_and(|every| ago >= every)
}

/// What is said where there never was a drill: it is a gap only where there could be one.
pub fn never_drilled(pool: &PoolView, glyphs: &Glyphs) -> Part {
    match pool.drill_every {
        Some(_) => part(Meaning::Warn, format!("{} never drilled", glyphs.warn)),
        None => dim("no drill is declared"),
    }
}

/// Meaning and sign of whether a witness reaches a host.
pub fn reaches(reaches: Option<bool>, glyphs: &Glyphs) -> (Meaning, &'static str) {
    match reaches {
        Some(true) => (Meaning::Good, glyphs.good),
        Some(false) => (Meaning::Bad, glyphs.bad),
        None => (Meaning::Unknown, glyphs.unknown),
    }
}

/// Who answers for an address.
pub fn owned(owner: &Owner, glyphs: &Glyphs) -> Vec<Part> {
    let mut parts = vec![plain(format!("{}  ", owner.address))];
    parts.push(match (owner.held_by.as_slice(), owner.seen) {
        (_, None) => dim("not asked yet"),
        ([], _) => part(Meaning::Warn, format!("{} nobody answers", glyphs.warn)),
        ([one], _) => part(Meaning::Good, format!("{} held by {one}", glyphs.good)),
        (several, _) => part(Meaning::Bad, format!("{} held by {}", glyphs.bad, several.join(" and "))),
    });
    parts
}
