//! `hotspare import`.

use std::fs;

use crate::support::hotspare;

const CONFIG: &str = "source:
  base_path: /data
  path_structure: '{participant}/{date}'
destinations:
  - base_path: /mnt/share/data
    mount_point: /mnt/share
    path_structure: '{date}/{participant}'
rsync:
  flags: -avzh
";

#[test]
fn what_is_printed_is_a_fleet_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("backup_config.yaml"), CONFIG).unwrap();
    let ended = hotspare(folder.path(), &["import", "backup_config.yaml"]);
    assert_eq!(ended.code(), 0, "{}", ended.err());
    assert_eq!(ended.err(), "not carried: line 9: `rsync.flags`: copies are made without rsync\n");
    fs::write(folder.path().join("hotspare.toml"), ended.out()).unwrap();
    let checked = hotspare(folder.path(), &["check"]);
    assert_eq!(checked.code(), 0, "{}{}", checked.out(), ended.out());
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "source:\n  base_path: /data\n  path_structure: x\n").unwrap();
    let ended = hotspare(folder.path(), &["import", "a.yaml"]);
    assert_eq!((ended.code(), ended.out().as_str()), (2, ""));
    assert!(
        ended.err().contains("a.yaml:3: `source.path_structure` must hold {participant} and {date}"),
        "{}",
        ended.err()
    );
    assert_eq!(hotspare(folder.path(), &["import", "none.yaml"]).code(), 2);
}
