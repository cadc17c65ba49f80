//! Names on a medium: valid on FAT32, exFAT, ext4, Windows and macOS alike, whatever a database is called.
//!
//! Only ASCII is used. A FAT file system says nothing of how it was mounted, and one that was written without `utf8` shows
//! other names where it is mounted with it: then no path in a kit would be found. What a database is really called stands
//! in `contents.txt` and `kit.json`.

use std::collections::BTreeSet;

use crate::clock::Timestamp;

/// Longest stem of a name, bytes. FAT and exFAT take 255 characters, and endings follow.
const LONGEST: usize = 120;

/// A name without an ending for a database (or a dump), which no name in `taken` equals in any case; it is taken then.
pub fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let stem = safe(name);
    let mut found = stem.clone();
    let mut number = 1_u64;
    while !taken.insert(found.to_ascii_lowercase()) {
        number += 1;
        found = format!("{stem}-{number}");
    }
    found
}

/// A valid name that is near to this one; several may become one.
pub fn safe(name: &str) -> String {
    // Beyond what FAT forbids, everything that a shell might see something in: commands are copied from RECOVERY.txt by hand.
    let plain = |symbol: char| match symbol {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ' ' | '+' | '=' | ',' | '@' | '#' | '(' | ')' => symbol,
        _ => '_',
    };
    let stem: String = name.chars().take(LONGEST).map(plain).collect();
    // FAT drops dots and blanks at an end; a dot in front hides a file, a dash looks like an option.
    let stem = stem.trim_end_matches(['.', ' ']).trim_start();
    if stem.is_empty() || stem.starts_with(['.', '-']) || reserved(stem) { format!("_{stem}") } else { stem.to_owned() }
}

/// Names of devices on Windows, also with any ending.
fn reserved(stem: &str) -> bool {
    let first = stem.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |word: &str| first.strip_prefix(word).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    matches!(first.as_str(), "con" | "prn" | "aux" | "nul" | "conin" | "conout") || numbered("com") || numbered("lpt")
}

/// The name of a kit whose round began at this moment, to the second: `2026-11-20T14-02-11Z`.
pub fn kit(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H-%M-%SZ").to_string()
}

/// Whether a folder is called as a kit: such a moment, and for a second one of the same moment `-2`.
pub fn is_kit(name: &str) -> bool {
    let fits = |(shape, byte): (u8, u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    let shape = b"0000-00-00T00-00-00Z";
    let Some((moment, rest)) = name.split_at_checked(shape.len()) else { return false };
    shape.iter().copied().zip(moment.bytes()).all(fits)
        && (rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_valid_on_fat_and_windows() {
        let mut taken = BTreeSet::new();
        let odd = [
            "a/b",
            "a:b*?\"<>|",
            "läufe 🏃",
            "CON",
            "nul.txt",
            "Lpt1",
            "com",
            " x ",
            "x.",
            "..",
            "",
            "-rf",
            "a\tb\n",
            "$(id)`'",
        ];
        let names: Vec<String> = odd.iter().map(|name| unique(name, &mut taken)).collect();
        let valid = [
            "a_b",
            "a_b______",
            "l_ufe _",
            "_CON",
            "_nul.txt",
            "_Lpt1",
            "com",
            "x",
            "x-2",
            "_",
            "_-2",
            "_-rf",
            "a_b_",
            "_(id)__",
        ];
        assert_eq!(names, valid);
    }

    #[test]
    fn two_races_that_differ_in_case_or_in_what_is_replaced_only_stay_two() {
        let mut taken = BTreeSet::new();
        let names: Vec<String> = ["Race", "race", "RACE", "race-2", "Race 1", "Race/1"]
            .iter()
            .map(|name| unique(name, &mut taken))
            .collect();
        assert_eq!(names, ["Race", "race-2", "RACE-3", "race-2-2", "Race 1", "Race_1"]);
        assert_eq!(taken.len(), 6);
        assert!(unique(&"x".repeat(5000), &mut taken).len() <= LONGEST);
    }

    #[test]
    fn a_kit_is_named_by_its_moment() {
        let at: Timestamp = "2026-11-20T14:02:11.75Z".parse().unwrap();
        assert_eq!(kit(at), "2026-11-20T14-02-11Z");
        assert!(is_kit(&kit(at)) && is_kit("2026-11-20T14-02-11Z-12"));
        for no in
            ["2026-11-20T14-02-11", "2026-11-20T14:02:11Z", "2026-11-20T14-02-11Z-", "photos", "2026-11-20T14-02-11Zx"]
        {
            assert!(!is_kit(no), "{no}");
        }
    }
}
