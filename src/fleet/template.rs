//! Placeholders: `{address}` in a check, `{failed.name}` in a step, `{date}` in a layout.
//!
//! A placeholder is a brace, a dotted lower-case name, a brace. Every other brace is a plain character, so that
//! `awk '{print $1}'`, `${HOME}` and `{{.Names}}` reach the shell as they were written; a url, an address or a layout
//! has no use for a plain brace, and there one is an error.

use std::ops::Range;

/// Which placeholders a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// None.
    Plain,
    /// Those of a check.
    Check,
    /// Those of a step.
    Step,
    /// Those of a check that a step waits for.
    WaitCheck,
    /// Those of the path of a session.
    Layout,
}

/// A placeholder with a value of the kind it will have, for trying whether the filled text is well formed.
const CHECK: &[(&str, &str)] = &[("address", "192.0.2.1"), ("name", "name")];
const STEP: &[(&str, &str)] = &[
    ("failed.name", "failed"),
    ("failed.address", "192.0.2.1"),
    ("failed.service", "192.0.2.1/24"),
    ("spare.name", "spare"),
    ("spare.address", "192.0.2.2"),
    ("each.name", "host"),
    ("each.address", "192.0.2.3"),
    ("pool", "pool"),
    ("token", "1"),
];
const LAYOUT: &[(&str, &str)] = &[("participant", "p"), ("date", "20250101")];

impl Scope {
    fn samples(self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let (own, more): (&[_], &[_]) = match self {
            Self::Plain => (&[], &[]),
            Self::Check => (CHECK, &[]),
            Self::Step => (STEP, &[]),
            Self::WaitCheck => (STEP, CHECK),
            Self::Layout => (LAYOUT, &[]),
        };
        own.iter().chain(more)
    }

    /// The names that may stand in braces.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.samples().map(|(name, _)| *name)
    }

    /// Where the text is, in words.
    pub(super) const fn place(self) -> &'static str {
        match self {
            Self::Plain => "here",
            Self::Check => "in a check",
            Self::Step => "in a step",
            Self::WaitCheck => "in the check of a step",
            Self::Layout => "in a layout",
        }
    }
}

/// What is wrong with the braces of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BraceError {
    /// This name is not known here.
    Unknown(String),
    /// A brace without its partner, or around something that is not a name.
    Stray,
}

/// The names in braces, each with its place in the text (braces included).
pub fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    text.match_indices('{').filter_map(move |(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        let rest = text.get(at + 1..)?;
        // Only as far as a name goes: a text of nothing but open braces is looked through once.
        let end = rest.find(|c: char| !is_name_char(c))?;
        let (name, after) = rest.split_at_checked(end)?;
        let plain = matches!(before, Some('$' | '{')) || !after.starts_with('}') || !is_name(name);
        (!plain).then(|| (at..at + end + 2, name))
    })
}

/// The text with its placeholders filled in; those for which there is no value stay as they are.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (span, name) in placeholders(text) {
        if let Some(value) = value(name) {
            out.push_str(text.get(from..span.start).unwrap_or_default());
            out.push_str(&value);
            from = span.end;
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// The text with a value of the right kind in the place of each placeholder.
pub(super) fn tried(text: &str, scope: Scope) -> String {
    fill(text, |name| scope.samples().find(|(known, _)| *known == name).map(|(_, sample)| (*sample).to_owned()))
}

/// The placeholder of this place that people also call so: `failed.ip` for `failed.address`.
pub(super) fn also(name: &str, scope: Scope) -> Option<&'static str> {
    let (of, last) = name.rsplit_once('.').map_or(("", name), |(of, last)| (of, last));
    let word = match last {
        "ip" | "addr" => "address",
        "host" | "hostname" => "name",
        _ => return None,
    };
    scope.names().find(|known| known.rsplit_once('.').map_or(("", *known), |both| both) == (of, word))
}

/// What is wrong with the braces, each with its place in the text. `strict`: a plain brace is an error too.
pub(super) fn errors(text: &str, scope: Scope, strict: bool) -> Vec<(Range<usize>, BraceError)> {
    let found: Vec<_> = placeholders(text).collect();
    let mut wrong: Vec<_> = found
        .iter()
        .filter(|(_, name)| scope.names().all(|known| known != *name))
        .map(|(span, name)| (span.clone(), BraceError::Unknown((*name).to_owned())))
        .collect();
    let stray = text.match_indices(['{', '}']).map(|(at, _)| at).filter(|at| {
        // They stand in the order of the text, and none in another.
        let next = found.partition_point(|(span, _)| span.end <= *at);
        !found.get(next).is_some_and(|(span, _)| span.contains(at))
            && (strict || begins_a_placeholder(text, *at, scope))
    });
    wrong.extend(stray.map(|at| (at..at + 1, BraceError::Stray)));
    wrong
}

/// Whether an open brace is followed by a known name, which only lacks its closing brace.
fn begins_a_placeholder(text: &str, at: usize, scope: Scope) -> bool {
    let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix('{')) else { return false };
    if text.get(..at).is_some_and(|before| before.ends_with(['$', '{'])) {
        return false;
    }
    let end = rest.find(|c: char| !is_name_char(c)).unwrap_or(rest.len());
    rest.get(..end).is_some_and(|name| name.contains('.') && scope.names().any(|known| known == name))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_name_char)
}

const fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || matches!(c, '.' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_braces_are_left_alone() {
        for text in ["awk '{print $1}'", "echo ${home}", "docker ps --format '{{.Names}}'", "cp a.{b,c} d", "{ x; }"] {
            assert_eq!(placeholders(text).count(), 0, "{text}");
            assert_eq!(errors(text, Scope::Step, false), Vec::new(), "{text}");
        }
    }

    #[test]
    fn placeholders_are_filled_and_unknown_ones_found() {
        assert_eq!(fill("{a}-{b}-{a}", |name| (name == "a").then(|| "1".into())), "1-{b}-1");
        let wrong = errors("ping {spare.adress} {pool}", Scope::Step, false);
        assert_eq!(wrong, vec![(5..19, BraceError::Unknown("spare.adress".into()))]);
        assert_eq!(errors("echo {spare.name", Scope::Step, false), vec![(5..6, BraceError::Stray)]);
        assert_eq!(errors("{date}/{participant", Scope::Layout, true), vec![(7..8, BraceError::Stray)]);
    }

    #[test]
    fn a_placeholder_is_known_by_its_other_name() {
        assert_eq!(also("failed.ip", Scope::Step), Some("failed.address"));
        assert_eq!(also("spare.hostname", Scope::Step), Some("spare.name"));
        assert_eq!(also("ip", Scope::Check), Some("address"));
        assert_eq!((also("ip", Scope::Layout), also("failed.colour", Scope::Step)), (None, None));
    }

    #[test]
    fn a_filled_text_is_well_formed() {
        assert_eq!(tried("http://{address}:5000/{name}", Scope::Check), "http://192.0.2.1:5000/name");
    }

    #[test]
    fn many_braces_are_read_once() {
        // Each of these took hours where a brace was looked for to the end of the text again and again.
        for text in ["{".repeat(1 << 22), "{pool}".repeat(1 << 19), "{a.".repeat(1 << 20)] {
            assert_eq!(placeholders(&text).count(), text.matches('}').count());
            assert_eq!(errors(&text, Scope::Step, false).len(), 0);
        }
    }
}
