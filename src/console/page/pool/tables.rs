//! Tables of the page of a pool: protected hosts, spares, who sees whom.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::page::Line;
use crate::console::pane::pools::words;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::standin::view::{PoolDetail, PoolView, Stand};

/// Columns of a name: as many as the longest needs, up to a point.
fn columns<'a>(names: impl Iterator<Item = &'a String>, least: usize) -> usize {
    names.map(|name| name.width()).max().unwrap_or(0).clamp(least, 24)
}

/// Text below a row, broken and set in.
fn below(name: &'static str, text: &str, meaning: Meaning, width: usize) -> Vec<Line> {
    let indent = 4 + name.len();
    let lines = wrap(text, width.saturating_sub(indent).max(20)).into_iter().enumerate();
    lines
        .map(|(index, line)| {
            let before = if index == 0 { format!("    {name}") } else { " ".repeat(indent) };
            vec![dim(before), part(meaning, line)]
        })
        .collect()
}

/// Protected hosts, most important first: where each stands, why, and what would be done if it died now.
pub(super) fn hosts(pool: &PoolView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let name = columns(pool.hosts.iter().map(|host| &host.name), 4);
    let head = format!("  {:<name$}  {:<12}  {:>9}  {}", "", "stands", "since", "spare");
    let mut lines = vec![
        vec![part(Meaning::Title, "Protected hosts"), dim("  most important first")],
        vec![part(Meaning::Heading, head.trim_end().to_owned())],
    ];
    for host in &pool.hosts {
        let (meaning, sign, called) = words::stand(host.stand, glyphs);
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$}  ", host.name)),
            part(meaning, format!("{called:<12}  ")),
            plain(format!("{:>9}  ", format::age(host.since, world.reference()))),
            plain(host.spare.clone().unwrap_or_else(|| glyphs.none.into())),
        ]);
        if !host.why.is_empty() && host.stand != Stand::Serving {
            lines.extend(below("", &host.why, Meaning::Text, width));
        }
        if !host.if_it_dies.is_empty() {
            lines.extend(below("if it dies now: ", &host.if_it_dies, Meaning::Text, width));
        }
    }
    lines
}

/// Spares: whether each is ready and why not, in whose place it serves, since when, by whom.
pub(super) fn spares(pool: &PoolView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let name = columns(pool.spares.iter().map(|spare| &spare.name), 4);
    let to = columns(pool.hosts.iter().map(|host| &host.name), 3);
    let head = format!("  {:<name$}  {:<12}  {:>9}  {:<to$}  {:>4}  {}", "", "state", "since", "for", "gen", "by");
    let mut lines =
        vec![vec![part(Meaning::Title, "Spares")], vec![part(Meaning::Heading, head.trim_end().to_owned())]];
    let none = || glyphs.none.to_owned();
    for spare in &pool.spares {
        let (meaning, sign, called) = words::spare(spare.state, glyphs);
        let since = spare.since.map_or_else(none, |since| format::age(since, world.reference()));
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$}  ", spare.name)),
            part(meaning, format!("{called:<12}  ")),
            plain(format!("{since:>9}  ")),
            plain(format!("{:<to$}  ", spare.standing_in_for.clone().unwrap_or_else(none))),
            plain(format!("{:>4}  ", spare.generation)),
            dim(spare.by.clone().unwrap_or_else(none)),
        ]);
        for reason in &spare.reasons {
            lines.extend(below("", reason, meaning, width));
        }
        if spare.reasons.is_empty() {
            let proven = spare.proven.map_or_else(
                || "not looked at yet".into(),
                |proven| format!("looked at {}", format::ago(proven, world.reference())),
            );
            lines.extend(below("", &proven, Meaning::Dim, width));
        }
    }
    lines
}

/// Columns of one witness in the matrix.
const WITNESS: usize = 12;

/// Who sees whom: a row for each host, a column for each witness.
pub(super) fn matrix(detail: &PoolDetail, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let mut lines = vec![vec![part(Meaning::Title, "Who sees whom"), dim("  each row is seen by each column")]];
    let hosts: BTreeSet<&String> = detail.matrix.iter().map(|sight| &sight.host).collect();
    let witnesses: BTreeSet<&String> = detail.matrix.iter().map(|sight| &sight.witness).collect();
    if hosts.is_empty() {
        lines.push(vec![dim("no witness was asked yet")]);
        return lines;
    }
    let name = columns(hosts.iter().copied(), 4);
    let per_block = ((width.saturating_sub(name + 2)) / (WITNESS + 2)).max(1);
    let all: Vec<&String> = witnesses.into_iter().collect();
    for block in all.chunks(per_block) {
        let mut head = format!("{:<name$}", "");
        for witness in block {
            let short: String = witness.chars().take(WITNESS).collect();
            head = format!("{head}  {short:<WITNESS$}");
        }
        lines.push(vec![part(Meaning::Heading, head.trim_end().to_owned())]);
        for host in &hosts {
            let mut line = vec![plain(format!("{host:<name$}"))];
            for witness in block {
                let sight = detail.matrix.iter().find(|sight| sight.host == **host && sight.witness == **witness);
                let (meaning, text) = match sight {
                    None => (Meaning::Dim, glyphs.none.to_owned()),
                    Some(sight) => {
                        let (meaning, sign) = words::reaches(sight.reaches, glyphs);
                        let called = match sight.reaches {
                            Some(true) => "sees it",
                            Some(false) => "does not",
                            None => "not asked",
                        };
                        (meaning, format!("{sign} {called}"))
                    }
                };
                line.push(part(meaning, format!("  {text:<WITNESS$}")));
            }
            lines.push(line);
        }
    }
    for sight in detail.matrix.iter().filter(|sight| sight.reaches != Some(true) && !sight.says.is_empty()) {
        let text = format!("{} {} {}: {}", sight.witness, glyphs.into, sight.host, sight.says);
        lines.extend(
            wrap(&text, width.saturating_sub(2).max(20)).into_iter().map(|line| vec![dim(format!("  {line}"))]),
        );
    }
    lines
}
