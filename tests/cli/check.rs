//! `hotspare check`.

use std::fs;

use crate::support::hotspare;

const TWELVE: &str = include_str!("../../src/fleet/tests/twelve.toml");

#[test]
fn twelve_mistakes_are_twelve_errors_each_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hotspare.toml"), TWELVE).unwrap();
    let ended = hotspare(folder.path(), &["check"]);
    assert_eq!(ended.code(), 2);
    let out = ended.out();
    assert_eq!(out.matches("error: ").count(), 12, "{out}");
    for (at, line) in TWELVE.lines().enumerate().filter(|(_, line)| line.contains("# wrong")) {
        assert!(out.contains(&format!("--> hotspare.toml:{}:", at + 1)), "{line}\n{out}");
    }
    assert!(out.ends_with("12 errors in hotspare.toml\n"), "{out}");

    let json = hotspare(folder.path(), &["check", "--json"]);
    assert_eq!(json.code(), 2);
    let document = json.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["errors"].as_array().unwrap().len(), 12);
    let first = &document["errors"][0];
    assert_eq!((&first["line"], &first["column"], &first["text"]), (&4.into(), &1.into(), &"theem".into()));
    assert_eq!((&first["did_you_mean"], &first["file"]), (&"theme".into(), &"hotspare.toml".into()));
}

#[test]
fn warnings_alone_are_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name = \"f\"\n[dumps.d]\nserver = \"mysql://u:hunter2@h/\"\nto = \"/media/usb\"\n";
    fs::write(folder.path().join("f.toml"), text).unwrap();
    let ended = hotspare(folder.path(), &["check", "--fleet", "f.toml"]);
    assert_eq!(ended.code(), 0);
    assert!(ended.out().ends_with("no errors, 1 warning in f.toml\n"), "{}", ended.out());
    let json = hotspare(folder.path(), &["--json", "check", "--fleet", "f.toml"]);
    assert_eq!((json.code(), &json.json()["ok"]), (0, &true.into()));
    for text in [ended.out(), ended.err(), json.out(), json.err()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_file_is_looked_for_where_the_reference_says() {
    let folder = tempfile::tempdir().unwrap();
    let none = hotspare(folder.path(), &["check"]);
    assert_eq!(none.code(), 2);
    assert!(none.err().contains("there is no fleet file: looked for hotspare.toml, "), "{}", none.err());
    assert!(none.err().contains("hotspare init"), "{}", none.err());

    let config = folder.path().join("config/hotspare");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("hotspare.toml"), "name = \"config\"").unwrap();
    assert!(hotspare(folder.path(), &["check"]).out().contains("no errors in"));
    fs::write(folder.path().join("hotspare.toml"), "").unwrap();
    assert!(hotspare(folder.path(), &["check"]).out().ends_with("1 error in hotspare.toml\n"));
}

#[test]
fn what_is_no_file_is_told_in_one_error() {
    let folder = tempfile::tempdir().unwrap();
    for path in [".", "/dev/zero", "none.toml"] {
        let ended = hotspare(folder.path(), &["check", "--fleet", path]);
        assert_eq!((ended.code(), ended.out().matches("error: ").count()), (2, 1), "{}", ended.out());
    }
}
