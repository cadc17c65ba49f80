//! The small files of a kit: `kit.json`, `contents.txt` and the lists of sums, each written from what the kit says of itself.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::dump::record::{File, Kit};

/// What the kit says of itself, for hotspare.
pub(in crate::dump) const KIT: &str = "kit.json";
/// The same for `restore.sh` and `restore.ps1`.
pub(in crate::dump) const CONTENTS: &str = "contents.txt";
/// Sums for `b3sum --check`.
pub(super) const B3SUMS: &str = "B3SUMS";
/// Sums for `sha256sum -c` and `shasum -a 256 -c`.
pub(super) const SHA256SUMS: &str = "SHA256SUMS";

/// The small files by name, with their content.
pub(super) fn all(kit: &Kit) -> Vec<(&'static str, Vec<u8>)> {
    use sha2::{Digest, Sha256};
    let mut kit_json = serde_json::to_vec_pretty(kit).unwrap_or_default();
    kit_json.push(b'\n');
    let contents = contents(kit).into_bytes();
    let mut blake3: BTreeMap<&str, String> = BTreeMap::new();
    let mut sha256 = blake3.clone();
    for file in own_files(kit) {
        blake3.insert(&file.name, file.blake3.clone());
        sha256.insert(&file.name, file.sha256.clone());
    }
    for (name, bytes) in [(KIT, &kit_json), (CONTENTS, &contents)] {
        blake3.insert(name, blake3::hash(bytes).to_hex().to_string());
        sha256.insert(name, Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")));
    }
    let list = |sums: &BTreeMap<&str, String>| {
        sums.iter().fold(String::new(), |text, (name, sum)| format!("{text}{sum}  {name}\n")).into_bytes()
    };
    vec![(B3SUMS, list(&blake3)), (SHA256SUMS, list(&sha256)), (KIT, kit_json), (CONTENTS, contents)]
}

/// Files that lie in the kit's own folder.
pub(super) fn own_files(kit: &Kit) -> impl Iterator<Item = &File> {
    let held = kit.databases.iter().filter_map(|database| database.held.as_ref());
    held.filter(|held| held.kit == kit.name).flat_map(|held| &held.files)
}

/// Words of a line are parted by tabs, and none is empty: what is not there is `-`.
fn contents(kit: &Kit) -> String {
    let kind = if kit.server.starts_with("mongodb") { "mongodb" } else { "mysql" };
    let mut text = format!(
        "# What this kit holds, for restore.sh and restore.ps1. Paths are relative to the root of the medium.\n\
         # In names \\t is a tab, \\n a line feed, \\\\ a backslash.\n\
         kit\t{}\nnumber\t{}\ndump\t{}\nserver\t{}\nversion\t{}\nkind\t{kind}\nmade\t{}\t{}\n",
        kit.name,
        kit.number,
        word(&kit.dump),
        word(&kit.server),
        word(&kit.version),
        kit.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        kit.at.as_second(),
    );
    for database in &kit.databases {
        let (name, label) = (word(&database.name), database.label.as_deref().map_or("-".to_owned(), word));
        let Some(held) = &database.held else {
            let why = database.error.as_deref().unwrap_or("it was not dumped");
            let _infallible = writeln!(text, "missing\t{name}\t{label}\t{}", word(why));
            continue;
        };
        let at = held.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let _infallible = writeln!(text, "database\t{name}\t{label}\t{at}\t{}", held.plain);
        if let Some(why) = &database.error {
            let _infallible = writeln!(text, "late\t{name}\t{}", word(why));
        }
        for file in &held.files {
            let File { name, bytes, blake3, sha256 } = file;
            let _infallible = writeln!(text, "file\t{}/{name}\t{bytes}\t{sha256}\t{blake3}", held.kit);
        }
        for table in &held.tables {
            let rows = table.rows.map_or("view".to_owned(), |rows| rows.to_string());
            let _infallible = writeln!(text, "table\t{}\t{rows}", word(&table.name));
        }
    }
    text.push_str("end\n");
    text
}

fn word(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    let mut word = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '\\' => word.push_str("\\\\"),
            '\t' => word.push_str("\\t"),
            '\n' => word.push_str("\\n"),
            '\r' => word.push_str("\\r"),
            other => word.push(other),
        }
    }
    word
}
