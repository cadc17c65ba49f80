//! The door for files of other programs that a fleet file is made of: `backup_config.yaml`, Ansible inventories,
//! `keepalived.conf`; and the configuration of the ssh client, of which `init` takes names.

use std::path::Path;

use super::{File, Kind, kind, made};
use crate::cli::init;

/// The first byte says how the file is called, and for keepalived a NUL stands between those of two machines. What is made of
/// them is a fleet file, or names what of it is none.
pub(crate) fn enter(bytes: &[u8]) {
    let (first, rest) = crate::foreign::kind(bytes);
    let text = String::from_utf8_lossy(rest);
    if first % 5 == 4 {
        for name in init::foreign(rest) {
            // An import leaves room for a number behind a name, and cuts longer ones.
            let short: String = name.chars().take(60).collect();
            assert!(name.len() <= 63 && super::Names::default().give(&short) == short, "{name:?}");
        }
        return;
    }
    let (name, kinds) = match first % 5 {
        0 => ("backup_config.yaml", [Kind::Backup, Kind::Ansible]),
        1 => ("hosts", [Kind::Ansible, Kind::Ansible]),
        2 => ("inventory.yml", [Kind::Ansible, Kind::Backup]),
        _ => ("keepalived.conf", [Kind::Keepalived, Kind::Keepalived]),
    };
    let files: Vec<File> = text
        .split('\0')
        .take(3)
        .map(|text| File { shown: name.to_owned(), path: name.into(), text: text.to_owned() })
        .collect();
    let Some(file) = files.first() else { return };
    let _guessed = kind(file);
    let [kind, other] = kinds;
    let _whatever_it_is = made(other, &files, file);
    let Ok(made) = made(kind, &files, file) else { return };
    let loaded = crate::fleet::load(made.text.as_bytes(), Path::new("/no/such/folder/hotspare.toml"));
    // It may name an address that is none, but what is written is always TOML, with the keys that there are.
    let broken = |message: &str| {
        ["unknown key", "unknown table", "is no TOML", "invalid"].iter().any(|word| message.contains(word))
    };
    for error in loaded.errors() {
        assert!(!broken(&error.message), "{error}\n{}", made.text);
    }
    assert!(made.text.parse::<toml::Table>().is_ok(), "{}", made.text);
}
