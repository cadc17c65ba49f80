//! The fleet file as data: which tables there are, which keys each takes, of what kind, with which default.
//!
//! This is the one source of truth. `shape` checks a file against it, the typed readers take defaults from it, the JSON
//! schema for editors is made of it, and the tests hold the sample and the reference against it. The tables themselves
//! are in the files of this folder.

pub(super) mod data;
pub(super) mod machines;
pub(super) mod runbooks;
pub(super) mod settings;

/// One table: its keys and what must hold between them.
#[derive(Debug)]
pub(super) struct Form {
    /// What one such table is, with its article: `a host`.
    pub(super) what: &'static str,
    /// One line for the schema.
    pub(super) doc: &'static str,
    /// Its keys, in groups that forms share.
    pub(super) keys: &'static [&'static [Key]],
    /// Whether further keys depend on the key `kind`.
    pub(super) variants: &'static [Variant],
    /// At least one key of each group must be there.
    pub(super) any_of: &'static [&'static [&'static str]],
    /// At most one key of each group may be there.
    pub(super) one_of: &'static [&'static [&'static str]],
    /// Where the first key is, the second must be.
    pub(super) needs: &'static [(&'static str, &'static str)],
}

impl Form {
    /// A form without variants and without rules between keys.
    pub(super) const fn new(what: &'static str, doc: &'static str, keys: &'static [&'static [Key]]) -> Self {
        Self { what, doc, keys, variants: &[], any_of: &[], one_of: &[], needs: &[] }
    }

    /// Its keys with those of one variant.
    pub(super) fn keys_with(&self, variant: Option<&'static Variant>) -> impl Iterator<Item = &'static Key> + use<> {
        let more: &'static [&'static [Key]] = variant.map_or(&[], |variant| variant.keys);
        self.keys.iter().chain(more).flat_map(|group| group.iter())
    }

    /// The variant that `kind = word` chooses.
    pub(super) fn variant(&self, word: &str) -> Option<&'static Variant> {
        self.variants.iter().find(|variant| variant.word == word)
    }

    /// The key of this name, in this form or in any variant of it.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        let more = self.variants.iter().flat_map(|variant| variant.keys);
        self.keys.iter().chain(more).flat_map(|group| group.iter()).find(|key| key.name == name)
    }
}

/// The keys that `kind = word` adds to a form.
#[derive(Debug)]
pub(super) struct Variant {
    /// The word.
    pub(super) word: &'static str,
    /// What it does.
    pub(super) doc: &'static str,
    /// The keys it adds.
    pub(super) keys: &'static [&'static [Key]],
    /// At least one of these keys must be there; empty: no such rule.
    pub(super) any_of: &'static [&'static str],
}

/// One key of a table.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What its value must be.
    pub(super) kind: Kind,
    /// Whether it must be there, and what holds where it is not.
    pub(super) need: Need,
    /// One line for the schema.
    pub(super) doc: &'static str,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It must.
    Required,
    /// Where it is not, this TOML value holds.
    Default(&'static str),
    /// Where it is not, what its doc says holds.
    Optional,
}

/// A key that must be there.
pub(super) const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, need: Need::Required, doc }
}

/// A key with a default, in TOML.
pub(super) const fn default(name: &'static str, kind: Kind, toml: &'static str, doc: &'static str) -> Key {
    Key { name, kind, need: Need::Default(toml), doc }
}

/// A key that may be left out.
pub(super) const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, need: Need::Optional, doc }
}

/// What a value must be.
#[derive(Debug)]
pub(super) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number between two others.
    Count(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or the other kind.
    WordOr(&'static [&'static str], &'static Kind),
    /// A text that says something.
    Text,
    /// A text in which `{name}` is replaced and every other brace stays: shell commands, queries, JSON.
    Loose,
    /// A text whose every brace is a placeholder; with those filled in, it is of the other kind.
    Template(&'static Kind),
    /// An empty text switches it off.
    Blank(&'static Kind),
    /// A name of the fleet; it becomes a file name.
    Name,
    /// A duration; shorter is refused, longer is a risk (both in milliseconds).
    Duration(u64, u64),
    /// Bytes a second.
    Rate,
    /// A share or a size.
    Room,
    /// An IP address or a host name.
    Address,
    /// An IP address with a prefix length.
    Cidr,
    /// An IP address and a port.
    Socket,
    /// A host and, if it is not the usual one, a port.
    Server,
    /// A destination of the ssh client.
    Ssh,
    /// A url of one of these schemes.
    Url(&'static [&'static str]),
    /// A path on this machine; a relative one starts at the folder of the fleet file.
    Path,
    /// A path on this machine, a folder on another one (`ssh://host/path`) or of an object store (`s3://bucket/prefix`).
    Share,
    /// A file on this machine that holds a secret.
    SecretFile,
    /// A secret in clear.
    Secret,
    /// The name of an environment variable.
    Variable,
    /// A glob.
    Glob,
    /// `local`, `utc` or a zone of the time zone database.
    Zone,
    /// A relative path with `{participant}` and `{date}`.
    Layout,
    /// The name of something declared elsewhere in the file.
    Reference(Namespace),
    /// `spare`, `failed`, `console`, `each` or the name of a host.
    Place,
    /// So many or more values of one kind.
    List(usize, &'static Kind),
    /// A table.
    Table(&'static Form),
    /// Tables by name.
    Named(&'static Form),
    /// Values of one kind by free names.
    Map(&'static Kind),
    /// The kind that fits the TOML type of the value.
    Either(&'static [Kind]),
    /// Any value; its texts may hold placeholders.
    Json,
}

/// What names may point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    /// `[hosts.*]`.
    Hosts,
    /// `[pools.*]`.
    Pools,
    /// `[runbooks.*]`.
    Runbooks,
    /// `[services.*]`.
    Services,
}

impl Namespace {
    /// The table that declares the names.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Pools => "pools",
            Self::Runbooks => "runbooks",
            Self::Services => "services",
        }
    }

    /// What one of them is.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Hosts => "host",
            Self::Pools => "pool",
            Self::Runbooks => "runbook",
            Self::Services => "service",
        }
    }
}

/// Seconds and days in milliseconds, for the bounds of durations.
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Where the password that goes with a url or a user comes from.
const PASSWORD: &[Key] = &[
    optional("password", Kind::Secret, "The password in clear; `hotspare check` warns. Prefer one of the others."),
    optional("password_file", Kind::SecretFile, "A file whose first line is the password; only its owner may read it."),
    optional("password_env", Kind::Variable, "An environment variable of the engine that holds the password."),
    optional("password_command", Kind::List(1, &Kind::Text), "A program that prints the password, with its arguments."),
    optional(
        "password_credential",
        Kind::Name,
        "A credential that systemd hands the engine: LoadCredential= of its unit.",
    ),
];

/// Where a bearer token comes from.
const TOKEN: &[Key] = &[
    optional("token", Kind::Secret, "The bearer token in clear; `hotspare check` warns. Prefer one of the others."),
    optional("token_file", Kind::SecretFile, "A file whose first line is the token; only its owner may read it."),
    optional("token_env", Kind::Variable, "An environment variable of the engine that holds the token."),
    optional("token_command", Kind::List(1, &Kind::Text), "A program that prints the token, with its arguments."),
    optional(
        "token_credential",
        Kind::Name,
        "A credential that systemd hands the engine: LoadCredential= of its unit.",
    ),
];

/// Where the secret of an object store's key comes from.
const SECRET: &[Key] = &[
    optional("secret", Kind::Secret, "The key's secret in clear; `hotspare check` warns. Prefer one of the others."),
    optional("secret_file", Kind::SecretFile, "A file whose first line is the secret; only its owner may read it."),
    optional("secret_env", Kind::Variable, "An environment variable of the engine that holds the secret."),
    optional("secret_command", Kind::List(1, &Kind::Text), "A program that prints the secret, with its arguments."),
    optional(
        "secret_credential",
        Kind::Name,
        "A credential that systemd hands the engine: LoadCredential= of its unit.",
    ),
];

/// Urls of MySQL and MariaDB servers.
const MYSQL: Kind = Kind::Url(&["mysql"]);
/// Urls of web servers.
const HTTP: Kind = Kind::Url(&["http", "https"]);

/// The whole file.
pub(super) static ROOT: Form = Form::new("the fleet file", "A hotspare fleet file", &[settings::ROOT_KEYS]);

/// Every key with a default, in all tables below a form.
#[cfg(test)]
pub(super) fn defaults(form: &'static Form, found: &mut Vec<(&'static str, &'static str)>) {
    let mut keys = Vec::new();
    tests::every_key(form, &mut keys);
    found.extend(keys.into_iter().filter_map(|key| match key.need {
        Need::Default(toml) => Some((key.name, toml)),
        _ => None,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn every_key(form: &'static Form, found: &mut Vec<&'static Key>) {
        for key in form.keys.iter().chain(form.variants.iter().flat_map(|v| v.keys)).flat_map(|group| group.iter()) {
            found.push(key);
            every_key_of(&key.kind, found);
        }
    }

    fn every_key_of(kind: &'static Kind, found: &mut Vec<&'static Key>) {
        match kind {
            Kind::Table(form) | Kind::Named(form) => every_key(form, found),
            Kind::List(_, kind) | Kind::Map(kind) | Kind::Blank(kind) => every_key_of(kind, found),
            Kind::Either(kinds) => kinds.iter().for_each(|kind| every_key_of(kind, found)),
            _ => {}
        }
    }

    #[test]
    fn every_default_is_toml_and_every_key_is_explained() {
        let mut keys = Vec::new();
        every_key(&ROOT, &mut keys);
        assert!(keys.len() > 120, "{}", keys.len());
        for key in keys {
            assert!(key.doc.ends_with(['.', '?']), "{}: {}", key.name, key.doc);
            if let Need::Default(text) = key.need {
                assert!(toml::de::DeValue::parse(text).is_ok(), "{} = {text}", key.name);
            }
        }
    }
}
