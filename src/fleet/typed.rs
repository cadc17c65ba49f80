//! From TOML tables to the typed model. `shape` has already said what is wrong, so nothing is reported here: a value
//! that cannot be used becomes the default of its form, and a fleet with errors is never handed out.

mod data;
mod machines;
mod runbooks;
mod settings;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Fleet;
use super::form::{Form, Key, Kind, Need, ROOT};
use super::secret::{DatabaseUrl, Secret, SecretSource, split_password};
use super::units;

/// Stands where a table should.
static EMPTY: LazyLock<DeTable<'static>> = LazyLock::new(DeTable::new);

/// The fleet of a file.
pub(super) fn fleet(root: &DeTable<'_>, folder: &Path) -> Fleet {
    let file = View { form: &ROOT, table: root, folder };
    let services = file.named("services", data::service);
    Fleet {
        name: file.text("name"),
        console: settings::console(&file),
        engine: settings::engine(&file),
        lease: settings::lease(&file),
        notify: settings::notify(&file),
        hosts: file.named("hosts", machines::host),
        pools: file.named("pools", machines::pool),
        runbooks: file.named("runbooks", |name, view| runbooks::runbook(name, view, &services)),
        feeds: file.named("feeds", data::feed),
        dumps: file.named("dumps", data::dump),
        sessions: file.named("sessions", data::store),
        services,
        configs: file.named("configs", data::config),
    }
}

/// A table and its form.
#[derive(Clone, Copy)]
struct View<'a> {
    form: &'static Form,
    table: &'a DeTable<'a>,
    folder: &'a Path,
}

impl<'a> View<'a> {
    /// The value as written, else the default of the form.
    fn read<T>(&self, key: &str, read: impl Fn(&DeValue<'_>) -> Option<T>) -> Option<T> {
        self.table.get(key).and_then(|value| read(value.get_ref())).or_else(|| {
            let Need::Default(text) = self.key(key)?.need else { return None };
            read(DeValue::parse(text).ok()?.get_ref())
        })
    }

    /// What the form says of a key.
    fn key(&self, key: &str) -> Option<&'static Key> {
        let kind = self.table.get("kind").and_then(|kind| kind.get_ref().as_str());
        let variant = kind.and_then(|word| self.form.variant(word));
        self.form.keys_with(variant).find(|known| known.name == key)
    }

    fn maybe_text(&self, key: &str) -> Option<String> {
        self.read(key, |value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    }

    fn text(&self, key: &str) -> String {
        self.maybe_text(key).unwrap_or_default()
    }

    fn flag(&self, key: &str) -> bool {
        self.maybe_flag(key).unwrap_or_default()
    }

    fn maybe_flag(&self, key: &str) -> Option<bool> {
        self.read(key, |value| if let DeValue::Boolean(flag) = value { Some(*flag) } else { None })
    }

    fn count<T: TryFrom<i64> + Default>(&self, key: &str) -> T {
        let number = self.read(key, |value| {
            let number = value.as_integer()?;
            T::try_from(i64::from_str_radix(number.as_str(), number.radix()).ok()?).ok()
        });
        number.unwrap_or_default()
    }

    fn maybe_duration(&self, key: &str) -> Option<Duration> {
        self.read(key, |value| units::duration(value.as_str()?).ok())
    }

    fn duration(&self, key: &str) -> Duration {
        self.maybe_duration(key).unwrap_or_default()
    }

    /// A path of this machine; a relative one starts at the folder of the fleet file.
    fn maybe_path(&self, key: &str) -> Option<PathBuf> {
        self.maybe_text(key).map(|text| self.folder.join(text))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.maybe_path(key).unwrap_or_default()
    }

    /// A list of texts; what is not a text keeps its place as an empty one.
    fn texts(&self, key: &str) -> Vec<String> {
        let read = |value: &DeValue<'_>| {
            let items = value.as_array()?;
            Some(items.iter().map(|item| item.get_ref().as_str().unwrap_or_default().to_owned()).collect())
        };
        self.read(key, read).unwrap_or_default()
    }

    /// A list of texts, or one text that stands for a list of one.
    fn one_or_more(&self, key: &str) -> Vec<String> {
        self.maybe_text(key).map_or_else(|| self.texts(key), |one| vec![one])
    }

    /// Texts by name.
    fn map(&self, key: &str) -> Vec<(String, String)> {
        let Some(DeValue::Table(table)) = self.value(key) else { return Vec::new() };
        let text = |value: &Spanned<DeValue<'_>>| value.get_ref().as_str().unwrap_or_default().to_owned();
        table.iter().map(|(name, value)| (name.get_ref().to_string(), text(value))).collect()
    }

    fn value(&self, key: &str) -> Option<&'a DeValue<'a>> {
        self.table.get(key).map(Spanned::get_ref)
    }

    /// The table under a key.
    fn table(&self, key: &str) -> Option<View<'a>> {
        let table = self.value(key)?.as_table()?;
        Some(View { form: inner(&self.key(key)?.kind)?, table, folder: self.folder })
    }

    /// The values of a list; those that are tables with their form.
    fn items(&self, key: &str) -> Vec<Result<View<'a>, &'a DeValue<'a>>> {
        let form = self.key(key).and_then(|key| inner(&key.kind));
        let items = self.value(key).and_then(DeValue::as_array).map(|items| items.iter()).into_iter().flatten();
        let view = |value: &'a DeValue<'a>| match (form, value) {
            (Some(form), DeValue::Table(table)) => Ok(View { form, table, folder: self.folder }),
            (_, value) => Err(value),
        };
        items.map(|item| view(item.get_ref())).collect()
    }

    /// The tables of a list; what is not a table keeps its place as an empty one.
    fn tables(&self, key: &str) -> Vec<View<'a>> {
        let Some(form) = self.key(key).and_then(|key| inner(&key.kind)) else { return Vec::new() };
        let empty = View { form, table: &EMPTY, folder: self.folder };
        self.items(key).into_iter().map(|item| item.unwrap_or(empty)).collect()
    }

    /// What is declared by name under a key, in the order of the file.
    fn named<T>(&self, key: &str, read: impl Fn(String, View<'a>) -> T) -> Vec<T> {
        let Some(DeValue::Table(table)) = self.value(key) else { return Vec::new() };
        let Some(form) = self.key(key).and_then(|key| inner(&key.kind)) else { return Vec::new() };
        let tables =
            table.iter().filter_map(|(name, value)| Some((name.get_ref().to_string(), value.get_ref().as_table()?)));
        tables.map(|(name, table)| read(name, View { form, table, folder: self.folder })).collect()
    }

    /// The url of a database with the password that belongs to it, from wherever that comes.
    fn database(&self, key: &str) -> Option<DatabaseUrl> {
        let (url, inline) = split_password(&self.maybe_text(key)?);
        let password = match self.secret("password") {
            SecretSource::None => inline.map_or(SecretSource::None, SecretSource::Inline),
            source => source,
        };
        Some(DatabaseUrl { url, password })
    }

    fn secret(&self, prefix: &str) -> SecretSource {
        let key = |end: &str| format!("{prefix}{end}");
        if let Some(path) = self.maybe_path(&key("_file")) {
            SecretSource::File(path)
        } else if let Some(variable) = self.maybe_text(&key("_env")) {
            SecretSource::Env(variable)
        } else if let Some(command) = Some(self.texts(&key("_command"))).filter(|command| !command.is_empty()) {
            SecretSource::Command(command)
        } else if let Some(name) = self.maybe_text(&key("_credential")) {
            SecretSource::Credential(name)
        } else if let Some(clear) = self.maybe_text(prefix) {
            SecretSource::Inline(Secret::new(clear))
        } else {
            SecretSource::None
        }
    }
}

/// The form of the tables that a kind allows.
fn inner(kind: &'static Kind) -> Option<&'static Form> {
    match kind {
        Kind::Table(form) | Kind::Named(form) => Some(form),
        Kind::List(_, kind) => inner(kind),
        Kind::Either(kinds) => kinds.iter().find_map(inner),
        _ => None,
    }
}

/// No database: what stands in a fleet that will be refused.
fn no_database() -> DatabaseUrl {
    DatabaseUrl { url: String::new(), password: SecretSource::None }
}

/// Names for those that have none: the kind, with a number from the second on.
fn name_all(items: &[View<'_>]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let name = |item: &View<'_>| {
        let kind = item.text("kind");
        let same = seen.entry(kind.clone()).or_default();
        *same += 1;
        let number = *same;
        item.maybe_text("name").unwrap_or_else(|| if number == 1 { kind } else { format!("{kind}-{number}") })
    };
    items.iter().map(name).collect()
}
