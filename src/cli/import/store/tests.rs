use super::*;
use crate::cli::import::yaml;
use crate::fleet::{self, data::Store};

fn made_of(text: &str) -> Made {
    made(yaml::leaves(text).unwrap(), "backup_config.yaml").unwrap()
}

fn store(made: &Made) -> Store {
    let loaded = fleet::load(made.text.as_bytes(), std::path::Path::new("/tmp/hotspare.toml"));
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new(), "{}", made.text);
    loaded.fleet.unwrap().sessions.remove(0)
}

const FULL: &str = r#"
source:
  base_path: /data
  path_structure: "{participant}/{date}"
destinations:
  - name: CottonLab Network
    base_path: /mnt/CottonLab/mobile_system_data
    mount_point: /mnt/CottonLab
    path_structure: "{date}/{participant}"
    enabled: true
    verify_mount: yes
  - name: old
    base_path: /mnt/old
    enabled: false
    path_structure: "{date}/{participant}"
filters:
  participant_prefixes: [m, p, "TF", 001]
  exclude_patterns:
    - "*.tmp"
    - '*.lock'
rsync:
  flags: -avzh
  bandwidth_limit: 50000
  timeout: 300
verification:
  checksum: false
"#;

#[test]
fn everything_that_has_a_place_is_carried_and_the_rest_is_named() {
    let made = made_of(FULL);
    let store = store(&made);
    assert_eq!((store.source.to_str(), store.layout.as_str()), (Some("/data"), "{participant}/{date}"));
    assert_eq!(store.participants, ["m", "p", "TF", "001"]);
    assert_eq!(store.exclude, ["*.tmp", "*.lock"]);
    assert_eq!(store.limit, Some(50_000 * 1024));
    let [copy] = store.destinations.as_slice() else { panic!("one is enabled") };
    assert_eq!((copy.name.as_str(), copy.layout.as_str()), ("CottonLab Network", "{date}/{participant}"));
    assert_eq!(copy.mount.as_deref().and_then(std::path::Path::to_str), Some("/mnt/CottonLab"));
    let notes = [
        "`destinations[1]` (old), because it is not enabled: it stands in a comment",
        "line 22: `rsync.flags`: copies are made without rsync",
        "line 24: `rsync.timeout`: copies are made without rsync",
        "line 26: `verification.checksum`: every copy is read back and compared by content",
    ];
    assert_eq!(made.notes, notes);
    for note in notes {
        assert!(made.text.contains(&format!("# not carried: {note}\n")), "{}", made.text);
    }
    assert!(made.text.contains("# { name = \"old\""), "{}", made.text);
}

#[test]
fn a_missing_layout_never_means_the_folder_of_all_sessions() {
    let made = made_of(
        "source: {base_path: /data}\ndestinations: [{base_path: /mnt/a/b, mount_point: /mnt/x}, {base_path: /c, mount_point: /c, verify_mount: off}]\n",
    );
    let store = store(&made);
    assert_eq!(store.layout, "{participant}/{date}");
    assert!(store.destinations.iter().all(|to| to.layout == "{participant}/{date}" && to.mount.is_none()));
    assert_eq!(made.notes.len(), 5, "{:?}", made.notes);
}

#[test]
fn limits_are_rsyncs() {
    let limit = |text: &str| {
        let yaml = format!("source: {{base_path: /data}}\nrsync:\n  bandwidth_limit: {text}\n");
        made(yaml::leaves(&yaml).unwrap(), "x").map(|made| store(&made).limit).map_err(|wrong| wrong.line)
    };
    assert_eq!((limit("0"), limit("~"), limit("1000")), (Ok(None), Ok(None), Ok(Some(1_024_000))));
    assert_eq!((limit("50M"), limit("fast")), (Ok(Some(50 << 20)), Err(3)));
}

#[test]
fn what_cannot_be_right_is_an_error_with_its_line() {
    let line = |text: &str| made(yaml::leaves(text).unwrap(), "x").map_err(|wrong| wrong.line);
    assert_eq!(line("a: 1"), Err(1));
    assert_eq!(line("\nsource:\n  base_path:\n"), Err(1));
    assert_eq!(line("source:\n  base_path: /d\n  path_structure: '{date}'\n"), Err(3));
    assert_eq!(line("source: {base_path: /d}\ndestinations:\n  - mount_point: /m\n    x: 1\n"), Err(4));
    assert_eq!(line("source: {base_path: /d}\ndestinations:\n  - enabled: maybe\n"), Err(3));
}

#[test]
fn texts_cannot_break_out() {
    let made = made_of("source:\n  base_path: \"/da\\\"ta\\x7f\\nname = 1\"\n\"x\\ny\": 1\n");
    assert_eq!(store(&made).source.to_str(), Some("/da\"ta\u{7f}\nname = 1"));
}

#[test]
fn a_file_that_is_no_configuration_is_refused_soon() {
    let key = format!("{}: 1\n", "k".repeat(1000));
    assert!(crate::cli::import::yaml::leaves(&key).unwrap_err().what.contains("longer than 200 bytes"));
    let list = format!("source:\n{}", "- a\n".repeat(30_000));
    assert!(crate::cli::import::yaml::leaves(&list).unwrap_err().what.contains("more than 20000 values"));
}
