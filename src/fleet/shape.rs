//! Holds a parsed file against the forms: unknown and missing keys, wrong types, impossible values, names that point
//! nowhere. It says everything that can be said of one place; what several places must agree on is for `rules`.

mod words;

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form::{Form, Kind, Namespace, Need, ROOT, Variant};
use super::report::Report;
use super::template::{self, BraceError, Scope};
use super::value;
use words::{a_kind, a_type, fits, in_other_type, listed, what};

/// Words that stand for a host in a step.
pub(super) const ROLES: [&str; 3] = ["spare", "failed", "console"];

/// Keys of which only one may say where a secret comes from.
const SECRETS: [[&str; 4]; 2] = [
    ["password", "password_file", "password_env", "password_command"],
    ["token", "token_file", "token_env", "token_command"],
];

/// Says everything that is wrong with the parts of the file, each for itself.
pub(super) fn check(root: &DeTable<'_>, text: &str, folder: &Path, broken: &Broken, report: &mut Report) {
    let names = |space: Namespace| match root.get(space.table()).map(Spanned::get_ref) {
        Some(DeValue::Table(table)) => table.keys().map(|name| name.get_ref().to_string()).collect(),
        _ => Vec::new(),
    };
    let mut shape = Shape {
        hosts: names(Namespace::Hosts),
        pools: names(Namespace::Pools),
        runbooks: names(Namespace::Runbooks),
        text,
        folder: folder.into(),
        broken,
        report,
    };
    shape.table(&ROOT, root, 0..text.find('\n').unwrap_or(text.len()), Scope::Plain);
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

struct Shape<'a> {
    hosts: Vec<String>,
    pools: Vec<String>,
    runbooks: Vec<String>,
    text: &'a str,
    folder: PathBuf,
    broken: &'a Broken,
    report: &'a mut Report,
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
                finding.hint(match &key.kind {
                    Kind::Word(words) => format!("`{} = \"…\"` with one of {}", key.name, listed(words)),
                    _ => format!("{}: {}", key.name, lower(key.doc)),
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
        let groups = form.one_of.iter().copied().chain(SECRETS.iter().map(<[&str; 4]>::as_slice));
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
                if let Some(kind) = kinds.iter().find(|kind| fits(kind, inner)) {
                    self.value(kind, key, value, scope);
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

    fn text(&mut self, kind: &'static Kind, key: &str, text: &str, span: &Range<usize>, scope: Scope) {
        match kind {
            Kind::Word(words) | Kind::WordOr(words, _) if words.contains(&text) => {}
            Kind::Word(words) => {
                let finding = self.report.error(span.clone(), format!("`{key}` must be one of {}", listed(words)));
                finding.suggest(text, words.iter().copied());
            }
            Kind::WordOr(words, _) if super::report::nearest(text, words.iter().copied()).is_some() => {
                let finding = self.report.error(span.clone(), format!("`{key}` must be {}", a_kind(kind)));
                finding.suggest(text, words.iter().copied());
            }
            Kind::WordOr(_, kind) | Kind::Blank(kind) => self.text(kind, key, text, span, scope),
            Kind::Reference(space) => self.reference(*space, key, text, span),
            Kind::Place if ROLES.contains(&text) || self.hosts.iter().any(|host| host == text) => {}
            Kind::Place => {
                let known = ROLES.into_iter().chain(self.hosts.iter().map(String::as_str));
                let message = format!("`{key}` must be spare, failed, console or a host: there is no host `{text}`");
                self.report.error(span.clone(), message).suggest(text, known);
            }
            Kind::Template(kind) => {
                if self.braces(key, text, span, scope, true) {
                    self.text(kind, key, &template::tried(text, scope), span, Scope::Plain);
                }
            }
            Kind::Layout => {
                if self.braces(key, text, span, Scope::Layout, true) {
                    self.plain(kind, key, text, span);
                }
            }
            Kind::Loose => {
                self.braces(key, text, span, scope, false);
                self.plain(kind, key, text, span);
            }
            Kind::Url(_) => {
                if super::secret::split_password(text).1.is_some() {
                    let finding = self.report.warning(span.clone(), format!("`{key}` carries a password in clear"));
                    finding.hint("take it out of the url and write `password_file = \"…\"` beside it");
                }
                self.plain(kind, key, text, span);
            }
            Kind::SecretFile => {
                self.plain(kind, key, text, span);
                self.secret_file(key, text, span);
            }
            _ => self.plain(kind, key, text, span),
        }
    }

    fn plain(&mut self, kind: &'static Kind, key: &str, text: &str, span: &Range<usize>) {
        if let Err(problem) = value::text(kind, text) {
            self.problem(&format!("`{key}`"), problem, span.clone());
        }
    }

    fn problem(&mut self, subject: &str, problem: value::Problem, span: Range<usize>) {
        let message = format!("{subject} {}", problem.message);
        let finding =
            if problem.warning { self.report.warning(span, message) } else { self.report.error(span, message) };
        if let Some(meant) = problem.meant {
            finding.mean(meant);
        }
        if let Some(hint) = problem.hint {
            finding.hint(hint);
        }
    }

    fn reference(&mut self, space: Namespace, key: &str, text: &str, span: &Range<usize>) {
        let known = match space {
            Namespace::Hosts => &self.hosts,
            Namespace::Pools => &self.pools,
            Namespace::Runbooks => &self.runbooks,
        };
        if self.broken.lossy || known.iter().any(|name| name == text) {
            return;
        }
        let (table, what) = (space.table(), space.what());
        let finding = self.report.error(span.clone(), format!("`{key}` names a {what} that is not there: `{text}`"));
        finding.suggest(text, known.iter().map(String::as_str));
        finding.hint(if known.is_empty() {
            format!("declare it as [{table}.{}]", if value::name(text).is_ok() { text } else { "name" })
        } else {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            format!("the {table} of this file are {}", listed(&names))
        });
    }

    /// Whether the braces are right.
    fn braces(&mut self, key: &str, text: &str, span: &Range<usize>, scope: Scope, strict: bool) -> bool {
        let wrong = template::errors(text, scope, strict);
        let right = wrong.is_empty();
        for (at, error) in wrong {
            let span = self.inside(span, text, at);
            let known: Vec<&str> = scope.names().collect();
            let hint = match known.as_slice() {
                [] => format!("there are no placeholders {}", scope.place()),
                known => {
                    let braced: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
                    let braced: Vec<&str> = braced.iter().map(String::as_str).collect();
                    format!("{} there are {}", scope.place(), listed(&braced))
                }
            };
            let finding = match &error {
                BraceError::Unknown(name) => {
                    let finding = self.report.error(span, format!("unknown placeholder `{{{name}}}` in `{key}`"));
                    if let Some(near) = super::report::nearest(name, known.iter().copied()) {
                        finding.mean(format!("{{{near}}}"));
                    }
                    finding
                }
                BraceError::Stray => {
                    self.report.error(span, format!("a brace in `{key}` that is not part of a placeholder"))
                }
            };
            finding.hint(hint);
        }
        right
    }

    /// The place in the file of a piece of a text; the whole text where escapes make them differ.
    fn inside(&self, span: &Range<usize>, text: &str, piece: Range<usize>) -> Range<usize> {
        let inner = span.start + 1..span.end.saturating_sub(1);
        if self.text.get(inner.clone()) == Some(text) {
            inner.start + piece.start..inner.start + piece.end
        } else {
            span.clone()
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

    /// A secret that others can read is no secret: refused. One that is not there yet is a risk.
    fn secret_file(&mut self, key: &str, text: &str, span: &Range<usize>) {
        let path = self.folder.join(text);
        let shown = path.display();
        match std::fs::metadata(&path) {
            Ok(found) if !found.is_file() => {
                self.report.error(span.clone(), format!("`{key}` is not a file: {shown}"));
            }
            #[cfg(unix)]
            Ok(found) if std::os::unix::fs::MetadataExt::mode(&found) & 0o077 != 0 => {
                let mode = std::os::unix::fs::MetadataExt::mode(&found) & 0o777;
                let message = format!("`{key}` is a file that others can read (mode {mode:o}): {shown}");
                self.report.error(span.clone(), message).hint(format!("chmod 600 {}", shell_word(&path)));
            }
            Ok(_) => {}
            Err(error) => {
                let why = if error.kind() == std::io::ErrorKind::NotFound {
                    "is not there".to_owned()
                } else {
                    format!("cannot be looked at ({error})")
                };
                let finding = self.report.warning(span.clone(), format!("the file of `{key}` {why}: {shown}"));
                finding.hint("a relative path starts at the folder of the fleet file");
            }
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

/// A path as a word of a shell command that can be copied.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
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
