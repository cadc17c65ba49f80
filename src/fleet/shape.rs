//! Holds a parsed file against the forms: unknown and missing keys, wrong types, impossible values, names that point
//! nowhere. It says everything that can be said of one place; what several places must agree on is for `rules`.

mod text;
mod words;

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form::{Form, Kind, Namespace, Need, ROOT, Variant};
use super::report::Report;
use super::template::Scope;
use super::value;
use words::{a_kind, a_type, fits, in_other_type, listed, names_hosts, what};

/// Words that stand for a host in a step.
pub(super) const ROLES: [&str; 4] = ["spare", "failed", "console", "each"];

/// Keys of which only one may say where a secret comes from.
const SECRETS: [[&str; 5]; 4] = [
    ["password", "password_file", "password_env", "password_command", "password_credential"],
    ["token", "token_file", "token_env", "token_command", "token_credential"],
    ["secret", "secret_file", "secret_env", "secret_command", "secret_credential"],
    ["signing_key", "signing_key_file", "signing_key_env", "signing_key_command", "signing_key_credential"],
];

/// Says everything that is wrong with the parts of the file, each for itself.
pub(super) fn check(root: &DeTable<'_>, text: &str, folder: &Path, broken: &Broken, report: &mut Report) {
    let names = |space: Namespace| match root.get(space.table()).map(Spanned::get_ref) {
        Some(DeValue::Table(table)) => Names::new(table.keys().map(|name| name.get_ref().to_string()).collect()),
        _ => Names::default(),
    };
    let mut shape = Shape {
        hosts: names(Namespace::Hosts),
        pools: names(Namespace::Pools),
        runbooks: names(Namespace::Runbooks),
        services: names(Namespace::Services),
        text,
        folder: folder.into(),
        broken,
        report,
        disk_hangs: false,
    };
    // What the whole file lacks is told at its first line, even of an empty file.
    shape.table(&ROOT, root, 0..text.find('\n').unwrap_or(text.len()).max(1), Scope::Plain);
}

/// What the TOML parser could not read.
#[derive(Debug, Default)]
pub(super) struct Broken {
    /// Where.
    pub(super) spans: Vec<Range<usize>>,
    /// Whether whole keys or tables may have been lost, so that a missing one proves nothing.
    pub(super) lossy: bool,
}

impl Broken {
    fn touches(&self, span: &Range<usize>) -> bool {
        // A value that could not be read at all has no place.
        *span == (0..0) || self.spans.iter().any(|broken| broken.start < span.end && span.start <= broken.end)
    }
}

/// The names of one table, in the order of the file.
#[derive(Default)]
struct Names {
    ordered: Vec<String>,
    known: HashSet<String>,
}

impl Names {
    fn new(ordered: Vec<String>) -> Self {
        Self { known: ordered.iter().cloned().collect(), ordered }
    }

    fn has(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.ordered.iter().map(String::as_str)
    }
}

struct Shape<'a> {
    hosts: Names,
    pools: Names,
    runbooks: Names,
    services: Names,
    text: &'a str,
    folder: PathBuf,
    broken: &'a Broken,
    report: &'a mut Report,
    disk_hangs: bool,
}

impl Shape<'_> {
    fn table(&mut self, form: &'static Form, table: &DeTable<'_>, span: Range<usize>, scope: Scope) {
        let kind = table.get("kind").and_then(|kind| kind.get_ref().as_str());
        let variant = kind.and_then(|word| form.variant(word));
        for (key, value) in table {
            let name: &str = key.get_ref();
            match form.keys_with(variant).find(|known| known.name == name) {
                Some(known) => self.value(&known.kind, known.name, value, inner_scope(form, known.name, scope)),
                // Without a kind nothing is known of the keys that depend on it.
                None if variant.is_none() && form.key(name).is_some() => {}
                // A header that could not be read leaves its keys to the root.
                None if self.broken.lossy && form.what == ROOT.what => {}
                None => self.stray_key(form, variant, name, key.span()),
            }
        }
        if !self.broken.lossy && !self.broken.touches(&span) {
            self.missing_keys(form, variant, table, &span);
        }
        self.agreement(form, table);
    }

    fn stray_key(&mut self, form: &'static Form, variant: Option<&'static Variant>, name: &str, span: Range<usize>) {
        let known: Vec<&str> = form.keys_with(variant).map(|key| key.name).collect();
        let taker = what(form, variant);
        let message = match (form.key(name), variant) {
            (Some(_), Some(_)) => format!("`{name}` does not belong to {taker}"),
            _ => format!("unknown key `{name}` in {taker}"),
        };
        let finding = self.report.error(span, message);
        finding.suggest(name, known.iter().copied());
        finding.hint(format!("{taker} takes {}", listed(&known)));
    }

    fn missing_keys(
        &mut self,
        form: &'static Form,
        variant: Option<&'static Variant>,
        table: &DeTable<'_>,
        span: &Range<usize>,
    ) {
        let taker = what(form, variant);
        for key in form.keys_with(variant) {
            if key.need == Need::Required && !table.contains_key(key.name) {
                let finding = self.report.error(span.clone(), format!("{taker} needs `{}`", key.name));
                finding.hint(match (&key.kind, key.name) {
                    (Kind::Word(words), name) => format!("`{name} = \"…\"` with one of {}", listed(words)),
                    (Kind::Count(..), "port") => "such as `port = 22`".to_owned(),
                    _ => lower(key.doc),
                });
            }
        }
        let of_variant = variant.map(|variant| variant.any_of).filter(|group| !group.is_empty());
        for group in form.any_of.iter().copied().chain(of_variant) {
            if !group.iter().any(|name| table.get(*name).is_some_and(|value| !is_blank(value.get_ref()))) {
                self.report.error(span.clone(), format!("{taker} needs {}", either(group)));
            }
        }
        for (key, value) in table {
            let needed = form.needs.iter().filter(|(name, _)| name == key.get_ref() && !is_blank(value.get_ref()));
            for (name, needs) in needed {
                if !table.contains_key(*needs) {
                    self.report.error(key.span(), format!("`{name}` is of no use without `{needs}`"));
                }
            }
        }
    }

    /// Keys that exclude each other.
    fn agreement(&mut self, form: &'static Form, table: &DeTable<'_>) {
        let groups = form.one_of.iter().copied().chain(SECRETS.iter().map(<[&str; 5]>::as_slice));
        for group in groups {
            let mut there = table.iter().filter(|(key, _)| group.contains(&key.get_ref().as_ref()));
            let Some((first, _)) = there.next() else { continue };
            for (second, _) in there {
                let message = format!("`{}` and `{}` exclude each other", first.get_ref(), second.get_ref());
                self.report.error(second.span(), message).hint("keep one of them");
            }
        }
    }

    fn value(&mut self, kind: &'static Kind, key: &str, value: &Spanned<DeValue<'_>>, scope: Scope) {
        let span = value.span();
        let whole = matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
        if !whole && self.broken.touches(&span) {
            return;
        }
        if !fits(kind, value.get_ref()) {
            let found = a_type(value.get_ref());
            let finding = self.report.error(span, format!("`{key}` must be {}, not {found}", a_kind(kind)));
            if let Some(meant) = in_other_type(kind, value.get_ref()) {
                finding.mean(meant);
            }
            return;
        }
        match (kind, value.get_ref()) {
            (Kind::Blank(kind), inner) if !is_blank(inner) => self.value(kind, key, value, scope),
            (Kind::Either(kinds), inner) => {
                let chosen = kinds.iter().find(|kind| fits(kind, inner));
                match (chosen, inner.as_str()) {
                    (Some(Kind::Word(words)), Some(text)) if !words.contains(&text) => {
                        self.no_word(kind, words, key, text, span);
                    }
                    (Some(chosen), _) => self.value(chosen, key, value, scope),
                    (None, _) => {}
                }
            }
            (Kind::Table(form), DeValue::Table(table)) => self.table(form, table, span, scope),
            (Kind::Named(form), DeValue::Table(table)) => self.named(form, table),
            (Kind::Map(kind), DeValue::Table(table)) => {
                for (name, value) in table {
                    self.value(kind, name.get_ref(), value, scope);
                }
            }
            (Kind::List(least, kind), DeValue::Array(items)) => {
                if items.len() < *least {
                    self.report.error(span, format!("`{key}` is empty")).hint(empty_list(key));
                }
                for item in items {
                    self.value(kind, key, item, scope);
                }
            }
            (Kind::Count(least, most), DeValue::Integer(number)) => {
                let value = i64::from_str_radix(number.as_str(), number.radix()).ok();
                if !value.is_some_and(|value| (*least..=*most).contains(&value)) {
                    self.report.error(span, format!("`{key}` must be {}", a_kind(kind)));
                }
            }
            (Kind::Json, value) => self.json(key, value, &span, scope),
            (_, DeValue::String(text)) => self.text(kind, key, text, &span, scope),
            _ => {}
        }
    }

    /// A text where a word may stand, or something that is no text.
    fn no_word(&mut self, kind: &Kind, words: &[&str], key: &str, text: &str, span: Range<usize>) {
        let one_host = names_hosts(kind) && self.hosts.has(text);
        let finding = self.report.error(span, format!("`{key}` must be {}", a_kind(kind)));
        if one_host {
            finding.mean(format!("[\"{text}\"]"));
        } else {
            finding.guess(text, words);
        }
    }

    fn named(&mut self, form: &'static Form, table: &DeTable<'_>) {
        for (name, value) in table {
            let text: &str = name.get_ref();
            if let Err(problem) = value::name(text) {
                self.problem(&format!("the name `{text}` of {}", form.what), problem, name.span());
            } else if form.what == "a host" && ROLES.contains(&text) {
                let message = format!("a host cannot be named `{text}`: in a step the word means something else");
                self.report.error(name.span(), message);
            }
            match value.get_ref() {
                DeValue::Table(inner) => self.table(form, inner, header(name, value), Scope::Plain),
                other => {
                    let message =
                        format!("`{text}` must be a table, because it is {}; not {}", form.what, a_type(other));
                    self.report.error(value.span(), message);
                }
            }
        }
    }

    fn json(&mut self, key: &str, value: &DeValue<'_>, span: &Range<usize>, scope: Scope) {
        match value {
            DeValue::String(text) => {
                self.braces(key, text, span, scope, false);
            }
            DeValue::Array(items) => items.iter().for_each(|item| self.json(key, item.get_ref(), &item.span(), scope)),
            DeValue::Table(table) => {
                for (name, value) in table {
                    self.json(name.get_ref(), value.get_ref(), &value.span(), scope);
                }
            }
            _ => {}
        }
    }
}

/// Which placeholders the texts under a key may hold.
fn inner_scope(form: &Form, key: &str, scope: Scope) -> Scope {
    match (form.what, key) {
        ("a host", "checks") | ("the source of a feed", "http") => Scope::Check,
        ("a runbook", "steps") => Scope::Step,
        ("a step", "check") => Scope::WaitCheck,
        _ => scope,
    }
}

/// Where it is said that a table lacks something: its header, or the key before an inline table.
fn header(name: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Range<usize> {
    if value.span().is_empty() { name.span() } else { value.span() }
}

fn is_blank(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => text.is_empty(),
        DeValue::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn either(group: &[&str]) -> String {
    group.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

fn empty_list(key: &str) -> &'static str {
    match key {
        "checks" => "a host without checks would never be known; leave the key out for one ping",
        "on" => "leave the key out for every event",
        _ => "write at least one",
    }
}

/// A doc line as the tail of a sentence.
fn lower(doc: &str) -> String {
    let doc = doc.trim_end_matches('.');
    let mut chars = doc.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => doc.to_owned(),
    }
}
