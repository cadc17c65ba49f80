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

/// Imports files with these contents, has the result checked, and returns it with what was said.
fn imported(files: &[(&str, &str)], more: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let ended = hotspare(folder.path(), &[&["import"], more, &names].concat());
    assert_eq!(ended.code(), 0, "{}", ended.err());
    fs::write(folder.path().join("hotspare.toml"), ended.out()).unwrap();
    let checked = hotspare(folder.path(), &["check"]);
    assert_eq!(checked.code(), 0, "{}{}", checked.err(), ended.out());
    (ended.out(), ended.err())
}

#[test]
fn what_a_file_is_tells_its_ending_or_its_contents() {
    let ini = "[web]\nweb[1:2] ansible_user=deploy\n";
    let yaml = "all:\n  children:\n    web:\n      hosts:\n        web1:\n        web2:\n";
    for (name, text) in [("inventory.ini", ini), ("hosts", ini), ("inventory.yml", yaml), ("hosts.yaml", yaml)] {
        let (fleet, _said) = imported(&[(name, text)], &[]);
        assert!(fleet.contains("[hosts.web2]") && fleet.contains("labels  = { web = \"yes\" }"), "{name}: {fleet}");
    }
    let alone = "vrrp_instance V {\n state MASTER\n interface eth0\n unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n }\n \
                 virtual_ipaddress {\n 10.0.0.9/24\n }\n}\n";
    let backup = alone
        .replace("MASTER", "BACKUP")
        .replace("10.0.0.1\n", "X\n")
        .replace("10.0.0.2", "10.0.0.1")
        .replace("X\n", "10.0.0.2\n");
    for files in [vec![("keepalived.conf", alone)], vec![("a.conf", alone), ("b.conf", &backup)], vec![("a", alone)]] {
        let (fleet, _said) = imported(&files, &[]);
        assert!(fleet.contains("protects = [\"10.0.0.1\"]\nspares   = [\"10.0.0.2\"]"), "{fleet}");
        assert!(fleet.contains("mode     = \"observe\""), "{fleet}");
    }
    // And what is meant may be said.
    let (fleet, _said) = imported(&[("x.conf", ini)], &["--from", "ansible"]);
    assert!(fleet.contains("[hosts.web1]"), "{fleet}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ini"), ini).unwrap();
    let two = hotspare(folder.path(), &["import", "a.ini", "a.ini"]);
    assert!(two.code() == 2 && two.err().contains("only keepalived.conf"), "{}", two.err());
    fs::write(folder.path().join("a.ini"), "[web]\nweb1 pass=a hunter2\n").unwrap();
    let wrong = hotspare(folder.path(), &["import", "a.ini"]);
    assert!(
        wrong.code() == 2 && wrong.err().contains("a.ini:2: ") && !wrong.err().contains("hunter2"),
        "{}",
        wrong.err()
    );
}
