//! Kinds and TOML types in words, and which fits which.

use toml::de::DeValue;

use crate::fleet::form::{Form, Key, Kind, Namespace, Need, Variant};

/// What takes a key: `a tcp check`.
pub(super) fn what(form: &Form, variant: Option<&Variant>) -> String {
    match (variant, form.what.strip_prefix("a ")) {
        (Some(variant), Some(noun)) => {
            let article =
                if variant.word.starts_with(['a', 'h', 'm', 'r']) && says_an(variant.word) { "an" } else { "a" };
            format!("{article} {} {noun}", variant.word)
        }
        _ => form.what.to_owned(),
    }
}

/// Words of the fleet file that are read letter by letter or begin with a vowel.
fn says_an(word: &str) -> bool {
    matches!(word, "address" | "ask" | "http" | "rtmp" | "rtsp")
}

/// Lists of so many names or more are cut.
pub(super) const MOST_LISTED: usize = 25;

/// Names with commas and an `or`-less end, as they are listed in a hint; long lists are cut.
pub(super) fn listed(names: &[&str]) -> String {
    let text = names.iter().take(MOST_LISTED - 1).copied().collect::<Vec<_>>().join(", ");
    if names.len() < MOST_LISTED { text } else { format!("{text} and more") }
}

/// The TOML type of a value, with its article.
pub(super) fn a_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// What a value of a kind is, in words.
pub(super) fn a_kind(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true or false".into(),
        Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Word([word]) => format!("\"{word}\""),
        Kind::Word(words) => format!("one of {}", listed(words)),
        Kind::WordOr(words, kind) => format!("{}, or {}", listed(words), a_kind(kind)),
        Kind::Template(kind) | Kind::Blank(kind) => a_kind(kind),
        Kind::Duration(..) => "a duration such as \"15s\"".into(),
        Kind::Rate => "a rate such as \"80MiB/s\"".into(),
        Kind::Room => "a share such as \"10%\" or a size such as \"5GiB\"".into(),
        Kind::List(_, kind) => match **kind {
            Kind::Table(form) => format!("a list of tables: [{}]", example(form)),
            Kind::Reference(_) => "a list of names: [\"…\"]".into(),
            _ => "a list of texts: [\"…\"]".into(),
        },
        Kind::Table(form) => format!("a table: {}", example(form)),
        Kind::Named(form) => format!("a table, with {} in each of its tables", form.what),
        Kind::Map(_) => "a table of texts: { name = \"…\" }".into(),
        Kind::Either(kinds) => {
            let hosts = names_hosts(kind);
            let word = |kind: &Kind| match kind {
                Kind::Map(_) if hosts => "labels: { site = \"…\" }".into(),
                kind => a_kind(kind),
            };
            kinds.iter().map(word).collect::<Vec<_>>().join(", or ")
        }
        Kind::Json => "a value that JSON knows".into(),
        Kind::Url(_) => "a url".into(),
        _ => "a text".into(),
    }
}

/// Whether it may be a list of hosts, besides others.
pub(super) fn names_hosts(kind: &Kind) -> bool {
    let list = |kind: &Kind| matches!(kind, Kind::List(_, Kind::Reference(Namespace::Hosts)));
    matches!(kind, Kind::Either(kinds) if kinds.iter().any(list))
}

/// The shortest table of a form, with dots for what people write: `{ name = "…", path = "…" }`.
fn example(form: &'static Form) -> String {
    let keys: Vec<&'static Key> = form.keys_with(form.variants.first()).collect();
    let chosen = |key: &Key| form.any_of.iter().any(|group| group.first() == Some(&key.name));
    let wanted = |key: &Key| key.need == Need::Required || chosen(key);
    let needed =
        |key: &Key| form.needs.iter().any(|(first, needs)| *needs == key.name && form.key(first).is_some_and(wanted));
    let mut told: Vec<&Key> = keys.iter().copied().filter(|key| wanted(key) || needed(key)).collect();
    if told.is_empty() {
        told.extend(keys.first());
    }
    let value = |key: &Key| match key.need {
        Need::Default(toml) => toml.to_owned(),
        Need::Required | Need::Optional => a_value(&key.kind),
    };
    let told: Vec<String> = told.iter().map(|key| format!("{} = {}", key.name, value(key))).collect();
    format!("{{ {} }}", told.join(", "))
}

/// A value of a kind, in TOML.
fn a_value(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true".into(),
        Kind::Count(least, _) => least.max(&1).to_string(),
        Kind::Word(words) | Kind::WordOr(words, _) => format!("\"{}\"", words.first().unwrap_or(&"…")),
        Kind::Template(kind) | Kind::Blank(kind) => a_value(kind),
        Kind::Duration(..) => "\"15s\"".into(),
        Kind::Either(kinds) => kinds.first().map_or_else(|| "…".into(), a_value),
        Kind::List(_, Kind::Table(_)) => "[{ … }]".into(),
        Kind::List(..) => "[\"…\"]".into(),
        Kind::Table(_) | Kind::Named(_) | Kind::Map(_) | Kind::Json => "{ … }".into(),
        _ => "\"…\"".into(),
    }
}

/// Whether a value has the TOML type of a kind.
pub(super) fn fits(kind: &Kind, value: &DeValue<'_>) -> bool {
    match kind {
        Kind::Bool => value.is_bool(),
        Kind::Count(..) => value.is_integer(),
        Kind::List(..) => value.is_array(),
        Kind::Table(_) | Kind::Named(_) | Kind::Map(_) => value.is_table(),
        Kind::Either(kinds) => kinds.iter().any(|kind| fits(kind, value)),
        Kind::Blank(kind) => value.as_str() == Some("") || fits(kind, value),
        Kind::Json => !value.is_datetime(),
        _ => value.is_str(),
    }
}

/// The same value written as the kind wants it, where that is plain.
pub(super) fn in_other_type(kind: &Kind, value: &DeValue<'_>) -> Option<String> {
    match (kind, value) {
        (Kind::Count(least, most), DeValue::String(text)) => {
            let number: i64 = text.trim().parse().ok()?;
            (*least..=*most).contains(&number).then(|| number.to_string())
        }
        (Kind::Bool, DeValue::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some("true".into()),
            "false" | "no" | "off" => Some("false".into()),
            _ => None,
        },
        (Kind::Bool, DeValue::Integer(number)) => match number.as_str() {
            "0" => Some("false".into()),
            "1" => Some("true".into()),
            _ => None,
        },
        (Kind::Blank(kind), value) => in_other_type(kind, value),
        (Kind::Duration(..), DeValue::Integer(number)) => Some(format!("\"{number}s\"")),
        (Kind::Room, DeValue::Integer(number)) => Some(format!("\"{number}%\"")),
        (Kind::List(_, inner), DeValue::String(text)) if !matches!(**inner, Kind::Table(_)) => {
            Some(format!("[\"{text}\"]"))
        }
        (Kind::List(_, inner), DeValue::Table(_)) if matches!(**inner, Kind::Table(_)) => Some("[{ … }]".into()),
        _ => None,
    }
}
